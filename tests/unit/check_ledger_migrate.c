/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_story.h"

#include "util/array.h"

CHAPTER(ledger_setup, ledger_teardown);

/* MIGRATE: one message. The clone keeps curlft, and its error counters begin at 0. */

TEST(migrate_then_an_end)
{
	static const struct ledger_story stories[] = {
	    {"then DELSA before a dump",
	     "dump A=200; MIGRATE; DELSA B=300; dump; dump; life 0 1 1; sent 300"},
	    {"then DELSA during the dump that shows it",
	     "dump A=200; begin; show B=250; MIGRATE; DELSA B=300; end; dump; "
	     "dump; life 0 1 1; sent 300"},
	    {"then EXPIRE before a dump",
	     "dump A=200; MIGRATE; EXPIRE B=300; dump; dump; life 0 1 1; sent 300"},
	    {"then EXPIRE without traffic",
	     "dump A; MIGRATE; EXPIRE B; dump; dump; life 0 1 1; losses 0"},
	    {"during a dump that is cut short",
	     "dump A=200; begin; MIGRATE; abort; DELSA B=300; dump; dump; "
	     "life 0 1 1; sent 300"},
	    {"then the way back ends",
	     "dump A=200; MIGRATE; DELSA R=70; dump A=200; life 1 2 1; sent 200; "
	     "received 70"},
	};

	LEDGER_PLAY_ALL(stories);
}

TEST(migrate)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa from = with_traffic(out_sa(1), 200, 2);
		struct sa to =
		    with_traffic(moved(out_sa(1), roads[i][0], roads[i][1]), 300, 3);

		ledger_again();
		from.sample.integrity_failed = 10;
		to.sample.integrity_failed = 2;
		POLL(from);
		event_without_sa(SA_EVENT_MIGRATE);
		ck_assert(ledger_wants_dump(ledger));
		POLL(to);
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
		IS(packets_not_authenticated, 12);
		IS(active_tunnels, 1);
		losses_are(0);
		ck_assert(!ledger_wants_dump(ledger));
	}
}

/* The wall clock may have been set back since the SA was added. */
TEST(migrate_then_updsa_during_the_dump_that_shows_it)
{
	static const int64_t later[] = {60, -60, -300000000};

	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		struct sa from = with_traffic(out_sa(1), 500, 5);
		struct sa to =
		    with_traffic(moved(from, "10.0.0.2", "192.0.2.2"), 700, 7);
		struct sa update = with_traffic(to, 0, 0);

		ledger_again();
		update.add_time += (uint64_t)later[i];
		POLL(from);
		begin();
		event_without_sa(SA_EVENT_MIGRATE);
		show(to);
		event(SA_EVENT_UPDATE, update);
		finish();
		POLL(to);
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 700);
		losses_are(0);
	}
}

/* After the move, the siblings of the SA are those between the new addresses. */
TEST(migrate_then_rekey)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa old = moved(out_sa(1), roads[i][0], roads[i][1]);
		struct sa young = moved(out_sa(2), roads[i][0], roads[i][1]);

		ledger_again();
		young.add_time += 50;
		POLL(out_sa(1));
		event_without_sa(SA_EVENT_MIGRATE);
		POLL(old);
		event(SA_EVENT_NEW, young);
		POLL(young, old);
		IS(active_tunnels, 1);
		event(SA_EVENT_DELETE, old);
		POLL(young);
		IS(rekeys, 1);
		IS(active_tunnels, 1);
	}
}

/* The old key is free, and a new SA takes it before a dump shows the clone. */
TEST(migrate_then_another_of_the_old_key)
{
	struct sa old = with_traffic(out_sa(1), 500, 5);
	struct sa clone = with_traffic(moved(old, "10.0.0.2", "192.0.2.2"), 700, 7);
	struct sa young = out_sa(1);

	young.add_time++;
	POLL(old);
	begin();
	show(old);
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_NEW, young);
	finish();
	life_is(2, 2, 0);
	POLL(young, clone);
	life_is(2, 2, 0);
	IS(confidential_bytes_sent, 700);
	losses_are(0);
}

/* The same, but its NEWSA is lost. The dump shows the younger first. */
TEST(migrate_then_another_of_the_old_key_after_a_gap)
{
	struct sa old = with_traffic(out_sa(1), 500, 5);
	struct sa clone = with_traffic(moved(old, "10.0.0.2", "192.0.2.2"), 700, 7);
	struct sa young = out_sa(1);

	young.add_time++;
	for (int reversed = 0; reversed <= 1; reversed++) {
		ledger_again();
		POLL(old);
		event_without_sa(SA_EVENT_MIGRATE);
		ledger_note_gap(ledger);
		POLL(reversed ? clone : young, reversed ? young : clone);
		life_is(2, 2, 0);
		IS(confidential_bytes_sent, 700);
	}
}

/* The hash table grows in between, so either of the two may come first in it. */
TEST(migrate_then_another_of_the_old_key_among_many)
{
	struct sa old = with_traffic(out_sa(1), 500, 5);
	struct sa clone = with_traffic(moved(old, "10.0.0.2", "192.0.2.2"), 700, 7);
	struct sa young = out_sa(1);

	young.add_time++;
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(2));
	event(SA_EVENT_NEW, out_sa(1));
	POLL(out_sa(2), old);
	hard_expire(out_sa(2)); /* the new SA reuses its entry */
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_NEW, young);
	for (uint32_t spi = 1000; spi < 1100; spi++)
		event(SA_EVENT_NEW, in_sa(spi));
	hard_expire(with_traffic(young, 40, 1));
	for (uint32_t spi = 1000; spi < 1100; spi++)
		hard_expire(in_sa(spi));
	POLL(clone);
	IS(confidential_bytes_sent, 740);
	IS(active_sa, 1);
	losses_are(0);
}

/* The flush removes the clone as well. */
TEST(migrate_then_another_of_the_old_key_and_a_flush)
{
	struct sa old = with_traffic(out_sa(1), 500, 5);
	struct sa young = out_sa(1);

	young.add_time++;
	POLL(old);
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_NEW, young);
	event_without_sa(SA_EVENT_FLUSH);
	POLL_NONE();
	life_is(0, 2, 2);
	IS(rekeys, 0);
	losses_are(2);
}

/* Two SAs may share an SPI. Only an SA that has moved can end between other ends. */
TEST(an_sa_with_the_same_spi_ends_without_migrate)
{
	const struct sa like = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(like, 300, 3));
	POLL(with_traffic(out_sa(1), 200, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 500);
}
