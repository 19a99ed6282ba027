/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "collector/parked.h"
#include "collector/rows.h"
#include "instance/inventory.h"

/* Makes room where instances have too many rows, by dropping those that row_room.h
 * chooses with all that they have counted; and what there is to log about it. */
struct collector_room {
	uint32_t max_rows;
	uint64_t n_dropped;                  /* rows, since the collector was made */
	char dropped[INSTANCE_NAME_MAX + 1]; /* the last of them */
	size_t n_refused;                    /* HBAs that have no row now */
	char refused[INSTANCE_NAME_MAX + 1]; /* one of them */
};

/* Returns 0, or -ENOMEM if rows are left to drop or to begin. */
int room_make(struct collector_room *room, struct rows *rows,
	      struct inventory *inventory, const struct local_addrs *addrs,
	      const struct parked *parked, uint64_t now);
