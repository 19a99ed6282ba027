/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/discovery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hba.h"
#include "messages.h"
#include "runner.h"
#include "util/text.h"
#include "tree.h"

#define IQN "iqn.1993-08.org.debian:01:"
#define TARGET "iqn.2003-01.org.example.storage:disk1"
#define PCI "pci0000:00/0000:00:02.0/0000:04:00.0"

enum { MAX_CONNECTIONS = 16 };

static struct tree tree;
static struct iscsi_sysfs sysfs;
static struct instance_set set;
static struct local_addrs addrs;
static unsigned owners[MAX_CONNECTIONS];

static void has_addr(const char *text, uint32_t if_index)
{
	struct nlmsghdr *nlh = message_newaddr(text, text, if_index);

	ck_assert_int_eq(local_addrs_add(&addrs, nlh), 0);
	local_addrs_sort(&addrs);
	free(nlh);
}

static void setup(void)
{
	tree_make(&tree);
	sysfs = (struct iscsi_sysfs){0};
	addrs = (struct local_addrs){0};
	ck_assert_int_eq(instance_set_init(&set), 0);
	has_addr("10.0.1.1", 3);
	has_addr("10.0.2.1", 4);
	has_addr("2001:db8:1::1", 3);
}

static void teardown(void)
{
	iscsi_sysfs_free(&sysfs);
	instance_set_free(&set);
	local_addrs_free(&addrs);
	tree_remove(&tree);
}

/* One poll's look at the tree. */
static void look(void)
{
	struct iscsi_sysfs fresh;

	ck_assert_int_eq(iscsi_sysfs_read(tree.root, &fresh), 0);
	ck_assert_uint_le(fresh.n_connections, MAX_CONNECTIONS);
	iscsi_sysfs_recall(&fresh, &sysfs);
	iscsi_sysfs_free(&sysfs);
	sysfs = fresh;
	ck_assert_int_eq(discovery_update(&set, &sysfs, &addrs, set.discover, owners),
			 0);
}

static const struct instance *get(const char *name)
{
	int number = instance_set_find(&set, name);

	ck_assert_msg(number > 0, "there is no %s", name);
	return &set.instances[number];
}

static void there_is_no(const char *name)
{
	ck_assert_int_eq(instance_set_find(&set, name), -ENOENT);
}

/* The owner's name of a session's connection, NULL: nobody. */
static const char *owner_of(unsigned session)
{
	for (size_t i = 0; i < sysfs.n_connections; i++)
		if (sysfs.connections[i].session == session)
			return owners[i] ? set.instances[owners[i]].name : NULL;
	ck_abort_msg("there is no session %u", session);
	return NULL;
}

static void forget(void)
{
	instance_set_free(&set);
	ck_assert_int_eq(instance_set_init(&set), 0);
}

/* Everything, as after a reboot. */
static void reboot(void)
{
	forget();
	iscsi_sysfs_free(&sysfs);
	tree_remove(&tree);
	tree_make(&tree);
}

/* A session of iscsi_tcp, whose host has its number. */
static void tcp(unsigned number, const char *iface, const char *initiator)
{
	const struct hba_host host = {HBA_ISCSI_TCP, number, .ipaddress = "10.0.1.1"};
	const struct hba_session session = {.number = number,
					    .target = TARGET,
					    .iface = iface,
					    .initiator = initiator,
					    .address = "10.0.1.2",
					    .local_port = 40000};

	hba_log_in(&tree, &host, &session);
}

static void tcp_out(unsigned number)
{
	const struct hba_host host = {.driver = HBA_ISCSI_TCP, .number = number};
	const struct hba_session session = {.number = number};

	hba_log_out(&tree, &host, &session);
}

/* The trees of each driver. */

CHAPTER(setup, teardown);

/* Two records, one of which has two sessions; unbound, so that the host has nothing but
 * its address. */
TEST(iscsi_tcp)
{
	tcp(3, "eth1", IQN "a");
	tcp(4, "default", IQN "a");
	tcp(5, "eth1", IQN "a");
	look();
	ck_assert_uint_eq(set.n, 3);
	ck_assert_uint_eq(get("tcp:eth1")->sessions, 2);
	ck_assert_uint_eq(get("tcp:default")->sessions, 1);
	ck_assert_str_eq(get("tcp:eth1")->transport, "tcp");
	ck_assert_str_eq(get("tcp:eth1")->initiator_name, IQN "a");
	ck_assert_str_eq(get("tcp:eth1")->netdev, "");
	ck_assert_uint_eq(get("tcp:eth1")->local_if_index, 3);
	ck_assert(get("tcp:eth1")->present);
	ck_assert(get("tcp:eth1")->software);
	ck_assert_str_eq(get("tcp:eth1")->found, "tcp:eth1");
	ck_assert_str_eq(instance_descr(get("tcp:eth1")),
			 "open-iscsi interface \"eth1\"");
	ck_assert_str_eq(owner_of(3), "tcp:eth1");
	ck_assert_str_eq(owner_of(4), "tcp:default");
	ck_assert_str_eq(owner_of(5), "tcp:eth1");
	ck_assert(!iscsi_sysfs_unsettled(&sysfs));
	ck_assert_uint_eq(sysfs.connections[0].local_port, 40000);
	ck_assert_uint_eq(sysfs.connections[0].remote_port, 3260);
	ck_assert(sysfs.connections[0].connected);
}

