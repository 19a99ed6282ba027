/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set of instances. */
#include "instance/instance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "instance_world.h"

CHAPTER(instance_setup, instance_teardown);

TEST(starts_with_the_unattributed_row)
{
	ck_assert_uint_eq(set.n, 1);
	ck_assert_str_eq(set.instances[0].name, INSTANCE_UNATTRIBUTED);
	ck_assert_uint_eq(set.instances[0].n_rules, 0);
	ck_assert_str_ne(set.instances[0].descr, "");
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

/* A line that is rejected at its end has no effect. */
TEST(a_bad_line_changes_nothing)
{
	take("a reqid 1 descr old");
	reject("a descr new reqid 2 bad 1",
	       "\"bad\" is none of local, remote, reqid, ifid, mark, device, "
	       "namespace, descr");
	ck_assert_uint_eq(get("a")->n_rules, 1);
	ck_assert_str_eq(get("a")->descr, "old");
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
	static const char *const lines[] = {"c reqid 3", "a reqid 4",
					    "a reqid 5 descr new", NULL};

	take("b reqid 1 descr old");
	take("a reqid 2");
	set.instances[2].sessions = 7;
	instances_reconfigure(&set, lines, NULL);
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

TEST(renames_only_apply_to_the_daemons_own_namespace)
{
	struct instance_set own, blue;

	instances_rename(&set, "tcp:eth1 disk");
	instances_reject_rename(&set, "tcp:eth2 a/b",
				"a name has no \"/\", which separates a namespace's "
				"name from an instance's");
	set.discover = false;
	ck_assert_int_eq(instance_set_select(&set, "", &own), 0);
	ck_assert_int_eq(instance_set_select(&set, "blue", &blue), 0);
	ck_assert_uint_eq(own.n_renames, 1);
	ck_assert(!own.discover);
	ck_assert_uint_eq(blue.n_renames, 0);
	instance_set_free(&own);
	instance_set_free(&blue);
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
			 "3: raise it, or remove instances");
	set.max_rows = 4;
	ck_assert_int_eq(instance_set_check_size(&set, error, sizeof(error)), 0);
	take("c reqid 1");
	take("d reqid 1");
	ck_assert_int_eq(instance_set_check_size(&set, error, sizeof(error)), -EINVAL);
	ck_assert_str_eq(error,
			 "5 rows are configured in the daemon's own namespace, but "
			 "maxRows is 4: raise it, or remove instances");
}

/* Whatever the configuration before. */
TEST(merge_takes_the_new_settings)
{
	struct instance_set from;

	instances_rename(&set, "tcp:eth1 old");
	instances_rename(&set, "tcp:eth2 older");
	ck_assert_int_eq(instance_set_init(&from), 0);
	instances_rename(&from, "tcp:eth1 new");
	from.discover = false;
	from.max_rows = 77;
	ck_assert_int_eq(instance_set_merge(&set, &from), 0);
	ck_assert_uint_eq(set.n_renames, 1);
	ck_assert_str_eq(set.renames[0].name, "new");
	ck_assert(!set.discover);
	ck_assert_uint_eq(set.max_rows, 77);
	instance_set_free(&from);
}

/* The numbers of removed instances are used again first. */
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
	ck_assert_int_eq(instance_set_add(&from, "z"), 4);
	ck_assert_int_eq(instance_set_merge(&set, &from), 0);
	ck_assert_int_eq(instance_set_find(&set, "x"), 2);
	ck_assert_int_eq(instance_set_find(&set, "y"), 5);
	ck_assert_int_eq(instance_set_find(&set, "z"), 7);
	ck_assert_int_eq(instance_set_find(&set, "f"), 6);
	ck_assert_uint_eq(set.n, 8);
	ck_assert_uint_eq(set.n_used, 8);
	instance_set_free(&from);
}
