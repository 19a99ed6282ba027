/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of discovered instances. */
#include "instance/instance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "instance_world.h"

CHAPTER(instance_setup, instance_teardown);

TEST(renames)
{
	char line[200];
	char name[66];

	instances_rename(&set, "tcp:eth1 \"array A\"");
	instances_rename(&set, "  \"tcp:eth 2\"\tb ");
	ck_assert_uint_eq(set.n_renames, 2);
	ck_assert_str_eq(set.renames[0].found, "tcp:eth1");
	ck_assert_str_eq(set.renames[0].name, "array A");
	ck_assert_str_eq(set.renames[1].found, "tcp:eth 2");
	ck_assert_str_eq(set.renames[1].name, "b");
	ck_assert_uint_eq(set.n, 1); /* it does not exist before its discovery */
	memset(name, 'n', sizeof(name));
	name[64] = '\0';
	snprintf(line, sizeof(line), "%s m%.63s", name, name);
	instances_rename(&set, line);
	ck_assert_str_eq(set.renames[2].found, name);
	ck_assert_uint_eq(strlen(set.renames[2].name), 64);
}

#define TOO_MANY "more than two names; write a name with blanks in double quotes"

TEST(bad_renames)
{
	char line[200];
	char name[66];

	instances_reject_rename(&set, "",
				"the discovered name or the new name is missing");
	instances_reject_rename(&set, "tcp:eth1",
				"the discovered name or the new name is missing");
	instances_reject_rename(&set, "tcp:eth1 \"\"",
				"the discovered name or the new name is missing");
	instances_reject_rename(&set, "\"\" a",
				"the discovered name or the new name is missing");
	instances_reject_rename(&set, "tcp:eth1 a b", TOO_MANY);
	instances_reject_rename(&set, "tcp:eth1 a \"\"", TOO_MANY);
	instances_reject_rename(&set, "tcp:eth1 \"a", "the closing quote is missing");
	instances_reject_rename(
	    &set, "tcp:\xc3\xa9 a",
	    "a name has only printable ASCII characters other than \" and \\");
	instances_reject_rename(
	    &set, "tcp:eth1 \xc3\xa9",
	    "a name has only printable ASCII characters other than \" and \\");
	instances_reject_rename(&set, "unattributed a",
				"\"unattributed\" is the row of SAs of no HBA");
	instances_reject_rename(&set, "a unattributed",
				"\"unattributed\" is the row of SAs of no HBA");
	instances_rename(&set, "tcp:eth1 a");
	instances_reject_rename(&set, "tcp:eth1 b", "\"tcp:eth1\" is renamed already");
	instances_reject_rename(&set, "tcp:eth2 a",
				"\"a\" is the new name of \"tcp:eth1\" already");
	memset(name, 'n', sizeof(name));
	name[65] = '\0';
	snprintf(line, sizeof(line), "tcp:eth2 %s", name);
	instances_reject_rename(&set, line,
				"\"nnnnnnnnnnnnnnnnnnnn...\" is too long (at most 64 "
				"characters)");
	snprintf(line, sizeof(line), "%s b", name);
	instances_reject_rename(&set, line,
				"\"nnnnnnnnnnnnnnnnnnnn...\" is too long (at most 64 "
				"characters)");
}

TEST(discovered_instances)
{
	instances_rename(&set, "tcp:eth1 \"array A\"");
	instances_configure(&set, "tcp:default local 10.0.0.1");
	ck_assert_int_eq(instance_set_found(&set, "tcp:eth1", false), -ENOENT);
	ck_assert_int_eq(instance_set_found(&set, "tcp:eth1", true), 2);
	ck_assert_int_eq(instance_set_found(&set, "tcp:eth1", false), 2);
	ck_assert_str_eq(instances_get(&set, "array A")->found, "tcp:eth1");
	ck_assert_uint_eq(instances_get(&set, "array A")->n_rules, 0);
	/* one with rules, and exactly this name */
	ck_assert_int_eq(instance_set_found(&set, "tcp:default", false), 1);
	ck_assert_str_eq(instances_get(&set, "tcp:default")->found, "tcp:default");
	ck_assert_uint_eq(set.n, 3);
}

