/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance_world.h"

struct instance_set set;

void instance_setup(void)
{
	ck_assert_int_eq(instance_set_init(&set), 0);
}

void instance_teardown(void)
{
	instance_set_free(&set);
}

void take(const char *line)
{
	instances_configure(&set, line);
}

void reject(const char *line, const char *reason)
{
	instances_reject(&set, line, reason);
}

const struct instance *get(const char *name)
{
	return instances_get(&set, name);
}
