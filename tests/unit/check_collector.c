/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "ledger/ledger.h"
#include "runner.h"
#include "world.h"

CHAPTER(world_setup, world_teardown);

TEST(a_whole_poll)
{
	struct sa_values in = sa_values_of("192.0.2.1", "10.0.0.1", 2);
	struct sa_values larval = sa_values_of("192.0.2.1", "10.0.0.1", 3);
	struct sa_values comp = sa_values_of("192.0.2.1", "10.0.0.1", 4);
	const struct stats want = {
	    .active_sa = 2,
	    .pending_key_operations = 1,
	    .key_additions = 2,
	    .active_tunnels = 1,
	    .bad_spi_packets = 9,
	    .packets_not_decrypted = 6,
	    .packets_not_authenticated = 4,
	    .packets_with_replay_detection = 3,
	    .confidential_bytes_sent = 200,
	    .confidential_bytes_received = 300,
	    .tunnel_bytes_sent = 200,
	    .tunnel_bytes_received = 300,
	};

	in.bytes = 300;
	in.packets = 3;
	in.window = 32;
	in.integrity_failed = 4;
	in.replay = 5;
	in.replay_window = 6;
	larval.algs = MESSAGE_LARVAL;
	comp.proto = IPPROTO_COMP;
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	fake_kernel_sa(&kernel, &larval);
	fake_kernel_sa(&kernel, &comp);
	kernel.dump_takes = 5000;
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateDirError\t2\n"
			   "XfrmInStateProtoError\t10\n";
	poll_well();
	for (size_t i = 0; i < STAT_COUNT; i++)
		ck_assert_uint_eq(stats_get(&row(ALL)->stats, &stat_columns[i]),
				  stats_get(&want, &stat_columns[i]));
	ck_assert_uint_eq(row(ALL)->replay_failures, 11);
	ck_assert(row(ALL)->active);
	ck_assert_int_eq(row(ALL)->error_scope, ERROR_SCOPE_INSTANCE);
	ck_assert_uint_eq(health()->tracked_sas, 4);
	ck_assert_uint_eq(health()->last_poll, 1000 * SECOND + 5000);
	ck_assert_uint_eq(health()->last_poll_duration, 5000);
	ck_assert_uint_eq(health()->polls, 1);
	ck_assert_uint_eq(health()->failed_polls, 0);
	ck_assert_str_eq(health()->last_error, "");
	ck_assert_uint_eq(snapshot.n_rows, 1);
	ck_assert_uint_eq(snapshot.n_xfrm, 3);
}

TEST(before_the_first_poll)
{
	ck_assert(!row(ALL)->active);
	ck_assert_uint_eq(collector_status(collector)->health.last_poll, 0);
	ck_assert_uint_eq(health()->last_poll, 0);
	ck_assert_uint_eq(snapshot.n_xfrm, 0);
}

/* Addresses first; the error counters before the dump; events on both sides of it. */
TEST(order_of_reads)
{
	poll_well();
	ck_assert_str_eq(kernel.asked, "AEPXSE");
	memset(kernel.asked, 0, sizeof(kernel.asked));
	poll_well();
	ck_assert_str_eq(kernel.asked, "EXSE");
}

TEST(events_between_polls)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);

	poll_well();
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
	read_events();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	sa.bytes = 500;
	sa.packets = 5;
	fake_kernel_event(&kernel, message_delsa(&sa));
	read_events();
	poll_well(); /* too early: a NEWSA could make it a move */
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 500);
	ck_assert(!collector_wants_poll(collector)); /* the deletion can wait */
	kernel.now += LEDGER_MOVE_NS - 1;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
	kernel.now++;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 1);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 500);
	ck_assert_uint_eq(health()->events, 2);
	ck_assert(!collector_wants_poll(collector));
}

static void is_deleted_during(struct fake_kernel *fake)
{
	sa_is_deleted(fake, 600);
}

TEST(events_during_the_dump)
{
	sad_has(200);
	poll_well();
	kernel.during = is_deleted_during;
	kernel.during_after = 1;
	sad_has(500);
	poll_well();
	ck_assert_ptr_null(kernel.during);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 600);
	sad_is_empty();
	kernel.now += LEDGER_MOVE_NS;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 1);
}

TEST(events_during_the_dump_that_misses_the_sa)
{
	sad_has(200);
	poll_well();
	kernel.during = is_deleted_during;
	sad_is_empty();
	poll_well();
	kernel.now += LEDGER_MOVE_NS;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 1);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
}

