/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor of a request: a subagent on Net-SNMP's own library that serves constants
 * from an array.
 *
 *	constants SOCKET OID COLUMNS ROWS
 *
 * Serves a table of so many Counter64 columns and rows at OID.1.2.1, and a few more
 * constants at OID.1.3.1, where a walk of the table ends, as in QMIPSEC-MIB. The index
 * of a row is a string: "hba-00000" and so on, and "unattributed" for the last one.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

enum {
	INDEX_MAX = 32,
	MORE_COLUMNS = 3,
	MORE_ROWS = 30,
};

struct row {
	oid index[INDEX_MAX];
	size_t len;
};

struct table {
	oid root[MAX_OID_LEN];
	size_t root_len;
	size_t n_columns; /* 1, 2, … */
	struct row *rows; /* in the order of their index */
	size_t n_rows;
};

static const struct counter64 value = {.high = 1, .low = 123456789};

static void set_index(struct row *row, const char *text)
{
	row->index[0] = strlen(text);
	for (row->len = 1; *text; text++)
		row->index[row->len++] = (unsigned char)*text;
}

static void make_rows(struct table *table, const char *prefix, size_t n)
{
	table->rows = calloc(n ? n : 1, sizeof(*table->rows));
	table->n_rows = n;
	if (!table->rows)
		abort();
	for (size_t i = 0; i < n; i++) {
		char name[INDEX_MAX];

		snprintf(name, sizeof(name), "%s%05u", prefix, (unsigned)i % 100000);
		set_index(&table->rows[i], name);
	}
}

/* The first row that is not before the index; if after, that is behind it. */
static size_t find_row(const struct table *table, const oid *index, size_t len,
		       bool after)
{
	size_t low = 0;
	size_t high = table->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct row *row = &table->rows[middle];
		int order = snmp_oid_compare(row->index, row->len, index, len);

		if (order < 0 || (after && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void set_cell(const struct table *table, size_t column, size_t row,
		     netsnmp_variable_list *varbind)
{
	oid name[MAX_OID_LEN];
	size_t len = table->root_len;

	memcpy(name, table->root, len * sizeof(*name));
	name[len++] = column;
	memcpy(name + len, table->rows[row].index,
	       table->rows[row].len * sizeof(*name));
	snmp_set_var_objid(varbind, name, len + table->rows[row].len);
	snmp_set_var_typed_value(varbind, ASN_COUNTER64, &value, sizeof(value));
}

static void get(const struct table *table, netsnmp_agent_request_info *info,
		netsnmp_request_info *request)
{
	netsnmp_variable_list *varbind = request->requestvb;
	const oid *index = varbind->name + table->root_len + 1;
	size_t len = varbind->name_length - table->root_len - 1;
	size_t row = find_row(table, index, len, false);

	if (row < table->n_rows &&
	    !snmp_oid_compare(table->rows[row].index, table->rows[row].len, index, len))
		snmp_set_var_typed_value(varbind, ASN_COUNTER64, &value, sizeof(value));
	else
		netsnmp_set_request_error(info, request, SNMP_NOSUCHINSTANCE);
}

static void get_next(const struct table *table, netsnmp_request_info *request)
{
	netsnmp_variable_list *varbind = request->requestvb;
	size_t root_len = table->root_len;
	size_t column = 1;
	size_t row = 0;

	if (varbind->name_length > root_len &&
	    !snmp_oid_ncompare(varbind->name, varbind->name_length, table->root,
			       root_len, root_len)) {
		column = varbind->name[root_len];
		row =
		    find_row(table, varbind->name + root_len + 1,
			     varbind->name_length - root_len - 1, !request->inclusive);
	}
	if (row == table->n_rows) {
		column++;
		row = 0;
	}
	if (column <= table->n_columns && table->n_rows > 0)
		set_cell(table, column, row, varbind);
}

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *reginfo,
		  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
	const struct table *table = handler->myvoid;

	(void)reginfo;
	for (; requests; requests = requests->next) {
		if (requests->processed)
			continue;
		if (info->mode == MODE_GET)
			get(table, info, requests);
		else if (info->mode == MODE_GETNEXT)
			get_next(table, requests);
	}
	return SNMP_ERR_NOERROR;
}

static void serve(struct table *table, const char *root, oid entry, size_t n_columns)
{
	netsnmp_handler_registration *reginfo;

	table->root_len = MAX_OID_LEN;
	if (!snmp_parse_oid(root, table->root, &table->root_len))
		abort();
	table->root[table->root_len++] = 1;
	table->root[table->root_len++] = entry;
	table->root[table->root_len++] = 1;
	table->n_columns = n_columns;
	reginfo = netsnmp_create_handler_registration(
	    "constants", handle, table->root, table->root_len, HANDLER_CAN_RONLY);
	if (!reginfo)
		abort();
	reginfo->handler->myvoid = table;
	if (netsnmp_register_handler(reginfo) != MIB_REGISTERED_OK)
		abort();
}

int main(int argc, char **argv)
{
	static struct table table, more;

	if (argc != 5) {
		fprintf(stderr, "usage: constants SOCKET OID COLUMNS ROWS\n");
		return EXIT_FAILURE;
	}
	setenv("SNMP_PERSISTENT_DIR", "/dev/null/none", 1);
	setenv("MIBS", "", 1);
	snmp_enable_stderrlog();
	netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID,
			       NETSNMP_DS_AGENT_NO_ROOT_ACCESS, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE,
			       1);
	netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET,
			      argv[1]);
	init_agent("constants");
	serve(&table, argv[2], 2, strtoul(argv[3], NULL, 10));
	make_rows(&table, "hba-", strtoul(argv[4], NULL, 10));
	if (table.n_rows > 0)
		set_index(&table.rows[table.n_rows - 1], "unattributed");
	serve(&more, argv[2], 3, MORE_COLUMNS);
	make_rows(&more, "XfrmInStateProto", MORE_ROWS);
	init_snmp("constants");
	for (;;)
		agent_check_and_process(1);
}
