/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instances.h"

#include <check.h>
#include <errno.h>

typedef int add_line(struct instance_set *set, const char *line, char *error,
		     size_t error_size);

static void must_add(struct instance_set *set, add_line *add, const char *line)
{
	char error[200] = "";
	int err = add(set, line, error, sizeof(error));

	ck_assert_msg(err == 0, "%s: %s", line, error);
}

void instances_configure(struct instance_set *set, const char *line)
{
	must_add(set, instance_set_add_line, line);
}

void instances_rename(struct instance_set *set, const char *line)
{
	must_add(set, instance_set_add_rename, line);
}

static void reject(struct instance_set *set, add_line *add, const char *line,
		   const char *reason)
{
	const size_t n = set->n;
	const size_t n_renames = set->n_renames;
	char error[512] = "";
	int err = add(set, line, error, sizeof(error));

	ck_assert_msg(err == -EINVAL, "%s: %d", line, err);
	ck_assert_str_eq(error, reason);
	ck_assert_uint_eq(set->n, n);
	ck_assert_uint_eq(set->n_renames, n_renames);
}

void instances_reject(struct instance_set *set, const char *line, const char *reason)
{
	reject(set, instance_set_add_line, line, reason);
}

void instances_reject_rename(struct instance_set *set, const char *line,
			     const char *reason)
{
	reject(set, instance_set_add_rename, line, reason);
}

const struct instance *instances_get(const struct instance_set *set, const char *name)
{
	int number = instance_set_find(set, name);

	ck_assert_msg(number >= 0, "there is no instance \"%s\"", name);
	return &set->instances[number];
}

void instances_reconfigure(struct instance_set *set, const char *const *lines,
			   const char *const *renames)
{
	struct instance_set fresh;

	ck_assert_int_eq(instance_set_init(&fresh), 0);
	for (; lines && *lines; lines++)
		instances_configure(&fresh, *lines);
	for (; renames && *renames; renames++)
		instances_rename(&fresh, *renames);
	ck_assert_int_eq(instance_set_merge(set, &fresh), 0);
	instance_set_free(&fresh);
}
