/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * Whether to ask the kernel again at once:
 *
 *	unsigned attempt = 0;
 *
 *	do
 *		err = ask();
 *	while (retry_is_due(err, &attempt));
 *
 * Most of all an interrupted dump is repeated: it may lack entries or have them twice
 * (NLM_F_DUMP_INTR, nl_dump_check_consistent). Not so a lack of privilege, nor a
 * timeout: a kernel that has kept us waiting is not asked again before the next poll.
 * Returns false after the fifth attempt.
 */
bool retry_is_due(int err, unsigned *attempt);
