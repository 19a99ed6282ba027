/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "ledger/ledger.h"
#include "runner.h"
#include "world.h"

CHAPTER(world_setup, world_teardown);

TEST(two_namespaces_in_one_snapshot)
{
	struct fake_kernel other = {.now = 500 * SECOND, .xfrm_stat = no_errors};
	struct collector *second = make_collector(&other, "blue", NULL);

	sad_has(200);
	poll_well();
	ck_assert_int_eq(collector_poll(second), 0);
	look();
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert_uint_eq(snapshot.n_rows, 2);
	ck_assert_str_eq(snapshot.rows[0].netns, "");
	ck_assert_str_eq(snapshot.rows[1].netns, "blue");
	ck_assert_uint_eq(snapshot.n_xfrm, 4);
	ck_assert_uint_eq(snapshot.health.last_poll, 500 * SECOND);
	ck_assert_uint_eq(snapshot.health.tracked_sas, 1);
	collector_free(second);
	fake_kernel_free(&other);
}

/* The last poll is the oldest of all namespaces; a namespace without a poll is the
 * oldest. */
TEST(a_namespace_that_was_never_polled)
{
	struct collector *second = make_collector(&kernel, "blue", NULL);

	poll_well();
	look();
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert_uint_eq(snapshot.health.last_poll, 0);
	snapshot_free(&snapshot);
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
	ck_assert_uint_eq(snapshot.health.last_poll, 0);
	collector_free(second);
}

TEST(rows_of_another_namespace)
{
	static const char *const lines[] = {"a reqid 1", NULL};
	static const char longest[] =
	    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";

	collector_free(collector);
	collector = make_collector(&kernel, "blue", lines);
	sad_has(200);
	poll_well();
	ck_assert_uint_eq(row("blue/a")->stats.confidential_bytes_sent, 200);
	ck_assert_str_eq(row("blue/a")->netns, "blue");
	ck_assert_uint_eq(row("blue/unattributed")->stats.active_sa, 0);
	ck_assert_uint_eq(snapshot.n_rows, 2);
	ck_assert_str_eq(snapshot.xfrm[0].netns, "blue");

	collector_free(collector);
	collector = make_collector(&kernel, longest, lines);
	poll_well();
	row("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn/a");
	row("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn~85a51159");
	ck_assert_str_eq(snapshot.rows[0].netns, longest);
	ck_assert_str_eq(snapshot.xfrm[0].netns, longest);
}

/* A namespace disappears, and another one gets its name. */

static void errors_are(uint64_t bad_spi, uint64_t not_decrypted)
{
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, bad_spi);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, not_decrypted);
}

static void come_again(bool same)
{
	ck_assert_int_eq(collector_attach(collector, &kernel, same), 0);
}

TEST(a_namespace_disappears)
{
	struct sa_values larval = sa_values_of("192.0.2.1", "10.0.0.1", 3);
	uint64_t before;

	struct sa_values younger = sa_values_of("10.0.0.1", "192.0.2.1", 4);

	larval.algs = MESSAGE_LARVAL;
	younger.add_time++; /* if only the first ended, that was a rekey */
	OPEN("a remote 192.0.2.2");
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	sad_has(200);
	fake_kernel_sa(&kernel, &larval);
	fake_kernel_sa(&kernel, &younger);
	poll_well();
	before = row("a")->discontinuity;
	kernel.now += SECOND;
	collector_detach(collector);
	memset(&kernel.asked, 0, sizeof(kernel.asked));
	kernel.now += SECOND;
	ck_assert(!row(ALL)->active);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.pending_key_operations, 0);
	ck_assert_uint_eq(row(ALL)->stats.active_tunnels, 0);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 2);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 2);
	ck_assert_uint_eq(row(ALL)->stats.rekeys, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 7);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
	ck_assert_uint_eq(row("a")->discontinuity, before);
	ck_assert_uint_eq(snapshot.n_xfrm, 0);
	ck_assert_uint_eq(health()->tracked_sas, 0);
	ck_assert_str_eq(kernel.asked, "");
	ck_assert(!collector_wants_poll(collector));
	collector_detach(collector); /* has no effect */
	RECONFIGURE("a remote 192.0.2.2", "b reqid 9");
	ck_assert(!row("b")->active);
	ck_assert_uint_eq(row("b")->discontinuity, 1001 * SECOND);
}

