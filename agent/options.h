/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "agentx/agentx_address.h"

/* What the program does; one bit each. */
enum options_mode {
	OPTIONS_DAEMON = 1,
	OPTIONS_ONCE = 2,
	OPTIONS_CHECK_CONFIG = 4,
	OPTIONS_LIST_DIRECTIVES = 8,
};

/* The command line, after Net-SNMP's conventions. */
struct options {
	unsigned mode; /* enum options_mode */
	bool foreground;
	bool json;
	bool logging;                 /* a -L option was given */
	struct agentx_address socket; /* AF_UNSPEC: as configured */
	const char *config;           /* NULL: the default files */
	const char *pid_file;         /* NULL: none */
	const char *state_dir;        /* NULL: keep no state */
	const char *sysfs_root;       /* "/sys" */
	const char *netns_dir;        /* "/run/netns" */
};

/* What the caller does next. */
enum options_result {
	OPTIONS_RUN,
	OPTIONS_EXIT_GOOD, /* help or version was printed */
	OPTIONS_EXIT_BAD,  /* what is wrong was printed */
};

/* Strings point into argv. */
enum options_result options_parse(int argc, char **argv, struct options *ret);

/*
 * Makes paths absolute, since a daemon works in the root directory, and chooses a
 * daemon's state directory if none was given. Once logging is set up. The result lives
 * as long as the process. Returns 0 or -errno, logged.
 */
int options_settle_paths(struct options *options);
