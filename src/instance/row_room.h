/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instance/instance.h"

/*
 * Which rows are dropped when there are more than instance_set.max_rows, or when an HBA
 * was refused one. Pure.
 *
 * A row can be dropped if only what it has counted is lost by that: it is not
 * configured, its HBA is not present, and it is not busy (no SA counts for it). The row
 * whose HBA has been gone longest is dropped first.
 */

/* Notes since when each HBA has been gone. To be called after each discovery. */
void row_room_note_gone(struct instance_set *set, uint64_t now);

/* How many rows should be dropped: those over the limit, and one for each refused HBA.
 */
size_t row_room_wanted(const struct instance_set *set);

/* Writes the numbers of the rows to drop, at most wanted, in that order, into numbers,
 * which has room for set->n. busy has an element for each number. Returns how many. */
size_t row_room_choose(struct instance_set *set, const bool *busy, size_t wanted,
		       unsigned *numbers);
