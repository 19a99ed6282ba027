/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "collector/netns_set.h"
#include "util/log.h"

/* What qmipsecd --watch is asked for. */
struct watch_options {
	const char *const *names; /* only these rows */
	size_t n_names;           /* 0: all rows */
	const char *version;      /* the program's */
	uint32_t interval_ms;     /* between polls */
	log_sink sink; /* of the log, if that is written to the terminal; else NULL */
};

/*
 * Polls every namespace again and again, and shows what each instance and each peer
 * carries per second: on a terminal as a screen, else as frames with an empty line
 * between them. Continues from the state in paths, and leaves it as it is. Ends on q,
 * SIGINT, SIGTERM, SIGHUP or a closed output, and then returns 0; or on an error, with
 * -errno, logged. One for the process, as signals are.
 */
int watch_run(const struct kernel_opener *opener, const struct netns_paths *paths,
	      const struct netns_config *config, const struct watch_options *options);
