/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/prefix.h"

#include <errno.h>
#include <string.h>

#include "messages.h"
#include "runner.h"

CHAPTER(NULL, NULL);

static bool holds(const char *prefix, const char *addr)
{
	const struct in6_addr address = addr_of(addr);
	struct prefix parsed;

	ck_assert_int_eq(prefix_parse(prefix, &parsed), 0);
	return prefix_matches(&parsed, family_of(addr), &address);
}

TEST(prefixes)
{
	const struct prefix any = {.family = 0};
	const struct in6_addr addr = addr_of("10.0.0.1");

	ck_assert(prefix_matches(&any, AF_INET, &addr));
	ck_assert(holds("10.0.0.1", "10.0.0.1"));
	ck_assert(!holds("10.0.0.1", "10.0.0.2"));
	ck_assert(holds("10.0.0.0/8", "10.255.0.1"));
	ck_assert(!holds("10.0.0.0/8", "11.0.0.0"));
	ck_assert(holds("10.0.0.129/25", "10.0.0.255"));
	ck_assert(!holds("10.0.0.129/25", "10.0.0.127"));
	ck_assert(holds("10.0.0.4/31", "10.0.0.5"));
	ck_assert(!holds("10.0.0.4/31", "10.0.0.6"));
	ck_assert(holds("0.0.0.0/0", "192.0.2.1"));
	ck_assert(!holds("0.0.0.0/0", "2001:db8::1"));
	ck_assert(holds("2001:db8::/33", "2001:db8:7fff::1"));
	ck_assert(!holds("2001:db8::/33", "2001:db8:8000::1"));
	ck_assert(holds("2001:db8::1", "2001:db8::1"));
	ck_assert(!holds("2001:db8::1", "2001:db8::"));
	ck_assert(!holds("::/0", "192.0.2.1"));
}

TEST(numbers_of_prefixes)
{
	struct prefix prefix;
	char text[100];

	ck_assert_int_eq(prefix_parse("10.0.0.1/0", &prefix), 0);
	ck_assert_uint_eq(prefix.len, 0);
	ck_assert_int_eq(prefix_parse("10.0.0.1/032", &prefix), 0);
	ck_assert_uint_eq(prefix.len, 32);
	ck_assert_int_eq(prefix_parse("::1/128", &prefix), 0);
	ck_assert_uint_eq(prefix.len, 128);
	memset(text, '1', sizeof(text));
	text[99] = '\0';
	ck_assert_int_eq(prefix_parse(text, &prefix), -EINVAL);
	ck_assert_int_eq(prefix_parse("10.0.0.1/18446744073709551624", &prefix),
			 -EINVAL);
	ck_assert_int_eq(prefix_parse("", &prefix), -EINVAL);
}
