/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "collector/netns_set.h"
#include "collector/snapshot.h"
#include "directives.h"

/*
 * Decides when to poll and when to save, and keeps the snapshot that requests are
 * answered from. One for the process, as the agent is.
 */

/* What the settings say about namespaces. The result points into settings. */
struct netns_config poller_config(const struct settings *settings);

/*
 * Opens the kernel, restores the state and polls once. Takes over the settings, also on
 * an error. A poll that fails is tried again later, unless the permission is missing.
 * Returns 0 or -errno, logged.
 */
int poller_open(struct settings *settings, const struct netns_paths *paths);
void poller_close(void);

/* Readable when poller_read_events() has something to do. */
int poller_event_fd(void);
void poller_read_events(void);

/* Polls and saves if that is due now. For the main loop, after each round. Returns the
 * time at which to call it again. Both are of CLOCK_MONOTONIC, in ns. */
uint64_t poller_run(uint64_t now);

/* Returns the snapshot to answer a request from. Polls first if the snapshot is older
 * than maxAge and the poll budget allows it: polls take at most 4 % of a processor
 * because of requests, and 10 % if pollInterval is so short. */
const struct snapshot *poller_snapshot(void);

/* Returns the last snapshot, whatever its age, and its number: that of a newer one is
 * another one. */
const struct snapshot *poller_last_snapshot(void);
uint64_t poller_snapshot_number(void);

/* Changes the settings, after SIGHUP. Takes them over if it returns 0; on -errno the
 * old ones stay in force. */
int poller_reconfigure(struct settings *settings);

/* Polls and saves for the last time, when the daemon ends. */
void poller_finish(void);

/* The processor time of polls, events and looks for namespaces until now, in ns. */
uint64_t poller_processor_time(void);

/* Milliseconds between polls. */
uint32_t poller_interval_ms(void);
