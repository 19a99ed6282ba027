/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/*
 * TimeStamps in the master's sysUpTime. An event's ticks must come out the same each
 * time, or a manager sees a discontinuity; so the moment at which sysUpTime was 0 is
 * kept, and moves only when the master has restarted.
 */

/* To be called whenever the session with the master opens. */
void timestamp_rebase(void);

/* sysUpTime, in hundredths of a second, at a time of CLOCK_MONOTONIC in ns; 0 if that
 * was before the master's start. */
unsigned long timestamp_ticks(uint64_t monotonic);
