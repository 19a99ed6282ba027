/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instance/instance.h"

/* Sets of instances from lines of configuration. A line that is rejected fails the
 * test. */

void instances_configure(struct instance_set *set, const char *line);
void instances_rename(struct instance_set *set, const char *line);

/* The line is rejected for exactly this reason, and the set does not change. */
void instances_reject(struct instance_set *set, const char *line, const char *reason);
void instances_reject_rename(struct instance_set *set, const char *line,
			     const char *reason);

/* The instance of that name; the test fails if it does not exist. */
const struct instance *instances_get(const struct instance_set *set, const char *name);

/* Loads another configuration at runtime. Both lists end with NULL, and may be NULL. */
void instances_reconfigure(struct instance_set *set, const char *const *lines,
			   const char *const *renames);
