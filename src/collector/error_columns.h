/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "instance/instance.h"
#include "collector/snapshot.h"
#include "kernel/xfrm_stat.h"

/*
 * Columns 7 and 8, bad_spi_packets and packets_not_decrypted, which the kernel counts
 * for a whole namespace: what they are, and which rows they belong to. Pure.
 *
 * With one instance they are its own; with none, of the unattributed row. With several
 * nobody can split them, and each row shows the namespace's. What a row has counted
 * once it keeps.
 */

struct error_counts {
	uint64_t bad_spi;
	uint64_t not_decrypted;
};

/* Of one namespace. */
struct error_columns {
	struct error_counts counts; /* never below their last value */
	/* What had been counted when the kernel's own counts began at 0. */
	struct error_counts base;
	uint64_t base_integrity; /* less those of dropped rows: may wrap */
};

/* Whose the errors are. */
struct error_owners {
	size_t n;
	size_t first; /* the only one, if n is 1; with n = 0 the unattributed row */
};

struct error_owners error_owners_find(const struct instance_set *set);

enum error_scope error_scope_of(const struct error_owners *owners,
				const struct instance *instance);

/*
 * Takes the namespace's counters as they were read before a dump, and the integrity
 * failures of all its SAs after it: then no failure of an SA that the dump shows is
 * missing from the counters only because it came between. Returns what is new.
 */
struct error_counts error_columns_update(struct error_columns *columns,
					 const struct xfrm_stat *totals,
					 uint64_t integrity);

/* Adds what is new to a row that has a part in it. Returns true if the row jumps,
 * because it has not shown the namespace's counts until now. */
bool error_columns_add(const struct error_columns *columns,
		       const struct error_owners *owners,
		       const struct instance_set *set, size_t number,
		       const struct error_counts *fresh, struct error_counts *row);

/* Another namespace begins, whose counters are at 0, when so many integrity failures
 * have been counted. */
void error_columns_begin(struct error_columns *columns, uint64_t integrity);

/* True if the counters that both columns are made of are there. */
bool error_columns_have_source(const struct xfrm_stat *stat);
