/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/peer.h"

#include <errno.h>
#include <string.h>

#include "runner.h"

static struct peer_config config;
static char error[300];

static void setup(void)
{
	config = peer_config_default;
}

static void teardown(void)
{
	peer_config_free(&config);
}

static void add(const char *line)
{
	ck_assert_msg(peer_config_add_line(&config, line, error, sizeof(error)) == 0,
		      "%s: %s", line, error);
}

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	ck_assert_int_eq(prefix_parse(text, &prefix), 0);
	return prefix;
}

static const char *name_of(const struct prefix *prefix)
{
	static char name[PEER_NAME_MAX + 1];

	peer_name(prefix, name);
	return name;
}

/* The name of the peer that an address belongs to, and its label. */
static void group_is(const char *addr, const char *name, const char *label)
{
	const struct prefix prefix = prefix_of(addr);
	const struct prefix group = peer_group(&config, &prefix);

	ck_assert_str_eq(name_of(&group), name);
	ck_assert_str_eq(peer_label(&config, &group, name), label);
}

CHAPTER(setup, teardown);

TEST(an_address_is_a_peer_of_its_own)
{
	group_is("192.0.2.7", "192.0.2.7", "192.0.2.7");
	group_is("2001:DB8:0::7", "2001:db8::7", "2001:db8::7");
	group_is("::ffff:192.0.2.7", "::ffff:192.0.2.7", "::ffff:192.0.2.7");
}

TEST(a_label)
{
	add("192.0.2.7 \"Zurich office\"");
	add("2001:db8::7 Z\xc3\xbcrich");
	group_is("192.0.2.7", "192.0.2.7", "Zurich office");
	group_is("192.0.2.8", "192.0.2.8", "192.0.2.8");
	group_is("2001:db8::7", "2001:db8::7", "Z\xc3\xbcrich");
}

TEST(the_longest_prefix_takes_precedence)
{
	add("0.0.0.0/0");
	add("192.0.2.99/24 \"road warriors\"");
	add("192.0.2.7 boss");
	add("2001:db8::/32 six");
	group_is("192.0.2.8", "192.0.2.0/24", "road warriors");
	group_is("192.0.2.7", "192.0.2.7", "boss");
	group_is("198.51.100.1", "0.0.0.0/0", "0.0.0.0/0");
	group_is("2001:db8:1::", "2001:db8::/32", "six");
	group_is("2001:db9::", "2001:db9::", "2001:db9::");
}

/* After a reload, the peers of prefixes may be in other prefixes. */
TEST(prefixes_in_prefixes)
{
	add("10.0.0.0/8 ten");
	group_is("10.1.0.0/16", "10.0.0.0/8", "ten");
	group_is("10.0.0.0/8", "10.0.0.0/8", "ten");
	group_is("10.0.0.0/7", "10.0.0.0/7", "10.0.0.0/7");
}

TEST(lines_that_are_rejected)
{
	static const struct {
		const char *line;
		const char *reason;
	} bad[] = {
	    {"", "\"\" is not an address"},
	    {"host label", "\"host\" is not an address"},
	    {"192.0.2.7/33 label", "\"192.0.2.7/33\" is not an address"},
	    {"192.0.2.7", "the label of 192.0.2.7 is missing"},
	    {"192.0.2.7 \"\"", "the label of 192.0.2.7 is missing"},
	    {"2001:db8::7/128", "the label of 2001:db8::7/128 is missing"},
	    {"192.0.2.7 Zurich office", "double quotes: \"Zurich office\""},
	    {"192.0.2.7 \"Zurich", "the closing quote is missing"},
	    {"192.0.2.7 \"a\x1b[2J\"", "without control characters"},
	    {"192.0.2.7 caf\xe9", "UTF-8"},
	    {"192.0.2.7 "
	     "01234567890123456789012345678901234567890123456789012345678901234",
	     "is too long (at most 64 characters)"},
	    {"192.0.2.7/32 twice", "the same peer appears twice"},
	};

	add("192.0.2.7 once");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_int_eq(
		    peer_config_add_line(&config, bad[i].line, error, sizeof(error)),
		    -EINVAL);
		ck_assert_msg(strstr(error, bad[i].reason), "%s: %s", bad[i].line,
			      error);
	}
	ck_assert_uint_eq(config.n_rules, 1);
}

TEST(a_copy_is_independent)
{
	struct peer_config copy;

	add("192.0.2.7 once");
	ck_assert_int_eq(peer_config_copy(&config, &copy), 0);
	peer_config_free(&config);
	config = copy;
	add("192.0.2.8 twice");
	group_is("192.0.2.7", "192.0.2.7", "once");
}

TEST(the_longest_name_fits)
{
	const struct prefix longest =
	    prefix_of("2001:1db8:ffff:ffff:ffff:ffff:ffff:ffff/127");

	ck_assert_uint_eq(strlen(name_of(&longest)), PEER_NAME_MAX);
}

TEST(the_remote_end_of_an_sa)
{
	struct sa sa = {.family = AF_INET};
	const struct prefix left = prefix_of("10.0.0.1");
	const struct prefix right = prefix_of("192.0.2.1");
	struct prefix peer;

	sa.saddr = left.addr;
	sa.daddr = right.addr;
	peer = peer_of_sa(&sa, SA_DIR_OUT);
	ck_assert(peer_equals(&peer, &right));
	peer = peer_of_sa(&sa, SA_DIR_IN);
	ck_assert(peer_equals(&peer, &left));
	peer = peer_of_sa(&sa, SA_DIR_UNKNOWN);
	ck_assert_uint_eq(peer.family, 0);
	ck_assert_str_eq(name_of(&peer), PEER_OTHER);
}
