/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/snapshot.h"
#include "collector/surroundings.h"

/* The SAs that exist, each with the row and the peer for which it counts, and why. For
 * people: no request is answered from it. */

struct listed_sa {
	char instance[INSTANCE_NAME_MAX + 1]; /* the row's name in a snapshot */
	char peer[PEER_NAME_MAX + 1];         /* as in a snapshot */
	char label[PEER_LABEL_MAX + 1];
	struct sa sa;  /* with what has been counted of it */
	uint64_t born; /* seconds since the epoch; of a keyed SA */
	enum sa_direction direction;
	enum direction_reason direction_reason; /* of the direction that it shows now */
	enum row_reason row_reason;             /* of the row that claims it now */
	bool direction_holds; /* the direction is the one that it shows now */
	bool row_holds;       /* the row is the one that claims it now */
	bool row_is_fixed;    /* a row other than the unattributed one has claimed it */
	bool row_is_kept;     /* it was restored or moved, and keeps the row it had */
};

struct sa_list {
	struct listed_sa *sas;
	size_t n;
};

/* Appends the SAs of a namespace. Returns 0 or -ENOMEM. */
int sa_list_fill(struct sa_list *list, struct surroundings *around, const char *netns);
void sa_list_free(struct sa_list *list);

/* Sorts by the SNMP index of instance and peer, then inbound before outbound, then by
 * age, the oldest first, then by SPI. */
void sa_list_sort(struct sa_list *list);
