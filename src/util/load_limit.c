/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/load_limit.h"

uint64_t load_limit_charge(struct load_limit *limit, uint64_t cost, uint64_t now)
{
	uint64_t paid = (now - limit->at) / 100 * limit->percent;
	uint64_t pause;

	limit->owed = (limit->owed > paid ? limit->owed - paid : 0) + cost;
	limit->at = now;
	if (limit->percent >= 100 || limit->owed <= LOAD_LIMIT_BURST_NS)
		return 0;
	pause = (limit->owed - LOAD_LIMIT_BURST_NS) * 100 / limit->percent;
	return now + (pause > LOAD_LIMIT_PAUSE_NS ? pause : LOAD_LIMIT_PAUSE_NS);
}