/* Bound to a device, with IPv6. */
TEST(iscsi_tcp_on_a_device)
{
	const struct hba_host host = {HBA_ISCSI_TCP,
				      7,
				      .hwaddress = "52:54:00:12:34:56",
				      .netdev = "eth1",
				      .ipaddress = "2001:db8:1::1",
				      .initiator = IQN "a"};
	const struct hba_session session = {.number = 2,
					    .target = TARGET,
					    .iface = "eth1",
					    .initiator = IQN "a",
					    .address = "2001:db8:1::2"};
	const struct in6_addr local = addr_of("2001:db8:1::1");
	const struct in6_addr remote = addr_of("2001:db8:1::2");

	hba_log_in(&tree, &host, &session);
	look();
	ck_assert_str_eq(get("tcp:eth1")->netdev, "eth1");
	ck_assert_uint_eq(get("tcp:eth1")->local_if_index, 3);
	ck_assert_uint_eq(sysfs.connections[0].family, AF_INET6);
	ck_assert(sysfs.connections[0].has_local);
	ck_assert_mem_eq(&sysfs.connections[0].local, &local, sizeof(local));
	ck_assert_mem_eq(&sysfs.connections[0].remote, &remote, sizeof(remote));
}

/* Software too, although its host is a child of the RDMA card; it shows no address. */
TEST(iser)
{
	const struct hba_host host = {HBA_ISER, 9, .parent = PCI};
	const struct hba_session session = {.number = 1,
					    .target = TARGET,
					    .iface = "iser",
					    .initiator = IQN "a",
					    .address = "10.0.2.2"};

	hba_log_in(&tree, &host, &session);
	look();
	ck_assert_uint_eq(set.n, 2);
	ck_assert_str_eq(get("iser:iser")->transport, "iser");
	ck_assert_str_eq(get("iser:iser")->initiator_name, IQN "a");
	ck_assert(get("iser:iser")->software);
	ck_assert_uint_eq(get("iser:iser")->sessions, 1);
	ck_assert_uint_eq(get("iser:iser")->local_if_index, 0);
	ck_assert(!sysfs.connections[0].has_local);
	ck_assert_uint_eq(sysfs.connections[0].family, AF_INET);
	ck_assert_uint_eq(sysfs.connections[0].local_port, 0);
	ck_assert_str_eq(sysfs.hosts[0].pci, "0000:04:00.0");
}

/* Both functions of one card, one without an address; their sessions have no initiator
 * name, the hosts have. */
TEST(qla4xxx)
{
	const struct hba_host first = {HBA_QLA4XXX,
				       1,
				       "pci0000:00/0000:00:03.0/0000:03:00.1",
				       "00:0e:1e:04:8b:2e",
				       .ipaddress = "10.0.1.9",
				       .initiator = "iqn.2000-04.com.qlogic:isp8214.0",
				       .iface_address = "10.0.1.9"};
	const struct hba_host second = {HBA_QLA4XXX,
					2,
					"pci0000:00/0000:00:03.0/0000:03:00.3",
					"00:0e:1e:04:8b:2f",
					.ipaddress = "0.0.0.0",
					.initiator = "iqn.2000-04.com.qlogic:isp8214.1",
					.iface_address = "0.0.0.0"};
	const struct hba_session v4 = {
	    .number = 1, .target = TARGET, .address = "10.0.1.2", .local_port = 1024};
	const struct hba_session v6 = {.number = 2,
				       .target = TARGET,
				       .address = "2001:db8:1::2",
				       .local = "fe80::20e:1eff:fe04:8b2e"};
	const struct hba_session unknown = {
	    .number = 3, .target = TARGET, .address = "2001:db8:1::2"};
	const struct in6_addr local = addr_of("fe80::20e:1eff:fe04:8b2e");

	hba_add_host(&tree, &first);
	hba_add_host(&tree, &second);
	hba_add_session(&tree, &first, &v4);
	hba_add_session(&tree, &first, &v6);
	hba_add_session(&tree, &first, &unknown);
	look();
	ck_assert_uint_eq(set.n, 3);
	ck_assert_uint_eq(get("qla4xxx:0000:03:00.1")->sessions, 3);
	ck_assert_uint_eq(get("qla4xxx:0000:03:00.3")->sessions, 0);
	ck_assert(get("qla4xxx:0000:03:00.3")->present);
	ck_assert(!get("qla4xxx:0000:03:00.1")->software);
	ck_assert_str_eq(get("qla4xxx:0000:03:00.1")->transport, "qla4xxx");
	ck_assert_str_eq(get("qla4xxx:0000:03:00.1")->initiator_name,
			 "iqn.2000-04.com.qlogic:isp8214.0");
	ck_assert_str_eq(get("qla4xxx:0000:03:00.1")->netdev, "");
	ck_assert_str_eq(
	    instance_descr(get("qla4xxx:0000:03:00.1")),
	    "qla4xxx adapter at 0000:03:00.1, 00:0e:1e:04:8b:2e, TCP/IP and "
	    "IPsec of its own");
	ck_assert(sysfs.connections[0].has_local);
	ck_assert_mem_eq(&sysfs.connections[1].local, &local, sizeof(local));
	ck_assert(!sysfs.connections[2].has_local);
	ck_assert_uint_eq(sysfs.hosts[1].family, 0);
}

