/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_SERVER_H
#define QMIPSEC_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "directives.h"
#include "namespaces.h"
#include "collector/snapshot.h"

/*
 * The daemon between the kernel and the agent: when to poll, when to save, and the
 * snapshot that requests are answered from. One for the process, as is the agent.
 */

/* Opens the kernel and loads the state. Takes the settings over, also on an error. Logs
 * what goes wrong, once. Returns 0 or -errno. */
int server_open(struct settings *settings, const struct namespaces_paths *paths);
void server_close(void);

/* Polls every namespace now and takes a new snapshot. Returns 0; -errno of the daemon's
 * own namespace; or -ENOMEM: the old snapshot stands. Each failure is logged when it
 * begins and when it ends. */
int server_poll(void);

/* The latest snapshot as it is. */
const struct snapshot *server_last_snapshot(void);

/* The snapshot to answer a request from: polls first if it is older than maxAge and the
 * poll budget allows. Polling takes at most a tenth of the time, whatever is asked. */
const struct snapshot *server_fresh_snapshot(void);

/* Starts polling by timer and by events, in the agent's select loop. Returns 0 or
 * -errno. */
int server_start(void);

/* New settings, after SIGHUP. Takes them over if it returns 0; on -errno the old ones
 * stand. */
int server_reconfigure(struct settings *settings);

/* Polls until nothing is open, for 20 ms at most: before the last save. */
void server_settle(void);

/* Saves the state, as the last one when the daemon ends; a failure is logged. */
void server_save(bool last);

unsigned long server_poll_interval_ms(void);

#endif
