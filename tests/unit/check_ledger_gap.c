/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

/* Lost events, and dumps that are cut short. */

CHAPTER(ledger_setup, ledger_teardown);

/* After a gap the same key may be another SA's. One that shows more is taken for the
 * same, so that nothing counts twice; one that shows less, for another. */
TEST(another_time_after_a_gap)
{
	for (int more = 0; more < 2; more++) {
		uint64_t bytes = more ? 700 : 100;
		struct sa sa = published(in_sa(1), T0, 500);

		ledger_again();
		sa.integrity_failed = 3;
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

/* The events are lost while a dump is under way that has shown what was before. */
TEST(another_time_after_a_gap_during_the_dump)
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

/* The kernel has refused it while the old one lived. */
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

/* The NEWSA of a keyed SA is lost, the UPDSA that changes it is not: it is as old as
 * the dump says, between the same ends and after a move. */
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

/* The key of an SA whose end is known, again: by UPDSA, and with a published add_time.
 */
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

/* What ended unseen in the gap, having carried nothing, has not moved here: this SA is
 * known, and has been published. */
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

/* It is given up for another of its key, and continues nowhere else then. */
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

/* UPDSA of a moved SA whose messages were lost looks like a new one. */
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

/* After a loss they may as well be preloaded: then not counted is right. */
TEST(first_packets_in_the_newsa_after_a_loss)
{
	POLL_NONE();
	ledger_note_gap(ledger);
	event(SA_EVENT_NEW, with_traffic(out_sa(1), 1500, 1));
	POLL(with_traffic(out_sa(1), 15000, 10));
	IS(confidential_bytes_sent, 13500);
}

/* Dumps that do not end well. */

TEST(dump_cut_short)
{
	POLL(with_traffic(out_sa(1), 500, 5), with_traffic(out_sa(2), 50, 5));
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	cut_short();
	ck_assert(ledger_wants_dump(ledger));
	life_is(2, 2, 0);
	IS(confidential_bytes_sent, 650);
	begin();
	cut_short();
	begin();
	cut_short();
	POLL(with_traffic(out_sa(1), 700, 7), with_traffic(out_sa(2), 60, 6));
	life_is(2, 2, 0);
	IS(confidential_bytes_sent, 760);
	losses_are(0);
	ck_assert(!ledger_wants_dump(ledger));
}

TEST(first_dump_cut_short)
{
	begin();
	show(with_traffic(out_sa(1), 500, 5));
	cut_short();
	POLL(with_traffic(out_sa(2), 50, 5), with_traffic(out_sa(1), 600, 6));
	life_is(2, 2, 0);
	IS(confidential_bytes_sent, 650);
}

TEST(found_by_a_dump_that_was_cut_short)
{
	POLL_NONE();
	begin();
	show(with_traffic(out_sa(1), 500, 5));
	cut_short();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
	begin();
	show(with_traffic(out_sa(2), 50, 5));
	cut_short();
	event(SA_EVENT_NEW, out_sa(2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(2), 60, 6));
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 660);
}

/* No event ever told of it; the next dump does not show it. */
TEST(found_by_a_dump_that_was_cut_short_and_flushed)
{
	POLL_NONE();
	begin();
	show(with_traffic(out_sa(1), 500, 5));
	cut_short();
	event_without_sa(SA_EVENT_FLUSH);
	POLL_NONE();
	IS(active_sa, 0);
	IS(active_tunnels, 0);
	IS(confidential_bytes_sent, 500);
	counts_are(0, 0, 0);
}
