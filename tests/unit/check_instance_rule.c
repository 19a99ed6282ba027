/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar of "instance" lines. */
#include "instance/instance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "instance_world.h"

/* Each word is rejected after the keyword, in a line of its own. */
static void reject_words(const char *keyword, const char *const *words, size_t n,
			 const char *why)
{
	char line[128];
	char reason[128];

	for (size_t i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "a %s \"%s\"", keyword, words[i]);
		snprintf(reason, sizeof(reason), "%s: \"%s\" %s", keyword, words[i],
			 why);
		reject(line, reason);
	}
}

CHAPTER(instance_setup, instance_teardown);

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
	reject("\"name", "the closing quote is missing");
	reject("name descr \"text", "the closing quote is missing");
	reject("name descr \"text\\\"", "the closing quote is missing");
	reject("\"name\\", "the closing quote is missing");
}

TEST(missing_name)
{
	reject("", "the instance's name is missing");
	reject("   ", "the instance's name is missing");
	reject("\"\" reqid 1", "the instance's name is missing");
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
	reject(line, "\"nnnnnnnnnnnnnnnnnnnn...\" is too long (at most 64 characters)");
	snprintf(line, sizeof(line), "\"%s\" reqid 1", name);
	ck_assert_int_eq(instance_set_add_line(&set, line, name, sizeof(name)),
			 -EINVAL);
}

/* The reason quotes the word without the space before it. */
TEST(words_that_are_too_long)
{
	char line[600];
	char text[300];

	memset(text, 'd', sizeof(text));
	text[255] = '\0';
	snprintf(line, sizeof(line), "a reqid 1 descr %s", text);
	take(line);
	ck_assert_uint_eq(strlen(get("a")->descr), 255);
	text[255] = 'd';
	text[256] = '\0';
	snprintf(line, sizeof(line), "b reqid 1 descr %s", text);
	reject(line,
	       "\"dddddddddddddddddddd...\" is too long (at most 255 characters)");
}

TEST(characters_of_a_name)
{
	static const char reason[] =
	    "a name has only printable ASCII characters other than \" and \\";

	reject("na\x01me reqid 1", reason);
	reject("n\xc3\xa4me reqid 1", reason);
	reject("\"a\tb\" reqid 1", reason);
	reject("a\"b reqid 1", reason);
	reject("\"a\\\\b\" reqid 1", reason);
	take("\" !#$%&'()*+,-.:;<=>?@[]^_`{|}~\" reqid 1");
	reject("a/b reqid 1", "a name has no \"/\", which separates a namespace's "
			      "name from an instance's");
}

/* UTF-8 without control characters. */
TEST(characters_of_a_description)
{
	take("a reqid 1 descr \"caf\xc3\xa9 \xe2\x82\xac \\\" \\\\\"");
	ck_assert_str_eq(set.instances[1].descr, "caf\xc3\xa9 \xe2\x82\xac \" \\");
	reject("b reqid 1 descr \"caf\xe9\"",
	       "descr: \"caf\\xe9\" is not UTF-8 without control characters");
	reject("b reqid 1 descr \"a\tb\"",
	       "descr: \"a\\x09b\" is not UTF-8 without control characters");
	reject("b reqid 1 descr \xe2\x80\xae",
	       "descr: \"\\xe2\\x80\\xae\" is not UTF-8 without control characters");
}

#define NO_KEYWORD(word)                                                     \
	"\"" word "\" is none of local, remote, reqid, ifid, mark, device, " \
	"namespace, descr"

/* A quoted word cannot forge a line of the log. */
TEST(reasons_are_clean)
{
	reject("a reqid 1 \x1b[2Jx 1", NO_KEYWORD("\\x1b[2Jx"));
	reject("a reqid 1 namespace \"x/\ny\"",
	       "namespace: \"x/\\x0ay\" is not the name of a file");
}

TEST(text_that_lacks_quotes)
{
#define QUOTES "; write a text with blanks in double quotes: "
	reject("array A local 10.0.0.1", NO_KEYWORD("A") QUOTES "\"array A\"");
	reject("a reqid 1 descr replication traffic",
	       NO_KEYWORD("traffic") QUOTES "\"replication traffic\"");
	reject("a descr replication traffic reqid 1",
	       NO_KEYWORD("traffic") QUOTES "\"replication traffic\"");
}

TEST(zone_of_an_address)
{
	reject("a local fe80::1%eth0",
	       "local: \"fe80::1%eth0\": write the address without "
	       "\"%eth0\"; use \"device eth0\"");
	reject("a remote fe80::1%", "remote: \"fe80::1%\" is not an address or "
				    "ADDRESS/LENGTH");
	reject("a device %x reqid 1%1", "reqid: \"1%1\" is not a number from 0 to "
					"4294967295");
}

