/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_story.h"

CHAPTER(ledger_setup, ledger_teardown);

/* MOBIKE: DELSA, then NEWSA with the same SPI and preloaded bytes. */

TEST(mobike)
{
	static const struct ledger_story stories[] = {
	    {"at once",
	     "dump A=200; DELSA A=252; NEWSA B=252; dump B=300; life 1 1 0; "
	     "sent 300; tunnels 1; counts 1 0 0; DELSA B=310; dump; life 0 1 1; "
	     "sent 310; losses 0"},
	    {"before any traffic",
	     "dump A; DELSA A; NEWSA B; dump B=40; life 1 1 0; sent 40"},
	    {"NEWSA during the dump",
	     "dump A=200; DELSA A=252; begin; NEWSA B=252; end; dump B=300; "
	     "life 1 1 0; sent 300"},
	    {"a complete poll between DELSA and NEWSA",
	     "dump A=200; DELSA A=252; dump; NEWSA B=252; dump B=300; sent 300; "
	     "life 1 2 1"},
	    /* The dump shows more than was preloaded. */
	    {"both messages during the dump that shows it",
	     "dump A=200; begin; show B=280; DELSA A=252; NEWSA B=252; end; "
	     "life 1 1 0; sent 280; dump B=300; life 1 1 0; sent 300; tunnels 1; "
	     "counts 1 0 0"},
	    {"the same during the first dump",
	     "begin; show B=280; DELSA A=252; NEWSA B=252; end; dump B=300; "
	     "life 1 1 0; sent 300"},
	    {"NEWSA lost", "dump A=200; DELSA A=252; dump B=300; life 1 1 0; sent 300"},
	    {"NEWSA lost during the dump that shows it",
	     "dump A=200; begin; show B=280; DELSA A=252; end; dump B=300; "
	     "dump B=300; sent 300; active 1"},
	    {"both messages lost",
	     "dump A=200; dump B=300; dump B=400; life 1 1 0; sent 400"},
	    {"then deleted in the same poll",
	     "dump A=200; DELSA A=252; NEWSA B=252; DELSA B=300; dump; life 0 1 1; "
	     "sent 300"},
	};

	LEDGER_PLAY_ALL(stories);
}

TEST(mobike_inbound)
{
	struct sa to = moved(in_sa(1), "192.0.2.1", "10.0.0.2");

	POLL(with_traffic(in_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(in_sa(1), 252, 3));
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	POLL(with_traffic(to, 300, 4));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 300);
}

/* One SPI in both directions: the inbound SA is not where the outbound one went. */
TEST(no_move_to_the_other_direction)
{
	struct sa in = sa_of("192.0.2.9", "10.0.0.1", 1);

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
	event(SA_EVENT_NEW, with_traffic(in, 252, 3));
	POLL(with_traffic(in, 300, 4));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 252);
	IS(confidential_bytes_received, 300);
}

/* The kernel uses an SA before it composes the NEWSA, so that may show traffic. */
TEST(first_packets_in_the_newsa)
{
	POLL_NONE();
	event(SA_EVENT_NEW, with_traffic(out_sa(1), 1500, 1));
	POLL(with_traffic(out_sa(1), 15000, 10));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 15000);
}

/* The errors of the new SA begin at zero, even if its key is the same. */
TEST(errors_after_mobike_that_the_dump_shows_first)
{
	struct sa from = with_traffic(in_sa(1), 200, 2);
	struct sa to = moved(with_traffic(in_sa(1), 252, 3), "192.0.2.2", "10.0.0.1");

	from.sample.integrity_failed = 5;
	from.sample.replay = 7;
	POLL(from);
	begin();
	show(to);
	from.sample.integrity_failed = 6;
	from.sample.replay = 8;
	event(SA_EVENT_DELETE, with_traffic(from, 252, 3));
	event(SA_EVENT_NEW, to);
	finish();
	to.sample.integrity_failed = 10;
	POLL(to);
	IS(packets_not_authenticated, 16);
	ck_assert_uint_eq(totals(0)->replay_failures, 8);
	life_is(1, 1, 0);
}