/* Its address is the interface's. */
TEST(be2iscsi)
{
	const struct hba_host host = {HBA_BE2ISCSI,
				      4,
				      "pci0000:40/0000:40:01.0/0000:41:00.2",
				      "00:90:fa:1b:2c:3d",
				      .initiator =
					  "iqn.1990-07.com.emulex:00-90-fa-1b-2c-3d",
				      .iface_address = "2001:db8:1::9"};
	const struct hba_session session = {
	    .number = 6,
	    .target = TARGET,
	    .iface = "be2iscsi.00:90:fa:1b:2c:3d.ipv6.0",
	    .initiator = "iqn.1990-07.com.emulex:00-90-fa-1b-2c-3d",
	    .address = "2001:db8:1::2"};
	const struct in6_addr local = addr_of("2001:db8:1::9");

	hba_add_host(&tree, &host);
	look();
	ck_assert_uint_eq(get("be2iscsi:0000:41:00.2")->sessions, 0);
	ck_assert_str_eq(get("be2iscsi:0000:41:00.2")->initiator_name,
			 "iqn.1990-07.com.emulex:00-90-fa-1b-2c-3d");
	hba_add_session(&tree, &host, &session);
	look();
	ck_assert_uint_eq(set.n, 2);
	ck_assert_uint_eq(get("be2iscsi:0000:41:00.2")->sessions, 1);
	ck_assert(sysfs.connections[0].has_local);
	ck_assert_mem_eq(&sysfs.connections[0].local, &local, sizeof(local));
	ck_assert_uint_eq(sysfs.connections[0].local_port, 0);
}

/* The initiator's name is at the session alone: it stays when the session goes. */
TEST(bnx2i)
{
	struct hba_host host = {
	    HBA_BNX2I,           0,      "pci0000:00/0000:00:09.0/0000:05:00.0",
	    "00:10:18:a5:32:19", "eth2", .ipaddress = ""};
	const struct hba_session session = {.number = 3,
					    .target = TARGET,
					    .iface = "bnx2i.00:10:18:a5:32:19",
					    .initiator = IQN "b",
					    .address = "10.0.1.2"};

	hba_add_host(&tree, &host);
	look();
	ck_assert_str_eq(get("bnx2i:0000:05:00.0")->initiator_name, "");
	hba_remove_host(&tree, &host);
	host.ipaddress = "10.0.1.8";
	hba_add_host(&tree, &host);
	hba_add_session(&tree, &host, &session);
	look();
	ck_assert_uint_eq(set.n, 2);
	ck_assert_str_eq(get("bnx2i:0000:05:00.0")->netdev, "eth2");
	ck_assert_str_eq(get("bnx2i:0000:05:00.0")->initiator_name, IQN "b");
	ck_assert(!get("bnx2i:0000:05:00.0")->software);
	ck_assert_str_eq(owner_of(3), "bnx2i:0000:05:00.0");
	hba_remove_session(&tree, &host, &session);
	look();
	ck_assert_uint_eq(get("bnx2i:0000:05:00.0")->sessions, 0);
	ck_assert(get("bnx2i:0000:05:00.0")->present);
	ck_assert_str_eq(get("bnx2i:0000:05:00.0")->initiator_name, IQN "b");
}

