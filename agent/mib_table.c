/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "mib_table.h"

#include <errno.h>
#include <string.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agentx/agentx_uptime.h"
#include "agentx_objects.h"
#include "poller.h"

/* A table with its rows at the time of a request. */
struct view {
	const struct mib_table *table;
	const char *rows;
	size_t n_rows;
	size_t found; /* the last row that find_row() has returned */
};

/* What is searched: the first row with an index, or behind it. */
struct target {
	const oid *index;
	size_t len;
	bool after; /* a later one only */
};

/* A cell: both members are one past the end if there is none. */
struct place {
	size_t column;
	size_t row;
};

/* The first column whose id is not below id. */
static size_t find_column(const struct mib_table *table, oid id)
{
	size_t i = 0;

	while (i < table->n_columns && table->columns[i].id < id)
		i++;
	return i;
}

static const void *get_row(const struct view *view, size_t number)
{
	return view->rows + number * view->table->row_size;
}

static bool is_before(const struct view *view, size_t number,
		      const struct target *target)
{
	oid own[MIB_INDEX_MAX];
	size_t own_len = view->table->index(get_row(view, number), own);
	int order = snmp_oid_compare(own, own_len, target->index, target->len);

	return order < 0 || (target->after && order == 0);
}

static bool is_first(const struct view *view, size_t number,
		     const struct target *target)
{
	return (number == view->n_rows || !is_before(view, number, target)) &&
	       (number == 0 || is_before(view, number - 1, target));
}

/* Most requests name several columns of one row. */
static size_t find_row(struct view *view, const struct target *target)
{
	size_t low = 0;
	size_t high = view->n_rows;

	if (is_first(view, view->found, target))
		return view->found;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_before(view, middle, target))
			low = middle + 1;
		else
			high = middle;
	}
	return view->found = low;
}

static uint64_t get_number(const void *member, size_t size)
{
	if (size == sizeof(bool))
		return *(const bool *)member;
	return size == sizeof(uint64_t) ? *(const uint64_t *)member
					: *(const uint32_t *)member;
}

static void set_value(netsnmp_variable_list *varbind, const struct mib_column *column,
		      const void *row)
{
	const void *member = (const char *)row + column->offset;
	uint64_t number =
	    column->type == MIB_TEXT ? 0 : get_number(member, column->size);
	struct counter64 counter = {.high = (u_long)(number >> 32),
				    .low = (u_long)(number & UINT32_MAX)};

	switch (column->type) {
	case MIB_TEXT:
		snmp_set_var_typed_value(varbind, ASN_OCTET_STR, member,
					 strlen(member));
		break;
	case MIB_COUNTER64:
		snmp_set_var_typed_value(varbind, ASN_COUNTER64, &counter,
					 sizeof(counter));
		break;
	case MIB_GAUGE32:
		if (number > UINT32_MAX)
			number = UINT32_MAX;
		snmp_set_var_typed_integer(varbind, ASN_GAUGE, (long)number);
		break;
	case MIB_INTEGER:
		snmp_set_var_typed_integer(varbind, ASN_INTEGER, (long)number);
		break;
	case MIB_TRUTH:
		snmp_set_var_typed_integer(varbind, ASN_INTEGER, number ? 1 : 2);
		break;
	case MIB_TIMESTAMP:
		number = agentx_uptime_at(number);
		snmp_set_var_typed_integer(varbind, ASN_TIMETICKS, (long)number);
		break;
	}
}

/* The first cell after a name; if inclusive, the cell of that name too. */
static struct place find(struct view *view, const oid *name, size_t len, bool inclusive)
{
	const struct mib_table *table = view->table;
	size_t root_len = table->root_len;
	struct place place = {0, 0};
	int order = snmp_oid_ncompare(name, len, table->root, root_len, root_len);

