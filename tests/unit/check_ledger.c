/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

/* How an SA becomes known: by events and by dumps, larval or keyed. */

CHAPTER(ledger_setup, ledger_teardown);

TEST(new_by_event)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	life_is(1, 1, 0);
	POLL(with_traffic(out_sa(1), 500, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
	IS(tunnel_bytes_sent, 500);
	counts_are(1, 0, 0);
	POLL(with_traffic(out_sa(1), 700, 7));
	IS(confidential_bytes_sent, 700);
	IS(confidential_bytes_received, 0);
}

/* What it has carried since it began is counted too. */
TEST(new_by_the_first_dump)
{
	POLL(with_traffic(in_sa(1), 500, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 500);
	losses_are(0);
}

TEST(new_by_a_later_dump)
{
	POLL_NONE();
	POLL(with_traffic(in_sa(1), 500, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 500);
	counts_are(1, 0, 0);
	POLL(with_traffic(in_sa(1), 600, 6));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 600);
}

TEST(dump_before_its_event)
{
	POLL_NONE();
	begin();
	show(with_traffic(in_sa(1), 500, 5));
	event(SA_EVENT_NEW, in_sa(1));
	finish();
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 500);
	counts_are(1, 0, 0);
}

TEST(the_same_event_twice)
{
	POLL_NONE();
	event(SA_EVENT_NEW, in_sa(1));
	event(SA_EVENT_NEW, in_sa(1));
	POLL(in_sa(1));
	life_is(1, 1, 0);
	counts_are(1, 0, 0);
}

/* Larval SAs. */

TEST(updsa_over_an_unknown_larval)
{
	POLL_NONE();
	event(SA_EVENT_UPDATE, in_sa(1));
	life_is(1, 1, 0);
	POLL(with_traffic(in_sa(1), 100, 1));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 100);
	IS(pending_key_operations, 0);
}

TEST(updsa_over_a_known_larval)
{
	struct sa keyed = in_sa(1);

	POLL_NONE();
	POLL(larval(in_sa(1)));
	life_is(0, 0, 0);
	IS(pending_key_operations, 1);
	counts_are(0, 1, 0);
	keyed.add_time++;
	event(SA_EVENT_UPDATE, keyed);
	IS(pending_key_operations, 0);
	counts_are(1, 0, 0);
	POLL(with_traffic(keyed, 100, 1));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 100);
}

TEST(updsa_over_a_larval_of_the_same_second)
{
	POLL_NONE();
	POLL(larval(in_sa(1)));
	event(SA_EVENT_UPDATE, in_sa(1));
	POLL(with_traffic(in_sa(1), 100, 1));
	life_is(1, 1, 0);
	IS(pending_key_operations, 0);
	IS(confidential_bytes_received, 100);
	counts_are(1, 0, 0);
}

TEST(dump_shows_a_larval_keyed)
{
	struct sa keyed = with_traffic(in_sa(1), 50, 1);

	POLL_NONE();
	POLL(larval(in_sa(1)));
	keyed.add_time++;
	POLL(keyed);
	life_is(1, 1, 0);
	IS(pending_key_operations, 0);
	IS(confidential_bytes_received, 50);
}

TEST(larval_that_times_out)
{
	POLL_NONE();
	POLL(larval(in_sa(1)));
	hard_expire(larval(in_sa(1)));
	life_is(0, 0, 0);
	IS(pending_key_operations, 0);
	counts_are(0, 0, 0);
	hard_expire(larval(in_sa(2))); /* of one that no dump ever showed */
	POLL_NONE();
	life_is(0, 0, 0);
	IS(pending_key_operations, 0);
	losses_are(0);
}

TEST(larval_that_is_deleted)
{
	POLL_NONE();
	POLL(larval(in_sa(1)));
	event(SA_EVENT_DELETE, larval(in_sa(1)));
	event(SA_EVENT_DELETE, larval(in_sa(2)));
	POLL_NONE();
	life_is(0, 0, 0);
	IS(pending_key_operations, 0);
	counts_are(0, 0, 0);
}

TEST(larval_that_vanishes)
{
	POLL(larval(in_sa(1)), acquire(7));
	POLL_NONE();
	IS(pending_key_operations, 0);
	counts_are(0, 0, 0);
	losses_are(0);
}