/* What it calls its network interface is the host's own name. */
TEST(qedi)
{
	const struct hba_host host = {HBA_QEDI, 11,
				      "pci0000:16/0000:16:02.0/0000:18:00.4",
				      "f4:e9:d4:ee:30:11", .ipaddress = "10.0.1.7"};
	const struct hba_session session = {.number = 8,
					    .target = TARGET,
					    .iface = "qedi.f4:e9:d4:ee:30:11",
					    .initiator = IQN "c",
					    .address = "10.0.1.2"};

	hba_add_host(&tree, &host);
	hba_add_session(&tree, &host, &session);
	look();
	ck_assert_uint_eq(set.n, 2);
	ck_assert_str_eq(get("qedi:0000:18:00.4")->netdev, "");
	ck_assert_str_eq(get("qedi:0000:18:00.4")->initiator_name, IQN "c");
	ck_assert_uint_eq(get("qedi:0000:18:00.4")->sessions, 1);
	ck_assert(!get("qedi:0000:18:00.4")->software);
}

#define CXGB4I_PORT(n, last, name)                                     \
	{                                                              \
		HBA_CXGB4I, n, "pci0000:00/0000:00:01.0/0000:04:00.4", \
		    "00:07:43:0b:24:" last, name, .ipaddress = ""      \
	}

/* One PCI function, a host for each port. */
TEST(cxgb4i)
{
	const struct hba_host first = CXGB4I_PORT(2, "50", "eth4");
	const struct hba_host second = CXGB4I_PORT(3, "58", "eth5");
	const struct hba_session session = {.number = 1,
					    .target = TARGET,
					    .iface = "cxgb4i.00:07:43:0b:24:58",
					    .initiator = IQN "d",
					    .address = "2001:db8:1::2"};

	hba_add_host(&tree, &first);
	look();
	hba_add_host(&tree, &second);
	hba_add_session(&tree, &second, &session);
	look();
	ck_assert_uint_eq(set.n, 3);
	ck_assert_uint_eq(get("cxgb4i:0000:04:00.4:00:07:43:0b:24:50")->sessions, 0);
	ck_assert_uint_eq(get("cxgb4i:0000:04:00.4:00:07:43:0b:24:58")->sessions, 1);
	ck_assert_str_eq(get("cxgb4i:0000:04:00.4:00:07:43:0b:24:50")->netdev, "eth4");
	ck_assert_str_eq(get("cxgb4i:0000:04:00.4:00:07:43:0b:24:58")->netdev, "eth5");
	ck_assert_str_eq(owner_of(1), "cxgb4i:0000:04:00.4:00:07:43:0b:24:58");
}

/* Names that last. */

/* Other host numbers, another order, other session numbers. */
TEST(names_outlast_a_reboot)
{
	struct hba_host card = {HBA_BNX2I,           0,      PCI,
				"00:10:18:a5:32:19", "eth2", .ipaddress = ""};
	struct hba_host left = CXGB4I_PORT(1, "50", "eth4");
	struct hba_host right = CXGB4I_PORT(2, "58", "eth5");
	char before[5][INSTANCE_NAME_MAX + 1];

	hba_add_host(&tree, &card);
	hba_add_host(&tree, &left);
	hba_add_host(&tree, &right);
	tcp(3, "default", IQN "a");
	tcp(4, "eth1", IQN "a");
	look();
	ck_assert_uint_eq(set.n, 6);
	for (size_t i = 1; i < set.n; i++)
		memcpy(before[i - 1], set.instances[i].name, sizeof(before[0]));
	reboot();
	card.number = 9;
	left.number = 5;
	right.number = 0;
	tcp(1, "eth1", IQN "a");
	tcp(2, "default", IQN "a");
	look();
	hba_add_host(&tree, &right);
	hba_add_host(&tree, &left);
	hba_add_host(&tree, &card);
	look();
	ck_assert_uint_eq(set.n, 6);
	for (size_t i = 0; i < 5; i++)
		ck_assert(get(before[i])->present);
}

TEST(a_row_outlasts_its_sessions)
{
	int number;

	tcp(3, "eth1", IQN "a");
	look();
	number = instance_set_find(&set, "tcp:eth1");
	tcp_out(3);
	look();
	ck_assert_uint_eq(set.n, 2);
	ck_assert(!get("tcp:eth1")->present);
	ck_assert(!get("tcp:eth1")->software);
	ck_assert_uint_eq(get("tcp:eth1")->sessions, 0);
	ck_assert_uint_eq(get("tcp:eth1")->local_if_index, 0);
	ck_assert_str_eq(get("tcp:eth1")->initiator_name, IQN "a");
	ck_assert_str_eq(get("tcp:eth1")->transport, "tcp");
	tcp(3, "default", IQN "a"); /* the number of the host that was */
	tcp(6, "eth1", IQN "a");
	look();
	ck_assert_int_eq(instance_set_find(&set, "tcp:eth1"), number);
	ck_assert(get("tcp:eth1")->present);
	ck_assert_str_eq(owner_of(3), "tcp:default");
}

