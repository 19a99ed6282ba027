/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

#include <errno.h>

/* Directions that become known late, and rows. */

CHAPTER(ledger_setup, ledger_teardown);

TEST(direction_known_later)
{
	struct sa sa = with_traffic(out_sa(1), 500, 5);

	blind = true;
	POLL(sa);
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 0);
	IS(confidential_bytes_received, 0);
	IS(active_tunnels, 0);
	POLL(with_traffic(sa, 600, 6));
	blind = false;
	POLL(with_traffic(sa, 700, 7));
	IS(confidential_bytes_sent, 700);
	IS(active_tunnels, 1);
	life_is(1, 1, 0);
}

TEST(direction_known_later_by_sequence_numbers)
{
	struct sa sa = in_sa(1);

	blind = true;
	sa.replay_protected = true;
	POLL_NONE();
	event(SA_EVENT_NEW, sa);
	POLL(sa);
	sa.sequence = SA_DIR_IN;
	POLL(with_traffic(sa, 700, 7));
	IS(confidential_bytes_received, 700);
	IS(packets_with_replay_detection, 7);
}

/* DELSA also shows the sequence numbers: this is the last chance. */
TEST(direction_known_at_the_end)
{
	struct sa sa = in_sa(1);

	blind = true;
	POLL_NONE();
	event(SA_EVENT_NEW, sa);
	sa.sequence = SA_DIR_IN;
	event(SA_EVENT_DELETE, with_traffic(sa, 700, 7));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_received, 700);
}

TEST(direction_never_known)
{
	blind = true;
	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL_NONE();
	life_is(0, 1, 1);
	for (size_t i = STAT_ID_packets_with_replay_detection - 1; i < STAT_COUNT; i++)
		ck_assert_uint_eq(stats_get(&totals(0)->stats, &stat_columns[i]), 0);
}

TEST(direction_known_later_changes_the_row)
{
	struct sa sa = out_sa(1);

	sa.reqid = 100;
	blind = true;
	ownerless = true;
	POLL(with_traffic(sa, 500, 5));
	blind = false;
	ownerless = false;
	POLL(with_traffic(sa, 600, 6));
	life_is(0, 1, 1);
	ck_assert_uint_eq(totals(1)->stats.active_sa, 1);
	ck_assert_uint_eq(totals(1)->stats.key_additions, 1);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(totals(1)->stats.active_tunnels, 1);
	IS(active_tunnels, 0);
}

TEST(rows_are_separate)
{
	struct sa a = out_sa(1);
	struct sa b = out_sa(2);

	a.reqid = 100;
	b.reqid = 300;
	POLL(with_traffic(a, 10, 1), with_traffic(b, 200, 2));
	ck_assert_uint_eq(totals(0)->stats.active_sa, 0);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 10);
	ck_assert_uint_eq(totals(2)->stats.confidential_bytes_sent, 0);
	ck_assert_uint_eq(totals(3)->stats.confidential_bytes_sent, 200);
}

TEST(reattribute)
{
	struct sa sa = out_sa(1);
	struct sa waiting = larval(in_sa(2));

	sa.reqid = waiting.reqid = 100;
	ownerless = true;
	POLL(with_traffic(sa, 500, 5), waiting);
	life_is(1, 1, 0);
	IS(pending_key_operations, 1);
	IS(active_tunnels, 1);
	ownerless = false;
	ledger_reattribute(ledger);
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 500);
	ck_assert_uint_eq(totals(1)->stats.key_additions, 1);
	POLL(with_traffic(sa, 600, 6), waiting);
	IS(pending_key_operations, 0);
	IS(active_tunnels, 0);
	ck_assert_uint_eq(totals(1)->stats.active_sa, 1);
	ck_assert_uint_eq(totals(1)->stats.pending_key_operations, 1);
	ck_assert_uint_eq(totals(1)->stats.active_tunnels, 1);
	IS(confidential_bytes_sent, 500);
	IS(rekeys, 0);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 100);
	losses_are(0);
}

static void row_is(unsigned row, const struct stats *want)
{
	for (size_t i = 0; i < STAT_COUNT; i++)
		ck_assert_uint_eq(stats_get(&totals(row)->stats, &stat_columns[i]),
				  stats_get(want, &stat_columns[i]));
}

/* The policy comes just after the SA. No reader has seen the SA in row 0 yet. */
TEST(reattribute_a_newborn)
{
	static const struct stats none;
	static const struct stats both = {
	    .active_sa = 2,
	    .key_additions = 2,
	    .active_tunnels = 1,
	    .packets_not_authenticated = 3,
	    .packets_with_replay_detection = 1,
	    .confidential_bytes_sent = 104,
	    .confidential_bytes_received = 60,
	    .tunnel_bytes_sent = 104,
	    .tunnel_bytes_received = 60,
	};
	struct sa out = out_sa(1);
	struct sa in = in_sa(2);

	POLL();
	out.reqid = in.reqid = 100;
	in.replay_protected = true;
	ownerless = true;
	event(SA_EVENT_NEW, with_traffic(out, 52, 1));
	begin();
	event(SA_EVENT_NEW, with_traffic(in, 0, 0));
	in.sample.integrity_failed = 3;
	in.sample.replay = 2;
	show(with_traffic(out, 104, 2));
	show(with_traffic(in, 60, 1));
	ownerless = false;
	ledger_reattribute(ledger);
	finish();
	row_is(0, &none);
	ck_assert_uint_eq(totals(0)->replay_failures, 0);
	row_is(1, &both);
	ck_assert_uint_eq(totals(1)->replay_failures, 2);
}

/* The preloaded bytes may have counted in row 0 already, between other addresses. */
TEST(reattribute_a_newborn_with_preloaded_bytes)
{
	struct sa out = out_sa(1);

	POLL();
	out.reqid = 100;
	ownerless = true;
	ledger_note_gap(ledger);
	event(SA_EVENT_NEW, with_traffic(out, 500, 5));
	ownerless = false;
	ledger_reattribute(ledger);
	POLL(with_traffic(out, 600, 6));
	life_is(0, 1, 1);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 100);
}

TEST(an_attributed_sa_keeps_its_row)
{
	struct sa sa = out_sa(1);

	sa.reqid = 100;
	POLL(with_traffic(sa, 500, 5));
	ownerless = true;
	ledger_reattribute(ledger);
	POLL(with_traffic(sa, 600, 6));
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(totals(1)->stats.active_sa, 1);
}

TEST(more_rows)
{
	struct sa sa = out_sa(1);

	sa.reqid = 100;
	POLL(with_traffic(sa, 500, 5));
	ck_assert_int_eq(ledger_grow_rows(ledger, 200), 0);
	ck_assert_int_eq(ledger_grow_rows(ledger, 2), 0);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 500);
	ck_assert_uint_eq(totals(199)->stats.confidential_bytes_sent, 0);
	ck_assert_int_eq(ledger_grow_rows(ledger, LEDGER_MAX_ROWS + 1), -ERANGE);
	ck_assert_int_eq(ledger_grow_rows(ledger, LEDGER_MAX_ROWS), 0);
}

static unsigned row_out_of_range(void *ctx, const struct sa *sa, enum sa_direction way)
{
	(void)ctx;
	(void)sa;
	(void)way;
	return 70000;
}

TEST(a_row_that_does_not_exist)
{
	const struct ledger_env bad = {NULL, ledger_world.direction, row_out_of_range};

	ledger_teardown();
	ledger = ledger_new(&bad, ROWS);
	POLL(with_traffic(out_sa(1), 500, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
}
