/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "mib_table.h"

#include <errno.h>
#include <string.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agentx_objects.h"

static const oid mib_root[] = {MIB_ROOT_SUBIDS};

struct registration {
	const struct mib_table *table;
	const struct snapshot *(*snapshot)(void);
	oid root[MAX_OID_LEN];
	size_t root_len;
};

void mib_value_set_long(struct mib_value *value, u_char type, unsigned long number)
{
	value->type = type;
	value->small.number = (long)number;
	value->data = &value->small.number;
	value->len = sizeof(value->small.number);
}

void mib_value_set_counter64(struct mib_value *value, uint64_t number)
{
	value->type = ASN_COUNTER64;
	value->small.counter64.high = (u_long)(number >> 32);
	value->small.counter64.low = (u_long)(number & 0xffffffff);
	value->data = &value->small.counter64;
	value->len = sizeof(value->small.counter64);
}

void mib_value_set_string(struct mib_value *value, const char *text)
{
	value->type = ASN_OCTET_STR;
	value->data = text;
	value->len = strlen(text);
}

void mib_get_text(const void *row, const void *arg, struct mib_value *ret)
{
	mib_value_set_string(ret, (const char *)row + *(const size_t *)arg);
}

void mib_get_counter64(const void *row, const void *arg, struct mib_value *ret)
{
	uint64_t number;

	memcpy(&number, (const char *)row + *(const size_t *)arg, sizeof(number));
	mib_value_set_counter64(ret, number);
}

void mib_value_set_truth(struct mib_value *value, bool truth)
{
	mib_value_set_long(value, ASN_INTEGER, truth ? 1 : 2);
}

size_t mib_index_add_string(oid *index, size_t len, const char *text)
{
	index[len++] = strlen(text);
	while (*text)
		index[len++] = (unsigned char)*text++;
	return len;
}

size_t mib_instance_count(const struct snapshot *snapshot)
{
	return snapshot->n_rows;
}

const void *mib_instance_row(const struct snapshot *snapshot, size_t number)
{
	return &snapshot->rows[number];
}

size_t mib_instance_index(const void *row, oid *index)
{
	const struct snapshot_row *instance = row;

	return mib_index_add_string(index, 0, instance->name);
}

/* A cell's place: both are one past the end if there is none. */
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

static int compare_row(const struct mib_table *table, const struct snapshot *snapshot,
		       size_t number, const oid *index, size_t len)
{
	oid own[MIB_INDEX_MAX];
	size_t own_len = table->index(table->row(snapshot, number), own);

	return snmp_oid_compare(own, own_len, index, len);
}

