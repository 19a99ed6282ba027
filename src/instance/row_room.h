/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instance/instance.h"

/*
 * Which rows make room for others, where there are more than instance_set.max_rows or
 * an HBA got none. Pure.
 *
 * A row can be dropped if nothing is lost but what it has counted: it is not
 * configured, its HBA is not there, and it is not busy (no SA counts for it). Of these
 * the one that has been gone longest is the first.
 */

/* Notes of each instance since when it has been gone. To be called after each look. */
void row_room_note_gone(struct instance_set *set, uint64_t now);

/* How many rows should be dropped: those over the limit, and one for each HBA that got
 * none. */
size_t row_room_wanted(const struct instance_set *set);

/* Writes the numbers of those to drop, at most wanted, in that order, into numbers,
 * which has room for set->n. busy has an element for each number. Returns how many. */
size_t row_room_choose(struct instance_set *set, const bool *busy, size_t wanted,
		       unsigned *numbers);