/* A poll between the two messages of a move. */
TEST(a_poll_during_a_move)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);

	sad_has(200);
	poll_well();
	sa.bytes = 252;
	sa.packets = 3;
	sa_is_deleted(&kernel, 252);
	read_events();
	sad_is_empty();
	kernel.now += LEDGER_MOVE_NS / 2;
	poll_well();
	sa.saddr = "10.0.0.2";
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
	read_events();
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 252);
}

/* Errors: the old rows stay. */

TEST(dumps_that_fail)
{
	static const int errors[] = {-EPERM, -ETIMEDOUT, -ENOBUFS, -EBADMSG, -ENOMEM};

	sad_has(200);
	poll_well();
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		kernel.dump_error[KERNEL_DUMP_SAD] = errors[i];
		kernel.now += SECOND;
		sad_has(300);
		poll_badly(errors[i]);
		ck_assert_uint_eq(health()->failed_polls, i + 1);
		ck_assert_str_ne(health()->last_error, "");
		ck_assert_ptr_nonnull(
		    strstr(health()->last_error, strerror(-errors[i])));
		ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
		ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
		ck_assert_uint_eq(health()->last_poll, 1000 * SECOND);
	}
	ck_assert(collector_wants_poll(collector));
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
}

TEST(first_poll_without_permission)
{
	kernel.dump_error[KERNEL_DUMP_SAD] = -EPERM;
	poll_badly(-EPERM);
	ck_assert(!row(ALL)->active);
	ck_assert_uint_eq(health()->failed_polls, 1);
	ck_assert_uint_eq(collector_status(collector)->health.last_poll, 0);
}

TEST(a_dump_cut_short)
{
	struct sa_values second = sa_values_of("10.0.0.1", "192.0.2.1", 2);

	second.bytes = 50;
	sad_has(200);
	fake_kernel_sa(&kernel, &second);
	poll_well();
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	kernel.dump_error_after[KERNEL_DUMP_SAD] = 1;
	for (int i = 0; i < 3; i++)
		poll_badly(-ETIMEDOUT);
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 2);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 250);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1000 * SECOND);
}

TEST(other_reads_that_fail)
{
	sad_has(200);
	poll_well();
	kernel.addrs_changed = true;
	kernel.dump_error[KERNEL_DUMP_ADDRS] = -ETIMEDOUT;
	kernel.dump_error_after[KERNEL_DUMP_ADDRS] = 1;
	poll_well();
	read_events();
	kernel.dump_error[KERNEL_DUMP_ADDRS] = 0;
	kernel.n_events_errors = 1;
	kernel.events_error = -EIO;
	poll_well();
	sad_has(300);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(health()->failed_polls, 0);
}

TEST(policies_that_cannot_be_read)
{
	kernel.dump_error[KERNEL_DUMP_SPD] = -ETIMEDOUT;
	poll_well();
	ck_assert_ptr_nonnull(strstr(health()->last_error, "the policies"));
	kernel.dump_error[KERNEL_DUMP_SPD] = 0;
	poll_well();
}

TEST(a_bad_message_in_the_dump)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);
	struct nlmsghdr *whole = message_newsa(XFRM_MSG_NEWSA, &sa);

	fake_kernel_add(&kernel.dumps[KERNEL_DUMP_SAD], message_cut(whole, 100));
	free(whole);
	poll_badly(-EBADMSG);
	sad_is_empty();
	fake_kernel_add(&kernel.dumps[KERNEL_DUMP_SAD], message_flushsa(0));
	fake_kernel_add(&kernel.dumps[KERNEL_DUMP_SAD], message_raw(200, NULL, 0));
	poll_well();
}

/* Lost events. */

TEST(events_were_dropped)
{
	sad_has(200);
	poll_well();
	ck_assert(!collector_wants_poll(collector));
	kernel.events_error = -ENOBUFS;
	kernel.n_events_errors = 1;
	kernel.now += SECOND;
	read_events();
	ck_assert(collector_wants_poll(collector));
	ck_assert_uint_eq(health()->event_losses, 1);
	sad_has(300);
	poll_well();
	ck_assert(!collector_wants_poll(collector));
	ck_assert_uint_eq(health()->resyncs, 1);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 300);
	kernel.now += SECOND;
	poll_well();
	ck_assert_uint_eq(health()->resyncs, 1);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
}

/* The remaining events are read in the same call. */
TEST(what_stays_after_a_drop)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);

	poll_well();
	kernel.events_error = -ENOBUFS;
	kernel.n_events_errors = 2;
	sa.bytes = 70;
	sa.packets = 1;
	fake_kernel_event(&kernel, message_delsa(&sa));
	read_events();
	ck_assert_uint_eq(health()->event_losses, 2);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 70);
}

