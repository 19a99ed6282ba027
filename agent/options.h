/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "agentx/agentx_address.h"
#include "collector/netns_set.h"
#include "report/report.h"

/* The program's modes, one bit each. */
enum options_mode {
	OPTIONS_DAEMON = 1,
	OPTIONS_ONCE = 2,
	OPTIONS_CHECK_CONFIG = 4,
	OPTIONS_LIST_DIRECTIVES = 8,
	OPTIONS_WATCH = 16,
	/* those that read the kernel */
	OPTIONS_POLLING = OPTIONS_DAEMON | OPTIONS_ONCE | OPTIONS_WATCH,
};

enum {
	WATCH_LEAST_MS = 100,
	WATCH_MOST_MS = 3600 * 1000,
};

/* The command line, after Net-SNMP's conventions. */
struct options {
	unsigned mode; /* enum options_mode */
	bool foreground;
	bool logging;                 /* a -L option was given */
	struct agentx_address socket; /* AF_UNSPEC: as configured */
	const char *format;           /* "table", "json"; NULL: not given */
	enum report_view view;        /* of --once */
	bool view_named;              /* rather than the default */
	uint32_t watch_ms;            /* between the polls of --watch */
	bool fresh;                   /* without the saved state */
	const char *const *instances; /* only these rows of --once and --watch */
	size_t n_instances;           /* 0: all */
	const char *config;           /* NULL: the default files */
	const char *pid_file;         /* NULL: none */
	struct netns_paths paths;
};

/* Strings of the result point into argv. Exits after --help, --version and an error,
 * which it prints. */
void options_parse(int argc, char **argv, struct options *ret);

/*
 * Makes paths absolute, since a daemon works in the root directory, and chooses
 * defaults. Call it once logging is set up. The result lives as long as the process.
 * Returns 0 or -errno, logged.
 */
int options_settle_paths(struct options *options);
