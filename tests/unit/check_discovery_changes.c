/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "discovery_world.h"

#include "instances.h"
#include "messages.h"

/* What changes in sysfs while it is read. */

CHAPTER(discovery_setup, discovery_teardown);

/* During a login the kernel has neither record nor initiator. */
TEST(a_login_under_way)
{
	const struct hba_host host = {HBA_ISCSI_TCP, 3, .ipaddress = "10.0.1.1"};
	struct hba_session session = {.number = 1,
				      .address = "10.0.1.2",
				      .persistent = "(null)",
				      .state = "FREE"};

	hba_log_in(&tree, &host, &session);
	look();
	ck_assert_uint_eq(set.n, 1);
	ck_assert_uint_eq(sysfs.n_connections, 1);
	ck_assert(iscsi_sysfs_unsettled(&sysfs));
	/* a rule by address matches already */
	instances_configure(&set, "mine remote 10.0.1.2");
	look();
	ck_assert_str_eq(owner_of(1), "mine");
	forget();
	/* the record is set first, which is too early */
	hba_log_out(&tree, &host, &session);
	session.iface = "eth1";
	hba_log_in(&tree, &host, &session);
	look();
	ck_assert_uint_eq(set.n, 1);
	hba_log_out(&tree, &host, &session);
	session.initiator = IQN "a";
	session.state = NULL;
	hba_log_in(&tree, &host, &session);
	look();
	ck_assert_uint_eq(set.n, 2);
	ck_assert_str_eq(owner_of(1), "tcp:eth1");
	ck_assert(!iscsi_sysfs_unsettled(&sysfs));
}

/* Attributes disappear before the entry of the class, and appear after it. */
TEST(entries_without_attributes)
{
	const struct hba_host port = CXGB4I_PORT(8, "50", "eth4");

	tcp(1, "eth1", IQN "a");
	look();
	tree_delete(&tree, "devices/platform/host1/session1/iscsi_session/session1");
	look();
	ck_assert(iscsi_sysfs_unsettled(&sysfs));
	ck_assert_uint_eq(set.n, 2);
	ck_assert(!get("tcp:eth1")->present);
	tree_delete(&tree, "devices/platform/host1");
	look();
	ck_assert(iscsi_sysfs_unsettled(&sysfs));
	ck_assert_uint_eq(set.n, 2);
	tree_delete(&tree, "class/scsi_host/host1");
	tree_delete(&tree, "class/iscsi_host/host1");
	tree_delete(&tree, "class/iscsi_session/session1");
	look();
	ck_assert_uint_eq(sysfs.n_connections, 0);
	ck_assert(!iscsi_sysfs_unsettled(&sysfs));
	hba_add_host(&tree, &port);
	tree_delete(&tree, "class/iscsi_host/host8/hwaddress");
	look();
	ck_assert_uint_eq(set.n, 2);
	tree_delete(&tree, "class/scsi_host/host8");
	look();
	ck_assert(iscsi_sysfs_unsettled(&sysfs));
	ck_assert_uint_eq(set.n, 2);
}

/* The host of a session has disappeared, or not appeared yet. */
TEST(a_session_without_a_host)
{
	tcp(1, "eth1", IQN "a");
	tree_delete(&tree, "class/iscsi_host/host1");
	look();
	ck_assert_uint_eq(sysfs.n_hosts, 0);
	ck_assert_uint_eq(set.n, 1);
	ck_assert_ptr_null(owner_of(1));
}

TEST(odd_entries)
{
	tree_text(&tree, "class/iscsi_host/host/x", "");
	tree_link(&tree, "class/iscsi_host/host1x", "../../devices/platform/host1");
	tree_link(&tree, "class/iscsi_host/host2", "../../devices/gone");
	tree_text(&tree, "class/iscsi_connection/connection1/x", "");
	tree_link(&tree, "class/iscsi_session/session2", "../../devices/no/number");
	tree_text(&tree, "class/iscsi_connection/connection2:0/address", "10.0.1.2\n");
	look();
	ck_assert_uint_eq(set.n, 1);
	ck_assert_uint_eq(sysfs.n_connections, 0);
	ck_assert_uint_eq(sysfs.n_hosts, 1); /* the link says that it exists */
}

