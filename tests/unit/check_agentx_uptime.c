/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agentx/agentx_uptime.h"

#include "runner.h"
#include "util/clock.h"

CHAPTER(NULL, NULL);

TEST(only_a_master_that_has_restarted_moves_the_base)
{
	uint64_t event = clock_now_ns();
	unsigned long ticks;

	agentx_uptime_rebase(100000);
	ticks = agentx_uptime_at(event);
	ck_assert_uint_ge(ticks, 99000);
	ck_assert_uint_le(ticks, 100000);
	agentx_uptime_rebase(100050);
	ck_assert_uint_eq(agentx_uptime_at(event), ticks);
	agentx_uptime_rebase(0);
	ck_assert_uint_eq(agentx_uptime_at(event), 0);
	ck_assert_uint_ge(agentx_uptime_at(event + 2 * NS_PER_S), 100);
}
