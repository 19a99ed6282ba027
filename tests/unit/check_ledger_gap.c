/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_story.h"

#include "util/array.h"

/* Lost events, and dumps that are cut short. */

CHAPTER(ledger_setup, ledger_teardown);

TEST(dumps_that_are_cut_short)
{
	static const struct ledger_story stories[] = {
	    {"two SAs",
	     "dump A=500 C=50; begin; show A=600; abort; wants 1; life 2 2 0; "
	     "sent 650; begin; abort; begin; abort; dump A=700 C=60; life 2 2 0; "
	     "sent 760; losses 0; wants 0"},
	    {"the first dump",
	     "begin; show A=500; abort; dump C=50 A=600; life 2 2 0; sent 650"},
	    {"NEWSA afterwards",
	     "dump; begin; show A=500; abort; NEWSA A; dump A=600; life 1 1 0; "
	     "sent 600; begin; show C=50; abort; NEWSA C; DELSA C=60; dump A=600; "
	     "life 1 2 1; sent 660"},
	    /* No event has named the SA, and the next dump does not show it. */
	    {"FLUSHSA afterwards",
	     "dump; begin; show A=500; abort; FLUSHSA; dump; active 0; tunnels 0; "
	     "sent 500; counts 0 0 0"},
	};

	LEDGER_PLAY_ALL(stories);
}

/* After a gap, another SA may have the key. If it shows more, it is taken for the same
 * SA, so that nothing counts twice; if it shows less, for another one. */
TEST(another_add_time_after_a_gap)
{
	for (int more = 0; more < 2; more++) {
		uint64_t bytes = more ? 700 : 100;
		struct sa sa = published(in_sa(1), T0, 500);

		ledger_again();
		sa.sample.integrity_failed = 3;
		POLL(sa);
		ledger_note_gap(ledger);
		sa = published(sa, T0 + 60, bytes);
		POLL(sa);
		life_is(1, more ? 1 : 2, more ? 0 : 1);
		IS(confidential_bytes_received, more ? 700 : 600);
		IS(packets_not_authenticated, more ? 3 : 6);
		losses_are(1);
		POLL(published(sa, T0 + 90, bytes + 50));
		life_is(1, more ? 1 : 2, more ? 0 : 1);
		IS(confidential_bytes_received, more ? 750 : 650);
		losses_are(1);
		counts_are(1, 0, 0);
	}
}

/* Events are lost after the dump in progress has shown the first SA. */
TEST(another_add_time_after_a_gap_during_the_dump)
{
	POLL(published(out_sa(1), T0, 500));
	begin();
	show(published(out_sa(1), T0, 500));
	ledger_note_gap(ledger);
	finish();
	POLL(published(out_sa(1), T0 + 60, 100));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 600);
}

/* The kernel accepts a NEWSA only if no SA has its key, so the first has ended. */
TEST(newsa_of_a_key_whose_delsa_was_lost)
{
	POLL(published(out_sa(1), T0, 500));
	ledger_note_gap(ledger);
	event(SA_EVENT_NEW, published(out_sa(1), T0 + 60, 0));
	life_is(1, 2, 1);
	POLL(published(out_sa(1), T0 + 90, 700));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1200);
}

/* The NEWSA is lost, a later UPDSA is not. The dump shows the age of the SA, between
 * the same ends and after a move. */
TEST(updsa_of_an_sa_whose_newsa_was_lost)
{
	for (int moves = 0; moves <= 1; moves++) {
		struct sa old = moved(out_sa(1), "10.0.0.2", "192.0.2.1");
		struct sa young = moved(out_sa(2), "10.0.0.2", "192.0.2.1");
		struct sa update = moves ? out_sa(1) : old;

		ledger_again();
		POLL_NONE();
		ledger_note_gap(ledger);
		young.add_time++;
		update.add_time += 2;
		event(SA_EVENT_NEW, young);
		event(SA_EVENT_UPDATE, update);
		POLL(young, old);
		life_is(2, 2, 0);
		event(SA_EVENT_DELETE, old);
		POLL(young);
		IS(rekeys, 1);
		event(SA_EVENT_DELETE, young);
		POLL_NONE();
		IS(rekeys, 1);
	}
}

/* A dump has shown the SA before its UPDSA is read. After the wall clock was set back,
 * that it is the same SA is likely, not certain. */
