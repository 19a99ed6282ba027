/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "collector/netns_set.h"
#include "collector/snapshot.h"
#include "directives.h"

/*
 * When to poll, when to save, and the snapshot that requests are answered from. One for
 * the process, as the agent is.
 */

/* What the settings say about namespaces. It points into settings. */
struct netns_config poller_config(const struct settings *settings);

/*
 * Opens the kernel, restores the state and polls once. Takes the settings over, also on
 * an error. A poll that fails is tried again later, unless it lacks the permission.
 * Returns 0 or -errno, logged.
 */
int poller_open(struct settings *settings, const struct netns_paths *paths);
void poller_close(void);

/* Begins to poll by timer and by events, in the agent's select loop. Returns 0 or
 * -errno. */
int poller_start(void);

/* The snapshot to answer a request from: polls first if the last one is older than
 * maxAge and the poll budget allows it. Polls take at most a tenth of the time, however
 * often they are asked for. */
const struct snapshot *poller_snapshot(void);

/* Other settings, after SIGHUP. Takes them over if it returns 0; on -errno the old ones
 * stay in force. */
int poller_reconfigure(struct settings *settings);

/* The last poll and the last save, when the daemon ends. */
void poller_finish(void);

/* Milliseconds between polls. */
unsigned long poller_interval_ms(void);
