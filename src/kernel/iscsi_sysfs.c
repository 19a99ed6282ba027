/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/iscsi_sysfs.h"

#include <arpa/inet.h>
#include <ctype.h>
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

/* Of an attribute that is text: names have at most 223 bytes. */
enum { TEXT_SIZE = 256 };

/* An entry of a class: the directory ROOT/class/CLASS/NAME. */
struct entry {
	const char *root;
	const char *class;
	const char *name;
};

/* Returns 0 or -ENAMETOOLONG. */
static int make_path(char path[PATH_MAX], const struct entry *entry,
		     const char *attribute)
{
	int len = snprintf(path, PATH_MAX, "%s/class/%s/%s%s%s", entry->root,
			   entry->class, entry->name, *attribute ? "/" : "", attribute);

	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Reads one attribute without its newline; "" if it is missing, cannot be read or is
 * how a driver spells that it has none. As the kernel has it: for what is parsed, or
 * given back to the kernel. */
static void read_attribute(const struct entry *entry, const char *attribute,
			   char *value, size_t size)
{
	char path[PATH_MAX];
	ssize_t len;
	int fd;

	value[0] = '\0';
	if (make_path(path, entry, attribute) < 0)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = read(fd, value, size - 1);
	close(fd);
	if (len > 0 && value[len - 1] == '\n')
		len--;
	value[len > 0 ? len : 0] = '\0';
	if (!strcmp(value, "(null)") || !strcmp(value, "<NULL>"))
		value[0] = '\0';
}

/* For people: whoever configures a session chooses these bytes. */
static void read_text(const struct entry *entry, const char *attribute, char *text,
		      size_t size)
{
	char value[TEXT_SIZE];

	read_attribute(entry, attribute, value, sizeof(value));
	text_clean(text, size, value);
}

static uint16_t parse_addr(const char *text, struct in6_addr *ret)
{
	uint16_t family = 0;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, ret) == 1)
		family = AF_INET;
	else if (inet_pton(AF_INET6, text, ret) == 1)
		family = AF_INET6;
	/* an adapter without an address says 0.0.0.0 or :: */
	return IN6_IS_ADDR_UNSPECIFIED(ret) ? 0 : family;
}

/* Returns the family, 0 if there is no address. */
static uint16_t read_addr(const struct entry *entry, const char *attribute,
			  struct in6_addr *ret)
{
	char text[INET6_ADDRSTRLEN + 1];

	read_attribute(entry, attribute, text, sizeof(text));
	return parse_addr(text, ret);
}

static uint16_t read_port(const struct entry *entry, const char *attribute)
{
	char text[8];

	read_attribute(entry, attribute, text, sizeof(text));
	return (uint16_t)strtoul(text, NULL, 10);
}

/* Where the entry really is: "../../devices/…". Returns 0 or -errno. */
static int read_device(const struct entry *entry, char target[PATH_MAX])
{
	char path[PATH_MAX];
	ssize_t len;

	if (make_path(path, entry, "") < 0)
		return -ENAMETOOLONG;
	len = readlink(path, target, PATH_MAX - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	return 0;
}

/* DOMAIN:BUS:DEVICE.FUNCTION in hexadecimal; a domain may have more than four digits.
 */
static bool is_pci(const char *name, size_t len)
{
	static const char form[] = ":hh:hh.h";
	const char *tail = name + len - (sizeof(form) - 1);

	if (len < sizeof(form) + 3)
		return false;
	for (const char *at = name; at < tail; at++)
		if (!isxdigit((unsigned char)*at))
			return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'h' ? !isxdigit((unsigned char)tail[i])
				   : tail[i] != form[i])
			return false;
	return true;
}

/* The PCI function nearest to the host in its device's path, if there is one. */
static void find_pci(char *pci, size_t size, const char *path, const char *host)
{
	const char *at = path;

	pci[0] = '\0';
	while (*at) {
		size_t len = strcspn(at, "/");

		if (strlen(host) == len && !memcmp(at, host, len))
			return;
		if (len < size && is_pci(at, len)) {
			memcpy(pci, at, len);
			pci[len] = '\0';
		}
		at += len + (at[len] == '/');
	}
}

/* Hosts. */

/* be2iscsi has its addresses at its interfaces, not at the host. */
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