TEST(another_namespace_of_the_name)
{
	struct sa_values in = sa_values_of("192.0.2.1", "10.0.0.1", 2);

	in.integrity_failed = 4;
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 6);
	collector_detach(collector);
	/* the same numbers in another namespace */
	come_again(false);
	kernel.xfrm_stat = no_errors;
	in.integrity_failed = 0;
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 400);
	life_is(ALL, 2, 4, 2);
	ck_assert_uint_eq(row(ALL)->stats.active_tunnels, 1);
	errors_are(7, 6);
	ck_assert(row(ALL)->active);
	/* its errors count from 0 */
	in.integrity_failed = 1;
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	kernel.xfrm_stat = "XfrmInNoStates\t1\nXfrmInStateProtoError\t3\n";
	poll_well();
	errors_are(8, 8);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_authenticated, 5);
	/* and again */
	collector_detach(collector);
	come_again(false);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 9);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_authenticated, 6);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
}

/* The same namespace, which continued unread: nothing counts twice. */
TEST(the_same_namespace_again)
{
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	sad_has(200);
	poll_well();
	collector_detach(collector);
	kernel.now += 100 * SECOND;
	come_again(true);
	ck_assert(collector_wants_poll(collector));
	kernel.xfrm_stat = "XfrmInNoStates\t9\nXfrmInStateProtoError\t10\n";
	sad_has(500);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 500);
	life_is(ALL, 1, 2, 1);
	ck_assert_uint_eq(row(ALL)->stats.active_tunnels, 1);
	errors_are(9, 10);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1100 * SECOND);
	/* SAs that have ended meanwhile are lost */
	collector_detach(collector);
	come_again(true);
	sad_is_empty();
	poll_well();
	poll_well();
	life_is(ALL, 0, 3, 3);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 500);
}

/* Open events and a failed dump are settled when the namespace disappears. */
TEST(a_namespace_disappears_with_open_events)
{
	struct sa_values found = sa_values_of("10.0.0.1", "192.0.2.1", 2);

	sad_has(200);
	poll_well();
	sa_is_deleted(&kernel, 250);
	read_events();
	found.bytes = 70;
	found.packets = 1;
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
	fake_kernel_sa(&kernel, &found);
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	kernel.dump_error_after[KERNEL_DUMP_SAD] = 1;
	poll_badly(-ETIMEDOUT);
	collector_detach(collector);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 320);
	life_is(ALL, 0, 2, 2);
	come_again(false);
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	sad_has(10);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 330);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
}

TEST(has_counted)
{
	struct sa_values larval = sa_values_of("192.0.2.1", "10.0.0.1", 3);

	larval.algs = MESSAGE_LARVAL;
	fake_kernel_sa(&kernel, &larval);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.pending_key_operations, 1);
	ck_assert(!rows_have_counted(collector_rows(collector)));
	kernel.xfrm_stat = "XfrmInNoStates\t1\n";
	poll_well();
	ck_assert(rows_have_counted(collector_rows(collector)));
	open_collector(NULL);
	kernel.xfrm_stat = no_errors;
	sad_has(0);
	poll_well();
	ck_assert(rows_have_counted(collector_rows(collector)));
}

/* A namespace that has disappeared does not make the last poll older. */
TEST(health_without_namespaces_that_have_disappeared)
{
	struct fake_kernel other = {.now = 500 * SECOND, .xfrm_stat = no_errors};
	struct collector *second = make_collector(&other, "blue", NULL);

	poll_well();
	ck_assert_int_eq(collector_poll(second), 0);
	other.dump_error[KERNEL_DUMP_SAD] = -EIO;
	ck_assert_int_eq(collector_poll(second), -EIO);
	collector_detach(second);
	look();
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert_uint_eq(snapshot.health.last_poll, 1000 * SECOND);
	ck_assert_uint_eq(snapshot.health.failed_polls, 1);
	ck_assert_uint_eq(collector_status(second)->health.failed_polls, 1);
	collector_free(second);
	fake_kernel_free(&other);
}

TEST(a_rekey_before_the_same_namespace_again)
{
	struct sa_values old = sa_values_of("10.0.0.1", "192.0.2.1", 1);
	struct sa_values younger = sa_values_of("10.0.0.1", "192.0.2.1", 4);

	younger.add_time++;
	fake_kernel_sa(&kernel, &old);
	poll_well();
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &younger));
	fake_kernel_event(&kernel, message_delsa(&old));
	sad_is_empty();
	fake_kernel_sa(&kernel, &younger);
	poll_well();
	collector_detach(collector);
	ck_assert_uint_eq(row(ALL)->stats.rekeys, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 2);
	come_again(true);
	kernel.now += SECOND;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.rekeys, 1);
	life_is(ALL, 1, 3, 2);
}
