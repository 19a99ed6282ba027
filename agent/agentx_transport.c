/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "agentx_transport.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <net-snmp/library/snmpUnixDomain.h>
#include <net-snmp/library/snmp_transport.h>

#include "agentx/agentx_pdu.h"
#include "agentx/agentx_protocol.h"
#include "util/clock.h"

static const oid domain[] = {TRANSPORT_DOMAIN_LOCAL};

enum {
	GEN_ERR = 5, /* RFC 3416 */
	/* Responses to nothing, and CleanupSets of nothing, that are ignored. */
	STRAYS_MAX = 100,
	/* Bytes that are read in one round: of a request that is too long. */
	ROUND_MAX = 1024 * 1024,
};

struct transport {
	netsnmp_transport base; /* first, for netsnmp_transport_free() */
	void (*closed)(const char *fault);
	const char *fault;
	bool ended;           /* nothing more is read */
	unsigned n_asked;     /* requests that were sent */
	unsigned n_responses; /* that have come, as have these: */
	unsigned n_test_sets;
	unsigned n_cleanup_sets;
	/* the message that is being received */
	size_t size; /* 0: its header is not complete */
	size_t len;  /* bytes that have come */
	uint8_t message[AGENTX_PDU_MAX];
};

static bool wait_for_room(int fd, uint64_t deadline)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	int64_t left = (int64_t)(deadline - clock_now_ms());

	return left > 0 && poll(&pollfd, 1, (int)left) > 0;
}

void agentx_transport_end(netsnmp_transport *base, const char *fault)
{
	struct transport *transport = (struct transport *)base;

	if (!transport->ended)
		transport->fault = fault;
	transport->ended = true;
	shutdown(base->sock, SHUT_RDWR); /* makes it readable */
}

static bool send_all(netsnmp_transport *transport, const uint8_t *at, size_t left)
{
	uint64_t deadline = 0; /* from the first wait on */

	while (left > 0) {
		ssize_t n = send(transport->sock, at, left, MSG_NOSIGNAL);
		int err = n < 0 ? errno : 0;

		if (err == EAGAIN && !deadline)
			deadline = clock_now_ms() + AGENTX_TRANSPORT_SEND_MS;
		if (err == EINTR ||
		    (err == EAGAIN && wait_for_room(transport->sock, deadline)))
			continue;
		if (err) {
			agentx_transport_end(transport,
					     err == EAGAIN ? "it does not read" : NULL);
			return false;
		}
		at += n;
		left -= (size_t)n;
	}
	return true;
}

static bool send_error(netsnmp_transport *transport, const struct agentx_header *header)
{
	uint8_t response[AGENTX_ERROR_RESPONSE_SIZE];

	agentx_pdu_write_error(header, GEN_ERR, response);
	return send_all(transport, response, sizeof(response));
}

static int transmit(netsnmp_transport *transport, const void *buffer, int size,
		    void **opaque, int *opaque_len)
{
	bool is_response = agentx_pdu_type(buffer) == AGENTX_RESPONSE;
	struct agentx_header header;
	bool sent;

	(void)opaque, (void)opaque_len;
	((struct transport *)transport)->n_asked += !is_response;
	if (size > AGENTX_PDU_MAX && is_response) {
		header = agentx_pdu_read_header(buffer);
		sent = send_error(transport, &header);
	} else
		sent = send_all(transport, buffer, (size_t)size);
	return sent ? size : -1;
}

/* Receiving. */

/* Reads as much of `want` bytes of the message as have come, at most about ROUND_MAX.
 * Of a request that is too long, only the header is kept. Returns 0, -EAGAIN, or
 * -ECONNRESET at the end. */
