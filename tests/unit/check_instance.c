/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/instance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "messages.h"
#include "runner.h"

static struct instance_set set;

static void setup(void)
{
	ck_assert_int_eq(instance_set_init(&set), 0);
}

static void teardown(void)
{
	instance_set_free(&set);
}

static void take(const char *line)
{
	char error[200] = "";

	ck_assert_msg(instance_set_add_line(&set, line, error, sizeof(error)) == 0,
		      "%s: %s", line, error);
}

/* The line must be refused with exactly this reason, and the set stay as it was. */
static void refuse(const char *line, const char *reason)
{
	const size_t n = set.n;
	char error[512] = "";

	ck_assert_msg(instance_set_add_line(&set, line, error, sizeof(error)) ==
			  -EINVAL,
		      "%s", line);
	ck_assert_str_eq(error, reason);
	ck_assert_uint_eq(set.n, n);
}

static const struct instance *get(const char *name)
{
	int number = instance_set_find(&set, name);

	ck_assert_int_ge(number, 0);
	return &set.instances[number];
}

CHAPTER(setup, teardown);

TEST(starts_with_the_unattributed_row)
{
	ck_assert_uint_eq(set.n, 1);
	ck_assert_str_eq(set.instances[0].name, INSTANCE_UNATTRIBUTED);
	ck_assert_uint_eq(set.instances[0].n_rules, 0);
	ck_assert_str_ne(set.instances[0].descr, "");
}

TEST(one_line_with_everything)
{
	const struct instance_rule *rule;

	take("tcp:eth1 local 10.0.0.1 remote 10.1.0.0/16 reqid 5 ifid 0x10 "
	     "mark 0x3/0xff device eth1 descr \"the \\\"fast\\\" one\"");
	ck_assert_uint_eq(get("tcp:eth1")->n_rules, 1);
	rule = get("tcp:eth1")->rules;
	ck_assert_uint_eq(rule->local.family, AF_INET);
	ck_assert_uint_eq(rule->local.len, 32);
	ck_assert_uint_eq(rule->remote.len, 16);
	ck_assert(rule->has_reqid && rule->has_if_id && rule->has_mark);
	ck_assert_uint_eq(rule->reqid, 5);
	ck_assert_uint_eq(rule->if_id, 16);
	ck_assert_uint_eq(rule->mark, 3);
	ck_assert_uint_eq(rule->mark_mask, 0xff);
	ck_assert_str_eq(rule->device, "eth1");
	ck_assert_str_eq(get("tcp:eth1")->descr, "the \"fast\" one");
}

TEST(what_is_not_said_is_not_asked)
{
	const struct instance_rule *rule;

	take("a reqid 1");
	rule = get("a")->rules;
	ck_assert_uint_eq(rule->local.family, 0);
	ck_assert_uint_eq(rule->remote.family, 0);
	ck_assert(!rule->has_if_id && !rule->has_mark);
	ck_assert_str_eq(rule->device, "");
}

TEST(lines_of_one_name_add_up)
{
	take("a reqid 1");
	take("b reqid 2");
	take("a reqid 3 descr new");
	ck_assert_uint_eq(set.n, 3);
	ck_assert_uint_eq(get("a")->n_rules, 2);
	ck_assert_uint_eq(get("a")->rules[0].reqid, 1);
	ck_assert_uint_eq(get("a")->rules[1].reqid, 3);
	ck_assert_str_eq(get("a")->descr, "new");
	ck_assert_int_eq(instance_set_find(&set, "a"), 1);
	ck_assert_int_eq(instance_set_find(&set, "b"), 2);
	ck_assert_int_eq(instance_set_find(&set, "c"), -ENOENT);
}

TEST(quoting)
{
	take("\"two words\" reqid 1");
	take("plain reqid 2 descr back\\slash");
	take("  \t spaces   reqid\t3  ");
	take("quoted reqid 4 descr \"back\\\\slash\"");
	take("\"#hash; and = more\" \"reqid\" \"5\"");
	take("q descr \"\" reqid 6");
	ck_assert_uint_eq(get("two words")->rules[0].reqid, 1);
	ck_assert_str_eq(get("plain")->descr, "back\\slash");
	ck_assert_uint_eq(get("spaces")->rules[0].reqid, 3);
	ck_assert_str_eq(get("quoted")->descr, "back\\slash");
	ck_assert_uint_eq(get("#hash; and = more")->rules[0].reqid, 5);
	ck_assert_str_eq(get("q")->descr, "");
}

