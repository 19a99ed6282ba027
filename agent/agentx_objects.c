/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "agentx_objects.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "netsnmp_agentx.h"

enum object_state {
	OBJECT_UNKNOWN,
	OBJECT_ASKED,
	OBJECT_ACCEPTED,
	OBJECT_REFUSED,
};

struct agentx_object {
	const char *name;
	oid root[MAX_OID_LEN];
	size_t root_len;
	bool is_module; /* an entry in sysORTable, else a subtree */
	enum object_state state;
	long error; /* of OBJECT_REFUSED */
};

static struct agentx_object objects[AGENTX_OBJECTS_MAX];
static size_t n_objects;

static void add(const char *name, const oid *root, size_t len, bool is_module)
{
	struct agentx_object *object = &objects[n_objects++];

	object->name = name;
	memcpy(object->root, root, len * sizeof(*root));
	object->root_len = len;
	object->is_module = is_module;
}

void agentx_objects_add_subtree(const char *name, const oid *root, size_t len)
{
	add(name, root, len, false);
}

void agentx_objects_add_module(const char *descr, const oid *root, size_t len)
{
	add(descr, root, len, true);
}

void agentx_objects_forget(void)
{
	for (size_t i = 0; i < n_objects; i++)
		objects[i].state = OBJECT_UNKNOWN;
}

struct agentx_object *agentx_objects_next_missing(const struct agentx_object *after)
{
	for (size_t i = after ? (size_t)(after - objects) + 1 : 0; i < n_objects; i++)
		if (objects[i].state == OBJECT_UNKNOWN ||
		    objects[i].state == OBJECT_REFUSED)
			return &objects[i];
	return NULL;
}

struct agentx_object *agentx_objects_next_refused(void)
{
	static size_t turn;

	for (size_t i = 0; i < n_objects; i++) {
		struct agentx_object *object = &objects[turn++ % n_objects];

		if (object->state == OBJECT_REFUSED)
			return object;
	}
	return NULL;
}

netsnmp_pdu *agentx_objects_make_request(struct agentx_object *object)
{
	netsnmp_pdu *pdu = snmp_pdu_create(object->is_module ? AGENTX_ADD_AGENT_CAPS
							     : AGENTX_REGISTER);

	object->state = OBJECT_ASKED;
	if (!pdu)
		return NULL;
	if (object->is_module) {
		snmp_add_var(pdu, object->root, object->root_len, 's', object->name);
	} else {
		pdu->priority = DEFAULT_MIB_PRIORITY;
		snmp_add_null_var(pdu, object->root, object->root_len);
	}
	return pdu;
}

void agentx_objects_note_answer(struct agentx_object *object, long error)
{
	object->state = error ? OBJECT_REFUSED : OBJECT_ACCEPTED;
	object->error = error;
}

enum agentx_objects_state agentx_objects_state(void)
{
	enum agentx_objects_state state = AGENTX_OBJECTS_ACCEPTED;

	for (size_t i = 0; i < n_objects; i++) {
		if (objects[i].state == OBJECT_UNKNOWN ||
		    objects[i].state == OBJECT_ASKED)
			return AGENTX_OBJECTS_UNKNOWN;
		if (objects[i].state == OBJECT_REFUSED)
			state = AGENTX_OBJECTS_REFUSED;
	}
	return state;
}

long agentx_objects_list_refused(char *text, size_t size)
{
	size_t len = 0;
	long error = 0;

	for (size_t i = 0; i < n_objects; i++) {
		if (objects[i].state != OBJECT_REFUSED || len >= size)
			continue;
		len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "",
					objects[i].name);
		error = objects[i].error;
	}
	return error;
}
