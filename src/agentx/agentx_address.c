/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_address.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "util/array.h"
#include "util/parser.h"

#define DEFAULT_PORT "705"

/* Net-SNMP's names of transports; AF_UNSPEC: AgentX does not use it. */
static const struct {
	const char *name;
	int family;
} transports[] = {
    {"unix", AF_UNIX},      {"tcp", AF_INET},       {"tcp6", AF_INET6},
    {"tcpv6", AF_INET6},    {"tcpipv6", AF_INET6},  {"udp", AF_UNSPEC},
    {"udp6", AF_UNSPEC},    {"tcpbase", AF_UNSPEC}, {"ssh", AF_UNSPEC},
    {"dtlsudp", AF_UNSPEC}, {"tlstcp", AF_UNSPEC},  {"callback", AF_UNSPEC},
    {"std", AF_UNSPEC},     {"alias", AF_UNSPEC},   {"ipx", AF_UNSPEC},
    {"aal5pvc", AF_UNSPEC},
};

static int parse_path(const char *path, struct agentx_address *ret,
		      struct parser *parser)
{
	size_t len = strlen(path);

	if (len == 0)
		return parser_fail(parser, "\"%s\" names no socket", ret->text);
	if (len > AGENTX_ADDRESS_MAX)
		return parser_fail(parser,
				   "\"%.40s...\" is longer than a Unix socket's path "
				   "may be (107 bytes)",
				   path);
	ret->family = AF_UNIX;
	memcpy(ret->path, path, len + 1);
	return 0;
}

static int parse_port(const char *text, struct agentx_address *ret,
		      struct parser *parser)
{
	size_t len = strlen(text);
	unsigned long port = strtoul(text, NULL, 10);

	if (len == 0 || len >= sizeof(ret->port) || text[strspn(text, "0123456789")] ||
	    port == 0 || port > 65535)
		return parser_fail(parser, "\"%s\" is not a port (1 to 65535)", text);
	memcpy(ret->port, text, len + 1);
	return 0;
}

/* HOST, HOST:PORT, PORT, [ADDRESS] or [ADDRESS]:PORT */
static int parse_host(const char *text, struct agentx_address *ret,
		      struct parser *parser)
{
	bool bracket = *text == '[';
	const char *host = text + bracket;
	const char *end = host + strcspn(host, bracket ? "]" : ":");
	size_t len = (size_t)(end - host);

	memcpy(ret->port, DEFAULT_PORT, sizeof(DEFAULT_PORT));
	if (*text && !text[strspn(text, "0123456789")]) {
		memcpy(ret->host, "localhost", sizeof("localhost"));
		return parse_port(text, ret, parser);
	}
	if (bracket && (!*end || (end[1] && end[1] != ':')))
		return parser_fail(parser, "\"%s\": write tcp6:[ADDRESS]:PORT", text);
	if (!bracket && *end && strchr(end + 1, ':'))
		return parser_fail(parser,
				   "\"%s\": an IPv6 address needs brackets: "
				   "tcp6:[ADDRESS]:PORT",
				   text);
	if (len == 0)
		return parser_fail(parser, "\"%s\" names no host", ret->text);
	if (len > AGENTX_HOST_MAX)
		return parser_fail(parser, "\"%.40s...\" is too long for a host name",
				   host);
	memcpy(ret->host, host, len);
	end += bracket;
	return *end ? parse_port(end + 1, ret, parser) : 0;
}

static int parse(const char *text, struct agentx_address *ret, struct parser *parser)
{
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		const char *name = transports[i].name;
		size_t len = strlen(name);

		if (strncasecmp(text, name, len) != 0 || text[len] != ':')
			continue;
		ret->family = transports[i].family;
		if (ret->family == AF_UNSPEC)
			return parser_fail(parser,
					   "AgentX does not run over %s: use a Unix "
					   "socket or tcp:HOST:PORT",
					   name);
		return ret->family == AF_UNIX ? parse_path(text + len + 1, ret, parser)
					      : parse_host(text + len + 1, ret, parser);
	}
	if (*text != '/' && strchr(text, ','))
		return parser_fail(parser, "\"%s\" names several sockets: name one",
				   text);
	if (strchr(text, ':') && !strchr(text, '/'))
		return parser_fail(
		    parser, "\"%s\": write tcp:HOST:PORT for a TCP socket", text);
	return parse_path(text, ret, parser);
}

int agentx_address_parse(const char *text, struct agentx_address *ret, char *error,
			 size_t error_size)
{
	struct parser parser = {text, error, error_size};
	struct agentx_address address = {.family = AF_UNSPEC};
	int err;

	snprintf(address.text, sizeof(address.text), "%s", text);
	err = parse(text, &address, &parser);
	if (!err)
		*ret = address;
	return err;
}
