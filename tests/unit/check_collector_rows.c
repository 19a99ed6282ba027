/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "ledger/ledger.h"
#include "runner.h"
#include "world.h"

CHAPTER(world_setup, world_teardown);

/* Columns 7 and 8, which only exist for the whole namespace. */

TEST(errors_with_no_instance)
{
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 7);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
	ck_assert_int_eq(row(ALL)->error_scope, ERROR_SCOPE_INSTANCE);
}

TEST(errors_with_one_instance)
{
	OPEN("a local 10.0.0.1");
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	poll_well();
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 7);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 10);
	ck_assert_int_eq(row("a")->error_scope, ERROR_SCOPE_INSTANCE);
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 0);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 0);
}

TEST(errors_with_two_instances)
{
	static const char *const names[] = {"a", "b", ALL};

	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	poll_well();
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(row(names[i])->stats.bad_spi_packets, 7);
		ck_assert_uint_eq(row(names[i])->stats.packets_not_decrypted, 10);
		ck_assert_int_eq(row(names[i])->error_scope, ERROR_SCOPE_NAMESPACE);
	}
}

TEST(errors_as_instances_are_added)
{
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	poll_well();
	RECONFIGURE("a local 10.0.0.1");
	kernel.xfrm_stat = "XfrmInNoStates\t9\nXfrmInStateProtoError\t15\n";
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 7);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 2);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 5);
	RECONFIGURE("a local 10.0.0.1", "b local 10.0.1.1");
	kernel.xfrm_stat = "XfrmInNoStates\t10\nXfrmInStateProtoError\t16\n";
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 10);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 10);
	ck_assert_uint_eq(row("b")->stats.packets_not_decrypted, 16);
}

TEST(not_decrypted_never_goes_back)
{
	struct sa_values sa = sa_values_of("192.0.2.1", "10.0.0.1", 1);

	kernel.xfrm_stat = "XfrmInStateProtoError\t10\n";
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
	/* failures between the two reads */
	sad_is_empty();
	sa.integrity_failed = 3;
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
	kernel.xfrm_stat = "XfrmInStateProtoError\t14\n";
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 11);
	sad_is_empty();
	sa.integrity_failed = 100;
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 11);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_authenticated, 100);
}

/* Each integrity failure, in any row, is also a protocol error of the namespace. */
TEST(integrity_failures_of_all_rows)
{
	struct sa_values a = sa_values_of("192.0.2.1", "10.0.0.1", 1);
	struct sa_values b = sa_values_of("192.0.2.1", "10.0.1.1", 2);

	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	a.integrity_failed = 2;
	b.integrity_failed = 3;
	fake_kernel_sa(&kernel, &a);
	fake_kernel_sa(&kernel, &b);
	kernel.xfrm_stat = "XfrmInStateProtoError\t9\n";
	poll_well();
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 4);
	ck_assert_uint_eq(row("a")->stats.packets_not_authenticated, 2);
	ck_assert_uint_eq(row("b")->stats.packets_not_authenticated, 3);
}

TEST(xfrm_table)
{
	kernel.xfrm_stat = "XfrmInError\t1\nXfrmInIptfsError\t2\n";
	poll_well();
	look();
	ck_assert_uint_eq(snapshot.n_xfrm, 2);
	ck_assert_str_eq(snapshot.xfrm[1].counter.name, "XfrmInIptfsError");
	ck_assert_uint_eq(snapshot.xfrm[1].counter.value, 2);
}

/* Row and direction of an SA. */

TEST(rows_by_configuration)
{
	struct sa_values in = sa_values_of("192.0.2.1", "10.0.1.1", 2);

	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	in.bytes = 30;
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	poll_well();
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("b")->stats.confidential_bytes_received, 30);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
}

/* Policies are read when an SA needs them, and again after a change. */
TEST(policies_show_the_direction)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "10.0.1.1", 1);
	const struct policy_values policy = {
	    .saddr = "0.0.0.0",
	    .daddr = "0.0.0.0",
	    .dir = XFRM_POLICY_OUT,
	    .n_templates = 1,
	    .templates = {{.family = AF_INET, .mode = XFRM_MODE_TUNNEL, .reqid = 1}},
	};

	sa.bytes = 70;
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 0);
	fake_kernel_policy(&kernel, &policy);
	fake_kernel_event(&kernel, message_newpolicy(&policy));
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 70);
	memset(kernel.asked, 0, sizeof(kernel.asked));
	poll_well();
	ck_assert_ptr_null(strchr(kernel.asked, 'P'));
}

