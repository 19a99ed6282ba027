/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * Reads a configuration file: in each line a directive and its value. Empty lines, and
 * lines that begin with "#", are skipped. Knows no directive, and does not log.
 */

struct config_file_line {
	const char *file;
	unsigned number; /* of the line, from 1 */
	const char *directive;
	const char *value; /* without blanks at its ends; "": none */
	bool has_nul; /* the line contains a byte 0, where the value seems to end */
};

typedef void (*config_file_handler)(void *ctx, const struct config_file_line *line);

/* Calls the handler for each line. Returns 0; or -errno if the file cannot be read to
 * its end. */
int config_file_read(const char *file, config_file_handler handle, void *ctx);