/* The first row whose index is not below the given one, or, if after, is above it. */
static size_t find_row(const struct mib_table *table, const struct snapshot *snapshot,
		       const oid *index, size_t len, bool after)
{
	size_t low = 0;
	size_t high = table->count(snapshot);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_row(table, snapshot, middle, index, len);

		if (order < 0 || (after && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void answer(const struct registration *registration,
		   const struct snapshot *snapshot, struct place place,
		   netsnmp_variable_list *varbind)
{
	const struct mib_table *table = registration->table;
	const struct mib_column *column = &table->columns[place.column];
	const void *row = table->row(snapshot, place.row);
	struct mib_value value = {.type = ASN_NULL};
	oid name[MAX_OID_LEN];
	size_t len = registration->root_len;

	memcpy(name, registration->root, len * sizeof(*name));
	name[len++] = column->id;
	len += table->index(row, name + len);
	column->get(row, column->arg, &value);
	snmp_set_var_objid(varbind, name, len);
	snmp_set_var_typed_value(varbind, value.type, value.data, value.len);
}

static void handle_get(const struct registration *registration,
		       const struct snapshot *snapshot,
		       netsnmp_agent_request_info *info, netsnmp_request_info *request)
{
	const struct mib_table *table = registration->table;
	const oid *rest = request->requestvb->name + registration->root_len;
	size_t rest_len = request->requestvb->name_length - registration->root_len;
	struct place place;

	place.column = rest_len ? find_column(table, rest[0]) : table->n_columns;
	if (place.column == table->n_columns ||
	    table->columns[place.column].id != rest[0]) {
		netsnmp_set_request_error(info, request, SNMP_NOSUCHOBJECT);
		return;
	}
	place.row = find_row(table, snapshot, rest + 1, rest_len - 1, false);
	if (place.row == table->count(snapshot) ||
	    compare_row(table, snapshot, place.row, rest + 1, rest_len - 1) != 0) {
		netsnmp_set_request_error(info, request, SNMP_NOSUCHINSTANCE);
		return;
	}
	answer(registration, snapshot, place, request->requestvb);
}

/* The first cell after a name, or at it if inclusive. */
static struct place find_next(const struct registration *registration,
			      const struct snapshot *snapshot, const oid *name,
			      size_t len, bool inclusive)
{
	const struct mib_table *table = registration->table;
	size_t root_len = registration->root_len;
	struct place place = {0, 0};
	int order =
	    snmp_oid_ncompare(name, len, registration->root, root_len, root_len);

	if (order > 0)
		place.column = table->n_columns;
	if (order != 0 || len == root_len)
		return place;
	place.column = find_column(table, name[root_len]);
	if (place.column < table->n_columns &&
	    table->columns[place.column].id == name[root_len] && len > root_len + 1)
		place.row = find_row(table, snapshot, name + root_len + 1,
				     len - root_len - 1, !inclusive);
	if (place.row == table->count(snapshot)) {
		place.column++;
		place.row = 0;
	}
	return place;
}

static void handle_getnext(const struct registration *registration,
			   const struct snapshot *snapshot,
			   netsnmp_request_info *request)
{
	const struct mib_table *table = registration->table;
	struct place place =
	    find_next(registration, snapshot, request->requestvb->name,
		      request->requestvb->name_length, request->inclusive);

	/* With nothing left the varbind stays as it is: the agent goes on elsewhere. */
	if (place.column < table->n_columns && table->count(snapshot) > 0)
		answer(registration, snapshot, place, request->requestvb);
}

static int handle(netsnmp_mib_handler *handler, netsnmp_handler_registration *reginfo,
		  netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
	const struct registration *registration = handler->myvoid;
	const struct snapshot *snapshot = registration->snapshot();

	(void)reginfo;
	for (; requests; requests = requests->next) {
		if (requests->processed)
			continue;
		if (info->mode == MODE_GET)
			handle_get(registration, snapshot, info, requests);
		else if (info->mode == MODE_GETNEXT)
			handle_getnext(registration, snapshot, requests);
	}
	return SNMP_ERR_NOERROR;
}

int mib_table_register(const struct mib_table *table,
		       const struct snapshot *(*snapshot)(void))
{
	struct registration *registration = calloc(1, sizeof(*registration));
	netsnmp_handler_registration *reginfo;

	if (!registration)
		return -ENOMEM;
	registration->table = table;
	registration->snapshot = snapshot;
	memcpy(registration->root, mib_root, sizeof(mib_root));
	registration->root_len = OID_LENGTH(mib_root);
	memcpy(registration->root + registration->root_len, table->suffix,
	       table->suffix_len * sizeof(oid));
	registration->root_len += table->suffix_len;
	/* Read only: the agent itself answers SETs, with notWritable. */
	reginfo = netsnmp_create_handler_registration(
	    table->name, handle, registration->root, registration->root_len,
	    HANDLER_CAN_RONLY);
	if (!reginfo) {
		free(registration);
		return -ENOMEM;
	}
	reginfo->handler->myvoid = registration;
	reginfo->handler->data_free = free;
	switch (netsnmp_register_handler(reginfo)) {
	case MIB_REGISTERED_OK:
		break;
	case MIB_DUPLICATE_REGISTRATION:
		return -EEXIST;
	default:
		return -ENOMEM;
	}
	agentx_objects_add_subtree(table->name, registration->root,
				   registration->root_len);
	return 0;
}
