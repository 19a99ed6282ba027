/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "collector/snapshot.h"

/*
 * One handler for every object of the MIB. A table is described by its columns and by
 * how to find its rows in a snapshot; a group of scalars is a table of one row whose
 * index is the single subidentifier 0.
 *
 * It answers from the names themselves and never takes an index apart, so no index that
 * a manager may send, of any length and with any subidentifiers, is a special case.
 */

/* The longest index: two strings with their lengths, of a namespace and a counter. */
#define MIB_INDEX_MAX (1 + SNAPSHOT_NETNS_MAX + 1 + XFRM_STAT_NAME_MAX)

/* A value of any type; data points into the row or to small. */
struct mib_value {
	u_char type; /* ASN_* */
	const void *data;
	size_t len;
	union {
		long number;
		struct counter64 counter64;
	} small;
};

struct mib_column {
	unsigned id;
	void (*get)(const void *row, const void *arg, struct mib_value *ret);
	const void *arg; /* what get() may need to know beside the row */
};

struct mib_table {
	const char *name;
	oid suffix[4]; /* of the row's OID, under the MIB's root */
	size_t suffix_len;
	const struct mib_column *columns; /* by rising id */
	size_t n_columns;
	size_t (*count)(const struct snapshot *snapshot);
	const void *(*row)(const struct snapshot *snapshot, size_t number);
	/* Writes the row's index, at most MIB_INDEX_MAX subidentifiers; returns how
	 * many. Rows come in rising order of it. */
	size_t (*index)(const void *row, oid *index);
};

/* Registers with the agent and with the master's session; the snapshot to answer from
 * is asked for once a request. The table must live as long as the agent. Returns 0,
 * -ENOMEM, or -EEXIST if something of this process serves the OID already. */
int mib_table_register(const struct mib_table *table,
		       const struct snapshot *(*snapshot)(void));

/* Ways to fill in a value. */
void mib_value_set_long(struct mib_value *value, u_char type, unsigned long number);
void mib_value_set_counter64(struct mib_value *value, uint64_t number);
void mib_value_set_string(struct mib_value *value, const char *text);
void mib_value_set_truth(struct mib_value *value, bool truth);

/* For a column of text, and one of a uint64_t; arg points to the size_t where in the
 * row it begins. */
void mib_get_text(const void *row, const void *arg, struct mib_value *ret);
void mib_get_counter64(const void *row, const void *arg, struct mib_value *ret);

/* Appends a string to an index: its length, then its characters. Returns the new
 * length of the index. */
size_t mib_index_add_string(oid *index, size_t len, const char *text);

/* The table of instance rows: what the instance and the statistics table share. */
size_t mib_instance_count(const struct snapshot *snapshot);
const void *mib_instance_row(const struct snapshot *snapshot, size_t number);
size_t mib_instance_index(const void *row, oid *index);

/* The tables, each in a file of its own. */
extern const struct mib_table instance_table;
extern const struct mib_table stats_table;
extern const struct mib_table xfrm_table;
extern const struct mib_table agent_scalars;
