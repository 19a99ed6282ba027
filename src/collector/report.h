/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "collector/netns_set.h"
#include "collector/snapshot.h"

/* qmipsecd --once: polls every namespace once and prints the result on the standard
 * output, as a table or as JSON. version: the program's. Returns 0 or -errno, logged.
 */
int report_once(const struct kernel_opener *opener, const struct netns_paths *paths,
		const struct netns_config *config, bool json, const char *version);

/* The two forms. The caller checks the stream for errors. */

/* For people: a line for each field, a column for each instance, as many side by side
 * as fit into width characters. */
void report_table(FILE *stream, const struct snapshot *snapshot, unsigned width);

/* For programs: one JSON object (RFC 8259); names as in the WMI class. */
void report_json(FILE *stream, const struct snapshot *snapshot, const char *version,
		 const char *kernel);
