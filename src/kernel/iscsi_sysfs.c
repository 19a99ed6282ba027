/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/iscsi_sysfs.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/hash.h"
#include "util/text.h"

/* An entry of a class: ROOT/class/CLASS/NAME. */
struct entry {
	const char *root;
	const char *class;
	const char *name;
};

/* A path that is too long becomes "", which does not exist. */
static void make_path(char path[PATH_MAX], const struct entry *entry,
		      const char *attribute)
{
	int len = snprintf(path, PATH_MAX, "%s/class/%s/%s%s%s", entry->root,
			   entry->class, entry->name, *attribute ? "/" : "", attribute);

	if (len >= PATH_MAX)
		path[0] = '\0';
}

/* Reads one attribute without its newline: "" if it is missing, cannot be read, or is
 * what a driver prints if it has no value. The bytes are not made clean: this is for
 * what is parsed or given back to the kernel. */
static void read_attribute(const struct entry *entry, const char *attribute,
			   char *value, size_t size)
{
	char path[PATH_MAX];
	ssize_t len = -1;
	int fd;

	make_path(path, entry, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, value, size - 1);
		close(fd);
	}
	if (len > 0 && value[len - 1] == '\n')
		len--;
	value[len > 0 ? len : 0] = '\0';
	if (!strcmp(value, "(null)") || !strcmp(value, "<NULL>"))
		value[0] = '\0';
}

/* Reads one attribute that is shown to people. The administrator of a session chooses
 * its bytes. */
static void read_text(const struct entry *entry, const char *attribute, char *text,
		      size_t size)
{
	char value[256]; /* iSCSI names have at most 223 bytes */

	read_attribute(entry, attribute, value, sizeof(value));
	text_clean(text, size, value);
}

/* Returns the family, 0 if there is no address. */
static uint16_t read_addr(const struct entry *entry, const char *attribute,
			  struct in6_addr *ret)
{
	char text[INET6_ADDRSTRLEN + 1];
	uint16_t family = 0;

	read_attribute(entry, attribute, text, sizeof(text));
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, ret) == 1)
		family = AF_INET;
	else if (inet_pton(AF_INET6, text, ret) == 1)
		family = AF_INET6;
	/* an adapter without an address prints 0.0.0.0 or :: */
	return IN6_IS_ADDR_UNSPECIFIED(ret) ? 0 : family;
}

static uint16_t read_port(const struct entry *entry, const char *attribute)
{
	char text[8];

	read_attribute(entry, attribute, text, sizeof(text));
	return (uint16_t)strtoul(text, NULL, 10);
}

/* Reads where the device of an entry is: "../../devices/...". Returns false if the
 * entry does not exist. */
static bool read_device(const struct entry *entry, char device[PATH_MAX])
{
	char path[PATH_MAX];
	ssize_t len;

	make_path(path, entry, "");
	len = readlink(path, device, PATH_MAX - 1);
	device[len > 0 ? len : 0] = '\0';
	return len > 0;
}

/* Recognises DOMAIN:BUS:DEVICE.FUNCTION in hexadecimal; a domain may have more than
 * four digits. */
static bool is_pci(const char *name)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	size_t domain = strspn(name, hex);
	const char *tail = name + domain; /* ":03:00.1" */

	return domain >= 4 && strlen(tail) == 8 && tail[0] == ':' && tail[3] == ':' &&
	       tail[6] == '.' && strspn(tail + 1, hex) == 2 &&
	       strspn(tail + 4, hex) == 2 && strspn(tail + 7, hex) == 1;
}

/* Finds the PCI function nearest to the host in the path of its device, which is
 * divided by that. */
static void find_pci(char *pci, size_t size, char *device, const char *host)
{
	char *rest;

	pci[0] = '\0';
	for (const char *name = strtok_r(device, "/", &rest);
	     name && strcmp(name, host) != 0; name = strtok_r(NULL, "/", &rest))
		if (is_pci(name) && strlen(name) < size)
			strcpy(pci, name);
}

/* Hosts. */

/* be2iscsi has the addresses at its interfaces, not at the host. */
static void read_iface_addr(struct iscsi_host *host, const char *root)
{
	static const char *const families[] = {"ipv4", "ipv6"};

	for (size_t i = 0; i < 2 && !host->family; i++) {
		char name[40];
		const struct entry iface = {root, "iscsi_iface", name};

		snprintf(name, sizeof(name), "%s-iface-%u-0", families[i],
			 host->number);
		host->family = read_addr(&iface, "ipaddress", &host->addr);
	}
}

