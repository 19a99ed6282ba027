/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "agentx/agentx_protocol.h"

/*
 * What each session registers with the master: the subtrees that this agent serves, and
 * its entry in sysORTable. The master accepts or refuses each object separately. This
 * module makes the requests; the session sends them.
 */

struct agentx_object;

/* Adds a subtree (command AGENTX_REGISTER), or an entry of sysORTable with its
 * description (AGENTX_ADD_AGENT_CAPS). name and root must live as long as the agent. */
#define AGENTX_OBJECTS_MAX 16
void agentx_objects_add(const char *name, const oid *root, size_t len, int command);

/* A new session begins: its master knows no object. */
void agentx_objects_forget(void);

/* Returns an object that is neither accepted nor asked for; NULL: there is none. */
struct agentx_object *agentx_objects_next_missing(void);

/* Returns an object that the master has refused, another one at each call; NULL: there
 * is none. */
struct agentx_object *agentx_objects_next_refused(void);

/* Makes the request that registers an object, which counts as asked for from now on.
 * NULL: no memory. */
netsnmp_pdu *agentx_objects_make_request(struct agentx_object *object);

/* The master's answer: error is 0, or a code of RFC 2741, section 6.2.16. */
void agentx_objects_note_answer(struct agentx_object *object, long error);

/*
 * Returns false while the master has not answered for every object. Otherwise true,
 * with the names of the refused objects in refused and the error of the last of them,
 * or 0 if the master has accepted all.
 */
bool agentx_objects_are_answered(char *refused, size_t size, long *ret_error);

/* True if another session serves every subtree (duplicateRegistration). */
bool agentx_objects_are_taken(void);