TEST(updsa_of_an_sa_that_the_dump_after_a_gap_has_shown)
{
	static const int64_t later[] = {60, -60, -300000000};

	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		struct sa sa = with_traffic(out_sa(1), 500, 5);
		struct sa update = out_sa(1);

		ledger_again();
		update.add_time += (uint64_t)later[i];
		POLL_NONE();
		ledger_note_gap(ledger);
		begin();
		show(sa);
		event(SA_EVENT_UPDATE, update);
		finish();
		life_is(1, 1, 0);
		POLL(sa);
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 500);
		losses_are(later[i] < 0);
	}
}

/* Both SAs have the key. The first one ended without a message of its own, and the dump
 * has shown the second. */
TEST(updsa_of_a_flushed_sa_whose_successor_is_shown)
{
	struct sa young = out_sa(1);

	young.add_time++;
	begin();
	show(young);
	event(SA_EVENT_UPDATE, out_sa(1));
	event_without_sa(SA_EVENT_FLUSH);
	event(SA_EVENT_UPDATE, young);
	finish();
	for (int i = 0; i < 2; i++)
		POLL(young);
	life_is(1, 2, 1);
}

/* UPDSA reuses the key of a deleted SA, and the new SA has a published add_time. */
TEST(published_and_named_by_updsa_during_the_dump)
{
	struct sa sa = out_sa(1);

	POLL(sa);
	event(SA_EVENT_DELETE, sa);
	begin();
	show(published(sa, 2, 0));
	sa.add_time++;
	event(SA_EVENT_UPDATE, sa);
	finish();
	life_is(1, 2, 1);
	POLL(published(sa, 2, 0));
	life_is(1, 2, 1);
}

/* The DELSA is of an SA that came in the gap and had no traffic. It has not become the
 * SA of the dump, which is known and was published. */
TEST(published_after_a_gap_in_which_another_like_it_ended)
{
	struct sa sa = published(out_sa(1), T0, 500);

	POLL(sa);
	ledger_note_gap(ledger);
	event(SA_EVENT_DELETE, moved(out_sa(1), "10.0.0.2", "192.0.2.1"));
	POLL(published(sa, 7, 700));
	POLL(published(sa, 7, 700));
	IS(confidential_bytes_sent, 700);
}

/* Its counters and add_time are set, and another SA with its SPI has ended. That one
 * has not moved to it: a move keeps add_time. */
TEST(published_after_the_end_of_another_and_a_gap)
{
	struct sa sa = out_sa(1);
	struct sa other = moved(sa, "10.0.0.2", "192.0.2.2");

	other.add_time++;
	POLL(with_traffic(sa, 500, 2), with_traffic(other, 900, 1));
	event(SA_EVENT_DELETE, with_traffic(other, 900, 1));
	ledger_note_gap(ledger);
	POLL(with_traffic(published(sa, T0 + 60, 0), 1000, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1900);
}

/* Another SA has its key, so it is lost, and the one between other ends is not it. */
TEST(lost_for_another_of_its_key_after_a_gap)
{
	struct sa elsewhere = moved(out_sa(1), "10.0.0.2", "192.0.2.1");

	POLL(published(out_sa(1), T0, 500));
	ledger_note_gap(ledger);
	POLL(published(out_sa(1), T0 + 60, 0), elsewhere);
	life_is(2, 3, 1);
	counts_are(2, 0, 0);
	POLL(published(out_sa(1), T0 + 60, 10), with_traffic(elsewhere, 20, 1));
	life_is(2, 3, 1);
	IS(confidential_bytes_sent, 530);
}

/* The messages of the move are lost, so the UPDSA after it looks like that of a new SA.
 */
TEST(published_and_moved_and_updated_during_a_gap)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.2");

	POLL(published(out_sa(1), T0, 1900));
	ledger_note_gap(ledger);
	event(SA_EVENT_UPDATE, published(to, T0 + 1, 0));
	for (int i = 0; i < 2; i++)
		POLL(published(to, T0 + 5, 2000));
	IS(active_sa, 1);
	IS(confidential_bytes_sent, 2000);
}

/* After a gap these bytes may have been preloaded, so they do not count. */
TEST(first_packets_in_the_newsa_after_a_loss)
{
	POLL_NONE();
	ledger_note_gap(ledger);
	event(SA_EVENT_NEW, with_traffic(out_sa(1), 1500, 1));
	POLL(with_traffic(out_sa(1), 15000, 10));
	IS(confidential_bytes_sent, 13500);
}