	if (order > 0)
		place.column = table->n_columns;
	if (order != 0 || len == root_len)
		return place;
	place.column = find_column(table, name[root_len]);
	if (place.column < table->n_columns &&
	    table->columns[place.column].id == name[root_len] && len > root_len + 1) {
		const struct target target = {.index = name + root_len + 1,
					      .len = len - root_len - 1,
					      .after = !inclusive};

		place.row = find_row(view, &target);
	}
	if (place.row == view->n_rows) {
		place.column++;
		place.row = 0;
	}
	return place;
}

static size_t make_name(const struct view *view, struct place place, oid *name)
{
	const struct mib_table *table = view->table;

	memcpy(name, table->root, table->root_len * sizeof(*name));
	name[table->root_len] = table->columns[place.column].id;
	return table->root_len + 1 +
	       table->index(get_row(view, place.row), name + table->root_len + 1);
}

static bool has_column(const struct mib_table *table, const netsnmp_variable_list *name)
{
	size_t i = name->name_length > table->root_len
		       ? find_column(table, name->name[table->root_len])
		       : table->n_columns;

	return i < table->n_columns &&
	       table->columns[i].id == name->name[table->root_len];
}

/* A GET finds the first cell that is not before the name, and accepts no other than the
 * named one. If a GETNEXT finds nothing, the agent tries the next subtree. */
static void answer(struct view *view, netsnmp_agent_request_info *info,
		   netsnmp_request_info *request)
{
	netsnmp_variable_list *varbind = request->requestvb;
	const struct mib_table *table = view->table;
	bool is_get = info->mode == MODE_GET;
	struct place place = find(view, varbind->name, varbind->name_length,
				  is_get || request->inclusive);
	bool found = place.column < table->n_columns && view->n_rows > 0;
	oid name[MAX_OID_LEN];
	size_t len = found ? make_name(view, place, name) : 0;

	if (is_get &&
	    snmp_oid_compare(name, len, varbind->name, varbind->name_length) != 0) {
		netsnmp_set_request_error(info, request,
					  has_column(table, varbind)
					      ? SNMP_NOSUCHINSTANCE
					      : SNMP_NOSUCHOBJECT);
	} else if (found) {
		snmp_set_var_objid(varbind, name, len);
		set_value(varbind, &table->columns[place.column],
			  get_row(view, place.row));
	}
}

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *reginfo,
		  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
	struct view view = {.table = handler->myvoid};

	(void)reginfo;
	view.rows = view.table->rows(poller_snapshot(), &view.n_rows);
	for (; requests; requests = requests->next) {
		if (!requests->processed &&
		    (info->mode == MODE_GET || info->mode == MODE_GETNEXT))
			answer(&view, info, requests);
	}
	return SNMP_ERR_NOERROR;
}

int mib_table_add_cell(netsnmp_pdu *pdu, const struct mib_table *table, unsigned column,
		       const void *row)
{
	struct view view = {.table = table, .rows = row, .n_rows = 1};
	struct place place = {.column = find_column(table, column), .row = 0};
	oid name[MAX_OID_LEN];
	size_t len = make_name(&view, place, name);
	netsnmp_variable_list *varbind = snmp_pdu_add_variable(
	    pdu, name, len, ASN_NULL, NULL, 0); /* set_value() sets the type */

	if (!varbind)
		return -ENOMEM;
	set_value(varbind, &table->columns[place.column], row);
	return 0;
}

int mib_table_register(const struct mib_table *table)
{
	/* Read only: the agent itself answers SETs, with notWritable. */
	netsnmp_handler_registration *reginfo = netsnmp_create_handler_registration(
	    table->name, handle, table->root, table->root_len, HANDLER_CAN_RONLY);

	if (!reginfo)
		return -ENOMEM;
	reginfo->handler->myvoid = (void *)table;
	switch (netsnmp_register_handler(reginfo)) {
	case MIB_REGISTERED_OK:
		break;
	case MIB_DUPLICATE_REGISTRATION:
		return -EEXIST;
	default:
		return -ENOMEM;
	}
	agentx_objects_add(table->name, table->root, table->root_len, AGENTX_REGISTER);
	return 0;
}