static int read_some(struct transport *transport, size_t want)
{
	const size_t begin = transport->len;

	while (transport->len < want) {
		size_t at = want > AGENTX_PDU_MAX ? AGENTX_HEADER_SIZE : transport->len;
		size_t room = sizeof(transport->message) - at;
		size_t left = want - transport->len;
		ssize_t n;

		if (transport->len - begin >= ROUND_MAX)
			return -EAGAIN;
		n = recv(transport->base.sock, transport->message + at,
			 left < room ? left : room, 0);
		if (n > 0)
			transport->len += (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return -ECONNRESET;
		else if (errno == EAGAIN)
			return -EAGAIN;
	}
	return 0;
}

static const char *count(struct transport *transport, uint8_t type)
{
	transport->n_responses += type == AGENTX_RESPONSE;
	transport->n_test_sets += type == AGENTX_TEST_SET;
	transport->n_cleanup_sets += type == AGENTX_CLEANUP_SET;
	if (transport->n_responses > transport->n_asked + STRAYS_MAX)
		return "answers to requests that were not made";
	if (transport->n_cleanup_sets > transport->n_test_sets + STRAYS_MAX)
		return "a CleanupSet without a TestSet";
	return NULL;
}

static const char *check(struct transport *transport,
			 const struct agentx_header *header)
{
	const char *fault = count(transport, header->type);

	if (fault || transport->size > AGENTX_PDU_MAX)
		return fault;
	return agentx_pdu_check_payload(header,
					transport->message + AGENTX_HEADER_SIZE);
}

/* Reads the next message, of which *ret_size is the size. Returns 0, -EAGAIN if it is
 * not complete or answered here, or -ECONNRESET at the end. */
static int read_message(struct transport *transport, size_t *ret_size)
{
	struct agentx_header header;
	const char *fault = NULL;
	int err = read_some(transport, AGENTX_HEADER_SIZE);

	if (err)
		return err;
	header = agentx_pdu_read_header(transport->message);
	if (!transport->size)
		fault = agentx_pdu_check_header(&header);
	transport->size = AGENTX_HEADER_SIZE + (size_t)header.payload;
	if (!fault)
		err = read_some(transport, transport->size);
	if (!fault && !err)
		fault = check(transport, &header);
	if (fault) {
		agentx_transport_end(&transport->base, fault);
		return -ECONNRESET;
	}
	if (err)
		return err;
	*ret_size = transport->size;
	transport->len = 0;
	transport->size = 0;
	if (*ret_size <= AGENTX_PDU_MAX)
		return 0;
	send_error(&transport->base, &header);
	return -EAGAIN;
}

/*
 * A result of 0 or less ends the session, unless NETSNMP_TRANSPORT_FLAG_EMPTY_PKT is
 * set. The library has room for AGENTX_PDU_MAX bytes (SNMP_MAX_RCV_MSG_SIZE). It queues
 * each request for its agent, which answers one in each round of the main loop, so it
 * gets one in each round as well; the others wait in the socket.
 */
static int receive(netsnmp_transport *base, void *buffer, int size, void **opaque,
		   int *opaque_len)
{
	struct transport *transport = (struct transport *)base;
	size_t len;
	int err;

	*opaque = NULL;
	*opaque_len = 0;
	if (transport->ended || size < AGENTX_PDU_MAX)
		return -1;
	err = read_message(transport, &len);
	if (err == -EAGAIN) {
		base->flags |= NETSNMP_TRANSPORT_FLAG_EMPTY_PKT;
		return 0;
	}
	if (err)
		return -1;
	memcpy(buffer, transport->message, len);
	return (int)len;
}

static int close_socket(netsnmp_transport *base)
{
	struct transport *transport = (struct transport *)base;
	int ret;

	if (base->sock < 0)
		return -1;
	ret = close(base->sock);
	base->sock = -1;
	transport->closed(transport->fault);
	return ret;
}

/* Names the master in the library's messages. */
static char *format_address(netsnmp_transport *transport, const void *data, int len)
{
	(void)transport, (void)data, (void)len;
	return strdup("snmpd");
}

netsnmp_transport *agentx_transport_new(int fd, void (*closed)(const char *fault))
{
	/* its message is not touched before it comes: messages are short */
	struct transport *transport = malloc(sizeof(*transport));

	if (!transport)
		return NULL;
	memset(transport, 0, offsetof(struct transport, message));
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