/* Discovers "a", "b" and "c" in that order. */
static void discover(const char *order)
{
	for (; *order; order++)
		ck_assert_int_gt(instance_set_found(&set, (char[]){*order, '\0'}, true),
				 0);
}

static const struct instance *discovered(char found)
{
	int number = instance_set_find_discovered(&set, (char[]){found, '\0'});

	ck_assert_int_gt(number, 0);
	return &set.instances[number];
}

static void start_again(void)
{
	instance_teardown();
	instance_setup();
}

/* The rule does not depend on history: the order of discovery, renames before or
 * after it, and earlier renames. */
TEST(names_by_rule)
{
	static const struct {
		const char *const renames[4];
		const char names[3][2]; /* of the instances discovered as a, b and c */
	} cases[] = {
	    {{NULL}, {"a", "b", "c"}},
	    {{"a x"}, {"x", "b", "c"}},
	    {{"d x"}, {"a", "b", "c"}},
	    {{"a d"}, {"d", "b", "c"}},
	    /* another one keeps that name */
	    {{"a b"}, {"a", "b", "c"}},
	    {{"b a"}, {"a", "b", "c"}},
	    /* another one has that name until it is renamed */
	    {{"a b", "b c", "c d"}, {"b", "c", "d"}},
	    {{"c b", "b a", "a z"}, {"z", "a", "b"}},
	    {{"a b", "b x"}, {"b", "x", "c"}},
	    /* and its rename is not possible */
	    {{"a b", "b c"}, {"a", "b", "c"}},
	    {{"c a", "a b"}, {"a", "b", "c"}},
	    /* several names are exchanged */
	    {{"a b", "b a"}, {"b", "a", "c"}},
	    {{"a b", "b c", "c a"}, {"b", "c", "a"}},
	    {{"a b", "b a", "c d"}, {"b", "a", "d"}},
	    {{"a a"}, {"a", "b", "c"}},
	};
	static const char *const orders[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
	static const char *const others[][4] = {
	    {NULL}, {"a b", "b a"}, {"b c", "c a", "a x"}, {"c b"}};
	const size_t n_cases = sizeof(cases) / sizeof(*cases);

	for (size_t i = 0; i < n_cases * 6 * 4; i++) {
		size_t k = i / 24;

		start_again();
		instances_reconfigure(&set, NULL, others[i % 4]);
		discover(orders[i / 4 % 6]);
		instances_reconfigure(&set, NULL, cases[k].renames);
		ck_assert_uint_eq(set.n_used, 4);
		for (int j = 0; j < 3; j++) {
			/* its number, and so its counters, never change */
			ck_assert_str_eq(discovered(orders[i / 4 % 6][j])->found,
					 set.instances[j + 1].found);
			ck_assert_str_eq(discovered((char)('a' + j))->name,
					 cases[k].names[j]);
		}
	}
	for (size_t i = 0; i < n_cases * 6; i++) {
		start_again();
		instances_reconfigure(&set, NULL, cases[i / 6].renames);
		discover(orders[i % 6]);
		ck_assert_uint_eq(set.n_used, 4);
		for (int j = 0; j < 3; j++)
			ck_assert_str_eq(discovered((char)('a' + j))->name,
					 cases[i / 6].names[j]);
	}
}

/* Which rows have another name than before. */
TEST(which_instances_were_renamed)
{
	static const char *const renames[] = {"a x", "b c", "c b", NULL};

	discover("abc");
	instances_reconfigure(&set, NULL, NULL);
	for (int i = 0; i <= 3; i++)
		ck_assert(!set.instances[i].renamed);
	instances_reconfigure(&set, NULL, renames);
	ck_assert(!set.instances[0].renamed);
	for (int i = 1; i <= 3; i++) {
		ck_assert(set.instances[i].renamed);
		set.instances[i].renamed = false;
	}
	instances_reconfigure(&set, NULL, renames);
	for (int i = 0; i <= 3; i++)
		ck_assert(!set.instances[i].renamed);
	/* "x" returns its name to the instance discovered under it */
	discover("x");
	ck_assert_str_eq(discovered('x')->name, "x");
	ck_assert_str_eq(discovered('a')->name, "a");
	ck_assert(discovered('a')->renamed);
	ck_assert(!discovered('b')->renamed);
}

/* Whether the instance or the rename comes first: it is one row, with the rules. */
TEST(renamed_to_what_is_configured)
{
	static const char *const lines[] = {"mine reqid 5 descr text", NULL};
	static const char *const renames[] = {"a mine", NULL};

	for (int before = 0; before < 3; before++) {
		start_again();
		if (before == 1)
			instances_reconfigure(&set, lines, NULL);
		if (before == 2)
			instances_reconfigure(&set, NULL, renames);
		if (before)
			discover("a");
		instances_reconfigure(&set, lines, renames);
		discover("a");
		ck_assert_str_eq(discovered('a')->name, "mine");
		ck_assert_str_eq(discovered('a')->descr, "text");
		ck_assert_uint_eq(discovered('a')->n_rules, 1);
		ck_assert(discovered('a')->configured);
		/* the other row keeps its counters */
		ck_assert_uint_eq(set.n_used, before == 1 ? 3 : 2);
	}
}

/* The rules stay with the name, the counters with the HBA. */
TEST(configured_under_a_released_name)
{
	static const char *const lines[] = {"mine reqid 5", "a reqid 6", NULL};
	static const char *const renames[] = {"a mine", NULL};
	int number;

	instances_reconfigure(&set, lines, renames);
	discover("a");
	number = instance_set_find(&set, "mine");
	ck_assert_int_eq(instance_set_find_discovered(&set, "a"), number);
	ck_assert_uint_eq(instances_get(&set, "a")->rules[0].reqid, 6);
	instances_reconfigure(&set, lines, NULL);
	ck_assert_int_eq(instance_set_find(&set, "a"), number);
	ck_assert_uint_eq(instances_get(&set, "a")->rules[0].reqid, 6);
	ck_assert_uint_eq(instances_get(&set, "mine")->rules[0].reqid, 5);
	ck_assert_str_eq(instances_get(&set, "mine")->found, "");
	instances_reconfigure(&set, lines, renames);
	ck_assert_int_eq(instance_set_find(&set, "mine"), number);
	ck_assert_uint_eq(instances_get(&set, "mine")->rules[0].reqid, 5);
	ck_assert_uint_eq(instances_get(&set, "a")->rules[0].reqid, 6);
	ck_assert_uint_eq(set.n_used, 3);
}

/* A released name is given to a new instance only once. */
TEST(rows_of_released_names)
{
	static const char *const lines[] = {"mine reqid 5", NULL};
	static const char *const renames[] = {"a mine", NULL};

	instances_reconfigure(&set, lines, renames);
	discover("a");
	instances_reconfigure(&set, lines, NULL);
	ck_assert_uint_eq(set.n, 3);
	instances_reconfigure(&set, lines, renames);
	ck_assert_uint_eq(set.n, 3);
}

/* A row is restored under its old name, which is configured: that is a separate
 * instance. */
TEST(renamed_away_from_what_is_configured)
{
	instances_configure(&set, "a reqid 6");
	instances_rename(&set, "a mine");
	set.instances[1].configured = true;
	memcpy(set.instances[1].found, "a", 2);
	ck_assert_int_eq(instance_set_apply_renames(&set), 0);
	ck_assert_str_eq(set.instances[1].name, "mine");
	ck_assert_uint_eq(set.instances[1].n_rules, 0);
	ck_assert(!set.instances[1].configured);
	ck_assert_str_eq(set.instances[2].name, "a");
	ck_assert_str_eq(set.instances[2].found, "");
	ck_assert_uint_eq(set.instances[2].rules[0].reqid, 6);
	ck_assert(set.instances[2].configured);
}

/* A discovered name, and rules for the instance with that name. */
TEST(discovered_under_a_name_that_another_serves)
{
	static const char *const lines[] = {"b reqid 5", NULL};
	static const char *const renames[] = {"a b", NULL};

	instances_reconfigure(&set, lines, renames);
	discover("a");
	ck_assert_str_eq(discovered('a')->name, "b");
	discover("b");
	ck_assert_str_eq(discovered('a')->name, "a");
	ck_assert_uint_eq(discovered('a')->n_rules, 0);
	ck_assert_str_eq(discovered('b')->name, "b");
	ck_assert_uint_eq(discovered('b')->rules[0].reqid, 5);
	ck_assert_uint_eq(set.n_used, 3);
}