/* During recovery, host and connection have no address. The persistent address is
 * that of the login, not that of the portal to which the target redirected it. */
TEST(a_session_that_recovers)
{
	const struct hba_host host = {HBA_ISCSI_TCP, 3, .ipaddress = "10.0.1.1"};
	const struct hba_session session = {.number = 1,
					    .target = TARGET,
					    .iface = "eth1",
					    .initiator = IQN "a",
					    .address = "10.0.1.2",
					    .persistent = "10.0.1.200",
					    .local_port = 40000};
	struct hba_host lost_host = host;
	struct hba_session lost = session;
	const struct in6_addr local = addr_of("10.0.1.1");
	const struct in6_addr remote = addr_of("10.0.1.2");
	const struct in6_addr persistent = addr_of("10.0.1.200");

	hba_log_in(&tree, &host, &session);
	look();
	hba_log_out(&tree, &host, &session);
	lost_host.ipaddress = NULL;
	lost.address = NULL;
	lost.state = "FAILED";
	hba_log_in(&tree, &lost_host, &lost);
	for (int i = 0; i < 2; i++) {
		look();
		ck_assert(iscsi_sysfs_unsettled(&sysfs));
		ck_assert(sysfs.connections[0].has_local);
		ck_assert(!sysfs.connections[0].connected);
		ck_assert_mem_eq(&sysfs.connections[0].local, &local, sizeof(local));
		ck_assert_mem_eq(&sysfs.connections[0].remote, &remote, sizeof(remote));
		ck_assert_uint_eq(sysfs.connections[0].remote_port, 3260);
		ck_assert_uint_eq(get("tcp:eth1")->sessions, 1);
		ck_assert(get("tcp:eth1")->present);
		ck_assert_uint_eq(get("tcp:eth1")->local_if_index, 3);
	}
	/* without an earlier reading: the persistent address, or none */
	iscsi_sysfs_free(&sysfs);
	look();
	ck_assert(!sysfs.connections[0].has_local);
	ck_assert_mem_eq(&sysfs.connections[0].remote, &persistent, sizeof(remote));
	iscsi_sysfs_free(&sysfs);
	hba_log_out(&tree, &lost_host, &lost);
	lost.persistent = "storage.example.org";
	hba_log_in(&tree, &lost_host, &lost);
	look();
	ck_assert_uint_eq(sysfs.connections[0].family, 0);
	ck_assert_str_eq(owner_of(1), "tcp:eth1");
}

/* A session that reconnects elsewhere has its new addresses. */
TEST(a_session_that_moves)
{
	const struct hba_host host = {HBA_ISCSI_TCP, 3, .ipaddress = "10.0.1.1"};
	const struct hba_host later = {HBA_ISCSI_TCP, 3, .ipaddress = "2001:db8:1::1"};
	struct hba_session session = {.number = 1,
				      .target = TARGET,
				      .iface = "eth1",
				      .initiator = IQN "a",
				      .address = "10.0.1.2"};
	const struct in6_addr local = addr_of("2001:db8:1::1");

	hba_log_in(&tree, &host, &session);
	look();
	hba_log_out(&tree, &host, &session);
	session.address = "2001:db8:1::2";
	hba_log_in(&tree, &later, &session);
	look();
	ck_assert_uint_eq(sysfs.connections[0].family, AF_INET6);
	ck_assert_mem_eq(&sysfs.connections[0].local, &local, sizeof(local));
	/* only the local one is unknown; the old one is of another family */
	tree_delete(&tree, "class/iscsi_host/host3/ipaddress");
	session.address = "10.0.1.2";
	hba_remove_session(&tree, &later, &session);
	hba_add_session(&tree, &later, &session);
	look();
	ck_assert_uint_eq(sysfs.connections[0].family, AF_INET);
	ck_assert(!sysfs.connections[0].has_local);
}

/* Two connections of one session, which no present driver has. */
TEST(connections_of_one_session)
{
	tcp(1, "eth1", IQN "a");
	tree_text(&tree, "class/iscsi_connection/connection1:1/address", "10.0.1.3\n");
	look();
	ck_assert_uint_eq(sysfs.n_connections, 2);
	ck_assert_uint_eq(get("tcp:eth1")->sessions, 1);
}
