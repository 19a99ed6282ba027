/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_story.h"

/* How an SA becomes known: by events and by dumps, larval or keyed. */

CHAPTER(ledger_setup, ledger_teardown);

TEST(how_an_sa_appears)
{
	static const struct ledger_story stories[] = {
	    {"NEWSA", "dump; NEWSA A; life 1 1 0; dump A=500; life 1 1 0; sent 500; "
		      "counts 1 0 0; dump A=700; sent 700; received 0"},
	    /* The bytes before that count as well. */
	    {"shown by the first dump",
	     "dump R=500; life 1 1 0; received 500; losses 0"},
	    {"shown by a later dump",
	     "dump; dump R=500; life 1 1 0; received 500; counts 1 0 0; "
	     "dump R=600; life 1 1 0; received 600"},
	    {"NEWSA during the dump that showed it",
	     "dump; begin; show R=500; NEWSA R; end; life 1 1 0; received 500; "
	     "counts 1 0 0"},
	    {"NEWSA twice", "dump; NEWSA R; NEWSA R; dump R; life 1 1 0; counts 1 0 0"},
	    /* UPDSA shows zero bytes and the time of the update; neither counts. */
	    {"UPDSA of a keyed SA",
	     "dump A=500; UPDSA A; later A 100; UPDSA A; later A -100; life 1 1 0; "
	     "sent 500; dump A=600; life 1 1 0; sent 600; DELSA A=650; dump; "
	     "life 0 1 1; sent 650"},
	    {"UPDSA of a keyed SA during the first dump that shows it",
	     "dump; begin; show A=500; later A 100; UPDSA A; later A -100; end; "
	     "life 1 1 0; sent 500; dump A=600; life 1 1 0; sent 600"},
	};

	LEDGER_PLAY_ALL(stories);
}

TEST(larval_sas)
{
	static const struct ledger_story stories[] = {
	    {"UPDSA over an unknown one",
	     "dump; UPDSA R; life 1 1 0; dump R=100; life 1 1 0; received 100; "
	     "pending 0"},
	    {"UPDSA over a known one",
	     "dump; dump r; life 0 0 0; pending 1; counts 0 1 0; later R 1; "
	     "UPDSA R; counts 1 0 0; dump R=100; life 1 1 0; pending 0; "
	     "received 100"},
	    {"UPDSA over one of the same second",
	     "dump; dump r; UPDSA R; dump R=100; life 1 1 0; pending 0; "
	     "received 100; counts 1 0 0"},
	    {"a dump shows it keyed",
	     "dump; dump r; later R 1; dump R=50; life 1 1 0; pending 0; "
	     "received 50"},
	    /* No dump has shown D. */
	    {"EXPIRE",
	     "dump; dump r; EXPIRE r; life 0 0 0; counts 0 0 0; EXPIRE d; dump; "
	     "life 0 0 0; pending 0; losses 0"},
	    {"DELSA", "dump; dump r; DELSA r; DELSA d; dump; life 0 0 0; pending 0; "
		      "counts 0 0 0"},
	};

	LEDGER_PLAY_ALL(stories);
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

TEST(negotiations_with_others_are_separate)
{
	struct sa peer = larval(sa_of("192.0.2.2", "10.0.0.1", 1));
	struct sa reqid = larval(in_sa(2));
	struct sa ah = larval(in_sa(3));

	reqid.reqid = 2;
	ah.proto = IPPROTO_AH;
	POLL(acquire(7), peer, reqid, ah);
	IS(pending_key_operations, 4);
}

/* strongSwan as the initiator: ACQUIRE, ALLOCSPI, inbound UPDSA, outbound NEWSA. */
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
