/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/rows.h"
#include "collector/surroundings.h"
#include "instance/inventory.h"

/*
 * Answers the ledger's questions for the direction and the row of an SA, from the
 * surroundings and the inventory; keeps the claims current; and knows which answers
 * were postponed.
 *
 * The ledger does not ask again for an SA that has a row. So an SA stays unattributed
 * while what shows its direction cannot be read; and for LEDGER_MOVE_NS if it lies
 * between the ends of a connection but no policy selects it, since the policy may be on
 * its way. After that its row is a guess.
 */
struct attribution {
	struct surroundings *around;
	struct inventory *inventory;
	const struct rows *rows;
	bool reattribute;  /* rules, addresses or claims have changed */
	bool undecided;    /* an SA waits for what could not be read */
	bool guessing;     /* do not wait for policies */
	uint64_t guess_at; /* ns; when to guess about an SA that waits; 0: none does */
};

/* The attribution must outlive the ledger and not move. */
struct ledger_env attribution_env(struct attribution *attribution);

/* Before a dump: makes the claims, and reattributes if something has changed. first: no
 * poll has succeeded yet, so all SAs are older than their policies; guessing then stays
 * on until the caller resets it at the end of the poll. */
void attribution_begin(struct attribution *attribution, bool first);

/* After the dump and the events that came meanwhile: the policy of an SA that came
 * during the dump may have come, too. */
void attribution_settle(struct attribution *attribution);
