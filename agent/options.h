/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_OPTIONS_H
#define QMIPSEC_OPTIONS_H

#include <stdbool.h>

#include "agentx/agentx_address.h"

/* The command line, after Net-SNMP's conventions. Strings point into argv. */
struct options {
	bool foreground;
	bool once;
	bool json;
	bool check_config;
	bool list_directives;
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

enum options_result options_parse(int argc, char **argv, struct options *ret);

#endif
