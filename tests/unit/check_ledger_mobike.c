/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

CHAPTER(ledger_setup, ledger_teardown);

/* MOBIKE: DELSA, then NEWSA with the same SPI and add_time and the bytes preloaded. */

TEST(mobike)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		ledger_again();
		POLL(with_traffic(out_sa(1), 200, 2));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		event(SA_EVENT_NEW, with_traffic(to, 252, 3));
		POLL(with_traffic(to, 300, 4));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
		IS(active_tunnels, 1);
		counts_are(1, 0, 0);
		event(SA_EVENT_DELETE, with_traffic(to, 310, 5));
		POLL_NONE();
		life_is(0, 1, 1);
		IS(confidential_bytes_sent, 310);
		losses_are(0);
	}
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

TEST(mobike_before_any_traffic)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		ledger_again();
		POLL(out_sa(1));
		event(SA_EVENT_DELETE, out_sa(1));
		event(SA_EVENT_NEW, to);
		POLL(with_traffic(to, 40, 1));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 40);
	}
}

/* The whole poll falls after the DELSA's reading, the NEWSA comes while it dumps. */
TEST(mobike_with_the_dump_in_between)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		ledger_again();
		POLL(with_traffic(out_sa(1), 200, 2));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		begin();
		event(SA_EVENT_NEW, with_traffic(to, 252, 3));
		finish();
		POLL(with_traffic(to, 300, 4));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
	}
}

/* The SA is in use from its insertion on, the message is made a moment later. */
TEST(first_packets_in_the_newsa)
{
	POLL_NONE();
	event(SA_EVENT_NEW, with_traffic(out_sa(1), 1500, 1));
	POLL(with_traffic(out_sa(1), 15000, 10));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 15000);
}

/* A poll that begins and ends between the two messages. */
TEST(mobike_with_a_whole_poll_in_between)
{
	struct sa to = moved(out_sa(1), roads[1][0], roads[1][1]);

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
	POLL_NONE();
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	POLL(with_traffic(to, 300, 4));
	IS(confidential_bytes_sent, 300);
	IS(active_sa, 1);
	ck_assert_uint_eq(
	    totals(0)->stats.key_additions - totals(0)->stats.key_deletions, 1);
}

/* The dump runs before either message is read, and shows more than was preloaded. */
TEST(mobike_found_by_the_dump_first)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		ledger_again();
		POLL(with_traffic(out_sa(1), 200, 2));
		begin();
		show(with_traffic(to, 280, 4));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		event(SA_EVENT_NEW, with_traffic(to, 252, 3));
		finish();
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 280);
		POLL(with_traffic(to, 300, 5));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
		IS(active_tunnels, 1);
		counts_are(1, 0, 0);
	}
}

/* The new SA's errors begin at zero, also when the key is the old one's. */
TEST(mobike_found_by_the_dump_first_with_errors)
{
	struct sa from = with_traffic(in_sa(1), 200, 2);
	struct sa to = moved(with_traffic(in_sa(1), 252, 3), "192.0.2.2", "10.0.0.1");

	from.integrity_failed = 5;
	from.replay = 7;
	POLL(from);
	begin();
	show(to);
	from.integrity_failed = 6;
	from.replay = 8;
	event(SA_EVENT_DELETE, with_traffic(from, 252, 3));
	event(SA_EVENT_NEW, to);
	finish();
	to.integrity_failed = 10;
	POLL(to);
	IS(packets_not_authenticated, 16);
	ck_assert_uint_eq(totals(0)->replay_failures, 8);
	life_is(1, 1, 0);
}

/* The very first poll is no exception. */
TEST(mobike_during_the_first_dump)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		ledger_again();
		begin();
		show(with_traffic(to, 280, 4));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		event(SA_EVENT_NEW, with_traffic(to, 252, 3));
		finish();
		POLL(with_traffic(to, 300, 5));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
	}
}

TEST(mobike_whose_newsa_was_lost)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		ledger_again();
		POLL(with_traffic(out_sa(1), 200, 2));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		POLL(with_traffic(to, 300, 4));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
	}
}

TEST(mobike_found_by_the_dump_whose_newsa_was_lost)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		ledger_again();
		POLL(with_traffic(out_sa(1), 200, 2));
		begin();
		show(with_traffic(to, 280, 4));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		finish();
		POLL(with_traffic(to, 300, 5));
		POLL(with_traffic(to, 300, 5));
		IS(confidential_bytes_sent, 300);
		IS(active_sa, 1);
	}
}

TEST(mobike_whose_messages_were_both_lost)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		ledger_again();
		POLL(with_traffic(out_sa(1), 200, 2));
		POLL(with_traffic(to, 300, 4));
		POLL(with_traffic(to, 400, 5));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 400);
	}
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

/* What the dump saw before the messages were read is the old row's as well. */
TEST(mobike_found_by_the_dump_first_keeps_the_row)
{
	struct sa from = in_sa(1);
	struct sa to;

	from.reqid = 100;
	to = moved(with_traffic(from, 252, 3), "192.0.2.1", "10.0.0.2");
	POLL(with_traffic(from, 200, 2));
	ownerless = true;
	to.integrity_failed = 5;
	to.replay = 6;
	begin();
	show(with_traffic(to, 280, 4));
	event(SA_EVENT_DELETE, with_traffic(from, 252, 3));
	to.integrity_failed = to.replay = 0;
	event(SA_EVENT_NEW, to);
	finish();
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_received, 280);
	ck_assert_uint_eq(totals(1)->stats.packets_not_authenticated, 5);
	ck_assert_uint_eq(totals(1)->replay_failures, 6);
	IS(packets_not_authenticated, 0);
	IS(confidential_bytes_received, 0);
}

/* Nothing tells the direction at the new addresses: it is what it was. */
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

/* The new one deleted before the old one's move was even read. */
TEST(mobike_then_gone)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	event(SA_EVENT_DELETE, with_traffic(to, 300, 4));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

/* Until LEDGER_MOVE_NS have passed since its DELSA, whatever dumps there are. */
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

/* The other half of a move comes within that time, or too late: then it is a new SA,
 * and what it was born with has been counted; but not for longer than five seconds. */
TEST(newsa_after_its_departure)
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
