/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "discovery_world.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

/* Names are permanent, unique, and valid for any contents of sysfs. */

CHAPTER(discovery_setup, discovery_teardown);

/* With other host and session numbers, in another order. */
TEST(names_stay_the_same_after_a_reboot)
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

TEST(a_row_stays_after_its_sessions)
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
	tcp(3, "default", IQN "a"); /* the number of an earlier host */
	tcp(6, "eth1", IQN "a");
	look();
	ck_assert_int_eq(instance_set_find(&set, "tcp:eth1"), number);
	ck_assert(get("tcp:eth1")->present);
	ck_assert_str_eq(owner_of(3), "tcp:default");
}

TEST(an_adapter_that_disappears)
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

/* A record with a second initiator. */

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

/* When the plain name becomes free, an initiator with a name of its own keeps that,
 * and a third one gets the plain name. The first then gets its own name as well. */
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

/* On another record, an initiator does not reserve the name of the first. */
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
	/* ended while the daemon was down, and back in the other order */
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

/* Records of two transports with the same name are different. */
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
	/* a name that only differs far behind the cut is another one */
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

/* Unprintable bytes, and characters with a meaning in names. */
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

/* Record "default" with a second initiator, and a record whose name looks like both. */
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
