/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns 7 and 8, bad_spi_packets and packets_not_decrypted: what they count, and
 * which rows they belong to. Declared in rows.h. */
#include <string.h>

#include "collector/rows.h"

static const char no_states[] = "XfrmInNoStates";
static const char proto_error[] = "XfrmInStateProtoError";
static const char dir_error[] = "XfrmInStateDirError"; /* Linux 6.10 on */

bool error_columns_have_source(const struct xfrm_stat *stat)
{
	return xfrm_stat_find(stat, no_states) && xfrm_stat_find(stat, proto_error);
}

/* True for an adapter without rules and with a stack of its own, present or not: XFRM
 * sees none of its packets. */
static bool has_own_stack(const struct instance *instance)
{
	return !instance->n_rules && instance->transport[0] && !instance->software &&
	       strcmp(instance->transport, "tcp") != 0 &&
	       strcmp(instance->transport, "iser") != 0;
}

struct error_owners error_owners_find(const struct instance_set *set)
{
	struct error_owners owners = {.n = 0};

	for (size_t i = 1; i < set->n; i++) {
		const struct instance *instance = &set->instances[i];

		if (!instance->n_rules && !(instance->present && instance->software))
			continue;
		if (owners.n++ == 0)
			owners.first = i;
	}
	return owners;
}

enum error_scope error_scope_of(const struct error_owners *owners,
				const struct instance *instance)
{
	return owners->n > 1 && !has_own_stack(instance) ? ERROR_SCOPE_NAMESPACE
							 : ERROR_SCOPE_INSTANCE;
}

static void raise_to(uint64_t *value, uint64_t least)
{
	if (*value < least)
		*value = least;
}

static uint64_t integrity_failures(const struct rows *rows)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < rows->n; i++)
		sum += rows_totals(rows, i)->stats.packets_not_authenticated;
	return sum;
}

/* Brings the namespace's counts up to date. Returns what is new. */
static struct error_counts update(struct rows *rows)
{
	struct error_columns *columns = &rows->errors;
	const struct xfrm_stat *totals = &rows->xfrm.totals;
	const struct error_counts before = columns->counts;
	uint64_t proto = xfrm_stat_get(totals, proto_error);
	uint64_t failed = integrity_failures(rows) - columns->base_integrity;

	raise_to(&columns->counts.bad_spi, columns->base.bad_spi +
					       xfrm_stat_get(totals, no_states) +
					       xfrm_stat_get(totals, dir_error));
	if (proto > failed)
		raise_to(&columns->counts.not_decrypted,
			 columns->base.not_decrypted + proto - failed);
	return (struct error_counts){
	    .bad_spi = columns->counts.bad_spi - before.bad_spi,
	    .not_decrypted = columns->counts.not_decrypted - before.not_decrypted,
	};
}

/* Adds what is new to a row that shows it. Returns true if the row jumps because it
 * begins to show the namespace's counts. */
static bool add(struct rows *rows, const struct error_owners *owners, size_t number,
		const struct error_counts *fresh)
{
	const struct error_counts *counts = &rows->errors.counts;
	struct error_counts *row = &rows->rows[number].errors;
	bool shared = error_scope_of(owners, &rows->set->instances[number]) ==
		      ERROR_SCOPE_NAMESPACE;
	bool jumps;

	if (!shared && (owners->n > 1 || number != owners->first))
		return false;
	row->bad_spi += fresh->bad_spi;
	row->not_decrypted += fresh->not_decrypted;
	if (!shared)
		return false;
	jumps = row->bad_spi < counts->bad_spi ||
		row->not_decrypted < counts->not_decrypted;
	raise_to(&row->bad_spi, counts->bad_spi);
	raise_to(&row->not_decrypted, counts->not_decrypted);
	return jumps;
}

void rows_count_errors(struct rows *rows, uint64_t now)
{
	const struct error_owners owners = error_owners_find(rows->set);
	const struct error_counts fresh = update(rows);

	for (size_t i = 0; i < rows->n; i++)
		if (add(rows, &owners, i, &fresh) || rows->xfrm_reset)
			rows->rows[i].discontinuity = now;
	rows->xfrm_reset = false;
}

void rows_begin_errors(struct rows *rows)
{
	rows->xfrm.totals.n = 0;
	rows->errors.base = rows->errors.counts;
	rows->errors.base_integrity = integrity_failures(rows);
}