TEST(missing_quote)
{
	refuse("\"name", "the closing quote is missing");
	refuse("name descr \"text", "the closing quote is missing");
	refuse("name descr \"text\\\"", "the closing quote is missing");
	refuse("\"name\\", "the closing quote is missing");
}

TEST(missing_name)
{
	refuse("", "the instance's name is missing");
	refuse("   ", "the instance's name is missing");
	refuse("\"\" reqid 1", "the instance's name is missing");
}

TEST(name_of_64_and_of_65_characters)
{
	char line[128];
	char name[66];

	memset(name, 'n', sizeof(name));
	name[64] = '\0';
	snprintf(line, sizeof(line), "%s reqid 1", name);
	take(line);
	ck_assert_uint_eq(strlen(set.instances[1].name), 64);
	name[64] = 'n';
	name[65] = '\0';
	snprintf(line, sizeof(line), "%s reqid 1", name);
	refuse(line, "\"nnnnnnnnnnnnnnnnnnnn...\" is too long (at most 64 characters)");
	snprintf(line, sizeof(line), "\"%s\" reqid 1", name);
	ck_assert_int_eq(instance_set_add_line(&set, line, name, sizeof(name)),
			 -EINVAL);
}

/* The reason quotes the word itself, without the blank before it. */
TEST(words_that_are_too_long)
{
	char line[600];
	char text[300];

	refuse("a abcdefghijklmnopqrstuvwxyz 1",
	       "\"abcdefghijklmnopqrst...\" is too long (at most 15 characters)");
	memset(text, 'd', sizeof(text));
	text[255] = '\0';
	snprintf(line, sizeof(line), "a reqid 1 descr %s", text);
	take(line);
	ck_assert_uint_eq(strlen(get("a")->descr), 255);
	text[255] = 'd';
	text[256] = '\0';
	snprintf(line, sizeof(line), "b reqid 1 descr %s", text);
	refuse(line,
	       "\"dddddddddddddddddddd...\" is too long (at most 255 characters)");
}

TEST(characters_of_a_name)
{
	static const char reason[] =
	    "a name has only printable ASCII characters but \" and \\";

	refuse("na\x01me reqid 1", reason);
	refuse("n\xc3\xa4me reqid 1", reason);
	refuse("\"a\tb\" reqid 1", reason);
	refuse("a\"b reqid 1", reason);
	refuse("\"a\\\\b\" reqid 1", reason);
	take("\" !#$%&'()*+,-.:;<=>?@[]^_`{|}~\" reqid 1");
	refuse("a/b reqid 1", "a name has no \"/\", which stands between a "
			      "namespace's name and an instance's");
}

/* UTF-8, of which nothing can be taken for more than text. */
TEST(characters_of_a_description)
{
	take("a reqid 1 descr \"caf\xc3\xa9 \xe2\x82\xac \\\" \\\\\"");
	ck_assert_str_eq(set.instances[1].descr, "caf\xc3\xa9 \xe2\x82\xac \" \\");
	refuse("b reqid 1 descr \"caf\xe9\"",
	       "descr: \"caf\\xe9\" is not UTF-8 without control characters");
	refuse("b reqid 1 descr \"a\tb\"",
	       "descr: \"a\\x09b\" is not UTF-8 without control characters");
	refuse("b reqid 1 descr \xe2\x80\xae",
	       "descr: \"\\xe2\\x80\\xae\" is not UTF-8 without control characters");
}

/* What is quoted from a line cannot forge a line of the log. */
TEST(reasons_are_clean)
{
	refuse("a reqid 1 \x1b[2Jx 1",
	       "\"\\x1b[2Jx\" is none of local, remote, reqid, ifid, mark, device, "
	       "namespace, descr");
	refuse("a reqid 1 namespace \"x/\ny\"",
	       "namespace: \"x/\\x0ay\" is not the name of a file");
}

