/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdio.h>

#include "collector/snapshot.h"

/* What `qmipsecd --once` prints. The caller checks the stream for errors. */

/* For people: a line for each field, a column for each instance, as many side by side
 * as fit into width characters. */
void report_table(FILE *stream, const struct snapshot *snapshot, unsigned width);

/* For programs: one JSON object (RFC 8259); names as in the WMI class. */
void report_json(FILE *stream, const struct snapshot *snapshot, const char *version,
		 const char *kernel);
