/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instance/name.h"

struct instance_set;

/*
 * Names of discovered instances. An instance is called as a "rename" line says, unless
 * another discovered instance keeps that name: one that is discovered under it and has
 * no rename, or whose rename cannot be applied either. Otherwise it has the name that
 * it was discovered under. So names depend on the renames and on which instances there
 * are, never on what they were called before: two may exchange their names.
 */
struct instance_rename {
	char found[INSTANCE_NAME_MAX + 1]; /* the discovered name */
	char name[INSTANCE_NAME_MAX + 1];
};

/* Adds one line "FOUND NAME". Returns 0, -ENOMEM, or -EINVAL with the reason in error;
 * on an error the set is as it was. */
int instance_set_add_rename(struct instance_set *set, const char *line, char *error,
			    size_t error_size);

/* Replaces the renames by those of another set. Returns 0 or -ENOMEM. */
int instance_set_copy_renames(struct instance_set *set,
			      const struct instance_set *from);

/* What a discovered name is to be served as; the rule above. */
const char *instance_set_served_name(const struct instance_set *set, const char *found);

/* True if the instance may leave its name to others when the set gets these renames. */
bool instance_may_leave_name(const struct instance_set *renames, const char *found,
			     const char *name);

/*
 * Gives every discovered instance its name. It keeps its number; the rules and the
 * description of the configuration stay with the name. An instance that is not
 * discovered, and has that name, gets the name that the discovered one had. Returns 0,
 * or -ENOMEM; that only if one that is configured has to leave its name.
 */
int instance_set_apply_renames(struct instance_set *set);