TEST(keywords)
{
	refuse("a port 3260",
	       "\"port\" is none of local, remote, reqid, ifid, mark, device, "
	       "namespace, descr");
	refuse("a LOCAL 10.0.0.1",
	       "\"LOCAL\" is none of local, remote, reqid, ifid, mark, device, "
	       "namespace, descr");
	refuse("a reqid", "\"reqid\" has no value");
	refuse("a reqid 1 local", "\"local\" has no value");
	refuse("a", "\"a\" has no rule: say local, remote, reqid, ifid, mark, "
		    "device or namespace");
}

TEST(addresses)
{
	static const char *const bad[] = {
	    "10.0.0",         "10.0.0.256",  "10.0.0.1/33", "10.0.0.1/",
	    "10.0.0.1/x",     "10.0.0.1/-1", "10.0.0.1/8x", "2001:db8::g",
	    "2001:db8::/129", "example.org", "/24",         "10.0.0.1/ 8",
	    "2001:db8:::1",   "fe80::1%eth0"};
	char line[128];
	char reason[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(line, sizeof(line), "a local \"%s\"", bad[i]);
		snprintf(reason, sizeof(reason),
			 "local: \"%s\" is not an address or ADDRESS/LENGTH", bad[i]);
		refuse(line, reason);
	}
	refuse("a remote 1.2.3",
	       "remote: \"1.2.3\" is not an address or ADDRESS/LENGTH");
	refuse("a local 10.0.0.1 remote 2001:db8::1",
	       "local and remote are not of one address family");
	take("a local 0.0.0.0/0 remote 255.255.255.255/32");
	take("b local ::/0 remote ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128");
}

TEST(numbers)
{
	static const char *const bad[] = {"-1", "+1",  "4294967296",           "1x",
					  "0x", "0xg", "99999999999999999999", ""};
	char line[128];
	char reason[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(line, sizeof(line), "a reqid \"%s\"", bad[i]);
		snprintf(reason, sizeof(reason),
			 "reqid: \"%s\" is not a number from 0 to 4294967295", bad[i]);
		refuse(line, reason);
	}
	refuse("a ifid x", "ifid: \"x\" is not a number from 0 to 4294967295");
	take("eight reqid 08"); /* no octal */
	ck_assert_uint_eq(get("eight")->rules[0].reqid, 8);
	refuse("a reqid 1 reqid 2", "reqid is there twice");
	refuse("a reqid 1 descr x descr y", "descr is there twice");
	refuse("a mark 1/0", "mark: a mask of 0 would match every SA");
	take("a reqid 4294967295 ifid 0");
	ck_assert_uint_eq(get("a")->rules[0].reqid, UINT32_MAX);
	ck_assert(get("a")->rules[0].has_if_id);
}

TEST(marks)
{
	static const char *const bad[] = {
	    "x", "1/", "1/x", "/1", "1/2/3", "4294967296", "1/4294967296", "1 /2"};
	char line[128];
	char reason[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(line, sizeof(line), "a mark \"%s\"", bad[i]);
		snprintf(reason, sizeof(reason),
			 "mark: \"%s\" is not VALUE or VALUE/MASK", bad[i]);
		refuse(line, reason);
	}
	take("a mark 5");
	ck_assert_uint_eq(get("a")->rules[0].mark, 5);
	ck_assert_uint_eq(get("a")->rules[0].mark_mask, UINT32_MAX);
}

TEST(devices)
{
	refuse("a device \"\"", "device: \"\" is not the name of an interface");
	refuse("a device ..", "device: \"..\" is not the name of an interface");
	refuse("a device .", "device: \".\" is not the name of an interface");
	refuse("a device a/b", "device: \"a/b\" is not the name of an interface");
	refuse("a device a23456789b123456",
	       "device: \"a23456789b123456\" is not the name of an interface");
	take("a device a23456789b12345");
}

TEST(unattributed_has_no_rules_but_a_description)
{
	refuse("unattributed reqid 1",
	       "\"unattributed\" has what no rule claims, so no rules of its own");
	take("unattributed descr \"everything else\"");
	ck_assert_str_eq(set.instances[0].descr, "everything else");
}

/* A line that fails late leaves nothing of what came before. */
TEST(a_bad_line_changes_nothing)
{
	take("a reqid 1 descr old");
	refuse("a reqid 2 descr new bad 1",
	       "\"bad\" is none of local, remote, reqid, ifid, mark, device, "
	       "namespace, descr");
	ck_assert_uint_eq(get("a")->n_rules, 1);
	ck_assert_str_eq(get("a")->descr, "old");
}

