/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

/* How an SA ends: DELSA, hard EXPIRE, FLUSHSA, or missing from dumps. */

CHAPTER(ledger_setup, ledger_teardown);

/* Going. */

TEST(delsa_is_exact)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 777, 7));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 777);
	IS(rekeys, 0);
	counts_are(0, 0, 0);
	losses_are(0);
}

TEST(hard_expire_is_exact)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 500, 5));
	hard_expire(with_traffic(out_sa(1), 777, 7));
	life_is(0, 1, 1);
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 777);
	counts_are(0, 0, 0);
	losses_are(0);
}

TEST(hard_expire_of_one_without_traffic)
{
	POLL(out_sa(1));
	hard_expire(out_sa(1));
	POLL_NONE();
	life_is(0, 1, 1);
}

TEST(soft_expire_is_nothing)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_EXPIRE_SOFT, larval(with_traffic(out_sa(1), 600, 6)));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
	event(SA_EVENT_POLICY, out_sa(1));
	event(SA_EVENT_OTHER, out_sa(1));
	POLL(with_traffic(out_sa(1), 700, 7));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 700);
	ck_assert(!ledger_wants_dump(ledger));
}

TEST(flush)
{
	POLL(with_traffic(out_sa(1), 500, 5), with_traffic(in_sa(2), 300, 3),
	     larval(in_sa(3)));
	event_without_sa(SA_EVENT_FLUSH);
	ck_assert(ledger_wants_dump(ledger));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 500);
	IS(confidential_bytes_received, 300);
	IS(pending_key_operations, 0);
	IS(active_tunnels, 0);
	counts_are(0, 0, 0);
	losses_are(2);
	ck_assert(!ledger_wants_dump(ledger));
}

TEST(flush_and_new_ones)
{
	struct sa again = out_sa(1);

	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	again.add_time += 2;
	event(SA_EVENT_NEW, again);
	event(SA_EVENT_NEW, out_sa(2));
	POLL(with_traffic(out_sa(2), 10, 1), with_traffic(again, 20, 2));
	life_is(2, 3, 1);
	IS(confidential_bytes_sent, 530);
	losses_are(1);
}

/* The SA had been shown before the flush came: the next dump tells. */
TEST(flush_during_the_dump)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	event_without_sa(SA_EVENT_FLUSH);
	finish();
	ck_assert(ledger_wants_dump(ledger));
	IS(confidential_bytes_sent, 600);
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
	ck_assert(!ledger_wants_dump(ledger));
}

TEST(flush_then_a_dump_that_is_cut_short)
{
	POLL(out_sa(1));
	event_without_sa(SA_EVENT_FLUSH);
	begin();
	cut_short();
	ck_assert(ledger_wants_dump(ledger));
	POLL_NONE();
	life_is(0, 1, 1);
}

/* The others are missing for another reason, which the next dump may tell. */
TEST(flush_of_one_protocol)
{
	struct sa ah = out_sa(2);

	ah.proto = IPPROTO_AH;
	POLL(out_sa(1), ah);
	flush_of(IPPROTO_ESP);
	POLL_NONE();
	life_is(1, 2, 1);
	ck_assert(ledger_wants_dump(ledger));
	event(SA_EVENT_DELETE, with_traffic(ah, 100, 1));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(authenticated_bytes_sent, 100);
	losses_are(1);
}

/* What a dump shows after a flush was born after it, be it in the same second: it is
 * another SA, and its absence later proves nothing. */
TEST(flush_does_not_outlive_the_dump_that_shows_the_sa)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	POLL(with_traffic(out_sa(1), 100, 1));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 600);
	POLL_NONE();
	life_is(1, 2, 1);
	POLL(with_traffic(out_sa(1), 200, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 700);
	losses_are(1);
}

/* The dump shows the new SA before its NEWSA is read. */
TEST(flushed_and_made_again_in_the_same_second)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	begin();
	show(with_traffic(out_sa(1), 700, 7));
	event(SA_EVENT_NEW, out_sa(1));
	finish();
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1200);
	IS(rekeys, 0);
	POLL(with_traffic(out_sa(1), 800, 8));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 900, 9));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 1400);
	losses_are(1);
}

/* Nor is FLUSHSA read: which of the two the dump has shown nobody can tell, so what it
 * shows counts when the next dump shows it again. */
TEST(flushed_and_made_again_during_the_dump)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 700, 7));
	event_without_sa(SA_EVENT_FLUSH);
	event(SA_EVENT_NEW, out_sa(1));
	finish();
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 500);
	POLL(with_traffic(out_sa(1), 800, 8));
	IS(confidential_bytes_sent, 1300);
	losses_are(1);
}

/* The last message is the first that names what the dump found: that is no flush's. */
TEST(found_after_a_flush_that_is_heard_of_later)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(2), 70, 1));
	event_without_sa(SA_EVENT_FLUSH);
	finish();
	event(SA_EVENT_NEW, out_sa(2));
	POLL(with_traffic(out_sa(2), 80, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 580);
	losses_are(1);
}

/* Between other ends: no move, since nothing moves that is gone. */
TEST(flushed_and_made_again_elsewhere)
{
	struct sa elsewhere = with_traffic(out_sa(1), 700, 7);

	elsewhere.daddr = addr_of("192.0.2.77");
	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	POLL(elsewhere);
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1200);
	losses_are(1);
}

/* UPDSA over a larval SA that nobody has seen. */
TEST(flushed_and_negotiated_again)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	event(SA_EVENT_UPDATE, out_sa(1));
	POLL(with_traffic(out_sa(1), 700, 7));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1200);
	losses_are(1);
}

/* All went at once, so none was replaced by another. */
TEST(flush_is_no_rekey)
{
	struct sa young = out_sa(2);

	POLL_NONE();
	young.add_time++;
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_NEW, young);
	POLL(young, out_sa(1));
	event_without_sa(SA_EVENT_FLUSH);
	POLL_NONE();
	life_is(0, 2, 2);
	IS(rekeys, 0);
}

TEST(missing_from_one_dump)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL_NONE();
	life_is(1, 1, 0);
	ck_assert(ledger_wants_dump(ledger));
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 1, 0);
	ck_assert(!ledger_wants_dump(ledger));
	POLL_NONE(); /* the first absence is forgotten */
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
	losses_are(0);
}

TEST(missing_from_two_dumps)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 500);
	losses_are(1);
	ck_assert(!ledger_wants_dump(ledger));
	counts_are(0, 0, 0);
}

TEST(delsa_after_the_dump_that_misses_it)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
	losses_are(0);

	POLL(with_traffic(out_sa(2), 50, 5));
	POLL_NONE();
	event(SA_EVENT_DELETE, with_traffic(out_sa(2), 60, 6));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 660);
	losses_are(0);
}

/* It was given up already: its last bytes still count, its deletion only once. */
TEST(delsa_after_it_was_given_up)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL_NONE();
	POLL_NONE();
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
}

TEST(delsa_during_the_dump_that_showed_it)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 650, 7));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 650);
}

TEST(newsa_and_delsa_during_the_dump_that_showed_it)
{
	POLL_NONE();
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 650, 7));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 650);
}

TEST(expire_during_the_dump_that_showed_it)
{
	POLL_NONE();
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	hard_expire(with_traffic(out_sa(1), 650, 7));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 650);
}

/* Its NEWSA was lost, its DELSA tells all. */
TEST(wholly_inside_a_gap)
{
	POLL_NONE();
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
	hard_expire(with_traffic(in_sa(2), 70, 7));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_received, 70);
	counts_are(0, 0, 0);
}

TEST(everything_between_two_polls)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
}
