/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "collector/netns_set.h"
#include "collector/snapshot.h"

/* What qmipsecd --once is asked for. */
struct report_options {
	bool json;
	const char *const *names; /* only these rows */
	size_t n_names;           /* 0: all rows */
	const char *version;      /* the program's */
};

/* Polls every namespace once and prints the result on the standard output, as a table
 * or as JSON. Returns 0 or -errno, logged; -ENOENT if there is no row of a name. */
int report_once(const struct kernel_opener *opener, const struct netns_paths *paths,
		const struct netns_config *config,
		const struct report_options *options);

/* Removes the other rows. Returns 0, or -ENOENT with all rows left, and the reason in
 * error (error_size bytes). */
int report_select(struct snapshot *snapshot, const struct report_options *options,
		  char *error, size_t error_size);

/* The two forms. The caller checks the stream for errors. */

/* For people: a line for each field, a column for each instance, as many side by side
 * as fit into width characters. */
void report_table(FILE *stream, const struct snapshot *snapshot, unsigned width);

/* Where a snapshot was made. */
struct report_origin {
	const char *version; /* of the program */
	const char *kernel;  /* its release */
	int64_t epoch; /* ns of CLOCK_MONOTONIC at 1970-01-01 00:00 UTC; negative */
};

/* For programs: one JSON object (RFC 8259); names as in the WMI class, times as of
 * RFC 3339, in UTC. */
void report_json(FILE *stream, const struct snapshot *snapshot,
		 const struct report_origin *origin);
