/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "discovery_world.h"

#include <errno.h>

#include "instances.h"

/* Discovered HBAs and configured instances. */

CHAPTER(discovery_setup, discovery_teardown);

/* Another configuration, with at most one line and one rename. */
static void reconfigure(const char *line, const char *rename)
{
	const char *const lines[] = {line, NULL};
	const char *const renames[] = {rename, NULL};

	instances_reconfigure(&set, lines, renames);
}

TEST(discovery_off)
{
	const struct hba_host host = {HBA_QEDI, 8, PCI, "f4:e9:d4:ee:30:11",
				      .ipaddress = ""};

	set.discover = false;
	instances_configure(&set, "mine local 10.0.1.1 remote 10.0.9.0/24");
	instances_configure(&set, "tcp:eth1 reqid 5");
	tcp(1, "default", IQN "a");
	tcp(2, "eth1", IQN "a");
	hba_add_host(&tree, &host);
	look();
	ck_assert_uint_eq(set.n, 3);
	ck_assert_ptr_null(owner_of(1));
	/* an instance configured under the discovered name is used */
	ck_assert_str_eq(owner_of(2), "tcp:eth1");
	ck_assert_uint_eq(get("tcp:eth1")->sessions, 1);
	ck_assert(!get("mine")->present);
}

TEST(a_configured_instance_covers_a_connection)
{
	instances_configure(&set, "z local 10.0.1.0/24");
	instances_configure(&set, "b remote 10.0.1.2");
	instances_configure(
	    &set, "a reqid 5"); /* without an address, it has no connections */
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

	instances_configure(&set, "mine remote 10.0.1.2");
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
	int number;

	instances_rename(&set, "tcp:eth1 \"array A\"");
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

/* Another row has the new name: the HBA's row takes the name, with its rules. */
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
	/* and back */
	reconfigure("mine reqid 5", NULL);
	look();
	ck_assert_str_eq(owner_of(1), "tcp:eth1");
	ck_assert_int_eq(instance_set_find(&set, "tcp:eth1"), number);
	ck_assert_uint_eq(get("tcp:eth1")->n_rules, 0);
	ck_assert(!get("mine")->present);
	ck_assert_uint_eq(get("mine")->n_rules, 1);
	ck_assert_uint_eq(set.n, 3);
}

/* Two HBAs exchange their names: each keeps its row. */
TEST(names_that_are_exchanged)
{
	static const char *const renames[] = {"tcp:a tcp:b", "tcp:b tcp:a", NULL};

	tcp(1, "a", IQN "a");
	tcp(2, "b", IQN "a");
	look();
	instances_reconfigure(&set, NULL, renames);
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

/* No HBA gets the unattributed row. */
TEST(no_hba_is_unattributed)
{
	ck_assert_int_eq(instance_set_found(&set, INSTANCE_UNATTRIBUTED, true),
			 -ENOENT);
	ck_assert_uint_eq(set.n, 1);
}
