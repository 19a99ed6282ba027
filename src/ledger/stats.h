/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The statistics of one HBA instance, field for field those of the Windows
 * structure MSiSCSI_QMIPSECStats. What each means on Linux is in the MIB.
 * The members are declared in stats.def and nowhere else.
 */
struct stats {
#define STAT(id, member, field, kind, unit) uint64_t member;
#include "ledger/stats.def"
#undef STAT
};

enum stat_kind {
	STAT_LEVEL,   /* goes up and down */
	STAT_COUNTER, /* never goes down */
};

/* One column: how to name it, show it and find it in a struct stats. */
struct stat_column {
	unsigned id;       /* WmiDataId and MIB column number, 1 to STAT_COUNT */
	const char *field; /* the WMI field's name */
	const char *unit;  /* what one step is */
	enum stat_kind kind;
	size_t offset; /* of the uint64_t in struct stats */
};

enum {
#define STAT(id, member, field, kind, unit) STAT_ID_##member = (id),
#include "ledger/stats.def"
#undef STAT
	STAT_COUNT = sizeof(struct stats) / sizeof(uint64_t),
};

/* The columns, column i + 1 at index i. */
extern const struct stat_column stat_columns[STAT_COUNT];

/* The value of a column. */
uint64_t stats_get(const struct stats *stats, const struct stat_column *column);

/* Bytes of ESP and AH together. */
static inline uint64_t stats_bytes_sent(const struct stats *stats)
{
	return stats->confidential_bytes_sent + stats->authenticated_bytes_sent;
}

static inline uint64_t stats_bytes_received(const struct stats *stats)
{
	return stats->confidential_bytes_received + stats->authenticated_bytes_received;
}

/* Adds every column of from to the same column of to. */
void stats_add(struct stats *to, const struct stats *from);
