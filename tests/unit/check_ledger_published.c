/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

CHAPTER(ledger_setup, ledger_teardown);

/*
 * XFRM_MSG_NEWAE sets curlft, add_time included, and no event shows it. A dataplane
 * publishes its counters that way; afterwards the same SA shows another add_time.
 */

TEST(published_in_steps)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	for (uint64_t i = 1; i <= 8; i++)
		POLL(published(out_sa(1), T0 + 7 * i, 1000 * i));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 8000);
	counts_are(1, 0, 0);
	losses_are(0);
	ck_assert(!ledger_wants_dump(ledger));
}

/* Each counter can be set back independently. */
TEST(published_and_set_back)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		struct sa sa = with_traffic(in_sa(1), 5000, 50);

		ledger_again();
		sa.replay_protected = true;
		sa.sample.integrity_failed = 3;
		POLL(sa);
		sa = published(sa, made_up[i], 1000);
		POLL(sa);
		life_is(1, 1, 0);
		IS(confidential_bytes_received, 5000);
		IS(packets_with_replay_detection, 50);
		losses_are(1);
		sa.sample.integrity_failed = 4;
		POLL(with_traffic(sa, 1200, 12));
		IS(confidential_bytes_received, 5200);
		IS(packets_with_replay_detection, 52);
		IS(packets_not_authenticated, 4);
		losses_are(1);
		POLL(with_traffic(sa, 1500, 0));
		IS(confidential_bytes_received, 5500);
		IS(packets_with_replay_detection, 52);
		losses_are(2);
		life_is(1, 1, 0);
	}
}

TEST(published_before_its_first_dump)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		ledger_again();
		POLL_NONE();
		begin();
		show(published(out_sa(1), made_up[i], 700));
		event(i % 2 ? SA_EVENT_NEW : SA_EVENT_UPDATE, out_sa(1));
		finish();
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 700);
		POLL(published(out_sa(1), made_up[i], 900));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 900);
		counts_are(1, 0, 0);
		losses_are(0);
	}
}

/* DELSA and hard EXPIRE show the last add_time. The dump has shown another one, the
 * same, or not the SA at all. */
TEST(published_then_ended)
{
	for (size_t i = 0; i < MADE_UP * MADE_UP * 4; i++) {
		struct sa last = published(out_sa(1), made_up[i / 4 % MADE_UP], 900);

		ledger_again();
		POLL(published(out_sa(1), T0, 500));
		begin();
		if (i % 2)
			show(published(out_sa(1), made_up[i / 4 / MADE_UP], 700));
		if (i / 2 % 2)
			event(SA_EVENT_DELETE, last);
		else
			hard_expire(last);
		finish();
		POLL_NONE();
		life_is(0, 1, 1);
		IS(confidential_bytes_sent, 900);
		counts_are(0, 0, 0);
		losses_are(0);
	}
}

TEST(set_back_then_ended)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		ledger_again();
		POLL(published(out_sa(1), T0, 500));
		begin();
		show(published(out_sa(1), made_up[i], 100));
		event(SA_EVENT_DELETE, published(out_sa(1), made_up[i], 300));
		finish();
		POLL_NONE();
		life_is(0, 1, 1);
		IS(confidential_bytes_sent, 700);
		losses_are(1);
	}
}

/* The dump shows the next SA of the key, since DELSA shows the add_time of the first.
 */
TEST(published_and_made_again_during_the_dump)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		struct sa next = published(out_sa(1), T0 + 60, 200);
		struct sa born = next;

		born.sample.bytes = born.sample.packets = 0;
		ledger_again();
		POLL(published(out_sa(1), made_up[i], 500));
		begin();
		show(next);
		event(SA_EVENT_DELETE, published(out_sa(1), made_up[i], 600));
		event(SA_EVENT_NEW, born);
		finish();
		IS(confidential_bytes_sent, 800);
		POLL(published(next, T0 + 60, 250));
		life_is(1, 2, 1);
		IS(confidential_bytes_sent, 850);
		losses_are(0);
	}
}

TEST(published_then_moved)
{
	static const struct {
		unsigned deleted, preloaded, dumped;
		unsigned sent, losses;
		bool same_time; /* NEWSA shows the add_time of DELSA */
	} cases[] = {
	    /* The keying daemon reads the counters before it deletes the SA, so it may
	     * preload less than DELSA shows. */
	    {2600, 2500, 3000, 3100, 0, false},
	    {600, 600, 700, 2100, 1, true}, /* set back */
	};

	for (size_t i = 0; i < 2 * ROADS * MADE_UP; i++) {
		const char *const *road = roads[i / 2 % ROADS];
		uint64_t add_time = made_up[i / 2 / ROADS];
		struct sa to = moved(out_sa(1), road[0], road[1]);
		uint64_t new_time = cases[i % 2].same_time ? add_time : T0 + 5;

		ledger_again();
		POLL(published(out_sa(1), T0, 2000));
		event(SA_EVENT_DELETE,
		      published(out_sa(1), add_time, cases[i % 2].deleted));
		event(SA_EVENT_NEW, published(to, new_time, cases[i % 2].preloaded));
		POLL(published(to, T0 + 9, cases[i % 2].dumped));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, cases[i % 2].sent);
		IS(active_tunnels, 1);
		losses_are(cases[i % 2].losses);
	}
}

