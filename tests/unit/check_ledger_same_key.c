/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_story.h"

/* Several SAs with one SPI, at the same time or after each other. */

CHAPTER(ledger_setup, ledger_teardown);

TEST(same_key_again)
{
	static const struct ledger_story stories[] = {
	    {"later",
	     "dump A=500; DELSA A=600; later A 10; NEWSA A; dump A=50; life 1 2 1; "
	     "sent 650; DELSA A=60; dump; life 0 2 2; sent 660"},
	    {"in the same second",
	     "dump; NEWSA A; DELSA A=600; NEWSA A; dump A=50; life 1 2 1; "
	     "sent 650; DELSA A=60; dump; life 0 2 2; sent 660"},
	    {"in the same second without traffic",
	     "dump; NEWSA A; DELSA A; NEWSA A; DELSA A; NEWSA A; DELSA A; dump; "
	     "life 0 3 3"},
	    {"seen before its NEWSA",
	     "dump; NEWSA A; dump A=500; begin; show A=50; DELSA A=600; NEWSA A; "
	     "end; dump A=70; life 1 2 1; sent 670"},
	    /* With more bytes than the first SA: still no byte counts twice. */
	    {"seen before its NEWSA with more bytes",
	     "dump; NEWSA A; dump A=500; begin; show A=900; DELSA A=600; NEWSA A; "
	     "end; dump A=1000; life 1 2 1; sent 1600"},
	    {"NEWSA lost",
	     "dump; NEWSA A; DELSA A=600; DELSA A=60; dump; life 0 2 2; sent 660; "
	     "NEWSA C; DELSA C=600; dump C=50; life 1 4 3; sent 1310"},
	    /* No move: the first SA had traffic, but nothing is preloaded. */
	    {"between other ends",
	     "dump; NEWSA A; DELSA A=600; NEWSA B; dump B=50; life 1 2 1; sent 650"},
	    /* One SPI in both directions: neither SA is the other after a move. */
	    {"the way back, events lost",
	     "dump A=500; dump R=600; life 2 2 0; dump R=600; life 1 2 1; "
	     "sent 500; received 600"},
	    /* No event ended it, so it is the same SA; the totals never decrease. */
	    {"bytes that go back",
	     "dump A=500; dump A=100; sent 500; losses 1; dump A=150; sent 550; "
	     "dump A=600; sent 1000; losses 1; life 1 1 0"},
	    {"DELSA with fewer bytes",
	     "dump A=300; dump A=500; DELSA A=100; sent 500; dump; sent 500; "
	     "life 0 1 1; losses 1"},
	};

	LEDGER_PLAY_ALL(stories);
}

/* One SPI in both directions, as manual setups use it, twice in the same second. */
TEST(same_spi_both_ways_is_no_move)
{
	for (int known = 0; known < 2; known++) {
		ledger_again();
		blind = !known;
		POLL_NONE();
		event(SA_EVENT_NEW, out_sa(1));
		event(SA_EVENT_NEW, in_sa(1));
		event(SA_EVENT_DELETE, out_sa(1));
		event(SA_EVENT_DELETE, in_sa(1));
		event(SA_EVENT_NEW, out_sa(1));
		event(SA_EVENT_NEW, in_sa(1));
		POLL(in_sa(1), out_sa(1));
		life_is(2, 4, 2);
	}
}

/* The last errors of the first SA and all errors of the second count. */
TEST(same_spi_in_the_same_second_seen_early_with_errors)
{
	struct sa old = with_traffic(in_sa(1), 500, 5);
	struct sa young = with_traffic(in_sa(1), 900, 9);

	old.sample.integrity_failed = old.sample.replay_window = 1;
	old.sample.replay = 2;
	POLL_NONE();
	event(SA_EVENT_NEW, in_sa(1));
	POLL(old);
	begin();
	young.sample.integrity_failed = 7;
	young.sample.replay = 9;
	young.sample.replay_window = 2;
	show(young);
	old = with_traffic(old, 600, 6);
	old.sample.replay = 4;
	event(SA_EVENT_DELETE, old);
	event(SA_EVENT_NEW, in_sa(1));
	finish();
	young = with_traffic(young, 1000, 10);
	young.sample.integrity_failed = 8;
	young.sample.replay = 10;
	young.sample.replay_window = 3;
	POLL(young);
	IS(confidential_bytes_received, 1600);
	IS(packets_not_authenticated, 1 + 8);
	ck_assert_uint_eq(totals(0)->replay_failures, 5 + 13);
}

TEST(same_spi_under_two_marks)
{
	struct sa a = out_sa(1);
	struct sa b = out_sa(1);
	struct sa c = out_sa(1);

	a.mark = 1;
	b.mark = 2;
	a.mark_mask = b.mark_mask = UINT32_MAX;
	c.mark = 1;
	c.mark_mask = 0xff;
	POLL_NONE();
	event(SA_EVENT_NEW, a);
	event(SA_EVENT_NEW, b);
	event(SA_EVENT_NEW, c);
	POLL(with_traffic(c, 1, 1), with_traffic(b, 20, 1), with_traffic(a, 300, 1));
	life_is(3, 3, 0);
	IS(confidential_bytes_sent, 321);
	event(SA_EVENT_DELETE, with_traffic(b, 30, 1));
	POLL(with_traffic(c, 2, 1), with_traffic(a, 400, 1));
	life_is(2, 3, 1);
	IS(confidential_bytes_sent, 432);
}

TEST(same_spi_of_other_protocol_and_family)
{
	struct sa ah = out_sa(1);
	struct sa six = sa_of("a00:1::", "c000:201::", 1); /* the same bytes */

	ah.proto = IPPROTO_AH;
	six.declared = SA_DIR_OUT;
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_NEW, ah);
	event(SA_EVENT_NEW, six);
	POLL(six, ah, out_sa(1));
	life_is(3, 3, 0);
	event(SA_EVENT_DELETE, ah);
	POLL(six, out_sa(1));
	life_is(2, 3, 1);
}
