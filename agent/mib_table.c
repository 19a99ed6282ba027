/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "mib_table.h"

#include <errno.h>
#include <string.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agentx_objects.h"
#include "poller.h"
#include "timestamp.h"

/* A table with its rows at the time of a request. */
struct view {
	const struct mib_table *table;
	const char *rows;
	size_t n_rows;
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

static int compare_row(const struct view *view, size_t number, const oid *index,
		       size_t len)
{
	oid own[MIB_INDEX_MAX];
	size_t own_len = view->table->index(get_row(view, number), own);

	return snmp_oid_compare(own, own_len, index, len);
}

/* The first row with the given index or a later one; if after, with a later one only.
 */
static size_t find_row(const struct view *view, const oid *index, size_t len,
		       bool after)
{
	size_t low = 0;
	size_t high = view->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_row(view, middle, index, len);

		if (order < 0 || (after && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t get_number(const void *member, size_t size)
{
	return size == sizeof(uint64_t) ? *(const uint64_t *)member
					: *(const uint32_t *)member;
}

static void set_integer(netsnmp_variable_list *varbind, u_char type,
			unsigned long number)
{
	snmp_set_var_typed_integer(varbind, type, (long)number);
}

static void set_value(netsnmp_variable_list *varbind, const struct mib_column *column,
		      const void *row)
{
	const void *member = (const char *)row + column->offset;
	struct counter64 counter;
	uint64_t number;

	switch (column->type) {
	case MIB_TEXT:
		snmp_set_var_typed_value(varbind, ASN_OCTET_STR, member,
					 strlen(member));
		return;
	case MIB_TRUTH:
		set_integer(varbind, ASN_INTEGER, *(const bool *)member ? 1 : 2);
		return;
	case MIB_COUNTER64:
		number = get_number(member, column->size);
		counter = (struct counter64){.high = (u_long)(number >> 32),
					     .low = (u_long)(number & UINT32_MAX)};
		snmp_set_var_typed_value(varbind, ASN_COUNTER64, &counter,
					 sizeof(counter));
		return;
	case MIB_GAUGE32:
		number = get_number(member, column->size);
		set_integer(varbind, ASN_GAUGE,
			    number < UINT32_MAX ? number : UINT32_MAX);
		return;
	case MIB_INTEGER:
		set_integer(varbind, ASN_INTEGER, get_number(member, column->size));
		return;
	case MIB_TIMESTAMP:
		set_integer(varbind, ASN_TIMETICKS,
			    timestamp_ticks(get_number(member, column->size)));
		return;
	}
}

static void answer(const struct view *view, struct place place,
		   netsnmp_variable_list *varbind)
{
	const struct mib_table *table = view->table;
	const struct mib_column *column = &table->columns[place.column];
	const void *row = get_row(view, place.row);
	oid name[MAX_OID_LEN];
	size_t len = table->root_len;

	memcpy(name, table->root, len * sizeof(*name));
	name[len++] = column->id;
	len += table->index(row, name + len);
	snmp_set_var_objid(varbind, name, len);
	set_value(varbind, column, row);
}

static void handle_get(const struct view *view, netsnmp_agent_request_info *info,
		       netsnmp_request_info *request)
{
	const struct mib_table *table = view->table;
	const oid *rest = request->requestvb->name + table->root_len;
	size_t rest_len = request->requestvb->name_length - table->root_len;
	struct place place;

	place.column = rest_len ? find_column(table, rest[0]) : table->n_columns;
	if (place.column == table->n_columns ||
	    table->columns[place.column].id != rest[0]) {
		netsnmp_set_request_error(info, request, SNMP_NOSUCHOBJECT);
		return;
	}
	place.row = find_row(view, rest + 1, rest_len - 1, false);
	if (place.row == view->n_rows ||
	    compare_row(view, place.row, rest + 1, rest_len - 1) != 0) {
		netsnmp_set_request_error(info, request, SNMP_NOSUCHINSTANCE);
		return;
	}
	answer(view, place, request->requestvb);
}

/* The first cell after a name; if inclusive, the cell of that name too. */
static struct place find_next(const struct view *view, const oid *name, size_t len,
			      bool inclusive)
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
	    table->columns[place.column].id == name[root_len] && len > root_len + 1)
		place.row =
		    find_row(view, name + root_len + 1, len - root_len - 1, !inclusive);
	if (place.row == view->n_rows) {
		place.column++;
		place.row = 0;
	}
	return place;
}

static void handle_getnext(const struct view *view, netsnmp_request_info *request)
{
	struct place place =
	    find_next(view, request->requestvb->name, request->requestvb->name_length,
		      request->inclusive);

	/* If nothing follows, the agent tries the next subtree. */
	if (place.column < view->table->n_columns && view->n_rows > 0)
		answer(view, place, request->requestvb);
}

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *reginfo,
		  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
	struct view view = {.table = handler->myvoid};

	(void)reginfo;
	view.rows = view.table->rows(poller_snapshot(), &view.n_rows);
	for (; requests; requests = requests->next) {
		if (requests->processed)
			continue;
		if (info->mode == MODE_GET)
			handle_get(&view, info, requests);
		else if (info->mode == MODE_GETNEXT)
			handle_getnext(&view, requests);
	}
	return SNMP_ERR_NOERROR;
}

int mib_table_register(const struct mib_table *table)
{
	/* Read only: the agent itself answers SETs, with notWritable. */
	netsnmp_handler_registration *reginfo = netsnmp_create_handler_registration(
	    table->name, handle, table->root, table->root_len, HANDLER_CAN_RONLY);

	if (!reginfo)
		return -ENOMEM;
	reginfo->handler->myvoid = (void *)(uintptr_t)table;
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