/* The NEWSA shows another add_time and fewer bytes: no move, but first packets. */
TEST(made_again_elsewhere_with_its_first_packets)
{
	struct sa other = moved(out_sa(1), "10.0.0.2", "192.0.2.2");

	POLL(published(out_sa(1), T0, 2000));
	event(SA_EVENT_DELETE, published(out_sa(1), T0, 2600));
	event(SA_EVENT_NEW, published(other, T0 + 5, 100));
	POLL(published(other, T0 + 5, 300));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 2900);
	losses_are(0);
}

/* The order of siblings is that of their NEWSA, whatever add_time they show later. */
TEST(published_then_rekeyed_after_a_move)
{
	struct sa old = published(out_sa(1), T0 + 1000, 100);
	struct sa young = out_sa(2);

	young.add_time += 60;
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_NEW, young);
	POLL(young, old);
	young = move(young, "10.0.0.2", "192.0.2.9");
	old = move(old, "10.0.0.2", "192.0.2.9");
	POLL(old, young);
	life_is(2, 2, 0);
	event(SA_EVENT_DELETE, old);
	POLL(young);
	IS(rekeys, 1);
}

TEST(migrated_and_published)
{
	for (size_t i = 0; i < ROADS * MADE_UP; i++) {
		struct sa to =
		    moved(out_sa(1), roads[i % ROADS][0], roads[i % ROADS][1]);
		uint64_t bytes = i / ROADS % 2 ? 100 : 700;

		ledger_again();
		POLL(published(out_sa(1), T0, 500));
		event_without_sa(SA_EVENT_MIGRATE);
		POLL(published(to, made_up[i / ROADS], bytes));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, bytes < 500 ? 500 : 700);
		losses_are(bytes < 500);
		POLL(published(to, made_up[i / ROADS], bytes + 50));
		IS(confidential_bytes_sent, bytes < 500 ? 550 : 750);
	}
}

TEST(migrated_and_published_then_ended)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(published(out_sa(1), T0, 500));
	begin();
	show(published(out_sa(1), T0 + 3, 600));
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_DELETE, published(to, T0 + 5, 700));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 700);
}

/* A dump that began before the flush shows the SA. */
TEST(published_then_flushed)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		ledger_again();
		POLL(published(out_sa(1), T0, 500));
		begin();
		show(published(out_sa(1), made_up[i], 600));
		event_without_sa(SA_EVENT_FLUSH);
		finish();
		POLL_NONE();
		life_is(0, 1, 1);
		IS(confidential_bytes_sent, 600);
		losses_are(1);
	}
}

/* An SA that was added after the flush and published is not flushed, whatever add_time
 * it shows. */
TEST(flushed_and_made_again_and_published)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		ledger_again();
		POLL(published(out_sa(1), T0, 500));
		event_without_sa(SA_EVENT_FLUSH);
		begin();
		show(published(out_sa(1), made_up[i], 700));
		event(SA_EVENT_NEW, published(out_sa(1), T0 + 1, 0));
		finish();
		life_is(1, 2, 1);
		IS(confidential_bytes_sent, 1200);
		POLL(published(out_sa(1), made_up[i], 800));
		life_is(1, 2, 1);
		IS(confidential_bytes_sent, 1300);
		losses_are(1);
	}
}

/* FLUSHSA and NEWSA are read after the dump has shown one of the two SAs. */
TEST(published_flushed_and_made_again_during_the_dump)
{
	POLL(published(out_sa(1), T0, 500));
	begin();
	show(published(out_sa(1), T0 + 7, 700));
	event_without_sa(SA_EVENT_FLUSH);
	event(SA_EVENT_NEW, published(out_sa(1), T0 + 9, 0));
	finish();
	ck_assert(ledger_wants_dump(ledger));
	POLL(published(out_sa(1), T0 + 9, 100));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 600);
	losses_are(1);
}

/* Of the two samples after it, only the first is lower. */
TEST(set_back_in_a_dump_that_is_cut_short)
{
	POLL(published(out_sa(1), T0, 500));
	begin();
	show(published(out_sa(1), T0 + 7, 100));
	cut_short();
	POLL(published(out_sa(1), T0 + 8, 800));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 1200);
	losses_are(1);
	counts_are(1, 0, 0);
}

TEST(published_without_a_direction)
{
	blind = true;
	POLL(published(out_sa(1), T0, 500));
	POLL(published(out_sa(1), T0 + 5, 600));
	blind = false;
	POLL(published(out_sa(1), T0 + 9, 700));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 700);
	IS(active_tunnels, 1);
	losses_are(0);
}

/* It counts once among the kernel's SAs. */
TEST(publication_of_ipcomp)
{
	struct sa comp = larval(out_sa(0x1234));

	comp.proto = IPPROTO_COMP;
	POLL_NONE();
	event(SA_EVENT_NEW, comp);
	POLL(published(comp, T0 + 9, 100));
	counts_are(0, 0, 1);
	event(SA_EVENT_DELETE, published(comp, T0 + 12, 100));
	counts_are(0, 0, 0);
}

/* A late DELSA of a lost SA. */
TEST(published_and_lost)
{
	POLL(published(out_sa(1), T0, 500));
	POLL_NONE();
	POLL_NONE();
	event(SA_EVENT_DELETE, published(out_sa(1), T0 + 4, 600));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
}