TEST(acquire_and_larval_of_one_negotiation)
{
	POLL(acquire(7));
	IS(pending_key_operations, 1);
	POLL(larval(in_sa(1)), acquire(7));
	IS(pending_key_operations, 1);
	counts_are(0, 2, 0);
	POLL(larval(in_sa(1)));
	IS(pending_key_operations, 1);
	POLL_NONE();
	IS(pending_key_operations, 0);
}

TEST(two_acquires)
{
	struct sa other = acquire(8);

	POLL(acquire(7), other);
	IS(pending_key_operations, 2);
	POLL(acquire(7), other, larval(in_sa(1)));
	IS(pending_key_operations, 2);
	POLL(acquire(7), larval(in_sa(1)), larval(in_sa(2)), larval(in_sa(3)));
	IS(pending_key_operations, 3);
	POLL_NONE();
	IS(pending_key_operations, 0);
}

TEST(negotiations_of_others_are_apart)
{
	struct sa peer = larval(sa_between("192.0.2.2", "10.0.0.1", 1));
	struct sa reqid = larval(in_sa(2));
	struct sa ah = larval(in_sa(3));

	reqid.reqid = 2;
	ah.proto = IPPROTO_AH;
	POLL(acquire(7), peer, reqid, ah);
	IS(pending_key_operations, 4);
}

/* strongSwan as the initiator: ACQ, ALLOCSPI, UPDSA in, NEWSA out. */
TEST(whole_negotiation)
{
	POLL_NONE();
	POLL(acquire(7));
	POLL(larval(in_sa(1)), acquire(7));
	event(SA_EVENT_UPDATE, in_sa(1));
	event(SA_EVENT_NEW, out_sa(2));
	POLL(with_traffic(out_sa(2), 20, 1), with_traffic(in_sa(1), 10, 1));
	life_is(2, 2, 0);
	IS(pending_key_operations, 0);
	IS(confidential_bytes_sent, 20);
	IS(confidential_bytes_received, 10);
	counts_are(2, 0, 0);
}

/* UPDSA of a keyed SA shows zero bytes and the time of the update. */

TEST(updsa_of_a_keyed_sa_says_nothing)
{
	struct sa update = out_sa(1);

	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_UPDATE, update); /* within the second of its birth */
	update.add_time += 100;
	event(SA_EVENT_UPDATE, update);
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 650, 7));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 650);
}

TEST(updsa_of_a_keyed_sa_during_its_first_dump)
{
	struct sa update = out_sa(1);

	POLL_NONE();
	update.add_time += 100;
	begin();
	show(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_UPDATE, update);
	finish();
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
}

TEST(nothing_at_all)
{
	for (int i = 0; i < 3; i++) {
		event_without_sa(SA_EVENT_FLUSH);
		POLL_NONE();
	}
	life_is(0, 0, 0);
	counts_are(0, 0, 0);
	ck_assert(!ledger_wants_dump(ledger));
	ledger_free(NULL);
}

TEST(many_sas)
{
	enum { MANY = 5000 };

	POLL_NONE();
	for (uint32_t i = 1; i <= MANY; i++) {
		struct sa sa = i % 2 ? in_sa(i) : out_sa(i);

		sa.reqid = 1 + i % 37;
		sa.add_time += i / 100;
		event(SA_EVENT_NEW, sa);
	}
	begin();
	for (uint32_t i = MANY; i > 0; i--) {
		struct sa sa = with_traffic(i % 2 ? in_sa(i) : out_sa(i), i, 1);

		sa.reqid = 1 + i % 37;
		sa.add_time += i / 100;
		show(sa);
	}
	finish();
	life_is(MANY, MANY, 0);
	IS(active_tunnels, 37);
	counts_are(MANY, 0, 0);
	ck_assert_uint_eq(totals(0)->stats.confidential_bytes_sent +
			      totals(0)->stats.confidential_bytes_received,
			  (uint64_t)MANY * (MANY + 1) / 2);
	for (uint32_t i = 1; i <= MANY; i++) {
		struct sa sa = with_traffic(i % 2 ? in_sa(i) : out_sa(i), i + 1, 1);

		sa.reqid = 1 + i % 37;
		sa.add_time += i / 100;
		event(SA_EVENT_DELETE, sa);
	}
	POLL_NONE();
	life_is(0, MANY, MANY);
	IS(rekeys, MANY / 2 - 37);
	IS(active_tunnels, 0);
	counts_are(0, 0, 0);
}
