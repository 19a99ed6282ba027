/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/prefix.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

int prefix_parse(const char *text, struct prefix *ret)
{
	struct prefix prefix = {.family = AF_INET};
	char addr[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits;
	unsigned long max;
	char *end;

	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (inet_pton(AF_INET, addr, &prefix.addr) != 1) {
		prefix.family = AF_INET6;
		if (inet_pton(AF_INET6, addr, &prefix.addr) != 1)
			return -EINVAL;
	}
	max = prefix.family == AF_INET ? 32 : 128;
	bits = max;
	if (slash) {
		if (!isdigit((unsigned char)slash[1]))
			return -EINVAL;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > max)
			return -EINVAL;
	}
	prefix.len = (uint8_t)bits;
	*ret = prefix;
	return 0;
}
