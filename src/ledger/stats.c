/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/stats.h"

#include <string.h>

const struct stat_column stat_columns[STAT_COUNT] = {
#define STAT(id, member, field, kind, unit) \
	[(id) - 1] = {id, #field, unit, STAT_##kind, offsetof(struct stats, member)},
#include "ledger/stats.def"
#undef STAT
};

uint64_t stats_get(const struct stats *stats, const struct stat_column *column)
{
	uint64_t value;

	memcpy(&value, (const char *)stats + column->offset, sizeof(value));
	return value;
}

void stats_add(struct stats *to, const struct stats *from)
{
#define STAT(id, member, field, kind, unit) to->member += from->member;
#include "ledger/stats.def"
#undef STAT
}