TEST(an_adapter_that_is_taken_out)
{
	const struct hba_host host = {HBA_QEDI, 1, PCI, "f4:e9:d4:ee:30:11",
				      .ipaddress = ""};

	hba_add_host(&tree, &host);
	look();
	hba_remove_host(&tree, &host);
	look();
	ck_assert_uint_eq(set.n, 2);
	ck_assert(!get("qedi:0000:04:00.0")->present);
	hba_add_host(&tree, &host);
	look();
	ck_assert_uint_eq(set.n, 2);
	ck_assert(get("qedi:0000:04:00.0")->present);
}

/* A second initiator name on one record. */

#define OTHER "tcp:default:" IQN

TEST(two_initiators_at_once)
{
	tcp(1, "default", IQN "b");
	tcp(2, "default", IQN "a");
	look();
	ck_assert_uint_eq(set.n, 3);
	ck_assert_str_eq(owner_of(2), "tcp:default");
	ck_assert_str_eq(owner_of(1), OTHER "b");
	ck_assert_str_eq(get("tcp:default")->initiator_name, IQN "a");
	ck_assert_str_eq(get(OTHER "b")->initiator_name, IQN "b");
	ck_assert_str_eq(instance_descr(get(OTHER "b")),
			 "open-iscsi interface \"default\"");
}

TEST(the_first_initiator_has_the_plain_name)
{
	tcp(1, "default", IQN "b");
	look();
	tcp(2, "default", IQN "a");
	look();
	ck_assert_str_eq(owner_of(1), "tcp:default");
	ck_assert_str_eq(owner_of(2), OTHER "a");
	look();
	ck_assert_uint_eq(set.n, 3);
}

/* Who has a name of his own does not move into the one that becomes free; a third
 * does. The first then gets one of his own, too. */
TEST(the_first_initiator_logs_out)
{
	tcp(1, "default", IQN "a");
	look();
	tcp(2, "default", IQN "b");
	look();
	tcp_out(1);
	look();
	ck_assert_str_eq(owner_of(2), OTHER "b");
	ck_assert(!get("tcp:default")->present);
	ck_assert_str_eq(get("tcp:default")->initiator_name, IQN "a");
	tcp(3, "default", IQN "a");
	look();
	ck_assert_str_eq(owner_of(3), "tcp:default");
	tcp_out(3);
	tcp(4, "default", IQN "c");
	look();
	ck_assert_str_eq(owner_of(4), "tcp:default");
	ck_assert_str_eq(get("tcp:default")->initiator_name, IQN "c");
	tcp(5, "default", IQN "a");
	look();
	ck_assert_str_eq(owner_of(5), OTHER "a");
	ck_assert_str_eq(owner_of(4), "tcp:default");
	ck_assert_str_eq(owner_of(2), OTHER "b");
}

/* On another record it does not hold the first one's name. */
TEST(the_first_initiator_goes_to_another_record)
{
	tcp(1, "default", IQN "a");
	look();
	tcp_out(1);
	tcp(2, "eth1", IQN "a");
	tcp(3, "default", IQN "b");
	look();
	ck_assert_str_eq(owner_of(2), "tcp:eth1");
	ck_assert_str_eq(owner_of(3), "tcp:default");
	ck_assert_uint_eq(set.n, 3);
}

/* What the state file brings back: names, found names and initiators. */
static void restart(void)
{
	struct instance_set before = set;

	ck_assert_int_eq(instance_set_init(&set), 0);
	for (size_t i = 1; i < before.n; i++) {
		const struct instance *from = &before.instances[i];
		int number = instance_set_add(&set, from->name);

		ck_assert_int_gt(number, 0);
		memcpy(set.instances[number].found, from->found, sizeof(from->found));
		memcpy(set.instances[number].transport, from->transport,
		       sizeof(from->transport));
		memcpy(set.instances[number].initiator_name, from->initiator_name,
		       sizeof(from->initiator_name));
	}
	instance_set_free(&before);
	iscsi_sysfs_free(&sysfs);
}

TEST(initiators_after_a_restart)
{
	tcp(1, "default", IQN "b");
	look();
	tcp(2, "default", IQN "a");
	look();
	restart();
	look();
	ck_assert_uint_eq(set.n, 3);
	ck_assert_str_eq(owner_of(1), "tcp:default");
	ck_assert_str_eq(owner_of(2), OTHER "a");
	/* gone while the daemon was away, and back the other way round */
	tcp_out(1);
	tcp_out(2);
	restart();
	tcp(3, "default", IQN "a");
	look();
	ck_assert_str_eq(owner_of(3), OTHER "a");
	tcp(4, "default", IQN "b");
	look();
	ck_assert_str_eq(owner_of(4), "tcp:default");
	ck_assert_uint_eq(set.n, 3);
}

