/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

/*
 * What the master is to be told of at each session: the subtrees that this agent
 * answers for, and its entry in sysORTable. Each is accepted or refused for itself.
 * Knows the requests, not the session.
 */

struct agentx_object;

/* name (of a module: its description) must live as long as the agent. At most
 * AGENTX_OBJECTS_MAX objects. */
#define AGENTX_OBJECTS_MAX 16
void agentx_objects_add_subtree(const char *name, const oid *root, size_t len);
void agentx_objects_add_module(const char *descr, const oid *root, size_t len);

/* Another session: its master has been told of nothing. */
void agentx_objects_forget(void);

/* The first object that the master does not know of or has refused, after a given one;
 * NULL: the first of all. NULL: there is none. */
struct agentx_object *agentx_objects_next_missing(const struct agentx_object *after);

/* One of those that the master has refused, in turn; NULL: there is none. */
struct agentx_object *agentx_objects_next_refused(void);

/* The request by which the master is told of an object, and which counts as made from
 * now on. NULL: no memory. */
netsnmp_pdu *agentx_objects_make_request(struct agentx_object *object);

/* The master's answer to it: error is 0, or of RFC 2741, section 6.2.16. */
void agentx_objects_note_answer(struct agentx_object *object, long error);

enum agentx_objects_state {
	AGENTX_OBJECTS_UNKNOWN, /* not all have been asked for or answered */
	AGENTX_OBJECTS_ACCEPTED,
	AGENTX_OBJECTS_REFUSED, /* at least one */
};
enum agentx_objects_state agentx_objects_state(void);

/* The names of those that are refused, in text, and the last one's error. */
long agentx_objects_list_refused(char *text, size_t size);
