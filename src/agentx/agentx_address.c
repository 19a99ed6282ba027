/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define DEFAULT_PORT "705"

struct error {
	char *text;
	size_t size;
};

/* The names of transports that Net-SNMP has besides: no AgentX master uses them. */
static const char *const other_transports[] = {"udp",     "udp6",   "tcpbase",  "ssh",
					       "dtlsudp", "tlstcp", "callback", "std",
					       "alias",   "ipx",    "aal5pvc"};

static int fail(const struct error *error, const char *format, const char *text)
{
/* every format is a literal of this file with one %s */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(error->text, error->size, format, text);
#pragma GCC diagnostic pop
	return -EINVAL;
}

static int parse_path(const char *path, struct agentx_address *ret,
		      const struct error *error)
{
	size_t len = strlen(path);

	if (len == 0)
		return fail(error, "\"%s\" names no socket", ret->text);
	if (len > AGENTX_ADDRESS_MAX)
		return fail(error,
			    "\"%.40s...\" is longer than a Unix socket's path may "
			    "be (107 bytes)",
			    path);
	ret->family = AF_UNIX;
	memcpy(ret->path, path, len + 1);
	return 0;
}

static int parse_port(const char *text, struct agentx_address *ret,
		      const struct error *error)
{
	size_t len = strlen(text);
	unsigned long port = strtoul(text, NULL, 10);

	if (len == 0 || len >= sizeof(ret->port) || text[strspn(text, "0123456789")] ||
	    port == 0 || port > 65535)
		return fail(error, "\"%s\" is not a port (1 to 65535)", text);
	memcpy(ret->port, text, len + 1);
	return 0;
}

static int set_host(const char *host, size_t len, struct agentx_address *ret,
		    const struct error *error)
{
	if (len == 0)
		return fail(error, "\"%s\" names no host", ret->text);
	if (len > AGENTX_HOST_MAX)
		return fail(error, "\"%.40s...\" is too long for a host's name", host);
	memcpy(ret->host, host, len);
	ret->host[len] = '\0';
	return 0;
}

/* HOST, HOST:PORT, PORT, [ADDRESS] or [ADDRESS]:PORT */
static int parse_host(const char *text, struct agentx_address *ret,
		      const struct error *error)
{
	const char *end = *text == '[' ? strchr(text, ']') : strchr(text, ':');
	int err;

	memcpy(ret->port, DEFAULT_PORT, sizeof(DEFAULT_PORT));
	if (*text && !text[strspn(text, "0123456789")]) {
		memcpy(ret->host, "localhost", sizeof("localhost"));
		return parse_port(text, ret, error);
	}
	if (*text == '[') {
		if (!end || (end[1] && end[1] != ':'))
			return fail(error, "\"%s\": write tcp6:[ADDRESS]:PORT", text);
		err = set_host(text + 1, (size_t)(end - text - 1), ret, error);
		end++;
	} else {
		if (end && strchr(end + 1, ':'))
			return fail(error,
				    "\"%s\": an IPv6 address needs brackets: "
				    "tcp6:[ADDRESS]:PORT",
				    text);
		end = end ? end : text + strlen(text);
		err = set_host(text, (size_t)(end - text), ret, error);
	}
	return err || !*end ? err : parse_port(end + 1, ret, error);
}

/* What stands before the first colon, if it is the name of a transport. */
static const char *skip_transport(const char *text, const char *name)
{
	size_t len = strlen(name);

	return !strncasecmp(text, name, len) && text[len] == ':' ? text + len + 1
								 : NULL;
}

static int parse(const char *text, struct agentx_address *ret,
		 const struct error *error)
{
	const char *rest;

	if (*text == '/')
		return parse_path(text, ret, error);
	if ((rest = skip_transport(text, "unix")))
		return parse_path(rest, ret, error);
	ret->family = AF_INET;
	if ((rest = skip_transport(text, "tcp")))
		return parse_host(rest, ret, error);
	ret->family = AF_INET6;
	if ((rest = skip_transport(text, "tcp6")) ||
	    (rest = skip_transport(text, "tcpv6")) ||
	    (rest = skip_transport(text, "tcpipv6")))
		return parse_host(rest, ret, error);
	for (size_t i = 0; i < sizeof(other_transports) / sizeof(*other_transports);
	     i++)
		if (skip_transport(text, other_transports[i]))
			return fail(error,
				    "AgentX does not run over %s: use a Unix socket or "
				    "tcp:HOST:PORT",
				    other_transports[i]);
	if (strchr(text, ','))
		return fail(error, "\"%s\" names several sockets: name one", text);
	if (strchr(text, ':') && !strchr(text, '/'))
		return fail(error, "\"%s\": write tcp:HOST:PORT for a TCP socket",
			    text);
	return parse_path(text, ret, error);
}

int agentx_address_parse(const char *text, struct agentx_address *ret, char *error,
			 size_t error_size)
{
	const struct error to = {error, error_size};
	struct agentx_address address = {.family = AF_UNSPEC};
	int err;

	snprintf(address.text, sizeof(address.text), "%s", text);
	err = parse(text, &address, &to);
	if (!err)
		*ret = address;
	return err;
}
