/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/error_columns.h"
#include "instance/instance.h"
#include "kernel/xfrm_stat.h"
#include "ledger/ledger.h"

/*
 * The rows of one namespace, one for each instance, by its number: the ledger's totals
 * and what is counted beside them. This is what a state file keeps. Times are ns of
 * the kernel's clock. Pure.
 */

struct row {
	struct error_counts errors;
	uint64_t losses; /* the ledger's, when last looked at */
	/* when a counter last may have missed something, or the row began */
	uint64_t discontinuity;
};

struct rows {
	struct instance_set *set; /* the inventory's */
	struct ledger *ledger;
	struct row *rows;
	size_t n; /* less than set->n only while there is no memory */
	size_t n_allocated;
	struct xfrm_totals xfrm;
	bool xfrm_reset; /* a counter was set back since errors were last counted */
	struct error_columns errors;
};

/* Takes the ledger over. Returns 0 or -ENOMEM; rows_free() is due in any case. */
int rows_init(struct rows *rows, struct instance_set *set, struct ledger *ledger,
	      uint64_t now);
void rows_free(struct rows *rows);

/* Memory for n rows, here and in the ledger. Returns 0 or -ENOMEM. */
int rows_reserve(struct rows *rows, size_t n);

/*
 * Makes a row for every instance. Those of new instances begin now, at 0. Where an
 * instance has another name now there is a discontinuity: under that name the counters
 * were another row's. Returns 0 or -ENOMEM.
 */
int rows_begin(struct rows *rows, uint64_t now);

/* What the ledger has counted for a row. */
const struct ledger_row *rows_totals(const struct rows *rows, size_t number);

/* True if an instance has that number. */
bool rows_has(const struct rows *rows, size_t number);

/* A row without an instance begins at 0, as another's. */
void rows_drop(struct rows *rows, unsigned number);

/* True if any row has counted anything, in any column but the levels. */
bool rows_have_counted(const struct rows *rows);

/* A discontinuity where an SA was lost since the last call, or everywhere (after events
 * were lost): something may be missing there. */
void rows_note_losses(struct rows *rows, bool everywhere, uint64_t now);

/* Takes the namespace's counters as they were just read. */
void rows_follow_xfrm(struct rows *rows, const struct xfrm_stat *fresh);

/* Distributes what they have counted, after a dump, to columns 7 and 8. */
void rows_count_errors(struct rows *rows, uint64_t now);

/* Another namespace begins, whose counters are at 0. */
void rows_begin_errors(struct rows *rows);
