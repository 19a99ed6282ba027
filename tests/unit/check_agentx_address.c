/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_address.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "runner.h"

static const struct {
	const char *text;
	int family;
	const char *path_or_host;
	const char *port;
} good[] = {
    {"/run/agentx/master", AF_UNIX, "/run/agentx/master", ""},
    {"unix:/run/agentx/master", AF_UNIX, "/run/agentx/master", ""},
    {"UNIX:master", AF_UNIX, "master", ""},
    {"master", AF_UNIX, "master", ""},
    {"/a:b", AF_UNIX, "/a:b", ""},
    {"run/a:b", AF_UNIX, "run/a:b", ""},
    {"tcp:localhost:705", AF_INET, "localhost", "705"},
    {"tcp:192.0.2.1:7050", AF_INET, "192.0.2.1", "7050"},
    {"tcp:localhost", AF_INET, "localhost", "705"},
    {"tcp:7050", AF_INET, "localhost", "7050"},
    {"TCP:a.example:1", AF_INET, "a.example", "1"},
    {"tcp:a.example:65535", AF_INET, "a.example", "65535"},
    {"tcp6:[::1]:705", AF_INET6, "::1", "705"},
    {"tcp6:[::1]", AF_INET6, "::1", "705"},
    {"tcp6:[fe80::1%eth0]:1", AF_INET6, "fe80::1%eth0", "1"},
    {"tcpv6:host:9", AF_INET6, "host", "9"},
    {"tcpipv6:9", AF_INET6, "localhost", "9"},
};

CHAPTER(NULL, NULL);

TEST(addresses)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct agentx_address address;
		char error[256] = "";

		ck_assert_msg(agentx_address_parse(good[i].text, &address, error,
						   sizeof(error)) == 0,
			      "%s: %s", good[i].text, error);
		ck_assert_int_eq(address.family, good[i].family);
		ck_assert_str_eq(good[i].family == AF_UNIX ? address.path
							   : address.host,
				 good[i].path_or_host);
		ck_assert_str_eq(address.port, good[i].port);
		ck_assert_str_eq(address.text, good[i].text);
	}
}

static const struct {
	const char *text;
	const char *reason; /* a part of the name */
} bad[] = {
    {"", "names no socket"},
    {"unix:", "names no socket"},
    {"tcp:", "names no host"},
    {"tcp::705", "names no host"},
    {"tcp:127.0.0.1:99999", "\"99999\" is not a port"},
    {"tcp:127.0.0.1:0", "is not a port"},
    {"tcp:127.0.0.1:70a", "is not a port"},
    {"tcp:127.0.0.1:", "is not a port"},
    {"tcp:127.0.0.1:-5", "is not a port"},
    {"tcp:99999", "is not a port"},
    {"tcp:000705", "is not a port"},
    {"tcp6:::1:705", "needs brackets"},
    {"tcp6:[::1", "write tcp6:[ADDRESS]:PORT"},
    {"tcp6:[::1]x", "write tcp6:[ADDRESS]:PORT"},
    {"tcp6:[]:705", "names no host"},
    {"udp:127.0.0.1:705", "does not run over udp"},
    {"tlstcp:h:1", "does not run over tlstcp"},
    {"localhost:705", "write tcp:HOST:PORT"},
    {"master,tcp:705", "names several"},
};

TEST(not_an_address)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct agentx_address address = {.family = -1};
		char error[256] = "";

		ck_assert_msg(agentx_address_parse(bad[i].text, &address, error,
						   sizeof(error)) == -EINVAL,
			      "%s", bad[i].text);
		ck_assert_msg(strstr(error, bad[i].reason), "%s: %s", bad[i].text,
			      error);
		ck_assert_int_eq(address.family, -1);
	}
}

/* The longest path that fits, and one byte more. */
TEST(lengths)
{
	char text[300];
	struct agentx_address address;
	char error[256];

	memset(text, 'a', sizeof(text));
	text[0] = '/';
	text[AGENTX_ADDRESS_MAX] = '\0';
	ck_assert_int_eq(agentx_address_parse(text, &address, error, sizeof(error)), 0);
	ck_assert_str_eq(address.path, text);
	text[AGENTX_ADDRESS_MAX] = 'a';
	text[AGENTX_ADDRESS_MAX + 1] = '\0';
	ck_assert_int_eq(agentx_address_parse(text, &address, error, sizeof(error)),
			 -EINVAL);
	memset(text, 'a', sizeof(text));
	memcpy(text, "tcp:", 4);
	text[4 + AGENTX_HOST_MAX] = '\0';
	ck_assert_int_eq(agentx_address_parse(text, &address, error, sizeof(error)), 0);
	ck_assert_uint_eq(strlen(address.host), AGENTX_HOST_MAX);
	text[4 + AGENTX_HOST_MAX] = 'a';
	text[4 + AGENTX_HOST_MAX + 1] = '\0';
	ck_assert_int_eq(agentx_address_parse(text, &address, error, sizeof(error)),
			 -EINVAL);
}