TEST(a_short_error_buffer_is_enough)
{
	char error[8];

	memset(error, 'x', sizeof(error));
	ck_assert_int_eq(instance_set_add_line(&set, "a reqid x", error, sizeof(error)),
			 -EINVAL);
	ck_assert_str_eq(error, "reqid: ");
}

TEST(add_by_name)
{
	char name[66];

	ck_assert_int_eq(instance_set_add(&set, INSTANCE_UNATTRIBUTED), 0);
	ck_assert_int_eq(instance_set_add(&set, "a"), 1);
	ck_assert_int_eq(instance_set_add(&set, "b c"), 2);
	ck_assert_int_eq(instance_set_add(&set, "a"), 1);
	ck_assert_int_eq(instance_set_add(&set, ""), -EINVAL);
	ck_assert_int_eq(instance_set_add(&set, "a\n"), -EINVAL);
	memset(name, 'n', 65);
	name[65] = '\0';
	ck_assert_int_eq(instance_set_add(&set, name), -EINVAL);
	name[64] = '\0';
	ck_assert_int_eq(instance_set_add(&set, name), 3);
	ck_assert_uint_eq(set.n, 4);
}

TEST(merge_keeps_numbers)
{
	struct instance_set fresh;
	char error[100];

	take("b reqid 1 descr old");
	take("a reqid 2");
	set.instances[2].sessions = 7;
	ck_assert_int_eq(instance_set_init(&fresh), 0);
	instance_set_add_line(&fresh, "c reqid 3", error, sizeof(error));
	instance_set_add_line(&fresh, "a reqid 4", error, sizeof(error));
	instance_set_add_line(&fresh, "a reqid 5 descr new", error, sizeof(error));
	ck_assert_int_eq(instance_set_merge(&set, &fresh), 0);
	instance_set_free(&fresh);
	ck_assert_uint_eq(set.n, 4);
	ck_assert_int_eq(instance_set_find(&set, INSTANCE_UNATTRIBUTED), 0);
	ck_assert_int_eq(instance_set_find(&set, "b"), 1);
	ck_assert_int_eq(instance_set_find(&set, "a"), 2);
	ck_assert_int_eq(instance_set_find(&set, "c"), 3);
	ck_assert_uint_eq(get("b")->n_rules, 0);
	ck_assert_str_eq(get("b")->descr, "old");
	ck_assert_uint_eq(get("a")->n_rules, 2);
	ck_assert_uint_eq(get("a")->rules[1].reqid, 5);
	ck_assert_str_eq(get("a")->descr, "new");
	ck_assert_uint_eq(get("a")->sessions, 7);
	ck_assert_uint_eq(get("c")->rules[0].reqid, 3);
}

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
	ck_assert_int_eq(
	    prefix_parse("10.0.0.1/18446744073709551624", &prefix), -EINVAL);
	ck_assert_int_eq(prefix_parse("", &prefix), -EINVAL);
}

TEST(namespaces_of_lines)
{
	struct instance_set own, blue, red;

	take("a local 10.0.0.1");
	take("a namespace blue");
	take("a namespace blue reqid 7 descr \"in blue\"");
	take("b namespace \"with blank\" device eth0");
	take("unattributed namespace blue descr \"the rest of blue\"");
	ck_assert(instance_set_has_netns(&set, "blue"));
	ck_assert(instance_set_has_netns(&set, "with blank"));
	ck_assert(!instance_set_has_netns(&set, "red"));

	ck_assert_int_eq(instance_set_select(&set, "", &own), 0);
	ck_assert_uint_eq(own.n, 2);
	ck_assert_str_eq(own.instances[1].name, "a");
	ck_assert_uint_eq(own.instances[1].n_rules, 1);
	ck_assert_uint_eq(own.instances[1].rules[0].local.len, 32);
	ck_assert_str_eq(own.instances[0].descr, set.instances[0].descr);

	ck_assert_int_eq(instance_set_select(&set, "blue", &blue), 0);
	ck_assert_uint_eq(blue.n, 2);
	ck_assert_str_eq(blue.instances[0].descr, "the rest of blue");
	ck_assert_str_eq(blue.instances[1].name, "a");
	ck_assert_str_eq(blue.instances[1].netns, "");
	ck_assert_str_eq(blue.instances[1].descr, "in blue");
	ck_assert_uint_eq(blue.instances[1].n_rules, 2);
	ck_assert_uint_eq(blue.instances[1].rules[0].local.family, 0);
	ck_assert(!blue.instances[1].rules[0].has_reqid);
	ck_assert(blue.instances[1].rules[1].has_reqid);

	ck_assert_int_eq(instance_set_select(&set, "red", &red), 0);
	ck_assert_uint_eq(red.n, 1);
	ck_assert_str_eq(red.instances[0].descr, set.instances[0].descr);
	instance_set_free(&own);
	instance_set_free(&blue);
	instance_set_free(&red);
}

