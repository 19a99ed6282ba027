/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/flood.h"

#include "runner.h"

CHAPTER(NULL, NULL);

TEST(a_few_messages_are_no_flood)
{
	struct flood flood = {0};

	for (uint64_t n = 0; n <= 10 * FLOOD_MESSAGES; n += FLOOD_MESSAGES) {
		flood_note(&flood, n);
		ck_assert(!flood.on);
		flood_note_poll(&flood, n);
		ck_assert(!flood.on);
	}
}

TEST(many_are_until_a_poll_sees_few)
{
	struct flood flood = {0};

	flood_note(&flood, FLOOD_MESSAGES);
	ck_assert(!flood.on);
	flood_note(&flood, FLOOD_MESSAGES + 1);
	ck_assert(flood.on);
	flood_note_poll(&flood, FLOOD_MESSAGES + 2);
	ck_assert(flood.on);
	flood_note_poll(&flood, 3 * FLOOD_MESSAGES);
	ck_assert(flood.on);
	flood_note_poll(&flood, 4 * FLOOD_MESSAGES);
	ck_assert(!flood.on);
	flood_note(&flood, 4 * FLOOD_MESSAGES);
	ck_assert(!flood.on);
}

TEST(the_first_is_logged_then_none_for_a_while)
{
	const uint64_t start = 1000;
	struct flood flood = {0};

	ck_assert(!flood_log_is_due(&flood, 0, start));
	ck_assert(flood_log_is_due(&flood, 1, start));
	ck_assert(!flood_log_is_due(&flood, 1, start + FLOOD_LOG_NS));
	ck_assert(!flood_log_is_due(&flood, 9, start + FLOOD_LOG_NS - 1));
	ck_assert(flood_log_is_due(&flood, 9, start + FLOOD_LOG_NS));
	ck_assert(!flood_log_is_due(&flood, 10, start + FLOOD_LOG_NS + 1));
}
