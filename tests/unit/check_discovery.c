/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "discovery_world.h"

#include "messages.h"

/* The sysfs of each driver. */

CHAPTER(discovery_setup, discovery_teardown);

/* Two records, one with two sessions. They are not bound to a device, so the host
 * only has an address. */
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

/* Software as well, although its host is a child of the RDMA adapter. It shows no
 * address. */
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

/* Both functions of one adapter, one without an address. The hosts have initiator
 * names, the sessions do not. */
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

/* The interface has the address. */
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

/* Only the session has the initiator name, which stays after the session has ended. */
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

/* Its netdev attribute is the name of the host. */
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

/* One PCI function with a host for each port. */
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

/* Adapters of any driver, should it register two hosts on one PCI function. */
TEST(two_hosts_on_one_function)
{
	const struct hba_host first = {HBA_QEDI, 11, PCI, "f4:e9:d4:ee:30:11",
				       .ipaddress = "10.0.1.7"};
	const struct hba_host second = {HBA_QEDI, 12, PCI, "f4:e9:d4:ee:30:12",
					.ipaddress = "10.0.1.8"};

	hba_add_host(&tree, &first);
	hba_add_host(&tree, &second);
	look();
	ck_assert_uint_eq(set.n, 3);
	ck_assert(get("qedi:0000:04:00.0:f4:e9:d4:ee:30:11")->present);
	ck_assert(get("qedi:0000:04:00.0:f4:e9:d4:ee:30:12")->present);
}
