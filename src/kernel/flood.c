/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/flood.h"

void flood_note(struct flood *flood, uint64_t n)
{
	if (n - flood->n > FLOOD_MESSAGES)
		flood->on = true;
}

void flood_note_poll(struct flood *flood, uint64_t n)
{
	flood->on = n - flood->n > FLOOD_MESSAGES;
	flood->n = n;
}

bool flood_log_is_due(struct flood *flood, uint64_t n, uint64_t now)
{
	if (n == flood->logged ||
	    (flood->logged && now - flood->logged_at < FLOOD_LOG_NS))
		return false;
	flood->logged = n;
	flood->logged_at = now;
	return true;
}