/* A host that disappears meanwhile is left out. Returns 0 or -ENOMEM. */
static int add_host(void *ctx, const char *root, const char *name)
{
	struct iscsi_sysfs *sysfs = ctx;
	const struct entry iscsi = {root, "iscsi_host", name};
	const struct entry scsi = {root, "scsi_host", name};
	struct iscsi_host host = {0};
	char device[PATH_MAX];
	char end;

	if (sscanf(name, "host%u%c", &host.number, &end) != 1 ||
	    !read_device(&iscsi, device))
		return 0;
	find_pci(host.pci, sizeof(host.pci), device, name);
	read_text(&scsi, "proc_name", host.driver, sizeof(host.driver));
	read_text(&iscsi, "hwaddress", host.hwaddress, sizeof(host.hwaddress));
	read_attribute(&iscsi, "netdev", host.netdev, sizeof(host.netdev));
	if (!strcmp(host.netdev, name)) /* qedi prints the host's name */
		host.netdev[0] = '\0';
	read_text(&iscsi, "initiatorname", host.initiator_name,
		  sizeof(host.initiator_name));
	host.family = read_addr(&iscsi, "ipaddress", &host.addr);
	if (!host.family)
		read_iface_addr(&host, root);
	if (array_reserve(&sysfs->hosts, sysfs->n_hosts, 1) < 0)
		return -ENOMEM;
	sysfs->hosts[sysfs->n_hosts++] = host;
	return 0;
}

/* Connections. */

/* Finds N of the "/hostN" in the path of a session's device. */
static bool find_host(const char *device, unsigned *ret)
{
	const char *at = device;

	while ((at = strstr(at, "/host")))
		if (sscanf(at++, "/host%u", ret) == 1)
			return true;
	return false;
}

static void read_remote(struct iscsi_connection *connection, const struct entry *entry)
{
	static const char *const where[][2] = {
	    {"address", "port"}, {"persistent_address", "persistent_port"}};

	for (size_t i = 0; i < 2 && !connection->family; i++) {
		connection->family = read_addr(entry, where[i][0], &connection->remote);
		connection->remote_port = read_port(entry, where[i][1]);
		connection->connected = i == 0 && connection->family;
	}
}

static void read_local(struct iscsi_connection *connection, const struct entry *entry,
		       const struct iscsi_host *host)
{
	uint16_t family = read_addr(entry, "local_ipaddr", &connection->local);

	if (!family && host) {
		family = host->family;
		connection->local = host->addr;
	}
	connection->has_local = family && family == connection->family;
	if (!connection->has_local)
		memset(&connection->local, 0, sizeof(connection->local));
	connection->local_port = read_port(entry, "local_port");
}

/*
 * A new session has its entry in the class before its attributes, and one that ends
 * loses the attributes first (attribute_container_add_class_device, ..._del): without
 * them it is not logged in. iscsid sets the record's name and then the initiator's,
 * when the login is nearly complete (iscsi_session_set_params); they are read in the
 * other order, so if the initiator's is there, the record's is, too.
 */
static void read_session(struct iscsi_connection *connection,
			 const struct entry *session)
{
	char state[32];

	read_attribute(session, "state", state, sizeof(state));
	connection->logged_in = !strcmp(state, "LOGGED_IN");
	read_text(session, "initiatorname", connection->initiator_name,
		  sizeof(connection->initiator_name));
	read_text(session, "ifacename", connection->iface, sizeof(connection->iface));
}

/* A connection that disappears meanwhile is left out. Returns 0 or -ENOMEM. */
static int add_connection(void *ctx, const char *root, const char *name)
{
	struct iscsi_sysfs *sysfs = ctx;
	const struct entry entry = {root, "iscsi_connection", name};
	char session_name[40];
	const struct entry session = {root, "iscsi_session", session_name};
	struct iscsi_connection connection = {0};
	char device[PATH_MAX];

	if (sscanf(name, "connection%u:%u", &connection.session, &connection.number) !=
	    2)
		return 0;
	snprintf(session_name, sizeof(session_name), "session%u", connection.session);
	if (!read_device(&session, device) || !find_host(device, &connection.host))
		return 0;
	read_remote(&connection, &entry);
	read_local(&connection, &entry, iscsi_sysfs_host(sysfs, connection.host));
	read_session(&connection, &session);
	if (array_reserve(&sysfs->connections, sysfs->n_connections, 1) < 0)
		return -ENOMEM;
	sysfs->connections[sysfs->n_connections++] = connection;
	return 0;
}

/* All of a class. */

static int compare_hosts(const void *left, const void *right)
{
	const struct iscsi_host *a = left;
	const struct iscsi_host *b = right;

	return (a->number > b->number) - (a->number < b->number);
}