TEST(renames_are_of_the_own_namespace)
{
	struct instance_set own, blue;
	char error[100];

	ck_assert_int_eq(
	    instance_set_add_rename(&set, "tcp:eth1 disk", error, sizeof(error)), 0);
	ck_assert_int_eq(
	    instance_set_add_rename(&set, "tcp:eth2 a/b", error, sizeof(error)),
	    -EINVAL);
	set.discover = false;
	ck_assert_int_eq(instance_set_select(&set, "", &own), 0);
	ck_assert_int_eq(instance_set_select(&set, "blue", &blue), 0);
	ck_assert_uint_eq(own.n_renames, 1);
	ck_assert(!own.discover);
	ck_assert_uint_eq(blue.n_renames, 0);
	instance_set_free(&own);
	instance_set_free(&blue);
}

TEST(what_is_no_namespace)
{
	char line[400] = "a namespace ";

	refuse("a namespace \"\"", "namespace: \"\" is not the name of a file");
	refuse("a namespace .", "namespace: \".\" is not the name of a file");
	refuse("a namespace ..", "namespace: \"..\" is not the name of a file");
	refuse("a namespace b/c", "namespace: \"b/c\" is not the name of a file");
	refuse("a namespace", "\"namespace\" has no value");
	refuse("a namespace b namespace c", "namespace is there twice");
	refuse("unattributed namespace b reqid 1",
	       "\"unattributed\" has what no rule claims, so no rules of its own");
	refuse("unattributed namespace b",
	       "\"unattributed\" has no rule: say local, remote, reqid, ifid, mark, "
	       "device or namespace");
	memset(line + 12, 'n', 256);
	refuse(line, "\"nnnnnnnnnnnnnnnnnnnn...\" is too long (at most 255 "
		     "characters)");
	line[12 + 255] = '\0';
	take(line);
}

/* The hashes are another implementation's. */
TEST(names_that_fit_and_that_do_not)
{
	char name[INSTANCE_NAME_MAX + 2];
	char fitted[INSTANCE_NAME_MAX + 1];
	char small[16 + 2];

	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	instance_name_fit(fitted, sizeof(fitted), name);
	ck_assert_str_eq(fitted, name);
	name[64] = 'a';
	name[65] = '\0';
	instance_name_fit(fitted, sizeof(fitted), name);
	ck_assert_uint_eq(strlen(fitted), 64);
	ck_assert_uint_eq(strspn(fitted, "a"), 55);
	ck_assert_str_eq(fitted + 55, "~2dd603ec");

	instance_name_fit(fitted, sizeof(fitted), "");
	ck_assert_str_eq(fitted, "");
	instance_name_fit(fitted, sizeof(fitted), "tcp:eth1 (a/b)");
	ck_assert_str_eq(fitted, "tcp:eth1 (a/b)");
	instance_name_fit(fitted, sizeof(fitted), "b\xc3\xa9 \n");
	ck_assert_str_eq(fitted, "b__ _~debd275b");

	memset(small, '!', sizeof(small));
	instance_name_fit(small, 16, "123456789012345");
	ck_assert_str_eq(small, "123456789012345");
	instance_name_fit(small, 16, "1234567890123456");
	ck_assert_str_eq(small, "123456~cb17f1f3");
	ck_assert_int_eq(small[16], '!');
}