TEST(mobike_keeps_the_row)
{
	struct sa from = out_sa(1);
	struct sa to;

	from.reqid = 100;
	to = moved(from, "10.0.0.2", "192.0.2.1");
	POLL(with_traffic(from, 200, 2));
	ownerless = true;
	event(SA_EVENT_DELETE, with_traffic(from, 252, 3));
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	POLL(with_traffic(to, 300, 4));
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(totals(1)->stats.active_sa, 1);
	ck_assert_uint_eq(totals(0)->stats.active_sa, 0);
}

/* What the dump shows before the messages are read belongs to the old row as well. */
TEST(mobike_that_the_dump_shows_first_keeps_the_row)
{
	struct sa from = in_sa(1);
	struct sa to;

	from.reqid = 100;
	to = moved(with_traffic(from, 252, 3), "192.0.2.1", "10.0.0.2");
	POLL(with_traffic(from, 200, 2));
	ownerless = true;
	to.sample.integrity_failed = 5;
	to.sample.replay = 6;
	begin();
	show(with_traffic(to, 280, 4));
	event(SA_EVENT_DELETE, with_traffic(from, 252, 3));
	to.sample.integrity_failed = to.sample.replay = 0;
	event(SA_EVENT_NEW, to);
	finish();
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_received, 280);
	ck_assert_uint_eq(totals(1)->stats.packets_not_authenticated, 5);
	ck_assert_uint_eq(totals(1)->replay_failures, 6);
	IS(packets_not_authenticated, 0);
	IS(confidential_bytes_received, 0);
}

/* Nothing shows the direction between the new addresses: it stays the same. */
TEST(mobike_keeps_the_direction)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	blind = true;
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	POLL(with_traffic(to, 300, 4));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 300);
	IS(active_tunnels, 1);
}

TEST(mobike_twice)
{
	struct sa a = moved(out_sa(1), "10.0.0.2", "192.0.2.1");
	struct sa b = moved(out_sa(1), "10.0.0.3", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
	event(SA_EVENT_NEW, with_traffic(a, 252, 3));
	event(SA_EVENT_DELETE, with_traffic(a, 260, 4));
	event(SA_EVENT_NEW, with_traffic(b, 260, 4));
	POLL(with_traffic(b, 300, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 300);
}

/* For LEDGER_MOVE_NS after its DELSA, however many dumps end in that time. */
TEST(departing_for_a_while)
{
	POLL(out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	poll_interval = LEDGER_MOVE_NS - 2;
	POLL_NONE();
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
	counts_are(0, 0, 0);
	poll_interval = 1;
	POLL_NONE();
	life_is(1, 1, 0);
	ck_assert(!ledger_wants_dump(ledger));
	begin();
	cut_short();
	life_is(0, 1, 1);
}

/* A NEWSA within that time completes a move. A later one is a new SA: for up to five
 * seconds its bytes are taken for preloaded, after that they count. */
TEST(newsa_while_departing_or_later)
{
	static const struct {
		uint64_t later;
		unsigned additions, deletions, bytes;
	} times[] = {
	    {LEDGER_MOVE_NS - 1, 1, 0, 600},
	    {LEDGER_MOVE_NS, 2, 1, 600},
	    {UINT64_C(5000000000), 2, 1, 600},
	    {UINT64_C(5000000001), 2, 1, 1200},
	};
	struct sa to = with_traffic(moved(out_sa(1), "10.0.0.2", "192.0.2.1"), 600, 6);

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		ledger_again();
		POLL(out_sa(1));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
		poll_interval = times[i].later - 1;
		POLL_NONE();
		poll_interval = 1;
		POLL_NONE();
		event(SA_EVENT_NEW, to);
		POLL(to);
		life_is(1, times[i].additions, times[i].deletions);
		IS(confidential_bytes_sent, times[i].bytes);
	}
}