static int compare_connections(const void *left, const void *right)
{
	const struct iscsi_connection *a = left;
	const struct iscsi_connection *b = right;

	if (a->session != b->session)
		return a->session < b->session ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

/* Calls back for the name of each entry. Returns 0; the callback's error; -ENOENT: the
 * kernel has no such class; or another -errno. */
static int for_each_entry(const char *root, const char *class, void *ctx,
			  int (*cb)(void *ctx, const char *root, const char *name))
{
	char path[PATH_MAX];
	const struct dirent *entry;
	int err = 0;
	DIR *dir;

	make_path(path, &(struct entry){root, class, ""}, "");
	dir = opendir(path);
	if (!dir)
		return errno == ENOTDIR ? -ENOENT : -errno;
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = cb(ctx, root, entry->d_name);
	closedir(dir);
	return err;
}

/* Both classes belong to one module, which registers that of the hosts first
 * (iscsi_transport_init() in drivers/scsi/scsi_transport_iscsi.c): without it there are
 * no connections either. */
int iscsi_sysfs_read(const char *sysfs_root, struct iscsi_sysfs *ret)
{
	struct iscsi_sysfs found = {0};
	int err = for_each_entry(sysfs_root, "iscsi_host", &found, add_host);

	if (!err && found.n_hosts)
		qsort(found.hosts, found.n_hosts, sizeof(*found.hosts), compare_hosts);
	if (!err)
		err = for_each_entry(sysfs_root, "iscsi_connection", &found,
				     add_connection);
	if (err && err != -ENOENT) {
		iscsi_sysfs_free(&found);
		return err;
	}
	if (found.n_connections)
		qsort(found.connections, found.n_connections,
		      sizeof(*found.connections), compare_connections);
	*ret = found;
	return 0;
}

void iscsi_sysfs_free(struct iscsi_sysfs *sysfs)
{
	free(sysfs->hosts);
	free(sysfs->connections);
	*sysfs = (struct iscsi_sysfs){0};
}

/* Adds the hash of a name to a sum, so that the order of the names does not matter. */
static int add_hash(void *ctx, const char *root, const char *name)
{
	uint64_t *sum = ctx;
	uint64_t hash = HASH_START;

	(void)root;
	for (; *name; name++)
		hash = hash_mix(hash, (unsigned char)*name);
	*sum += hash;
	return 0;
}

uint64_t iscsi_sysfs_fingerprint(const char *sysfs_root)
{
	uint64_t sum = HASH_START;

	if (!for_each_entry(sysfs_root, "iscsi_host", &sum, add_hash))
		for_each_entry(sysfs_root, "iscsi_connection", &sum, add_hash);
	return sum;
}

static void recall(struct iscsi_connection *to, const struct iscsi_connection *from)
{
	if (!from->family || (to->connected && to->family != from->family))
		return;
	if (to->family != from->family)
		to->has_local = false;
	if (!to->connected) {
		to->family = from->family;
		to->remote = from->remote;
		to->remote_port = from->remote_port;
	}
	if (!to->has_local) {
		to->has_local = from->has_local;
		to->local = from->local;
	}
}

void iscsi_sysfs_recall(struct iscsi_sysfs *sysfs, const struct iscsi_sysfs *earlier)
{
	for (size_t i = 0; i < sysfs->n_connections && earlier->n_connections; i++) {
		struct iscsi_connection *to = &sysfs->connections[i];
		const struct iscsi_connection *from =
		    bsearch(to, earlier->connections, earlier->n_connections,
			    sizeof(*to), compare_connections);

		if (from)
			recall(to, from);
	}
}

bool iscsi_sysfs_unsettled(const struct iscsi_sysfs *sysfs)
{
	for (size_t i = 0; i < sysfs->n_hosts; i++)
		if (!sysfs->hosts[i].driver[0])
			return true;
	for (size_t i = 0; i < sysfs->n_connections; i++)
		if (!sysfs->connections[i].family || !sysfs->connections[i].logged_in)
			return true;
	return false;
}

const struct iscsi_host *iscsi_sysfs_host(const struct iscsi_sysfs *sysfs,
					  unsigned number)
{
	const struct iscsi_host key = {.number = number};

	if (!sysfs->n_hosts)
		return NULL;
	return bsearch(&key, sysfs->hosts, sysfs->n_hosts, sizeof(key), compare_hosts);
}

bool iscsi_host_is_software(const struct iscsi_host *host)
{
	return !strcmp(host->driver, "iscsi_tcp") ||
	       !strcmp(host->driver, "iscsi_iser");
}
