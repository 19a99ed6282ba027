/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "collector/netns_set.h"

/* qmipsecd --once: polls every namespace once and prints the result on the standard
 * output, as a table or as JSON. version: the program's. Returns 0 or -errno, logged.
 */
int once_print(const struct kernel_opener *opener, const struct netns_paths *paths,
	       const struct netns_config *config, bool json, const char *version);
