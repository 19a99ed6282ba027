/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_uptime.h"

#include <stdlib.h>

#include "util/clock.h"

#define NS_PER_TICK INT64_C(10000000)

static int64_t master_began; /* when sysUpTime was 0, CLOCK_MONOTONIC in ns */

/* Reconnecting to the same master gives the same base but for a few ticks, and only a
 * master that has restarted moves it. */
void agentx_uptime_rebase(unsigned long ticks)
{
	int64_t began = (int64_t)clock_now_ns() - (int64_t)ticks * NS_PER_TICK;

	if (!master_began || llabs(began - master_began) >= (int64_t)NS_PER_S)
		master_began = began;
}

unsigned long agentx_uptime_at(uint64_t monotonic)
{
	int64_t since = (int64_t)monotonic - master_began;

	return since > 0 ? (unsigned long)(since / NS_PER_TICK) & UINT32_MAX : 0;
}