TEST(policies_are_not_read_without_need)
{
	const struct policy_values policy = {.saddr = "0.0.0.0", .daddr = "0.0.0.0"};

	poll_well();
	memset(kernel.asked, 0, sizeof(kernel.asked));
	for (int i = 0; i < 3; i++) {
		fake_kernel_event(&kernel, message_newpolicy(&policy));
		sad_has(200);
		poll_well();
	}
	ck_assert_ptr_null(strchr(kernel.asked, 'P'));
}

TEST(many_policies)
{
	const struct policy_values policy = {.saddr = "0.0.0.0", .daddr = "0.0.0.0"};

	for (int i = 0; i < 100; i++)
		fake_kernel_policy(&kernel, &policy);
	fake_kernel_add(&kernel.dumps[KERNEL_DUMP_SPD], message_raw(200, NULL, 0));
	poll_well();
}

TEST(addresses_that_come_later)
{
	struct sa_values sa = sa_values_of("10.0.9.1", "192.0.2.1", 1);

	OPEN("a local 10.0.9.1");
	sa.bytes = 70;
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 0);
	fake_kernel_addr(&kernel, "10.0.9.1", 9);
	kernel.addrs_changed = true;
	poll_well();
	ck_assert(row("a")->active);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 70);
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_ADDRS]);
	kernel.addrs_changed = true;
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 70);
}

/* New configuration. */

TEST(a_new_instance_takes_what_is_its_own)
{
	sad_has(200);
	poll_well();
	kernel.now += SECOND;
	RECONFIGURE("a local 10.0.0.1 descr \"the first\"");
	ck_assert_str_eq(row("a")->descr, "the first");
	sad_has(250);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 50);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(row("a")->discontinuity, 1001 * SECOND);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1000 * SECOND);
}

TEST(an_instance_that_is_gone_keeps_its_row)
{
	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	sad_has(200);
	poll_well();
	RECONFIGURE("b local 10.0.1.1");
	sad_has(250);
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert(row("b")->active);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 250);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(snapshot.n_rows, 3);
}

/* Interfaces and sessions. */

TEST(sessions)
{
	OPEN("a local 10.0.0.1", "b local 10.0.1.1 remote 192.0.2.9", "c reqid 7");
	tree_session(&tree, 3, 1, "10.0.0.1", "192.0.2.1", "iqn.2024-01.org.example:a");
	tree_session(&tree, 4, 2, "10.0.0.1", "192.0.2.2", "iqn.2024-01.org.example:a");
	tree_session(&tree, 5, 3, "10.0.1.1", "192.0.2.1", "iqn.2024-01.org.example:b");
	poll_well();
	ck_assert_uint_eq(row("a")->sessions, 2);
	ck_assert_str_eq(row("a")->transport, "tcp");
	ck_assert_str_eq(row("a")->initiator_name, "iqn.2024-01.org.example:a");
	ck_assert_uint_eq(row("b")->sessions, 0);
	ck_assert_str_eq(row("b")->transport, "");
	ck_assert_uint_eq(row("c")->sessions, 0);
	tree_remove(&tree);
	tree_make(&tree);
	OPEN("a local 10.0.0.1");
	poll_well();
	ck_assert_uint_eq(row("a")->sessions, 0);
}

/* An initiator name stays after its sessions have ended. */
TEST(sessions_that_end)
{
	OPEN("a local 10.0.0.1");
	tree_session(&tree, 3, 1, "10.0.0.1", "192.0.2.1", "iqn.2024-01.org.example:a");
	poll_well();
	ck_assert_uint_eq(row("a")->sessions, 1);
	tree_delete(&tree, "class/iscsi_connection/connection1:0");
	poll_well();
	ck_assert_uint_eq(row("a")->sessions, 0);
	ck_assert_str_eq(row("a")->initiator_name, "iqn.2024-01.org.example:a");
}

TEST(devices)
{
	OPEN("a device eth0");
	sad_has(200);
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("a")->if_index, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	kernel.interface = "eth0";
	kernel.if_index = 2;
	sad_has(300);
	poll_well();
	ck_assert(row("a")->active);
	ck_assert_uint_eq(row("a")->if_index, 2);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 100);
	kernel.interface = NULL;
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("a")->if_index, 0);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
}