/* What two names are made of must not make them one. */
TEST(names_that_are_made_to_fit_stay_apart)
{
	static const char *const names[] = {
	    "a\"b",         "a\\b",         "a_b",          "a\tb",        "a\xe9z",
	    "a_b~deadbeef", "a_b~02d0d7b2", "a_b~deadbeeF", "a_b~deadbee", "~deadbeef",
	};
	char fitted[sizeof(names) / sizeof(*names)][INSTANCE_NAME_MAX + 1];
	char again[INSTANCE_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		instance_name_fit(fitted[i], sizeof(fitted[i]), names[i]);
		ck_assert(instance_name_is_valid(fitted[i]));
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(fitted[i], fitted[k]);
		/* neither does any name become what another has been made */
		instance_name_fit(again, sizeof(again), fitted[i]);
		ck_assert(!strcmp(fitted[i], names[i]) == !strcmp(again, fitted[i]));
	}
	ck_assert_str_eq(fitted[2], "a_b");
	ck_assert_str_eq(fitted[7], "a_b~deadbeeF");
	ck_assert_str_eq(fitted[8], "a_b~deadbee");
}

TEST(valid_names)
{
	char name[INSTANCE_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	name[INSTANCE_NAME_MAX] = '\0';
	ck_assert(instance_name_is_valid(name));
	name[INSTANCE_NAME_MAX] = 'a';
	name[INSTANCE_NAME_MAX + 1] = '\0';
	ck_assert(!instance_name_is_valid(name));
	ck_assert(!instance_name_is_valid(""));
	for (unsigned c = 1; c < 256; c++) {
		const char one[] = {(char)c, '\0'};

		ck_assert(instance_name_is_valid(one) ==
			  (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'));
	}
}

/* Renames, and instances that are found. */

static void rename_to(const char *line)
{
	char error[200] = "";

	ck_assert_msg(instance_set_add_rename(&set, line, error, sizeof(error)) == 0,
		      "%s: %s", line, error);
}

static void refuse_rename(const char *line, const char *reason)
{
	const size_t n = set.n_renames;
	char error[512] = "";

	ck_assert_msg(instance_set_add_rename(&set, line, error, sizeof(error)) ==
			  -EINVAL,
		      "%s", line);
	ck_assert_str_eq(error, reason);
	ck_assert_uint_eq(set.n_renames, n);
}

TEST(renames)
{
	char line[200];
	char name[66];

	rename_to("tcp:eth1 \"array A\"");
	rename_to("  \"tcp:eth 2\"\tb ");
	ck_assert_uint_eq(set.n_renames, 2);
	ck_assert_str_eq(set.renames[0].found, "tcp:eth1");
	ck_assert_str_eq(set.renames[0].name, "array A");
	ck_assert_str_eq(set.renames[1].found, "tcp:eth 2");
	ck_assert_str_eq(set.renames[1].name, "b");
	ck_assert_uint_eq(set.n, 1); /* it is not there before it is found */
	memset(name, 'n', sizeof(name));
	name[64] = '\0';
	snprintf(line, sizeof(line), "%s m%.63s", name, name);
	rename_to(line);
	ck_assert_str_eq(set.renames[2].found, name);
	ck_assert_uint_eq(strlen(set.renames[2].name), 64);
}

TEST(bad_renames)
{
	char line[200];
	char name[66];

	refuse_rename("", "say the name that is found and the new one");
	refuse_rename("tcp:eth1", "say the name that is found and the new one");
	refuse_rename("tcp:eth1 \"\"", "say the name that is found and the new one");
	refuse_rename("\"\" a", "say the name that is found and the new one");
	refuse_rename("tcp:eth1 a b", "there is more than two names");
	refuse_rename("tcp:eth1 a \"\"", "there is more than two names");
	refuse_rename("tcp:eth1 \"a", "the closing quote is missing");
	refuse_rename("tcp:\xc3\xa9 a",
		      "a name has only printable ASCII characters but \" and \\");
	refuse_rename("tcp:eth1 \xc3\xa9",
		      "a name has only printable ASCII characters but \" and \\");
	refuse_rename("unattributed a",
		      "\"unattributed\" is the row of what belongs to no HBA");
	refuse_rename("a unattributed",
		      "\"unattributed\" is the row of what belongs to no HBA");
	rename_to("tcp:eth1 a");
	refuse_rename("tcp:eth1 b", "\"tcp:eth1\" is renamed already");
	refuse_rename("tcp:eth2 a", "\"a\" is the new name of \"tcp:eth1\" already");
	memset(name, 'n', sizeof(name));
	name[65] = '\0';
	snprintf(line, sizeof(line), "tcp:eth2 %s", name);
	refuse_rename(line, "\"nnnnnnnnnnnnnnnnnnnn...\" is too long (at most 64 "
			    "characters)");
	snprintf(line, sizeof(line), "%s b", name);
	refuse_rename(line, "\"nnnnnnnnnnnnnnnnnnnn...\" is too long (at most 64 "
			    "characters)");
}

TEST(found_instances)
{
	rename_to("tcp:eth1 \"array A\"");
	take("tcp:default local 10.0.0.1");
	ck_assert_int_eq(instance_set_found(&set, "tcp:eth1", false), -ENOENT);
	ck_assert_int_eq(instance_set_found(&set, "tcp:eth1", true), 2);
	ck_assert_int_eq(instance_set_found(&set, "tcp:eth1", false), 2);
	ck_assert_str_eq(get("array A")->found, "tcp:eth1");
	ck_assert_uint_eq(get("array A")->n_rules, 0);
	/* one with rules, of the very name */
	ck_assert_int_eq(instance_set_found(&set, "tcp:default", false), 1);
	ck_assert_str_eq(get("tcp:default")->found, "tcp:default");
	ck_assert_uint_eq(set.n, 3);
}

/* One name for two: each has a row, whoever comes first. */
TEST(two_found_of_one_name)
{
	rename_to("tcp:a tcp:b");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(instance_set_found(&set, "tcp:b", true), 1);
		ck_assert_int_eq(instance_set_found(&set, "tcp:a", true), 2);
	}
	ck_assert_uint_eq(set.n, 3);
	ck_assert_str_eq(set.instances[2].name, "tcp:a");
	instance_set_free(&set);
	ck_assert_int_eq(instance_set_init(&set), 0);
	rename_to("tcp:a tcp:b");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(instance_set_found(&set, "tcp:a", true), 1);
		ck_assert_int_eq(instance_set_found(&set, "tcp:b", true), 2);
	}
	ck_assert_str_eq(set.instances[1].name, "tcp:b");
	ck_assert_str_eq(set.instances[2].name, "tcp:b~2");
}

/* The renames of new configuration are all that counts; rows keep their numbers. */
TEST(merge_of_renames)
{
	struct instance_set fresh;
	char error[200];

	rename_to("tcp:a x");
	instance_set_found(&set, "tcp:a", true);
	instance_set_found(&set, "tcp:b", true);
	ck_assert_int_eq(instance_set_init(&fresh), 0);
	ck_assert_int_eq(
	    instance_set_add_rename(&fresh, "tcp:b y", error, sizeof(error)), 0);
	fresh.discover = false;
	ck_assert_int_eq(instance_set_merge(&set, &fresh), 0);
	instance_set_free(&fresh);
	ck_assert_str_eq(set.instances[1].name, "tcp:a");
	ck_assert_str_eq(set.instances[2].name, "y");
	ck_assert_uint_eq(set.n, 3);
	ck_assert_uint_eq(set.n_renames, 1);
	ck_assert(!set.discover);
	ck_assert_int_eq(instance_set_found(&set, "tcp:b", false), 2);
}

/* Names that move along a chain, round a ring, or to where somebody stays: a row keeps
 * its HBA, whatever order the rows have. */
TEST(renames_that_meet)
{
	static const struct {
		const char *const lines[3];
		const char *const names[3]; /* of what is found as a, b and c */
	} cases[] = {
	    {{"a b", "b c", "c d"}, {"b", "c", "d"}},
	    {{"c b", "b a", "a z"}, {"z", "a", "b"}},
	    {{"a b", "b a"}, {"b", "a", "c"}},
	    {{"a b", "b c", "c a"}, {"b", "c", "a"}},
	    {{"a b", "b c"}, {"a", "b", "c"}}, /* c has its name already */
	    {{"a b"}, {"a", "b", "c"}},
	    {{"a b", "b a", "c d"}, {"b", "a", "d"}},
	    {{"c a", "a b"}, {"a", "b", "c"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		instance_set_free(&set);
		ck_assert_int_eq(instance_set_init(&set), 0);
		for (int found = 'a'; found <= 'c'; found++)
			instance_set_found(&set, (char[]){(char)found, '\0'}, true);
		for (size_t j = 0; j < 3 && cases[i].lines[j]; j++)
			rename_to(cases[i].lines[j]);
		instance_set_apply_renames(&set);
		for (int j = 0; j < 3; j++) {
			const char found[] = {(char)('a' + j), '\0'};

			ck_assert_int_eq(instance_set_found(&set, found, false), j + 1);
			ck_assert_str_eq(set.instances[j + 1].name, cases[i].names[j]);
		}
	}
}

/* Each namespace has a row "unattributed" as well. */
TEST(more_instances_than_rows)
{
	char error[200] = "";

	set.max_rows = 3;
	take("a reqid 1");
	take("a reqid 2");
	take("b reqid 1");
	take("a namespace blue");
	take("b namespace blue");
	ck_assert_int_eq(instance_set_check_size(&set, error, sizeof(error)), 0);
	take("unattributed descr \"the rest\"");
	take("unattributed namespace blue descr \"the rest\"");
	ck_assert_int_eq(instance_set_check_size(&set, error, sizeof(error)), 0);
	take("c namespace blue");
	ck_assert_int_eq(instance_set_check_size(&set, error, sizeof(error)), -EINVAL);
	ck_assert_str_eq(error,
			 "4 rows are configured in namespace blue, but maxRows is "
			 "3: raise it, or take instances away");
	set.max_rows = 4;
	ck_assert_int_eq(instance_set_check_size(&set, error, sizeof(error)), 0);
	take("c reqid 1");
	take("d reqid 1");
	ck_assert_int_eq(instance_set_check_size(&set, error, sizeof(error)), -EINVAL);
	ck_assert_str_eq(error,
			 "5 rows are configured in the daemon's own namespace, but "
			 "maxRows is 4: raise it, or take instances away");
}

/* Numbers of those that were removed are given away first. */
TEST(numbers_that_are_used_again)
{
	struct instance_set from;

	ck_assert_int_eq(instance_set_init(&from), 0);
	for (char name[] = "a"; name[0] < 'g'; name[0]++)
		ck_assert_int_eq(instance_set_add(&set, name), name[0] - 'a' + 1);
	instance_set_remove(&set, 2);
	instance_set_remove(&set, 5);
	ck_assert_uint_eq(set.n_used, 5);
	ck_assert_int_eq(instance_set_find(&set, "b"), -ENOENT);
	ck_assert_int_eq(instance_set_add(&from, "a"), 1);
	ck_assert_int_eq(instance_set_add(&from, "x"), 2);
	ck_assert_int_eq(instance_set_add(&from, "y"), 3);
	ck_assert_uint_eq(instance_set_merged_size(&set, &from), 7);
	ck_assert_int_eq(instance_set_add(&from, "z"), 4);
	ck_assert_uint_eq(instance_set_merged_size(&set, &from), 8);
	ck_assert_int_eq(instance_set_merge(&set, &from), 0);
	ck_assert_int_eq(instance_set_find(&set, "x"), 2);
	ck_assert_int_eq(instance_set_find(&set, "y"), 5);
	ck_assert_int_eq(instance_set_find(&set, "z"), 7);
	ck_assert_int_eq(instance_set_find(&set, "f"), 6);
	ck_assert_uint_eq(set.n, 8);
	ck_assert_uint_eq(set.n_used, 8);
	instance_set_free(&from);
}

TEST(garbage)
{
	static const char letters[] =
	    " \t\"\\/.:0123456789abcdefx local remote reqid ifid "
	    "mark device descr\x01\x80";
	unsigned state = 5;

	for (int i = 0; i < 100000; i++) {
		char line[80];
		char error[40];
		size_t len = (size_t)rand_r(&state) % (sizeof(line) - 1);

		for (size_t j = 0; j < len; j++)
			line[j] =
			    letters[(size_t)rand_r(&state) % (sizeof(letters) - 1)];
		line[len] = '\0';
		instance_set_add_line(&set, line, error, sizeof(error));
		instance_set_add_rename(&set, line, error, sizeof(error));
	}
}
