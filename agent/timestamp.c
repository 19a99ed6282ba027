/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "timestamp.h"

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "util/clock.h"

#define NS_PER_TICK INT64_C(10000000)
#define NS_PER_S INT64_C(1000000000)

static int64_t zero; /* when sysUpTime was 0, in CLOCK_MONOTONIC */
static int has_zero;

void timestamp_rebase(void)
{
	int64_t base =
	    (int64_t)clock_now_ns() - (int64_t)netsnmp_get_agent_uptime() * NS_PER_TICK;

	/* Reconnecting to the same master gives the same base but for a few ticks. */
	if (has_zero && base - zero < NS_PER_S && zero - base < NS_PER_S)
		return;
	zero = base;
	has_zero = 1;
}

unsigned long timestamp_ticks(uint64_t monotonic)
{
	int64_t since;

	if (!has_zero)
		timestamp_rebase();
	since = (int64_t)monotonic - zero;
	return since > 0 ? (unsigned long)(since / NS_PER_TICK) & 0xffffffff : 0;
}
