/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "ledger_world.h"

/*
 * What happens to a few SAs, as a line of text. Each story is played in a new ledger,
 * once for each of the roads. Its steps are divided by semicolons:
 *
 *	NEWSA A=100     an event; likewise UPDSA, DELSA, EXPIRE (hard), EXPIRE_SOFT,
 *	                POLICY, OTHER
 *	FLUSHSA         likewise MIGRATE, and GAP for lost events
 *	dump A=100 C    a complete dump that shows these SAs
 *	begin           a dump in steps: begin, then "show A=100", then end or abort
 *	later A 10      from here on A is ten seconds younger
 *	time A 5        from here on A shows the add_time T0 + 5; "?": each of made_up
 *
 * and what must hold at that moment, in row 0:
 *
 *	life 1 2 1      active SAs, additions, deletions
 *	sent 100        bytes; likewise received
 *	losses 1        likewise active, rekeys, tunnels, pending, and wants:
 *	                ledger_wants_dump()
 *	counts 1 0 0    ledger_counts(): keyed, larval, other
 *
 * An SA has carried the bytes behind the equals sign, or nothing. In lower case it is
 * larval. These are:
 *
 *	A	out_sa(1)
 *	B	the same between the ends of the road: A after a move, or another SA
 *	C	out_sa(2)
 *	D	in_sa(2)
 *	R	in_sa(1): the way back, with the SPI of A
 */
struct ledger_story {
	const char *name;
	const char *steps;
};

void ledger_play(const struct ledger_story *story);

#define LEDGER_PLAY_ALL(stories)                                                     \
	do {                                                                         \
		for (size_t i_ = 0; i_ < sizeof(stories) / sizeof(*(stories)); i_++) \
			ledger_play(&(stories)[i_]);                                 \
	} while (0)
