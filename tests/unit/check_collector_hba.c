/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "ledger/ledger.h"
#include "runner.h"
#include "world.h"

CHAPTER(world_setup, world_teardown);

/* Discovered HBAs, with SAs that policies attribute. */

static const struct policy_values out_policy = {
    .saddr = "10.0.0.1",
    .daddr = "192.0.2.1",
    .saddr_prefix = 32,
    .daddr_prefix = 32,
    .proto = IPPROTO_TCP,
    .dport = 3260,
    .dport_mask = 0xffff,
    .dir = XFRM_POLICY_OUT,
    .n_templates = 1,
    .templates = {{.saddr = "10.0.0.1",
		   .daddr = "192.0.2.1",
		   .family = AF_INET,
		   .proto = IPPROTO_ESP,
		   .mode = XFRM_MODE_TUNNEL,
		   .reqid = 1}},
};

static void log_in(void)
{
	tree_session(&tree, 3, 1, "10.0.0.1", "192.0.2.1", "iqn.2024-01.org.example:a");
	tree_text(&tree, "class/iscsi_connection/connection1:0/port", "3260\n");
}

/* One that XFRM never sees. */
static void add_adapter(void)
{
	tree_link(&tree, "class/iscsi_host/host8",
		  "../../devices/pci0000:00/0000:00:03.0/host8/iscsi_host/host8");
	tree_text(&tree, "class/scsi_host/host8/proc_name", "qla4xxx\n");
}

TEST(a_discovered_hba)
{
	log_in();
	fake_kernel_policy(&kernel, &out_policy);
	sad_has(200);
	poll_well();
	ck_assert_uint_eq(snapshot.n_rows, 0);
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 1);
	ck_assert_uint_eq(snapshot.n_rows, 2);
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("tcp:default")->sessions, 1);
	ck_assert_uint_eq(row("tcp:default")->if_index, 2);
	ck_assert(row("tcp:default")->active);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 0);
	tree_delete(&tree, "class/iscsi_connection/connection1:0");
	sad_has(300);
	poll_well();
	ck_assert(!row("tcp:default")->active);
	ck_assert_uint_eq(row("tcp:default")->sessions, 0);
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 300);
	ck_assert_str_eq(row("tcp:default")->transport, "tcp");
}

/* strongSwan adds the SAs, then the policies. */
TEST(a_policy_just_after_its_sa)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);

	log_in();
	poll_well();
	sa.bytes = 52;
	sa.packets = 1;
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
	read_events();
	fake_kernel_policy(&kernel, &out_policy);
	fake_kernel_event(&kernel, message_newpolicy(&out_policy));
	sad_has(300);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(row("tcp:default")->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 0);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 0);
}

static void policy_comes(struct fake_kernel *fake)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);

	fake_kernel_event(fake, message_newsa(XFRM_MSG_NEWSA, &sa));
	fake_kernel_policy(fake, &out_policy);
	fake_kernel_event(fake, message_newpolicy(&out_policy));
}

TEST(a_policy_during_the_dump)
{
	log_in();
	poll_well();
	kernel.during = policy_comes;
	sad_has(300);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(row("tcp:default")->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 0);
}

/* An SA from before the session gets another row, and its earlier bytes stay. */
TEST(a_session_after_its_sa)
{
	fake_kernel_policy(&kernel, &out_policy);
	sad_has(200);
	poll_well();
	log_in();
	sad_has(300);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 1);
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 100);
	ck_assert_uint_eq(row("tcp:default")->stats.key_additions, 1);
}

/* The SPD is read after a change, not at each poll, and not without a session. */
TEST(policies_are_read_when_needed)
{
	poll_well();
	memset(kernel.asked, 0, sizeof(kernel.asked));
	fake_kernel_event(&kernel, message_newpolicy(&out_policy));
	poll_well();
	ck_assert_str_eq(kernel.asked, "EXSE");
	log_in();
	memset(kernel.asked, 0, sizeof(kernel.asked));
	poll_well();
	ck_assert_str_eq(kernel.asked, "EPXSE");
	memset(kernel.asked, 0, sizeof(kernel.asked));
	poll_well();
	ck_assert_str_eq(kernel.asked, "EXSE");
}

static struct sa_values between_the_ends(void)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 9);

	sa.mode = XFRM_MODE_TRANSPORT;
	sa.reqid = 5;
	return sa;
}

static void sa_without_policy_comes(void)
{
	const struct sa_values sa = between_the_ends();

	log_in();
	poll_well();
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
}

TEST(a_guess_waits_for_the_policy)
{
	struct policy_values policy = out_policy;

	sa_without_policy_comes();
	policy.proto = IPPROTO_UDP;
	policy.templates[0].mode = XFRM_MODE_TRANSPORT;
	policy.templates[0].reqid = 5;
	fake_kernel_policy(&kernel, &policy);
	fake_kernel_event(&kernel, message_newpolicy(&policy));
	poll_well();
	kernel.now += SECOND;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 0);
}

TEST(a_guess_when_no_policy_comes)
{
	sa_without_policy_comes();
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	kernel.now += SECOND;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 1);
}

TEST(a_guess_at_the_start)
{
	const struct sa_values sa = between_the_ends();

	log_in();
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 0);
}

/* The policies were read, but not the interfaces that they need. */
TEST(a_policy_before_a_dump_that_fails)
{
	struct policy_values other = out_policy;

	log_in();
	other.has_if_id = true;
	other.if_id = 9;
	fake_kernel_policy(&kernel, &other);
	kernel.route = 2;
	poll_well();
	fake_kernel_policy(&kernel, &out_policy);
	fake_kernel_event(&kernel, message_newpolicy(&out_policy));
	sad_has(100);
	kernel.dump_error[KERNEL_DUMP_LINKS] = -EINTR;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 100);
	kernel.dump_error[KERNEL_DUMP_LINKS] = 0;
	sad_has(200);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 100);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
}

