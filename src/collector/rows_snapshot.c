/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/rows_snapshot.h"

#include <stdio.h>
#include <string.h>

static void name_row(char *to, size_t size, const char *netns, const char *name)
{
	char whole[NETNS_NAME_MAX + 1 + INSTANCE_NAME_MAX + 1];

	if (!*netns) {
		snprintf(to, size, "%s", name); /* has been made to fit */
		return;
	}
	snprintf(whole, sizeof(whole), "%s/%s", netns, name);
	instance_name_fit(to, size, whole);
}

static struct snapshot_row make_row(const struct rows *rows, size_t number,
				    const struct error_owners *owners,
				    const char *netns, bool stale)
{
	const struct instance *instance = &rows->set->instances[number];
	const struct ledger_row *totals = rows_totals(rows, number);
	const struct row *row = &rows->rows[number];
	struct snapshot_row ret = {
	    .active = instance->active && !stale,
	    .if_index = instance->if_index,
	    .sessions = instance->sessions,
	    .error_scope = error_scope_of(owners, instance),
	    .replay_failures = totals->replay_failures,
	    .discontinuity = row->discontinuity,
	    .stats = totals->stats,
	};

	name_row(ret.name, sizeof(ret.name), netns, instance->name);
	instance_name_fit(ret.netns, sizeof(ret.netns), netns);
	snprintf(ret.descr, sizeof(ret.descr), "%s", instance_descr(instance));
	memcpy(ret.transport, instance->transport, sizeof(ret.transport));
	memcpy(ret.initiator_name, instance->initiator_name,
	       sizeof(ret.initiator_name));
	ret.stats.bad_spi_packets = row->errors.bad_spi;
	ret.stats.packets_not_decrypted = row->errors.not_decrypted;
	return ret;
}

int rows_snapshot(const struct rows *rows, const char *netns, bool stale,
		  struct snapshot *snapshot)
{
	const struct error_owners owners = error_owners_find(rows->set);
	int err = 0;

	for (size_t i = 0; i < rows->n && !err; i++) {
		struct snapshot_row row;

		if (!rows_has(rows, i))
			continue;
		row = make_row(rows, i, &owners, netns, stale);
		err = snapshot_add_row(snapshot, &row);
	}
	return err;
}