/* A record of the same name, of another transport, is another record. */
TEST(two_transports)
{
	const struct hba_host host = {HBA_ISER, 9, .parent = PCI};
	const struct hba_session session = {.number = 9,
					    .target = TARGET,
					    .iface = "default",
					    .initiator = IQN "a",
					    .address = "10.0.2.2"};

	tcp(1, "default", IQN "a");
	look();
	tcp_out(1);
	hba_log_in(&tree, &host, &session);
	tcp(2, "default", IQN "b");
	look();
	ck_assert_str_eq(owner_of(9), "iser:default");
	ck_assert_str_eq(owner_of(2), "tcp:default");
}

/* Configuration. */

static void configure(const char *line)
{
	char error[200];

	ck_assert_msg(instance_set_add_line(&set, line, error, sizeof(error)) == 0,
		      "%s", error);
}

/* New configuration at runtime, of one rename or none. */
static void reconfigure(const char *line, const char *rename)
{
	struct instance_set fresh;
	char error[200];

	ck_assert_int_eq(instance_set_init(&fresh), 0);
	if (line)
		ck_assert_int_eq(
		    instance_set_add_line(&fresh, line, error, sizeof(error)), 0);
	if (rename)
		ck_assert_int_eq(
		    instance_set_add_rename(&fresh, rename, error, sizeof(error)), 0);
	ck_assert_int_eq(instance_set_merge(&set, &fresh), 0);
	instance_set_free(&fresh);
}

TEST(discovery_off)
{
	const struct hba_host host = {HBA_QEDI, 8, PCI, "f4:e9:d4:ee:30:11",
				      .ipaddress = ""};

	set.discover = false;
	configure("mine local 10.0.1.1 remote 10.0.9.0/24");
	configure("tcp:eth1 reqid 5");
	tcp(1, "default", IQN "a");
	tcp(2, "eth1", IQN "a");
	hba_add_host(&tree, &host);
	look();
	ck_assert_uint_eq(set.n, 3);
	ck_assert_ptr_null(owner_of(1));
	/* what is configured under the name that would be found is found */
	ck_assert_str_eq(owner_of(2), "tcp:eth1");
	ck_assert_uint_eq(get("tcp:eth1")->sessions, 1);
	ck_assert(!get("mine")->present);
}

TEST(a_configured_instance_covers_a_connection)
{
	configure("z local 10.0.1.0/24");
	configure("b remote 10.0.1.2");
	configure(
	    "a reqid 5"); /* no condition on addresses: no connection is its own */
	tcp(1, "eth1", IQN "a");
	look();
	ck_assert_str_eq(owner_of(1), "b");
	ck_assert_uint_eq(get("b")->sessions, 1);
	ck_assert_str_eq(get("b")->transport, "tcp");
	ck_assert_str_eq(get("b")->initiator_name, IQN "a");
	ck_assert_uint_eq(get("b")->local_if_index, 3);
	ck_assert_str_eq(instance_descr(get("b")), "");
	ck_assert_str_eq(get("b")->found, "");
	ck_assert(get("b")->present && get("b")->software);
	ck_assert(!get("z")->present && !get("a")->present);
	there_is_no("tcp:eth1");
	ck_assert_uint_eq(set.n, 4);
}

TEST(a_configured_instance_covers_an_adapters_connection)
{
	const struct hba_host host = {
	    HBA_BNX2I, 8, PCI, "00:10:18:a5:32:19", "eth2", .ipaddress = "10.0.1.8"};
	const struct hba_session session = {
	    .number = 3, .target = TARGET, .initiator = IQN "b", .address = "10.0.1.2"};

	configure("mine remote 10.0.1.2");
	hba_add_host(&tree, &host);
	hba_add_session(&tree, &host, &session);
	look();
	ck_assert_str_eq(owner_of(3), "mine");
	ck_assert(get("mine")->present && !get("mine")->software);
	ck_assert_uint_eq(get("bnx2i:0000:04:00.0")->sessions, 0);
	ck_assert(get("bnx2i:0000:04:00.0")->present);
}

TEST(a_renamed_record)
{
	char error[200];
	int number;

	ck_assert_int_eq(
	    instance_set_add_rename(&set, "tcp:eth1 \"array A\"", error, sizeof(error)),
	    0);
	tcp(1, "eth1", IQN "a");
	look();
	ck_assert_str_eq(owner_of(1), "array A");
	ck_assert_str_eq(get("array A")->found, "tcp:eth1");
	ck_assert_uint_eq(set.n, 2);
	number = instance_set_find(&set, "array A");
	reconfigure(NULL, "tcp:eth1 \"array B\"");
	look();
	ck_assert_int_eq(instance_set_find(&set, "array B"), number);
	reconfigure(NULL, NULL);
	look();
	ck_assert_int_eq(instance_set_find(&set, "tcp:eth1"), number);
	ck_assert_uint_eq(set.n, 2);
	restart();
	reconfigure(NULL, "tcp:eth1 again");
	look();
	ck_assert_int_eq(instance_set_find(&set, "again"), number);
	ck_assert_uint_eq(set.n, 2);
}

