/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

/* The key of an SA is used again, or is another SA's in another form. */

CHAPTER(ledger_setup, ledger_teardown);

/* The same name again. */

TEST(same_spi_later)
{
	struct sa again = out_sa(1);

	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	again.add_time += 10;
	event(SA_EVENT_NEW, again);
	POLL(with_traffic(again, 50, 1));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 650);
	event(SA_EVENT_DELETE, with_traffic(again, 60, 2));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 660);
}

TEST(same_spi_in_the_same_second)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 50, 1));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 650);
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 60, 2));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 660);
}

TEST(same_spi_in_the_same_second_without_traffic)
{
	POLL_NONE();
	for (int i = 0; i < 3; i++) {
		event(SA_EVENT_NEW, out_sa(1));
		event(SA_EVENT_DELETE, out_sa(1));
	}
	POLL_NONE();
	life_is(0, 3, 3);
}

/* One SPI for both ways, as hand-made setups have it; made twice in one second. */
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

/* The NEWSA of the second is still on its way when the dump shows it. */
TEST(same_spi_in_the_same_second_seen_early)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 50, 1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, out_sa(1));
	finish();
	POLL(with_traffic(out_sa(1), 70, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 670);
}

/* The same second and more bytes than the first: still not one byte twice. */
TEST(same_spi_in_the_same_second_seen_early_and_busy)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 900, 9));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, out_sa(1));
	finish();
	POLL(with_traffic(out_sa(1), 1000, 10));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1600);
}

/* Errors too: the old one's last, and all of the new one's. */
TEST(same_spi_in_the_same_second_seen_early_with_errors)
{
	struct sa old = with_traffic(in_sa(1), 500, 5);
	struct sa young = with_traffic(in_sa(1), 900, 9);

	old.integrity_failed = old.replay_window = 1;
	old.replay = 2;
	POLL_NONE();
	event(SA_EVENT_NEW, in_sa(1));
	POLL(old);
	begin();
	young.integrity_failed = 7;
	young.replay = 9;
	young.replay_window = 2;
	show(young);
	old = with_traffic(old, 600, 6);
	old.replay = 4;
	event(SA_EVENT_DELETE, old);
	event(SA_EVENT_NEW, in_sa(1));
	finish();
	young = with_traffic(young, 1000, 10);
	young.integrity_failed = 8;
	young.replay = 10;
	young.replay_window = 3;
	POLL(young);
	IS(confidential_bytes_received, 1600);
	IS(packets_not_authenticated, 1 + 8);
	ck_assert_uint_eq(totals(0)->replay_failures, 5 + 13);
}

TEST(same_spi_in_the_same_second_whose_newsa_was_lost)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 60, 1));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 660);
	event(SA_EVENT_NEW, out_sa(2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(2), 600, 6));
	POLL(with_traffic(out_sa(2), 50, 1));
	life_is(1, 4, 3);
	IS(confidential_bytes_sent, 660 + 650);
}

/* Other ends and nothing preloaded, though the one that left had carried something. */
TEST(same_spi_in_the_same_second_elsewhere)
{
	const struct sa other = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, other);
	POLL(with_traffic(other, 50, 1));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 650);
}

/* One SPI for both ways: neither is where the other went. */
TEST(same_spi_both_ways_and_events_lost)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL(with_traffic(in_sa(1), 600, 6));
	life_is(2, 2, 0);
	POLL(with_traffic(in_sa(1), 600, 6));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 500);
	IS(confidential_bytes_received, 600);
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
	struct sa six = sa_between("a00:1::", "c000:201::", 1); /* the same bytes */

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

/* No event says otherwise, so it is the same SA, and counts on from there. */
TEST(bytes_that_go_back_are_never_taken_away)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL(with_traffic(out_sa(1), 100, 1));
	IS(confidential_bytes_sent, 500);
	losses_are(1);
	POLL(with_traffic(out_sa(1), 150, 2));
	IS(confidential_bytes_sent, 550);
	POLL(with_traffic(out_sa(1), 600, 6));
	IS(confidential_bytes_sent, 1000);
	losses_are(1);
	life_is(1, 1, 0);
}

TEST(delsa_with_fewer_bytes_takes_nothing_away)
{
	POLL(with_traffic(out_sa(1), 300, 3));
	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 100, 1));
	IS(confidential_bytes_sent, 500);
	POLL_NONE();
	IS(confidential_bytes_sent, 500);
	life_is(0, 1, 1);
	losses_are(1);
}
