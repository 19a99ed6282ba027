/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/iscsi_sysfs.h"

#include <stdio.h>
#include <string.h>

#include "messages.h"
#include "runner.h"
#include "tree.h"

static struct tree tree;
static struct iscsi_sysfs found;

static void setup(void)
{
	tree_make(&tree);
	found = (struct iscsi_sysfs){0};
}

static void teardown(void)
{
	iscsi_sysfs_free(&found);
	tree_remove(&tree);
}

static void scan(void)
{
	iscsi_sysfs_free(&found);
	ck_assert_int_eq(iscsi_sysfs_read(tree.root, &found), 0);
}

CHAPTER(setup, teardown);

TEST(no_iscsi_at_all)
{
	scan();
	ck_assert_uint_eq(found.n_connections, 0);
	ck_assert_int_eq(iscsi_sysfs_read("/nonexistent", &found), 0);
	ck_assert_uint_eq(found.n_connections, 0);
}

TEST(a_session)
{
	const struct in6_addr local = addr_of("10.0.0.1");
	const struct in6_addr remote = addr_of("192.0.2.1");

	tree_session(&tree, 3, 17, "10.0.0.1", "192.0.2.1",
		     "iqn.2024-01.org.example:a");
	scan();
	ck_assert_uint_eq(found.n_connections, 1);
	ck_assert_uint_eq(found.connections[0].session, 17);
	ck_assert_uint_eq(found.connections[0].family, AF_INET);
	ck_assert_mem_eq(&found.connections[0].local, &local, sizeof(local));
	ck_assert_mem_eq(&found.connections[0].remote, &remote, sizeof(remote));
	ck_assert_str_eq(found.hosts[0].driver, "iscsi_tcp");
	ck_assert_str_eq(found.connections[0].initiator_name,
			 "iqn.2024-01.org.example:a");
}

/* The kernel prints all zeros. */
TEST(ipv6)
{
	const struct in6_addr remote = addr_of("2001:db8::2");

	tree_session(&tree, 1, 1, "2001:0db8:0000:0000:0000:0000:0000:0001",
		     "2001:0db8:0000:0000:0000:0000:0000:0002", "i");
	scan();
	ck_assert_uint_eq(found.connections[0].family, AF_INET6);
	ck_assert_mem_eq(&found.connections[0].remote, &remote, sizeof(remote));
}

TEST(two_sessions)
{
	tree_session(&tree, 1, 1, "10.0.0.1", "192.0.2.1", "a");
	tree_session(&tree, 2, 2, "10.0.0.1", "192.0.2.2", "b");
	scan();
	ck_assert_uint_eq(found.n_connections, 2);
	ck_assert_uint_ne(found.connections[0].session, found.connections[1].session);
}

TEST(not_connected)
{
	tree_session(&tree, 1, 1, "(null)", "192.0.2.1", "(null)");
	scan();
	ck_assert_uint_eq(found.n_connections, 1);
	ck_assert_uint_eq(found.connections[0].family, AF_INET);
	ck_assert(!found.connections[0].has_local);
	ck_assert_str_eq(found.connections[0].initiator_name, "");
	tree_text(&tree, "class/iscsi_host/host1/ipaddress", "10.0.0.1\n");
	tree_text(&tree, "class/iscsi_connection/connection1:0/address", "\n");
	scan();
	ck_assert_uint_eq(found.connections[0].family, 0);
}

TEST(other_drivers)
{
	tree_session(&tree, 1, 1, "10.0.0.1", "192.0.2.1", "i");
	tree_text(&tree, "class/scsi_host/host1/proc_name", "qla4xxx\n");
	scan();
	ck_assert_str_eq(found.hosts[0].driver, "qla4xxx");
	tree_text(&tree, "class/scsi_host/host1/proc_name", "");
	scan();
	ck_assert_str_eq(found.hosts[0].driver, "");
}

/* Names up to the limit of RFC 3720, and longer ones that a driver could print. */
TEST(long_names)
{
	char name[400];

	memset(name, 'i', sizeof(name));
	name[150] = '\0';
	tree_session(&tree, 1, 1, "10.0.0.1", "192.0.2.1", name);
	scan();
	ck_assert_str_eq(found.connections[0].initiator_name, name);
	memset(name, 'i', sizeof(name));
	tree_write(&tree, "class/iscsi_session/session1/initiatorname", name,
		   sizeof(name));
	tree_write(&tree, "class/scsi_host/host1/proc_name", name, sizeof(name));
	scan();
	ck_assert_uint_eq(strlen(found.connections[0].initiator_name), 223);
	ck_assert_uint_eq(strlen(found.hosts[0].driver), 32);
}

TEST(sessions_that_are_ending)
{
	tree_text(&tree, "class/iscsi_connection/connection9:0/address", "192.0.2.1\n");
	tree_text(&tree, "class/iscsi_connection/something/address", "192.0.2.1\n");
	tree_link(&tree, "class/iscsi_session/session8", "../../devices/nobody");
	tree_text(&tree, "class/iscsi_connection/connection8:0/address", "192.0.2.1\n");
	scan();
	ck_assert_uint_eq(found.n_connections, 0);
}
