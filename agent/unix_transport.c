/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "unix_transport.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/snmpUnixDomain.h>
#include <net-snmp/library/snmp_transport.h>

/* Net-SNMP's own has the same name, and is refused because this one is there. */
static const oid domain_oid[] = {TRANSPORT_DOMAIN_LOCAL};
static struct timeval send_timeout;
static void (*tell_attempt)(int err);

/* The library frees what is stored in *opaque; there is nothing to tell. */
static int receive(netsnmp_transport *transport, void *buffer, int size, void **opaque,
		   int *opaque_len)
{
	ssize_t len;

	*opaque = NULL;
	*opaque_len = 0;
	do
		len = recv(transport->sock, buffer, (size_t)size, MSG_DONTWAIT);
	while (len < 0 && errno == EINTR);
	return (int)len;
}

/* A message that was sent in part only would spoil the stream: the rest follows or the
 * session ends. */
static int transmit(netsnmp_transport *transport, const void *buffer, int size,
		    void **opaque, int *opaque_len)
{
	const char *at = buffer;
	int left = size;

	(void)opaque, (void)opaque_len;
	while (left > 0) {
		ssize_t n = send(transport->sock, at, (size_t)left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (left < size)
				shutdown(transport->sock, SHUT_RDWR);
			return -1;
		}
		at += n;
		left -= (int)n;
	}
	return size;
}

static int close_socket(netsnmp_transport *transport)
{
	int ret = transport->sock >= 0 ? close(transport->sock) : -1;

	transport->sock = -1;
	return ret;
}

static char *format_address(netsnmp_transport *transport, const void *data, int len)
{
	char *text;

	(void)data, (void)len;
	if (asprintf(&text, "Local IPC: %s",
		     transport && transport->remote ? (const char *)transport->remote
						    : "unknown") < 0)
		return NULL;
	return text;
}

static int connect_socket(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* SO_SNDTIMEO bounds connect() too: unix(7)'s sockets wait for the backlog. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_timeout,
		       sizeof(send_timeout)) < 0 ||
	    connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* netsnmp_transport_free() frees what is allocated here. */
static netsnmp_transport *open_transport(netsnmp_tdomain_spec *spec)
{
	const char *path =
	    spec->target && *spec->target ? spec->target : spec->default_target;
	netsnmp_transport *transport;
	int fd;

	if ((spec->flags & NETSNMP_TSPEC_LOCAL) || !path)
		return NULL;
	fd = connect_socket(path);
	tell_attempt(fd < 0 ? errno : 0);
	if (fd < 0)
		return NULL;
	transport = calloc(1, sizeof(*transport));
	if (!transport) {
		close(fd);
		return NULL;
	}
	transport->sock = fd;
	transport->domain = domain_oid;
	transport->domain_length = OID_LENGTH(domain_oid);
	transport->flags = NETSNMP_TRANSPORT_FLAG_STREAM;
	transport->remote = strdup(path);
	transport->remote_length = transport->remote ? (int)strlen(path) : 0;
	transport->msgMaxSize = SNMP_MAX_PACKET_LEN;
	transport->f_recv = receive;
	transport->f_send = transmit;
	transport->f_close = close_socket;
	transport->f_fmtaddr = format_address;
	return transport;
}

void unix_transport_register(unsigned timeout_ms, void (*attempted)(int err))
{
	static netsnmp_tdomain domain;
	const char **prefixes = calloc(2, sizeof(*prefixes));

	if (!prefixes)
		return;       /* then Net-SNMP's own serves */
	prefixes[0] = "unix"; /* the library frees the list at its shutdown */
	send_timeout.tv_sec = timeout_ms / 1000;
	send_timeout.tv_usec = (timeout_ms % 1000) * 1000;
	tell_attempt = attempted;
	domain.name = domain_oid;
	domain.name_length = OID_LENGTH(domain_oid);
	domain.prefix = prefixes;
	domain.f_create_from_tspec = open_transport;
	netsnmp_tdomain_register(&domain);
}
