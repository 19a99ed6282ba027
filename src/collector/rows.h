/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/snapshot.h"
#include "instance/instance.h"
#include "kernel/xfrm_stat.h"
#include "ledger/ledger.h"

/*
 * The rows of one namespace, one for each instance, by its number: the ledger's totals
 * and what is counted besides them. A state file saves them. Times are ns of the
 * kernel's clock. Pure.
 *
 * The kernel counts columns 7 and 8 for a whole namespace. If one instance meets XFRM
 * they are its own; if none does, they are those of the unattributed row. If several
 * do, nothing can split them, and each row shows the namespace's. A row keeps what it
 * has counted.
 */

/* Columns 7 and 8. */
struct error_counts {
	uint64_t bad_spi;
	uint64_t not_decrypted;
};

/* Of one namespace. */
struct error_columns {
	struct error_counts counts; /* never below their last value */
	struct error_counts base;   /* counted when the kernel's counts began at 0 */
	uint64_t base_integrity;    /* less those of dropped rows: may wrap */
};

struct row {
	struct error_counts errors;
	uint64_t losses; /* the ledger's, at the last rows_note_losses() */
	/* when a counter last may have missed something, or when the row began */
	uint64_t discontinuity;
};

struct rows {
	struct instance_set *set; /* the inventory's */
	struct ledger *ledger;
	struct row *rows;
	size_t n; /* less than set->n only while there is no memory */
	size_t n_allocated;
	/* the rows in the order of their SNMP index, if n_order is not 0 */
	unsigned *order;
	size_t n_order;
	struct xfrm_totals xfrm;
	bool xfrm_reset; /* a counter was set back since errors were last counted */
	struct error_columns errors;
	struct ledger_sa *parked; /* SAs of a detached namespace */
	size_t n_parked;
};

/* Takes over the ledger. Returns 0 or -ENOMEM; rows_free() is due in either case. */
int rows_init(struct rows *rows, struct instance_set *set, struct ledger *ledger,
	      uint64_t now);
void rows_free(struct rows *rows);

/* Allocates n rows, here and in the ledger. Returns 0 or -ENOMEM. */
int rows_reserve(struct rows *rows, size_t n);

/*
 * Makes a row for every instance. The rows of new instances begin now, at 0. A renamed
 * instance has a discontinuity: the counters under that name were another row's.
 * Returns 0 or -ENOMEM.
 */
int rows_begin(struct rows *rows, uint64_t now);

/* What the ledger has counted for a row. */
const struct totals *rows_totals(const struct rows *rows, size_t number);

/* True if an instance has that number. */
bool rows_has(const struct rows *rows, size_t number);

/* Sets a row whose instance is to be removed to 0. */
void rows_drop(struct rows *rows, unsigned number);

/* True if any row has counted anything, in any column but the levels. */
bool rows_have_counted(const struct rows *rows);

/* Notes a discontinuity in each row and account that lost an SA since the last call; or
 * in every one, after events were lost. */
void rows_note_losses(struct rows *rows, bool everywhere, uint64_t now);

/*
 * Ends all SAs in the ledger when the namespace is detached, and keeps copies in case
 * the same namespace comes back. Of a departing SA the deletion is counted for good, so
 * it is not kept. Without memory no SA is kept, since a part would be taken for all.
 */
void rows_park(struct rows *rows, uint64_t now);

/* Adds the parked SAs to the ledger again. Returns 0, or -ENOMEM with none of them
 * added and the totals unchanged. */
int rows_readmit(struct rows *rows);

/* Forgets the parked SAs. */
void rows_forget_parked(struct rows *rows);

/* Sets true for each row that an SA counts for, parked SAs included. */
void rows_find_busy(const struct rows *rows, bool *busy);

/* Appends the rows and their peers to a snapshot. Outside the daemon's own namespace
 * (netns "") a row's name begins with the namespace's name and "/". stale: no row is
 * active. Returns 0 or -ENOMEM. */
int rows_snapshot(const struct rows *rows, const char *netns, bool stale,
		  struct snapshot *snapshot);

/* Writes the name that a row has in a snapshot; of a namespace's row it begins with the
 * namespace's name. */
void rows_name(const struct rows *rows, size_t number, const char *netns,
	       char name[INSTANCE_NAME_MAX + 1]);

/* True if the counters for columns 7 and 8 are there. */
bool error_columns_have_source(const struct xfrm_stat *stat);

/*
 * Adds to columns 7 and 8 what the namespace has counted since the last call. To be
 * called after a dump, with counters that were read before it: otherwise an integrity
 * failure of an SA that the dump shows might be missing from them.
 */
void rows_count_errors(struct rows *rows, uint64_t now);

/* Another namespace begins, whose counters are at 0. */
void rows_begin_errors(struct rows *rows);

/* The instances that meet XFRM. */
struct error_owners {
	size_t n;
	size_t first; /* the only one, if n is 1; the unattributed row if n is 0 */
};

struct error_owners error_owners_find(const struct instance_set *set);

enum error_scope error_scope_of(const struct error_owners *owners,
				const struct instance *instance);
