/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "notify/notify_config.h"

/* Sends the notifications of the MIB through the master. What to send, and when, is
 * src/notify's. One for the process, as the agent is. */

void notifications_configure(const struct notify_config *config);

/* Compares the snapshot, if it is a new one, and sends what is due, one notification at
 * a time. While there is no session, what is due waits. For the main loop, after each
 * round. Returns the time at which to call it again, of CLOCK_MONOTONIC in ns like now;
 * UINT64_MAX: when something has happened. */
uint64_t notifications_run(uint64_t now);

void notifications_close(void);
