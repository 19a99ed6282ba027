/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/*
 * Limits how much processor time some work takes, on average. Work is charged when it
 * has been done: if it then has taken more than its share, it pauses until it has not.
 * Work that has taken nothing for long may use LOAD_LIMIT_BURST_NS at once. Pure; times
 * are in ns of one monotonic clock.
 */
struct load_limit {
	uint32_t percent; /* of one processor, 1 to 100; 100: no limit */
	uint64_t owed;    /* processor time above the share */
	uint64_t at;      /* when that was so */
};

#define LOAD_LIMIT_BURST_NS UINT64_C(3000000000)

/* A shorter pause would cost more than it saves. */
#define LOAD_LIMIT_PAUSE_NS UINT64_C(10000000)

/* Charges an amount of processor time, now. Returns when the work may go on: 0 or a
 * time after now. */
uint64_t load_limit_charge(struct load_limit *limit, uint64_t cost, uint64_t now);