TEST(discovery_that_is_turned_off)
{
	struct instance_set set;

	log_in();
	poll_well();
	configure(&set, NULL);
	set.discover = false;
	ck_assert_int_eq(
	    collector_reconfigure(collector, &set, &peer_config_default, 60 * SECOND),
	    0);
	instance_set_free(&set);
	fake_kernel_policy(&kernel, &out_policy);
	fake_kernel_event(&kernel, message_newpolicy(&out_policy));
	sad_has(100);
	poll_well();
	ck_assert(!row("tcp:default")->active);
	ck_assert_uint_eq(row("tcp:default")->sessions, 0);
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
}

/* Devices of rules are resolved before connections are attributed. */
TEST(a_session_by_its_device)
{
	kernel.interface = "eth0";
	kernel.if_index = 2;
	OPEN("san device eth0");
	log_in();
	poll_well();
	ck_assert_uint_eq(row("san")->sessions, 1);
	ck_assert_uint_eq(snapshot.n_rows, 2);
}

/* A rename is a discontinuity: no reader has seen these numbers under the new name. */
static void rename_to_storage(void)
{
	struct instance_set set;
	char error[200];

	configure(&set, NULL);
	ck_assert_int_eq(
	    instance_set_add_rename(&set, "tcp:default storage", error, sizeof(error)),
	    0);
	ck_assert_int_eq(
	    collector_reconfigure(collector, &set, &peer_config_default, SECOND), 0);
	instance_set_free(&set);
}

TEST(renames_are_discontinuities)
{
	log_in();
	poll_well();
	kernel.now += 5 * SECOND;
	rename_to_storage();
	ck_assert_uint_eq(row("storage")->discontinuity, kernel.now);
	kernel.now += SECOND;
	rename_to_storage();
	ck_assert_uint_eq(row("storage")->discontinuity, kernel.now - SECOND);
}

/* Two tunnels to any address: the route shows which one the connection takes. */
TEST(the_route_shows_the_policy)
{
	struct policy_values policy = out_policy;
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.9", 1);

	log_in();
	policy.saddr = policy.daddr = "0.0.0.0";
	policy.saddr_prefix = policy.daddr_prefix = 0;
	policy.has_if_id = sa.has_if_id = true;
	for (uint32_t i = 7; i <= 8; i++) {
		policy.if_id = sa.if_id = i;
		policy.templates[0].daddr = sa.daddr =
		    i == 7 ? "192.0.2.9" : "192.0.2.8";
		sa.spi = sa.reqid = policy.templates[0].reqid = i;
		sa.bytes = 100 * i;
		sa.packets = i;
		fake_kernel_policy(&kernel, &policy);
		fake_kernel_sa(&kernel, &sa);
		fake_kernel_link(&kernel, 50 + i, i);
	}
	kernel.route = 58;
	poll_well();
	ck_assert_str_eq(kernel.asked, "AEPLRXSE");
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 800);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 700);
}

TEST(no_route_no_tunnel)
{
	struct policy_values policy = out_policy;

	log_in();
	policy.has_if_id = true;
	policy.if_id = 7;
	fake_kernel_policy(&kernel, &policy);
	fake_kernel_link(&kernel, 57, 7);
	sad_has(200);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
}

/* One HBA has the namespace's errors alone, two share them. Adapters with an own
 * IPsec have none. */
TEST(errors_of_discovered_hbas)
{
	log_in();
	add_adapter();
	kernel.xfrm_stat = "XfrmInNoStates\t5\n";
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.bad_spi_packets, 5);
	ck_assert_int_eq(row("tcp:default")->error_scope, ERROR_SCOPE_INSTANCE);
	ck_assert_uint_eq(row("qla4xxx:0000:00:03.0")->stats.bad_spi_packets, 0);
	ck_assert(row("qla4xxx:0000:00:03.0")->active);
	tree_session(&tree, 4, 2, "10.0.1.1", "192.0.2.2", "iqn.2024-01.org.example:a");
	tree_text(&tree,
		  "devices/platform/host4/session2/iscsi_session/session2/ifacename",
		  "eth1\n");
	kernel.xfrm_stat = "XfrmInNoStates\t8\n";
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.bad_spi_packets, 8);
	ck_assert_uint_eq(row("tcp:eth1")->stats.bad_spi_packets, 8);
	ck_assert_int_eq(row("tcp:eth1")->error_scope, ERROR_SCOPE_NAMESPACE);
	ck_assert_uint_eq(row("qla4xxx:0000:00:03.0")->stats.bad_spi_packets, 0);
	ck_assert_int_eq(row("qla4xxx:0000:00:03.0")->error_scope,
			 ERROR_SCOPE_INSTANCE);
}

/* An adapter with its own IPsec has a part in the errors if it is configured as well.
 */
TEST(errors_of_a_configured_adapter)
{
	OPEN("qla4xxx:0000:00:03.0 reqid 9");
	log_in();
	add_adapter();
	kernel.xfrm_stat = "XfrmInNoStates\t5\n";
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.bad_spi_packets, 5);
	ck_assert_uint_eq(row("qla4xxx:0000:00:03.0")->stats.bad_spi_packets, 5);
	ck_assert_int_eq(row("qla4xxx:0000:00:03.0")->error_scope,
			 ERROR_SCOPE_NAMESPACE);
}
