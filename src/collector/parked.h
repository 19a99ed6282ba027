/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/rows.h"

/*
 * The SAs that were alive when a namespace went out of sight, in case the same one is
 * seen again.
 */
struct parked {
	struct ledger_sa *sas;
	size_t n;
};

/* Keeps the ledger's SAs, except those that are departing, whose deletion is counted
 * for good. Keeps none if there is no memory: half of them would be taken for all. */
void parked_keep(struct parked *parked, const struct ledger *ledger);

/* Adds them to the ledger again. Returns 0, or -ENOMEM with none of them added and the
 * totals as they were. */
int parked_readmit(const struct parked *parked, struct rows *rows);

/* Sets true for each row that one of them counts for. */
void parked_find_busy(const struct parked *parked, bool *busy);

/* Forgets them. */
void parked_clear(struct parked *parked);
