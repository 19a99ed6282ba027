/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <check.h>

#include "collector/snapshot.h"

/* Appends a copy of a row that has no peers yet. */
static inline void put_row(struct snapshot *snapshot, const struct snapshot_row *row)
{
	struct snapshot_row *added = snapshot_add_row(snapshot);
	size_t first_peer;

	ck_assert_ptr_nonnull(added);
	first_peer = added->first_peer;
	*added = *row;
	added->first_peer = first_peer;
}
