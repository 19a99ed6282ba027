/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/* The master's sysUpTime, in hundredths of a second. */

/* A master has answered Open with its sysUpTime now. */
void agentx_uptime_rebase(unsigned long ticks);

/* Returns sysUpTime at a time of CLOCK_MONOTONIC in ns; 0 if that was before the
 * master's start. The result for one event is the same at each call, because a manager
 * takes a change for a discontinuity. */
unsigned long agentx_uptime_at(uint64_t monotonic);
