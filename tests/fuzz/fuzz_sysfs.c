/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input becomes the files of a sysfs: records of a byte for the path, a byte for
 * the numbers of host and session, and the contents. It is read twice, with a change
 * between, and instances are discovered.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "instance/inventory.h"
#include "tests/unit/tree.h"
#include "util/array.h"
#include "util/text.h"

/* The numbers of host, session and connection replace H, S and C. A path that ends in
 * '>' is a link to the contents. */
static const char *const paths[] = {
    "class/iscsi_host/hostH>",
    "class/iscsi_host/hostH/netdev",
    "class/iscsi_host/hostH/hwaddress",
    "class/iscsi_host/hostH/ipaddress",
    "class/iscsi_host/hostH/initiatorname",
    "class/scsi_host/hostH/proc_name",
    "class/iscsi_iface/ipv4-iface-H-0/ipaddress",
    "class/iscsi_iface/ipv6-iface-H-0/ipaddress",
    "class/iscsi_session/sessionS>",
    "class/iscsi_session/sessionS/state",
    "class/iscsi_session/sessionS/initiatorname",
    "class/iscsi_session/sessionS/ifacename",
    "class/iscsi_connection/connectionS:C/address",
    "class/iscsi_connection/connectionS:C/port",
    "class/iscsi_connection/connectionS:C/persistent_address",
    "class/iscsi_connection/connectionS:C/persistent_port",
    "class/iscsi_connection/connectionS:C/local_ipaddr",
    "class/iscsi_connection/connectionS:C/local_port",
    "class/iscsi_connection/connectionS:C>",
};

static void fill_path(char *path, const char *pattern, uint8_t numbers)
{
	for (; *pattern && *pattern != '>'; pattern++) {
		unsigned number = *pattern == 'H'   ? numbers & 3
				  : *pattern == 'S' ? numbers >> 2 & 3
						    : numbers >> 4 & 1;

		if (*pattern == 'H' || *pattern == 'S' || *pattern == 'C')
			path += sprintf(path, "%u", number);
		else
			*path++ = *pattern;
	}
	*path = '\0';
}

/* Like "mkdir -p" for all but the last component. What cannot be made is left out. */
static void make_directories(char *full, size_t root_len)
{
	for (char *at = full + root_len + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(full, 0700);
		*at = '/';
	}
}

static void write_file(const struct tree *tree, const char *path, const void *data,
		       size_t len)
{
	char full[PATH_MAX];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", tree->root, path);
	make_directories(full, strlen(tree->root));
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	HOLDS(write(fd, data, len) == (ssize_t)len);
	close(fd);
}

/* A link to a device, which leads out of the class but not out of the tree. */
static void write_link(const struct tree *tree, const char *path, const char *device)
{
	char full[PATH_MAX];
	char target[PATH_MAX];

	if (strstr(device, "..") || strlen(device) > 256)
		return;
	snprintf(full, sizeof(full), "%s/devices/%s/", tree->root, device);
	make_directories(full, strlen(tree->root));
	snprintf(target, sizeof(target), "../../devices/%s", device);
	snprintf(full, sizeof(full), "%s/%s", tree->root, path);
	make_directories(full, strlen(tree->root));
	if (symlink(target, full))
		return; /* there is something of that name */
}

static void write_record(const struct tree *tree, struct bytes *bytes)
{
	const char *pattern = paths[take_u8(bytes) % ARRAY_SIZE(paths)];
	const uint8_t *contents;
	char path[128];
	char *device;
	size_t len;

	fill_path(path, pattern, take_u8(bytes));
	contents = take_block(bytes, &len);
	if (!strchr(pattern, '>')) {
		write_file(tree, path, contents, len);
		return;
	}
	device = calloc(1, len + 1);
	HOLDS(device != NULL);
	memcpy(device, contents, len);
	write_link(tree, path, device);
	free(device);
}

static void check_host(const struct iscsi_sysfs *sysfs, size_t number)
{
	const struct iscsi_host *host = &sysfs->hosts[number];

	HOLDS(number == 0 || (host - 1)->number < host->number);
	HOLDS(iscsi_sysfs_host(sysfs, host->number) == host);
	HOLDS(text_is_clean(host->driver) && text_is_clean(host->hwaddress));
	HOLDS(text_is_clean(host->initiator_name) && text_is_clean(host->pci));
	HOLDS(host->family == 0 || host->family == AF_INET || host->family == AF_INET6);
}

static void check_connection(const struct iscsi_connection *connection)
{
	HOLDS(text_is_clean(connection->iface));
	HOLDS(text_is_clean(connection->initiator_name));
	HOLDS(connection->family == 0 || connection->family == AF_INET ||
	      connection->family == AF_INET6);
}

static void check_sysfs(const struct iscsi_sysfs *sysfs)
{
	for (size_t i = 0; i < sysfs->n_hosts; i++)
		check_host(sysfs, i);
	for (size_t i = 0; i < sysfs->n_connections; i++)
		check_connection(&sysfs->connections[i]);
	iscsi_sysfs_unsettled(sysfs);
}

static void check_discovery(struct instance_set *set, const struct iscsi_sysfs *sysfs)
{
	const struct local_addrs addrs = {.n = 0};
	unsigned *owners = calloc(sysfs->n_connections + 1, sizeof(*owners));

	HOLDS(owners != NULL);
	HOLDS(discovery_update(set, sysfs, &addrs, owners) == 0);
	for (size_t i = 0; i < set->n; i++) {
		const struct instance *it = &set->instances[i];

		HOLDS(instance_name_is_valid(it->name));
		HOLDS(text_is_clean(it->found_descr) && text_is_clean(it->transport));
		HOLDS(instance_set_find(set, it->name) == (int)i);
	}
	for (size_t i = 0; i < sysfs->n_connections; i++)
		HOLDS(owners[i] < set->n);
	free(owners);
}

static void read_twice(const struct tree *tree, struct bytes *bytes)
{
	struct iscsi_sysfs before, sysfs;
	struct instance_set set;
	uint64_t fingerprint = iscsi_sysfs_fingerprint(tree->root);

	HOLDS(instance_set_init(&set) == 0);
	HOLDS(iscsi_sysfs_read(tree->root, &before) == 0);
	HOLDS(iscsi_sysfs_fingerprint(tree->root) == fingerprint);
	check_sysfs(&before);
	check_discovery(&set, &before);
	while (bytes->left)
		write_record(tree, bytes);
	HOLDS(iscsi_sysfs_read(tree->root, &sysfs) == 0);
	iscsi_sysfs_recall(&sysfs, &before);
	check_sysfs(&sysfs);
	check_discovery(&set, &sysfs);
	iscsi_sysfs_free(&before);
	iscsi_sysfs_free(&sysfs);
	instance_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = {data, size};
	unsigned first = take_u8(&bytes); /* records before the first reading */
	struct tree tree;

	tree_make(&tree);
	for (unsigned i = 0; i < first && bytes.left; i++)
		write_record(&tree, &bytes);
	read_twice(&tree, &bytes);
	tree_remove(&tree);
	return 0;
}
