/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/prefix.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

int prefix_parse(const char *text, struct prefix *ret)
{
	struct prefix prefix = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
	unsigned long max = prefix.family == AF_INET ? 32 : 128;
	size_t len = strcspn(text, "/");
	char addr[INET6_ADDRSTRLEN];
	unsigned long bits = max;
	char *end;

	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (inet_pton(prefix.family, addr, &prefix.addr) != 1)
		return -EINVAL;
	if (text[len]) {
		if (!isdigit((unsigned char)text[len + 1]))
			return -EINVAL;
		bits = strtoul(text + len + 1, &end, 10);
		if (*end || bits > max)
			return -EINVAL;
	}
	prefix.len = (uint8_t)bits;
	*ret = prefix;
	return 0;
}