TEST(keywords)
{
	reject("a reqid 1 port 3260", NO_KEYWORD("port"));
	take("upper LOCAL 10.0.0.1 ReqID 1 DESCR x");
	ck_assert_uint_eq(get("upper")->rules[0].reqid, 1);
	reject("a reqid 1 REQID 2", "reqid appears twice");
	reject("a reqid", "\"reqid\" has no value");
	reject("a reqid 1 local", "\"local\" has no value");
	reject("a", "\"a\" has no rule: add local, remote, reqid, ifid, mark, "
		    "device or namespace");
}

TEST(addresses)
{
	static const char *const bad[] = {
	    "10.0.0",         "10.0.0.256",  "10.0.0.1/33", "10.0.0.1/",
	    "10.0.0.1/x",     "10.0.0.1/-1", "10.0.0.1/8x", "2001:db8::g",
	    "2001:db8::/129", "example.org", "/24",         "10.0.0.1/ 8",
	    "2001:db8:::1"};

	reject_words("local", bad, sizeof(bad) / sizeof(*bad),
		     "is not an address or ADDRESS/LENGTH");
	reject("a remote 1.2.3",
	       "remote: \"1.2.3\" is not an address or ADDRESS/LENGTH");
	reject("a local 10.0.0.1 remote 2001:db8::1",
	       "local and remote are of different address families");
	take("a local 0.0.0.0/0 remote 255.255.255.255/32");
	take("b local ::/0 remote ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128");
}

TEST(numbers)
{
	static const char *const bad[] = {"-1", "+1",  "4294967296",           "1x",
					  "0x", "0xg", "99999999999999999999", ""};

	reject_words("reqid", bad, sizeof(bad) / sizeof(*bad),
		     "is not a number from 0 to 4294967295");
	reject("a ifid x", "ifid: \"x\" is not a number from 0 to 4294967295");
	take("eight reqid 08"); /* not octal */
	ck_assert_uint_eq(get("eight")->rules[0].reqid, 8);
	reject("a reqid 1 reqid 2", "reqid appears twice");
	reject("a reqid 1 descr x descr y", "descr appears twice");
	reject("a mark 1/0",
	       "mark: \"1/0\" is not VALUE or VALUE/MASK with a mask above 0");
	take("a reqid 4294967295 ifid 0");
	ck_assert_uint_eq(get("a")->rules[0].reqid, UINT32_MAX);
	ck_assert(get("a")->rules[0].has_if_id);
}

TEST(marks)
{
	static const char *const bad[] = {
	    "x", "1/", "1/x", "/1", "1/2/3", "4294967296", "1/4294967296", "1 /2"};

	reject_words("mark", bad, sizeof(bad) / sizeof(*bad),
		     "is not VALUE or VALUE/MASK with a mask above 0");
	take("a mark 5");
	ck_assert_uint_eq(get("a")->rules[0].mark, 5);
	ck_assert_uint_eq(get("a")->rules[0].mark_mask, UINT32_MAX);
}

TEST(devices)
{
	reject("a device \"\"", "device: \"\" is not the name of an interface");
	reject("a device ..", "device: \"..\" is not the name of an interface");
	reject("a device .", "device: \".\" is not the name of an interface");
	reject("a device a/b", "device: \"a/b\" is not the name of an interface");
	reject("a device a23456789b123456",
	       "device: \"a23456789b123456\" is not the name of an interface");
	take("a device a23456789b12345");
}

TEST(unattributed_has_no_rules_but_a_description)
{
	reject(
	    "unattributed reqid 1",
	    "\"unattributed\" cannot have rules: it has the SAs that no rule matches");
	take("unattributed descr \"everything else\"");
	ck_assert_str_eq(set.instances[0].descr, "everything else");
}

TEST(not_a_namespace)
{
	char line[400] = "a namespace ";

	reject("a namespace \"\"", "namespace: \"\" is not the name of a file");
	reject("a namespace .", "namespace: \".\" is not the name of a file");
	reject("a namespace ..", "namespace: \"..\" is not the name of a file");
	reject("a namespace b/c", "namespace: \"b/c\" is not the name of a file");
	reject("a namespace", "\"namespace\" has no value");
	reject("a namespace b namespace c", "namespace appears twice");
	reject(
	    "unattributed namespace b reqid 1",
	    "\"unattributed\" cannot have rules: it has the SAs that no rule matches");
	reject("unattributed namespace b",
	       "\"unattributed\" has no rule: add local, remote, reqid, ifid, mark, "
	       "device or namespace");
	memset(line + 12, 'n', 256);
	reject(line, "\"nnnnnnnnnnnnnnnnnnnn...\" is too long (at most 255 "
		     "characters)");
	line[12 + 255] = '\0';
	take(line);
}

TEST(a_short_error_buffer_is_enough)
{
	char error[8];

	memset(error, 'x', sizeof(error));
	ck_assert_int_eq(instance_set_add_line(&set, "a reqid x", error, sizeof(error)),
			 -EINVAL);
	ck_assert_str_eq(error, "reqid: ");
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
