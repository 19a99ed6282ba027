/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/stats.h"

#include <stdbool.h>
#include <string.h>

#include "runner.h"

CHAPTER(NULL, NULL);

TEST(ids_run_from_1_to_18)
{
	ck_assert_int_eq(STAT_COUNT, 18);
	for (unsigned i = 0; i < STAT_COUNT; i++)
		ck_assert_uint_eq(stat_columns[i].id, i + 1);
	ck_assert_int_eq(STAT_ID_active_sa, 1);
	ck_assert_int_eq(STAT_ID_tunnel_bytes_received, 18);
}

/* The order of MSiSCSI_QMIPSECStats, written independently of stats.def. */
TEST(fields_are_those_of_the_windows_structure)
{
	static const char *const fields[] = {
	    "ActiveSA",
	    "PendingKeyOperations",
	    "KeyAdditions",
	    "KeyDeletions",
	    "ReKeys",
	    "ActiveTunnels",
	    "BadSPIPackets",
	    "PacketsNotDecrypted",
	    "PacketsNotAuthenticated",
	    "PacketsWithReplayDetection",
	    "ConfidentialBytesSent",
	    "ConfidentialBytesReceived",
	    "AuthenticatedBytesSent",
	    "AuthenticatedBytesReceived",
	    "TransportBytesSent",
	    "TransportBytesReceived",
	    "TunnelBytesSent",
	    "TunnelBytesReceived",
	};

	for (size_t i = 0; i < STAT_COUNT; i++)
		ck_assert_str_eq(stat_columns[i].field, fields[i]);
}

TEST(three_columns_are_levels)
{
	for (unsigned i = 0; i < STAT_COUNT; i++) {
		unsigned id = stat_columns[i].id;
		bool level = id == 1 || id == 2 || id == 6;

		ck_assert_int_eq(stat_columns[i].kind,
				 level ? STAT_LEVEL : STAT_COUNTER);
	}
}

TEST(units_fit_the_fields)
{
	for (size_t i = 0; i < STAT_COUNT; i++) {
		const struct stat_column *column = &stat_columns[i];

		ck_assert_ptr_nonnull(column->unit);
		ck_assert_int_eq(strstr(column->field, "Bytes") != NULL,
				 !strcmp(column->unit, "bytes"));
		ck_assert_int_eq(strstr(column->field, "Packets") != NULL,
				 !strcmp(column->unit, "packets"));
	}
}

TEST(columns_cover_the_struct)
{
	struct stats stats;
	unsigned char seen[sizeof(stats)] = {0};

	ck_assert_uint_eq(sizeof(stats), STAT_COUNT * sizeof(uint64_t));
	for (size_t i = 0; i < STAT_COUNT; i++)
		for (size_t j = 0; j < sizeof(uint64_t); j++)
			seen[stat_columns[i].offset + j]++;
	for (size_t i = 0; i < sizeof(seen); i++)
		ck_assert_uint_eq(seen[i], 1);
}

TEST(get_reads_the_member)
{
	struct stats stats = {.active_sa = 1, .bad_spi_packets = UINT64_MAX};

	stats.tunnel_bytes_received = 18;
	ck_assert_uint_eq(stats_get(&stats, &stat_columns[0]), 1);
	ck_assert_uint_eq(stats_get(&stats, &stat_columns[6]), UINT64_MAX);
	ck_assert_uint_eq(stats_get(&stats, &stat_columns[17]), 18);
	ck_assert_uint_eq(stats_get(&stats, &stat_columns[1]), 0);
}

TEST(add_adds_every_column)
{
	struct stats to;
	struct stats from;
	uint64_t *a = (uint64_t *)&to;
	uint64_t *b = (uint64_t *)&from;

	for (size_t i = 0; i < STAT_COUNT; i++) {
		a[i] = 1000 * i;
		b[i] = UINT64_C(1) << (i + 30);
	}
	stats_add(&to, &from);
	for (size_t i = 0; i < STAT_COUNT; i++) {
		ck_assert_uint_eq(a[i], 1000 * i + (UINT64_C(1) << (i + 30)));
		ck_assert_uint_eq(b[i], UINT64_C(1) << (i + 30));
	}
}
