/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "discovery_world.h"

#include <errno.h>
#include <string.h>

#include "messages.h"

struct tree tree;
struct iscsi_sysfs sysfs;
struct instance_set set;
struct local_addrs addrs;
unsigned owners[MAX_CONNECTIONS];

static void has_addr(const char *text, uint32_t if_index)
{
	struct nlmsghdr *nlh = message_newaddr(text, text, if_index);

	ck_assert_int_eq(local_addrs_add(&addrs, nlh), 0);
	local_addrs_sort(&addrs);
	free(nlh);
}

void discovery_setup(void)
{
	tree_make(&tree);
	sysfs = (struct iscsi_sysfs){0};
	addrs = (struct local_addrs){0};
	ck_assert_int_eq(instance_set_init(&set), 0);
	has_addr("10.0.1.1", 3);
	has_addr("10.0.2.1", 4);
	has_addr("2001:db8:1::1", 3);
}

void discovery_teardown(void)
{
	iscsi_sysfs_free(&sysfs);
	instance_set_free(&set);
	local_addrs_free(&addrs);
	tree_remove(&tree);
}

void look(void)
{
	struct iscsi_sysfs fresh;

	ck_assert_int_eq(iscsi_sysfs_read(tree.root, &fresh), 0);
	ck_assert_uint_le(fresh.n_connections, MAX_CONNECTIONS);
	iscsi_sysfs_recall(&fresh, &sysfs);
	iscsi_sysfs_free(&sysfs);
	sysfs = fresh;
	ck_assert_int_eq(discovery_update(&set, &sysfs, &addrs, owners), 0);
}

const struct instance *get(const char *name)
{
	int number = instance_set_find(&set, name);

	ck_assert_msg(number > 0, "there is no %s", name);
	return &set.instances[number];
}

void there_is_no(const char *name)
{
	ck_assert_int_eq(instance_set_find(&set, name), -ENOENT);
}

const char *owner_of(unsigned session)
{
	for (size_t i = 0; i < sysfs.n_connections; i++)
		if (sysfs.connections[i].session == session)
			return owners[i] ? set.instances[owners[i]].name : NULL;
	ck_abort_msg("there is no session %u", session);
	return NULL;
}

void forget(void)
{
	instance_set_free(&set);
	ck_assert_int_eq(instance_set_init(&set), 0);
}

void reboot(void)
{
	forget();
	iscsi_sysfs_free(&sysfs);
	tree_remove(&tree);
	tree_make(&tree);
}

void tcp(unsigned number, const char *iface, const char *initiator)
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

void tcp_out(unsigned number)
{
	const struct hba_host host = {.driver = HBA_ISCSI_TCP, .number = number};
	const struct hba_session session = {.number = number};

	hba_log_out(&tree, &host, &session);
}

void restart(void)
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
