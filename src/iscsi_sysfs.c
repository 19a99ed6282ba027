/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iscsi_sysfs.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads one attribute without its newline; "" if it is missing or "(null)". */
__attribute__((format(printf, 3, 4))) static void read_attribute(char *value,
								 size_t size,
								 const char *format,
								 ...)
{
	char path[PATH_MAX];
	va_list args;
	ssize_t len;
	int fd;

	value[0] = '\0';
	va_start(args, format);
	len = vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(path))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = read(fd, value, size - 1);
	close(fd);
	value[len > 0 ? len : 0] = '\0';
	value[strcspn(value, "\n")] = '\0';
	if (!strcmp(value, "(null)"))
		value[0] = '\0';
}

static uint16_t parse_addr(const char *text, struct in6_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, ret) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, text, ret) == 1 ? AF_INET6 : 0;
}

/* The class entry is a link to the device, whose path has ".../hostN/...". */
static int host_of_session(const char *root, unsigned session, unsigned *ret_host)
{
	char path[PATH_MAX];
	char target[PATH_MAX];
	const char *host;
	ssize_t len;

	if (snprintf(path, sizeof(path), "%s/class/iscsi_session/session%u", root,
		     session) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	host = strstr(target, "/host");
	return host && sscanf(host, "/host%u/", ret_host) == 1 ? 0 : -ENOENT;
}

static void read_transport(struct iscsi_connection *connection, const char *root,
			   unsigned host)
{
	static const char prefix[] = "iscsi_";
	const size_t skip = sizeof(prefix) - 1;
	char name[sizeof(connection->transport)];

	read_attribute(name, sizeof(name), "%s/class/scsi_host/host%u/proc_name", root,
		       host);
	snprintf(connection->transport, sizeof(connection->transport), "%s",
		 strncmp(name, prefix, skip) ? name : name + skip);
}

/* Returns 0, or -ENOENT if the connection is gone. */
static int read_connection(struct iscsi_connection *connection, const char *root,
			   const char *name)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned host;
	unsigned number;

	if (sscanf(name, "connection%u:%u", &connection->session, &number) != 2)
		return -ENOENT;
	if (host_of_session(root, connection->session, &host) < 0)
		return -ENOENT;
	read_attribute(text, sizeof(text), "%s/class/iscsi_connection/%s/address", root,
		       name);
	connection->family = parse_addr(text, &connection->remote);
	read_attribute(text, sizeof(text), "%s/class/iscsi_host/host%u/ipaddress", root,
		       host);
	if (parse_addr(text, &connection->local) != connection->family)
		connection->family = 0;
	read_attribute(connection->initiator_name, sizeof(connection->initiator_name),
		       "%s/class/iscsi_session/session%u/initiatorname", root,
		       connection->session);
	read_transport(connection, root, host);
	return 0;
}

int iscsi_sysfs_read(const char *sysfs_root, struct iscsi_connections *ret)
{
	struct iscsi_connections found = {0};
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/class/iscsi_connection", sysfs_root);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		struct iscsi_connection connection = {0};
		struct iscsi_connection *grown;

		if (read_connection(&connection, sysfs_root, entry->d_name) < 0)
			continue;
		grown = realloc(found.connections, (found.n + 1) * sizeof(*grown));
		if (!grown) {
			closedir(dir);
			iscsi_connections_free(&found);
			return -ENOMEM;
		}
		found.connections = grown;
		grown[found.n++] = connection;
	}
	if (dir)
		closedir(dir);
	*ret = found;
	return 0;
}

void iscsi_connections_free(struct iscsi_connections *connections)
{
	free(connections->connections);
	*connections = (struct iscsi_connections){0};
}

uint32_t sysfs_if_index(const char *sysfs_root, const char *name)
{
	char text[16];

	read_attribute(text, sizeof(text), "%s/class/net/%s/ifindex", sysfs_root, name);
	return (uint32_t)strtoul(text, NULL, 10);
}