/* Returns 0, or -ENOENT if the host is gone. */
static int read_host(struct iscsi_host *host, const char *root, const char *name)
{
	const struct entry iscsi = {root, "iscsi_host", name};
	const struct entry scsi = {root, "scsi_host", name};
	char device[PATH_MAX];
	char end;

	*host = (struct iscsi_host){0};
	if (sscanf(name, "host%u%c", &host->number, &end) != 1 ||
	    read_device(&iscsi, device) < 0)
		return -ENOENT;
	find_pci(host->pci, sizeof(host->pci), device, name);
	read_text(&scsi, "proc_name", host->driver, sizeof(host->driver));
	read_text(&iscsi, "hwaddress", host->hwaddress, sizeof(host->hwaddress));
	read_attribute(&iscsi, "netdev", host->netdev, sizeof(host->netdev));
	if (!strcmp(host->netdev, name)) /* as qedi says */
		host->netdev[0] = '\0';
	read_text(&iscsi, "initiatorname", host->initiator_name,
		  sizeof(host->initiator_name));
	host->family = read_addr(&iscsi, "ipaddress", &host->addr);
	if (!host->family)
		read_iface_addr(host, root);
	return 0;
}

/* Connections. */

static bool number_after(const char *path, const char *word, unsigned *ret)
{
	const char *at = path;
	size_t len = strlen(word);

	while ((at = strstr(at, word))) {
		at += len;
		if (isdigit((unsigned char)*at)) {
			*ret = (unsigned)strtoul(at, NULL, 10);
			return true;
		}
	}
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
 * What comes has its entry in the class before its attributes, and what goes loses them
 * before it (attribute_container_add_class_device, ..._del): without them a session is
 * not logged in. iscsid sets the record's name and then the initiator's, when it is
 * nearly done with the login (iscsi_session_set_params), so with the one that is read
 * first the other is there too.
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

/* Returns 0, or -ENOENT if the connection is gone. */
static int read_connection(struct iscsi_connection *connection, const char *root,
			   const char *name, const struct iscsi_sysfs *sysfs)
{
	const struct entry entry = {root, "iscsi_connection", name};
	char session_name[40];
	const struct entry session = {root, "iscsi_session", session_name};
	char device[PATH_MAX];

	*connection = (struct iscsi_connection){0};
	if (sscanf(name, "connection%u:%u", &connection->session,
		   &connection->number) != 2)
		return -ENOENT;
	snprintf(session_name, sizeof(session_name), "session%u", connection->session);
	if (read_device(&session, device) < 0 ||
	    !number_after(device, "/host", &connection->host))
		return -ENOENT;
	read_remote(connection, &entry);
	read_local(connection, &entry, iscsi_sysfs_host(sysfs, connection->host));
	read_session(connection, &session);
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

static int add_host(struct iscsi_sysfs *sysfs, const char *root, const char *name)
{
	if (array_reserve(&sysfs->hosts, sysfs->n_hosts, 1) < 0)
		return -ENOMEM;
	if (!read_host(&sysfs->hosts[sysfs->n_hosts], root, name))
		sysfs->n_hosts++;
	return 0;
}

static int add_connection(struct iscsi_sysfs *sysfs, const char *root, const char *name)
{
	if (array_reserve(&sysfs->connections, sysfs->n_connections, 1) < 0)
		return -ENOMEM;
	if (!read_connection(&sysfs->connections[sysfs->n_connections], root, name,
			     sysfs))
		sysfs->n_connections++;
	return 0;
}

static DIR *open_class(const char *root, const char *class)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/class/%s", root, class) >=
	    (int)sizeof(path))
		return NULL;
	return opendir(path);
}

static int read_class(struct iscsi_sysfs *sysfs, const char *root, const char *class,
		      int (*add)(struct iscsi_sysfs *, const char *, const char *))
{
	DIR *dir = open_class(root, class);
	struct dirent *entry;
	int err = 0;

	if (!dir && errno != ENOENT && errno != ENOTDIR)
		return -errno;
	while (!err && dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = add(sysfs, root, entry->d_name);
	if (dir)
		closedir(dir);
	return err;
}

int iscsi_sysfs_read(const char *sysfs_root, struct iscsi_sysfs *ret)
{
	struct iscsi_sysfs found = {0};
	int err = read_class(&found, sysfs_root, "iscsi_host", add_host);

	if (!err && found.n_hosts)
		qsort(found.hosts, found.n_hosts, sizeof(*found.hosts), compare_hosts);
	if (!err)
		err =
		    read_class(&found, sysfs_root, "iscsi_connection", add_connection);
	if (err) {
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

uint64_t iscsi_sysfs_fingerprint(const char *sysfs_root)
{
	static const char *const classes[] = {"iscsi_host", "iscsi_connection"};
	uint64_t sum = HASH_START;

	for (size_t i = 0; i < 2; i++) {
		DIR *dir = open_class(sysfs_root, classes[i]);
		struct dirent *entry;

		/* a sum: the order of the entries means nothing */
		while (dir && (entry = readdir(dir))) {
			uint64_t hash = HASH_START;

			for (const char *at = entry->d_name; *at; at++)
				hash = hash_mix(hash, (unsigned char)*at);
			sum += hash;
		}
		if (dir)
			closedir(dir);
	}
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
		const struct iscsi_connection *from;

		if (to->connected && to->has_local)
			continue;
		from = bsearch(to, earlier->connections, earlier->n_connections,
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
