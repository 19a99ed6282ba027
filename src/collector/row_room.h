/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "collector/rows.h"
#include "instance/inventory.h"

/*
 * Drops rows when there are more than instance_set.max_rows, or when an HBA was refused
 * one.
 *
 * A row can be dropped if only what it has counted is lost by that: it is not
 * configured, its HBA is not present, and it is not busy (no SA counts for it). The row
 * whose HBA has been gone longest is dropped first.
 */

/* For the log. */
struct row_room {
	uint32_t max_rows;
	uint64_t n_dropped;                  /* rows, since the collector was made */
	char dropped[INSTANCE_NAME_MAX + 1]; /* the last of them */
	size_t n_refused;                    /* HBAs that have no row now */
	char refused[INSTANCE_NAME_MAX + 1]; /* one of them */
};

/* To be called after each discovery. Returns 0, or -ENOMEM if it could not drop or
 * begin all rows. */
int row_room_make(struct row_room *room, struct rows *rows, struct inventory *inventory,
		  const struct local_addrs *addrs, uint64_t now);

/* Notes since when each HBA has been gone. */
void row_room_note_gone(struct instance_set *set, uint64_t now);

/* How many rows should be dropped: those over the limit, and one for each refused HBA.
 */
size_t row_room_wanted(const struct instance_set *set);

/* Writes the numbers of the rows to drop, at most wanted, in that order, into numbers,
 * which has room for set->n. busy has an element for each number. Returns how many. */
size_t row_room_choose(struct instance_set *set, const bool *busy, size_t wanted,
		       unsigned *numbers);
