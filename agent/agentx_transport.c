/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "agentx_transport.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <net-snmp/library/snmpUnixDomain.h>
#include <net-snmp/library/snmp_transport.h>

#include "util/clock.h"

static const oid domain[] = {TRANSPORT_DOMAIN_LOCAL};

struct transport {
	netsnmp_transport base; /* first, for netsnmp_transport_free() */
	void (*closed)(void);
};

/* A result of 0 or less ends the session, unless NETSNMP_TRANSPORT_FLAG_EMPTY_PKT is
 * set. */
static int receive(netsnmp_transport *transport, void *buffer, int size, void **opaque,
		   int *opaque_len)
{
	ssize_t len;

	*opaque = NULL;
	*opaque_len = 0;
	do
		len = recv(transport->sock, buffer, (size_t)size, 0);
	while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN) {
		transport->flags |= NETSNMP_TRANSPORT_FLAG_EMPTY_PKT;
		return 0;
	}
	return (int)len;
}

static bool wait_for_room(int fd, uint64_t deadline)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	int64_t left = (int64_t)(deadline - clock_now_ms());

	return left > 0 && poll(&pollfd, 1, (int)left) > 0;
}

static int transmit(netsnmp_transport *transport, const void *buffer, int size,
		    void **opaque, int *opaque_len)
{
	const uint64_t deadline = clock_now_ms() + AGENTX_TRANSPORT_SEND_MS;
	const char *at = buffer;
	int left = size;

	(void)opaque, (void)opaque_len;
	while (left > 0) {
		ssize_t n = send(transport->sock, at, (size_t)left, MSG_NOSIGNAL);

		if (n < 0 &&
		    (errno == EINTR ||
		     (errno == EAGAIN && wait_for_room(transport->sock, deadline))))
			continue;
		if (n < 0) {
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
	int ret;

	if (transport->sock < 0)
		return -1;
	ret = close(transport->sock);
	transport->sock = -1;
	((struct transport *)transport)->closed();
	return ret;
}

/* Names the master in the library's messages. */
static char *format_address(netsnmp_transport *transport, const void *data, int len)
{
	(void)transport, (void)data, (void)len;
	return strdup("snmpd");
}

netsnmp_transport *agentx_transport_new(int fd, void (*closed)(void))
{
	struct transport *transport = calloc(1, sizeof(*transport));

	if (!transport)
		return NULL;
	transport->closed = closed;
	transport->base.sock = fd;
	transport->base.domain = domain;
	transport->base.domain_length = OID_LENGTH(domain);
	transport->base.flags = NETSNMP_TRANSPORT_FLAG_STREAM;
	transport->base.msgMaxSize = SNMP_MAX_PACKET_LEN;
	transport->base.f_recv = receive;
	transport->base.f_send = transmit;
	transport->base.f_close = close_socket;
	transport->base.f_fmtaddr = format_address;
	return &transport->base;
}
