/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "collector/snapshot.h"

/*
 * One handler for every object of the MIB. A table is described by its columns and by
 * its rows in a snapshot. A group of scalars is a table of one row whose index is the
 * single subidentifier 0.
 *
 * The handler compares whole OIDs and never decodes an index. A manager may therefore
 * send an index of any length with any subidentifiers.
 */

/* The longest index: two strings with their lengths, of an instance and a peer. */
#define MIB_INDEX_MAX (1 + INSTANCE_NAME_MAX + 1 + PEER_NAME_MAX)

/* The type of a column, with the types that its member may have. */
enum mib_type {
	MIB_TEXT,      /* char[], terminated by 0 */
	MIB_COUNTER64, /* uint64_t */
	MIB_GAUGE32,   /* uint32_t or uint64_t, at most 2^32 - 1 */
	MIB_INTEGER,   /* uint32_t or an enum */
	MIB_TRUTH,     /* bool */
	MIB_TIMESTAMP, /* uint64_t: CLOCK_MONOTONIC in ns, shown as sysUpTime */
};

struct mib_column {
	unsigned id;
	enum mib_type type;
	size_t offset; /* of the member in the row */
	size_t size;   /* of the member */
};

struct mib_table {
	const char *name;
	oid root[32]; /* of a row's OIDs: a column's id and an index follow */
	size_t root_len;
	const struct mib_column *columns; /* in ascending order of id */
	size_t n_columns;
	size_t row_size;
	/* Returns the rows, in ascending order of their index. */
	const void *(*rows)(const struct snapshot *snapshot, size_t *ret_n);
	/* Writes the row's index, at most MIB_INDEX_MAX subidentifiers; returns how
	 * many. */
	size_t (*index)(const void *row, oid *index);
};

/* Registers a table with the agent and with the master's session. Each request is
 * answered from one poller_snapshot(). The table must live as long as the agent.
 * Returns 0, -ENOMEM, or -EEXIST if this process already serves the OID. */
int mib_table_register(const struct mib_table *table);

/* Appends a cell, its name and its value, to the varbinds of a message. row is one of
 * the table's, or another one of its type. Returns 0 or -ENOMEM. */
int mib_table_add_cell(netsnmp_pdu *pdu, const struct mib_table *table, unsigned column,
		       const void *row);

/* The tables (mib_tables.c). */
enum mib_table_number {
	MIB_INSTANCES,
	MIB_STATS,
	MIB_XFRM,
	MIB_PEERS,
	MIB_AGENT,
};
extern const struct mib_table mib_tables[];
extern const size_t mib_tables_n;
