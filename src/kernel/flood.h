/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether somebody floods a namespace's sockets with messages that the kernel did not
 * send. Each wakes the daemon, so during a flood the sockets are read at polls only:
 * what the kernel sends waits there meanwhile, and what no longer fits the kernel
 * reports as lost. Pure.
 */
struct flood {
	uint64_t n;      /* messages until the last poll */
	bool on;         /* more than FLOOD_MESSAGES between two polls, or since one */
	uint64_t logged; /* messages when that was last logged */
	uint64_t logged_at; /* ns */
};

#define FLOOD_MESSAGES 256u
#define FLOOD_LOG_NS UINT64_C(600000000000)

/* n: all such messages until now, which only grows. After events were read, and after
 * a poll. */
void flood_note(struct flood *flood, uint64_t n);
void flood_note_poll(struct flood *flood, uint64_t n);

/* True if there are messages to report: the first, and then no more than once in
 * FLOOD_LOG_NS. The caller logs n. */
bool flood_log_is_due(struct flood *flood, uint64_t n, uint64_t now);
