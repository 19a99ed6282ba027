/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/rows.h"
#include "collector/surroundings.h"
#include "instance/inventory.h"

/*
 * Which way an SA goes and which row it counts for: answers the ledger's questions from
 * the surroundings and the inventory, keeps the claims current, and knows which answers
 * had to be put off.
 *
 * A row is for life. So an SA stays unattributed (and the ledger asks again) while what
 * tells its direction cannot be read, and for LEDGER_MOVE_NS if no policy claims it
 * although one of a connection's may be on its way: then its row is a guess.
 */
struct attribution {
	struct surroundings *around;
	struct inventory *inventory;
	const struct rows *rows;
	bool reattribute;  /* rules, addresses or claims have changed */
	bool undecided;    /* an SA waits for what could not be read */
	bool guessing;     /* no more waiting for policies */
	uint64_t guess_at; /* ns; when to guess about an SA that waits; 0: none does */
};

/* The ledger's questions. The attribution must outlive the ledger and not move. */
struct ledger_env attribution_env(struct attribution *attribution);

/* Before a dump: makes the claims and attributes again what has changed. first: at the
 * first poll that succeeds, all SAs are older than their policies. */
void attribution_begin(struct attribution *attribution, bool first);

/* After the dump and the events that came meanwhile: an SA that came during the dump
 * may be of a policy that did, too. */
void attribution_settle(struct attribution *attribution);

/* The poll is over. */
void attribution_end(struct attribution *attribution);