/* The new name is another row's: the HBA's goes on under it, with its rules. */
TEST(renamed_to_the_name_of_another_row)
{
	int number;

	tcp(1, "eth1", IQN "a");
	look();
	reconfigure("mine reqid 5", NULL);
	number = instance_set_find(&set, "tcp:eth1");
	reconfigure("mine reqid 5", "tcp:eth1 mine");
	look();
	ck_assert_str_eq(owner_of(1), "mine");
	ck_assert_int_eq(instance_set_find(&set, "mine"), number);
	ck_assert_uint_eq(get("mine")->n_rules, 1);
	ck_assert(get("mine")->present);
	ck_assert(!get("tcp:eth1")->present);
	ck_assert_str_eq(get("tcp:eth1")->found, "");
	ck_assert_uint_eq(set.n, 3);
	/* and back: each its own again */
	reconfigure("mine reqid 5", NULL);
	look();
	ck_assert_str_eq(owner_of(1), "tcp:eth1");
	ck_assert_int_eq(instance_set_find(&set, "tcp:eth1"), number);
	ck_assert_uint_eq(get("tcp:eth1")->n_rules, 0);
	ck_assert(!get("mine")->present);
	ck_assert_uint_eq(get("mine")->n_rules, 1);
	ck_assert_uint_eq(set.n, 3);
}

/* Two HBAs that change names: each has its row under the other's name. */
TEST(names_that_are_exchanged)
{
	struct instance_set fresh;
	char error[200];

	tcp(1, "a", IQN "a");
	tcp(2, "b", IQN "a");
	look();
	ck_assert_int_eq(instance_set_init(&fresh), 0);
	ck_assert_int_eq(
	    instance_set_add_rename(&fresh, "tcp:a tcp:b", error, sizeof(error)), 0);
	ck_assert_int_eq(
	    instance_set_add_rename(&fresh, "tcp:b tcp:a", error, sizeof(error)), 0);
	ck_assert_int_eq(instance_set_merge(&set, &fresh), 0);
	instance_set_free(&fresh);
	look();
	ck_assert_str_eq(owner_of(1), "tcp:b");
	ck_assert_str_eq(owner_of(2), "tcp:a");
	ck_assert_uint_eq(set.n, 3);
	reconfigure(NULL, NULL);
	look();
	ck_assert_str_eq(owner_of(1), "tcp:a");
	ck_assert_str_eq(owner_of(2), "tcp:b");
	ck_assert_uint_eq(set.n, 3);
}

/* No HBA gets the row of what belongs to none. */
TEST(nobody_is_unattributed)
{
	ck_assert_int_eq(instance_set_found(&set, INSTANCE_UNATTRIBUTED, true),
			 -ENOENT);
	ck_assert_uint_eq(set.n, 1);
}

/* Names that do not fit. */

TEST(long_names)
{
	char record[64];
	char initiator[224];
	char first[INSTANCE_NAME_MAX + 1];

	memset(record, 'r', sizeof(record) - 1);
	record[sizeof(record) - 1] = '\0';
	memset(initiator, 'i', sizeof(initiator) - 1);
	initiator[sizeof(initiator) - 1] = '\0';
	tcp(1, record, initiator);
	look();
	ck_assert_uint_eq(strlen(set.instances[1].name), 64);
	ck_assert_str_eq(set.instances[1].initiator_name, initiator);
	snprintf(first, sizeof(first), "%s", set.instances[1].name);
	/* another that differs far behind the cut has another name */
	initiator[222] = 'j';
	tcp(2, record, initiator);
	look();
	ck_assert_uint_eq(set.n, 3);
	ck_assert_str_eq(owner_of(1), first);
	ck_assert_str_eq(owner_of(2), set.instances[2].name);
	look();
	ck_assert_uint_eq(set.n, 3);
	reboot();
	tcp(5, record, initiator);
	look();
	ck_assert_str_eq(owner_of(5), first);
}

TEST(odd_bytes)
{
	const struct instance *instance;

	tcp(1, "r\xc3\xa9seau 1\t", IQN "a");
	tcp(2, "r\xc3\xa8seau 1\t", IQN "a");
	tcp(3, "%s%n", IQN "a");
	look();
	ck_assert_uint_eq(set.n, 4);
	for (size_t i = 1; i < set.n; i++) {
		instance = &set.instances[i];
		for (const char *at = instance->name; *at; at++)
			ck_assert(*at >= ' ' && *at <= '~');
	}
	ck_assert_str_eq(owner_of(3), "tcp:%s%n");
	ck_assert_str_ne(owner_of(1), owner_of(2));
}

