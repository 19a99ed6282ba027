/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instances.h"
#include "runner.h"

/* The fixture of the chapters of check_instance: one set. */

extern struct instance_set set;

void instance_setup(void);
void instance_teardown(void);

/* A line of configuration is accepted, or rejected for exactly this reason. */
void take(const char *line);
void reject(const char *line, const char *reason);

const struct instance *get(const char *name);
