/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/error_columns.h"

#include <string.h>

static const char no_states[] = "XfrmInNoStates";
static const char proto_error[] = "XfrmInStateProtoError";
static const char dir_error[] = "XfrmInStateDirError"; /* Linux 6.10 on */

/* HBAs that are there and whose packets XFRM sees. */
static bool meets_xfrm(const struct instance *instance)
{
	return instance->n_rules || (instance->present && instance->software);
}

/* An adapter that is all that its instance stands for, there or not: none of what XFRM
 * refuses is its own. */
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
		if (!meets_xfrm(&set->instances[i]))
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

struct error_counts error_columns_update(struct error_columns *columns,
					 const struct xfrm_stat *totals,
					 uint64_t integrity)
{
	const struct error_counts before = columns->counts;
	struct error_counts *counts = &columns->counts;
	uint64_t proto = xfrm_stat_get(totals, proto_error);
	uint64_t refused = integrity - columns->base_integrity;

	raise_to(&counts->bad_spi, columns->base.bad_spi +
				       xfrm_stat_get(totals, no_states) +
				       xfrm_stat_get(totals, dir_error));
	if (proto > refused)
		raise_to(&counts->not_decrypted,
			 columns->base.not_decrypted + proto - refused);
	return (struct error_counts){
	    .bad_spi = counts->bad_spi - before.bad_spi,
	    .not_decrypted = counts->not_decrypted - before.not_decrypted,
	};
}

bool error_columns_add(const struct error_columns *columns,
		       const struct error_owners *owners,
		       const struct instance_set *set, size_t number,
		       const struct error_counts *fresh, struct error_counts *row)
{
	bool shared = owners->n > 1;
	bool jumps;

	if (has_own_stack(&set->instances[number]) ||
	    !(shared || number == owners->first))
		return false;
	row->bad_spi += fresh->bad_spi;
	row->not_decrypted += fresh->not_decrypted;
	jumps = shared && (row->bad_spi < columns->counts.bad_spi ||
			   row->not_decrypted < columns->counts.not_decrypted);
	if (jumps) {
		raise_to(&row->bad_spi, columns->counts.bad_spi);
		raise_to(&row->not_decrypted, columns->counts.not_decrypted);
	}
	return jumps;
}

void error_columns_begin(struct error_columns *columns, uint64_t integrity)
{
	columns->base = columns->counts;
	columns->base_integrity = integrity;
}

bool error_columns_have_source(const struct xfrm_stat *stat)
{
	return xfrm_stat_find(stat, no_states) && xfrm_stat_find(stat, proto_error);
}
