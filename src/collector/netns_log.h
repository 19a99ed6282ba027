/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/collector.h"
#include "kernel/flood.h"

/*
 * Log messages about one network namespace. Each fault is logged once when it begins
 * and once when it ends, with its effect and its remedy.
 */

/* What was logged last. */
struct netns_log {
	char shown[SNAPSHOT_NETNS_MAX + 1];       /* the name, fit for a log */
	char prefix[SNAPSHOT_NETNS_MAX + 1 + 16]; /* "namespace NAME: "; "": own */
	int refused;                              /* why it is not watched, -errno */
	int errors[SOURCE_COUNT];                 /* as in struct faults */
	int xfrm_stat_error;
	bool xfrm_stat_odd; /* some of its lines are not counters */
	uint32_t max_rows;  /* when rows were last dropped */
	bool rows_dropped;
	bool rows_refused;
};

/* name: of the namespace's file; "": the daemon's own. */
void netns_log_init(struct netns_log *log, const char *name);

/* The namespace was opened (0), or could not be (-errno). served_as: the log of the
 * member that already has this namespace, if that is why. */
void netns_log_opened(struct netns_log *log, int err,
		      const struct netns_log *served_as);

/* The namespace is configured, but has no file in dir. */
void netns_log_missing(struct netns_log *log, const char *dir);

/* The namespace is not watched any more. It is not logged as missing then. */
void netns_log_released(struct netns_log *log, const char *why);

/* The result of state_load(). */
void netns_log_state(const struct netns_log *log, const char *dir, const char *file,
		     int err);

/* After a poll; after events could not be read. */
void netns_log_poll(struct netns_log *log, const struct collector_status *status);
void netns_log_faults(struct netns_log *log, const struct faults *faults);

/* n messages that the kernel did not send, as in flood.h. */
void netns_log_foreign(const struct netns_log *log, struct flood *flood, uint64_t n,
		       uint64_t now);

/* Why the kernel's XFRM cannot be opened or read in the daemon's own namespace. */
void netns_log_no_kernel(int err);
