/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/collector.h"
#include "kernel/flood.h"

/*
 * What the log says about one network namespace: each fault once when it begins and
 * once when it ends, with its meaning and its remedy.
 */

/* What has been said so far. */
struct netns_log {
	char shown[SNAPSHOT_NETNS_MAX + 1];       /* the name, fit for a log */
	char prefix[SNAPSHOT_NETNS_MAX + 1 + 16]; /* "namespace NAME: "; "": own */
	int refused;                              /* why it is not watched, -errno */
	int errors[SOURCE_COUNT];                 /* as in struct faults */
	int xfrm_stat_error;
	bool xfrm_stat_odd; /* it has lines that make no sense */
	uint32_t max_rows;  /* when rows were last dropped */
	bool rows_dropped;
	bool rows_refused;
};

/* name: of the namespace, as its file has it; "": the daemon's own. */
void netns_log_init(struct netns_log *log, const char *name);

/* It was opened (0), or why not: -errno. served_as: the log of the member that has
 * this namespace already, if that is why. */
void netns_log_opened(struct netns_log *log, int err,
		      const struct netns_log *served_as);

/* It is configured, but has no file in dir. */
void netns_log_missing(struct netns_log *log, const char *dir);

/* It is not watched any more. That it is missing then needs no mention. */
void netns_log_released(struct netns_log *log, const char *why);

/* How the loading of a state file went: 0 or -errno, as state_load() returns it. */
void netns_log_state(const struct netns_log *log, const char *dir, const char *file,
		     int err);

/* After a poll; after events could not be read. */
void netns_log_poll(struct netns_log *log, const struct collector *collector);
void netns_log_faults(struct netns_log *log, const struct faults *faults);

/* Messages that the kernel did not send, as flood.h has it. */
void netns_log_foreign(const struct netns_log *log, struct flood *flood, uint64_t n,
		       uint64_t now);

/* Why the kernel's XFRM cannot be opened or read in the daemon's own namespace. */
void netns_log_no_kernel(int err);