static void events_are_dropped(struct fake_kernel *fake)
{
	fake->events_error = -ENOBUFS;
	fake->n_events_errors = 1;
}

/* The dump may not have shown the SAs of events that were lost during it. */
TEST(events_dropped_during_the_dump)
{
	poll_well();
	kernel.now += SECOND;
	kernel.during = events_are_dropped;
	poll_well();
	ck_assert(collector_wants_poll(collector));
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
	poll_well();
	ck_assert(!collector_wants_poll(collector));
	ck_assert_uint_eq(health()->resyncs, 1);
}

TEST(a_flood_does_not_starve_the_dump)
{
	sad_has(200);
	kernel.events_error = -ENOBUFS;
	kernel.n_events_errors = UINT32_MAX;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	ck_assert(collector_wants_poll(collector));
	ck_assert_uint_lt(strlen(kernel.asked), 100);
}

/* Events that are left before a dump are read after it. Only those left then are
 * lost. */
TEST(a_burst_that_takes_long_to_read)
{
	static const struct {
		unsigned n_events;
		bool lost;
	} bursts[] = {{4, false}, {5, false}, {104, false}, {105, true}};

	for (size_t i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		poll_well();
		kernel.events_a_read = 1;
		for (unsigned n = 0; n < bursts[i].n_events; n++) {
			struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1",
							   1000 * (uint32_t)i + n + 1);

			fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
			fake_kernel_sa(&kernel, &sa);
		}
		kernel.now += SECOND;
		poll_well();
		ck_assert_int_eq(collector_wants_poll(collector), bursts[i].lost);
		ck_assert_int_eq(row(ALL)->discontinuity == kernel.now, bursts[i].lost);
		ck_assert_uint_eq(health()->event_losses, 0);
		kernel.events_a_read = 0;
		poll_well();
	}
}

TEST(a_bad_event_is_a_lost_event)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);
	struct nlmsghdr *whole = message_newsa(XFRM_MSG_NEWSA, &sa);

	poll_well();
	fake_kernel_event(&kernel, message_cut(whole, 100));
	free(whole);
	read_events();
	ck_assert(collector_wants_poll(collector));
	sad_has(40);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 40);
	ck_assert_uint_eq(health()->resyncs, 1);
}

TEST(a_resync_that_fails_is_repeated)
{
	poll_well();
	kernel.events_error = -ENOBUFS;
	kernel.n_events_errors = 1;
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	poll_badly(-ETIMEDOUT);
	ck_assert(collector_wants_poll(collector));
	ck_assert_uint_eq(health()->resyncs, 0);
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_well();
	ck_assert_uint_eq(health()->resyncs, 1);
	ck_assert(!collector_wants_poll(collector));
}

/* The caller knows that messages are missing. */
TEST(a_gap_that_was_told)
{
	poll_well();
	kernel.now += SECOND;
	collector_note_gap(collector);
	ck_assert(collector_wants_poll(collector));
	poll_well();
	ck_assert(!collector_wants_poll(collector));
	ck_assert_uint_eq(health()->resyncs, 1);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
}

TEST(a_flush_marks_its_rows)
{
	struct sa_values other = sa_values_of("10.0.1.1", "192.0.2.1", 2);

	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	sad_has(200);
	poll_well();
	kernel.now += SECOND;
	fake_kernel_event(&kernel, message_flushsa(0));
	sad_is_empty();
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &other));
	fake_kernel_sa(&kernel, &other);
	poll_well();
	ck_assert_uint_eq(row("a")->stats.key_deletions, 1);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("a")->discontinuity, 1001 * SECOND);
	ck_assert_uint_eq(row("b")->discontinuity, 1000 * SECOND);
	ck_assert_uint_eq(row("b")->stats.active_sa, 1);
}

/* Staleness. */

TEST(rows_go_stale)
{
	OPEN("a local 10.0.0.1");
	poll_well();
	ck_assert(row("a")->active && row(ALL)->active);
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	kernel.now += 60 * SECOND;
	poll_badly(-ETIMEDOUT);
	ck_assert(row("a")->active && row(ALL)->active);
	kernel.now += 1;
	poll_badly(-ETIMEDOUT);
	ck_assert(!row("a")->active && !row(ALL)->active);
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_well();
	ck_assert(row("a")->active && row(ALL)->active);
}

TEST(stale_after_is_reconfigured)
{
	poll_well();
	reconfigure(NULL, 5 * SECOND);
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	kernel.now += 6 * SECOND;
	poll_badly(-ETIMEDOUT);
	ck_assert(!row(ALL)->active);
}
