/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "agentx_objects.h"

#include <stdio.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

enum object_state {
	OBJECT_UNKNOWN,
	OBJECT_ASKED,
	OBJECT_ACCEPTED,
	OBJECT_REFUSED,
};

struct agentx_object {
	const char *name;
	const oid *root;
	size_t root_len;
	int command;
	enum object_state state;
	long error; /* of OBJECT_REFUSED */
};

static struct agentx_object objects[AGENTX_OBJECTS_MAX];
static size_t n_objects;

void agentx_objects_add(const char *name, const oid *root, size_t len, int command)
{
	objects[n_objects++] = (struct agentx_object){
	    .name = name, .root = root, .root_len = len, .command = command};
}

void agentx_objects_forget(void)
{
	for (size_t i = 0; i < n_objects; i++)
		objects[i].state = OBJECT_UNKNOWN;
}

struct agentx_object *agentx_objects_next_missing(void)
{
	for (size_t i = 0; i < n_objects; i++)
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
	netsnmp_pdu *pdu = snmp_pdu_create(object->command);

	object->state = OBJECT_ASKED;
	if (!pdu)
		return NULL;
	if (object->command == AGENTX_ADD_AGENT_CAPS) {
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

bool agentx_objects_are_answered(char *refused, size_t size, long *ret_error)
{
	size_t len = 0;
	long error = 0;

	for (size_t i = 0; i < n_objects; i++) {
		if (objects[i].state == OBJECT_UNKNOWN ||
		    objects[i].state == OBJECT_ASKED)
			return false;
		if (objects[i].state != OBJECT_REFUSED || len >= size)
			continue;
		len += (size_t)snprintf(refused + len, size - len, "%s%s",
					len ? ", " : "", objects[i].name);
		error = objects[i].error;
	}
	*ret_error = error;
	return true;
}

bool agentx_objects_are_taken(void)
{
	for (size_t i = 0; i < n_objects; i++)
		if (objects[i].command == AGENTX_REGISTER &&
		    (objects[i].state != OBJECT_REFUSED ||
		     objects[i].error != AGENTX_ERR_DUPLICATE_REGISTRATION))
			return false;
	return true;
}
