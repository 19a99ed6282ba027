/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a namespace's sockets are flooded with messages that the kernel did not send.
 * Each one wakes the daemon, so during a flood the sockets are read at polls only. The
 * kernel's messages wait there meanwhile, and it reports those that no longer fit as
 * lost.
 */
struct flood {
	uint64_t n;      /* such messages until the last poll */
	bool on;         /* more than FLOOD_MESSAGES between two polls, or since one */
	uint64_t logged; /* messages when that was last logged */
	uint64_t logged_at; /* ns */
};

#define FLOOD_MESSAGES 256u
#define FLOOD_LOG_NS UINT64_C(600000000000)

/* Notes the number of such messages until now: after a read of events, and after a
 * poll. */
static inline void flood_note(struct flood *flood, uint64_t n)
{
	flood->on |= n - flood->n > FLOOD_MESSAGES;
}

static inline void flood_note_poll(struct flood *flood, uint64_t n)
{
	flood->on = n - flood->n > FLOOD_MESSAGES;
	flood->n = n;
}

/* Returns true if the caller is to log n: at the first message, and then once in
 * FLOOD_LOG_NS at most. */
static inline bool flood_log_is_due(struct flood *flood, uint64_t n, uint64_t now)
{
	if (n == flood->logged ||
	    (flood->logged && now - flood->logged_at < FLOOD_LOG_NS))
		return false;
	flood->logged = n;
	flood->logged_at = now;
	return true;
}
