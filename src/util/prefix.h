/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct prefix {
	uint16_t family; /* AF_INET or AF_INET6; 0: matches any address */
	uint8_t len;     /* bits */
	struct in6_addr addr;
};

/* Returns true if the first len bits (at most 128) of two addresses are equal. */
static inline bool prefix_holds(const struct in6_addr *prefix, uint8_t len,
				const struct in6_addr *addr)
{
	const uint8_t *a = prefix->s6_addr;
	const uint8_t *b = addr->s6_addr;
	size_t bytes = len / 8;
	unsigned rest = len % 8;

	if (len > 128 || memcmp(a, b, bytes) != 0)
		return false;
	return !rest || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0;
}

static inline bool prefix_matches(const struct prefix *prefix, uint16_t family,
				  const struct in6_addr *addr)
{
	return !prefix->family || (prefix->family == family &&
				   prefix_holds(&prefix->addr, prefix->len, addr));
}

/* Reads ADDR or ADDR/LEN. Returns 0 or -EINVAL. */
int prefix_parse(const char *text, struct prefix *ret);