/* Bytes that cannot be shown, and characters that mean something in names. */
TEST(hostile_records_have_rows_of_their_own)
{
	static const char *const records[] = {
	    "a\"b",  "a\\b",   "a_b",       "a\nb",   "a",   "a\x1bz",
	    "a\xe9", "a\\xe9", "a\xc2\x85", "blue/a", "a:1", "a_1",
	};
	const size_t n = sizeof(records) / sizeof(*records);

	for (unsigned i = 0; i < n; i++)
		tcp(i, records[i], IQN "a");
	look();
	ck_assert_uint_eq(set.n, n + 1);
	for (unsigned i = 0; i < n; i++) {
		const struct instance *instance = get(owner_of(i));

		ck_assert_msg(instance_name_is_valid(instance->name), "%u", i);
		ck_assert_msg(!strchr(instance->name, '/'), "%u", i);
		ck_assert(text_is_clean(instance_descr(instance)));
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(owner_of(i), owner_of(k));
	}
	ck_assert_str_eq(owner_of(2), "tcp:a_b");
	ck_assert_str_eq(owner_of(4), "tcp:a");
	ck_assert_str_eq(instance_descr(get(owner_of(3))),
			 "open-iscsi interface \"a\\x0ab\"");
	ck_assert_str_eq(instance_descr(get(owner_of(6))),
			 "open-iscsi interface \"a\\xe9\"");
	ck_assert_str_eq(instance_descr(get(owner_of(7))),
			 "open-iscsi interface \"a\\x5cxe9\"");
}

/* Record "default" with a second initiator, and a record that is called like both. */
TEST(a_record_that_looks_like_record_and_initiator)
{
	char before[INSTANCE_NAME_MAX + 1];

	tcp(1, "default", IQN "a");
	tcp(2, "default", "iqn.b");
	tcp(3, "default:iqn.b", IQN "c");
	tcp(4, "default:iqn.b", IQN "d");
	look();
	ck_assert_uint_eq(set.n, 5);
	ck_assert_str_eq(owner_of(1), "tcp:default");
	ck_assert_str_eq(owner_of(2), "tcp:default:iqn.b");
	ck_assert_str_ne(owner_of(3), owner_of(2));
	ck_assert_str_ne(owner_of(3), owner_of(4));
	ck_assert_uint_eq(strspn(owner_of(3), "tcp:default_iqn.b"), 17);
	ck_assert_int_eq(get("tcp:default:iqn.b")->sessions, 1);
	snprintf(before, sizeof(before), "%s", owner_of(3));
	reboot();
	tcp(3, "default:iqn.b", IQN "c");
	look();
	ck_assert_str_eq(owner_of(3), before);
}

TEST(texts_that_are_cut)
{
	char record[200];
	char initiator[260];
	const struct instance *instance;

	for (size_t i = 0; i < sizeof(record) - 2; i += 2)
		memcpy(record + i, "\xc3\xa9", 3);
	memset(initiator, 'i', sizeof(initiator));
	memcpy(initiator + 222, "\xe2\x82\xac", 4);
	tcp(1, record, initiator);
	look();
	instance = get(owner_of(1));
	ck_assert(text_is_clean(instance_descr(instance)));
	ck_assert(text_is_clean(instance->initiator_name));
	ck_assert_uint_eq(strlen(instance->initiator_name), 222);
}

/* What comes and goes while it is looked at. */

/* While iscsid logs in the kernel has neither record nor initiator. */
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
	/* a rule by address knows whose it is already */
	configure("mine remote 10.0.1.2");
	look();
	ck_assert_str_eq(owner_of(1), "mine");
	forget();
	/* the record's name is set first, which is not the time yet */
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

/* Attributes go before the entry of the class, and come after it. */
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

/* The host of a session is not there any more, or not yet. */
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
	ck_assert_uint_eq(sysfs.n_hosts, 1); /* the link says that there is one */
}

/* Neither host nor connection has an address while the session recovers; the record's
 * is where the login began, not where the target sent it to. */
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
	/* with nothing to recall there is the record's, or nothing */
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

/* A session that comes back elsewhere is there, not where it was. */
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
	/* the local one alone is unknown: what it was in another family says nothing */
	tree_delete(&tree, "class/iscsi_host/host3/ipaddress");
	session.address = "10.0.1.2";
	hba_remove_session(&tree, &later, &session);
	hba_add_session(&tree, &later, &session);
	look();
	ck_assert_uint_eq(sysfs.connections[0].family, AF_INET);
	ck_assert(!sysfs.connections[0].has_local);
}

/* Two connections of one session, which other drivers than today's might have. */
TEST(connections_of_one_session)
{
	tcp(1, "eth1", IQN "a");
	tree_text(&tree, "class/iscsi_connection/connection1:1/address", "10.0.1.3\n");
	look();
	ck_assert_uint_eq(sysfs.n_connections, 2);
	ck_assert_uint_eq(get("tcp:eth1")->sessions, 1);
}
