/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

CHAPTER(ledger_setup, ledger_teardown);

/* MIGRATE: one message, a clone that keeps curlft and whose stats start again. */

TEST(migrate)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa from = with_traffic(out_sa(1), 200, 2);
		struct sa to =
		    with_traffic(moved(out_sa(1), roads[i][0], roads[i][1]), 300, 3);

		ledger_again();
		from.integrity_failed = 10;
		to.integrity_failed = 2;
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

/* After the move the SA's like are those at the new addresses. */
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

/* Its key is free again, for a new SA that comes before the dump that shows the clone.
 */
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

/* Whichever of the two the table meets first, since it has grown in between. */
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
	hard_expire(out_sa(2)); /* the new SA takes its place */
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

/* The clone has gone as well, without a word. */
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

TEST(migrate_then_gone_before_a_dump)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_DELETE, with_traffic(to, 300, 3));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

TEST(migrate_then_gone_during_the_dump_that_found_it)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	begin();
	show(with_traffic(to, 250, 3));
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_DELETE, with_traffic(to, 300, 4));
	finish();
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

TEST(migrate_then_expired_before_a_dump)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event_without_sa(SA_EVENT_MIGRATE);
	hard_expire(with_traffic(to, 300, 3));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

TEST(migrate_then_expired_without_traffic)
{
	POLL(out_sa(1));
	event_without_sa(SA_EVENT_MIGRATE);
	hard_expire(moved(out_sa(1), "10.0.0.2", "192.0.2.9"));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	losses_are(0);
}

/* The message is read in a dump that is then cut short. */
TEST(migrate_during_a_dump_that_is_cut_short)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	begin();
	event_without_sa(SA_EVENT_MIGRATE);
	cut_short();
	event(SA_EVENT_DELETE, with_traffic(to, 300, 3));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

/* An SPI may stand for two; only one that has moved can end elsewhere. */
TEST(no_migrate_then_one_like_it_ends)
{
	const struct sa like = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(like, 300, 3));
	POLL(with_traffic(out_sa(1), 200, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 500);
}

TEST(migrate_then_the_other_way_ends)
{
	POLL(with_traffic(out_sa(1), 200, 2));
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_DELETE, with_traffic(in_sa(1), 70, 1));
	POLL(with_traffic(out_sa(1), 200, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 200);
	IS(confidential_bytes_received, 70);
}
