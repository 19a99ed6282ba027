/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "notifications.h"

#include <string.h>

#include "agentx/agentx_protocol.h"
#include "agentx_session.h"
#include "mib_table.h"
#include "notify/notifier.h"
#include "poller.h"
#include "util/clock.h"
#include "util/log.h"

static struct {
	struct notifier notifier;
	struct notification sent; /* that the master has not answered */
	uint64_t seen;            /* the number of the last snapshot compared */
} self;

/* An object of a notification: a cell of a table, of the instance or of the peer. */
struct object {
	enum mib_table_number table;
	unsigned column; /* 0: the end of a list */
};

/* In the order of the MIB's OBJECTS clauses. */
static const struct object instance_objects[] = {
    {MIB_INSTANCES, 15}, {MIB_INSTANCES, 2}, {MIB_INSTANCES, 4},
    {MIB_INSTANCES, 8},  {MIB_INSTANCES, 9}, {0}};
static const struct object peer_objects[] = {{MIB_INSTANCES, 15}, {MIB_PEERS, 2},
					     {MIB_PEERS, 3},      {MIB_PEERS, 4},
					     {MIB_PEERS, 16},     {0}};
static const struct object errors_objects[] = {
    {MIB_INSTANCES, 15}, {MIB_INSTANCES, 12}, {0}};
static const struct object unprotected_objects[] = {{MIB_INSTANCES, 15},
						    {MIB_INSTANCES, 4},
						    {MIB_INSTANCES, 8},
						    {MIB_INSTANCES, 9},
						    {0}};

static const struct {
	const char *name;
	const struct object *objects;
} kinds[N_NOTIFICATION_KINDS] = {
    [NOTIFICATION_INSTANCE_UP] = {"InstanceUp", instance_objects},
    [NOTIFICATION_INSTANCE_DOWN] = {"InstanceDown", instance_objects},
    [NOTIFICATION_PEER_UP] = {"PeerUp", peer_objects},
    [NOTIFICATION_PEER_DOWN] = {"PeerDown", peer_objects},
    [NOTIFICATION_ERRORS_RISING] = {"ErrorsRising", errors_objects},
    [NOTIFICATION_INSTANCE_UNPROTECTED] = {"InstanceUnprotected", unprotected_objects},
};

/* The rows that a notification shows: empty if the snapshot no longer has them. */
struct subject {
	struct snapshot_row row;
	struct snapshot_peer peer;
};

static void find_subject(const struct notification *notification,
			 struct subject *subject)
{
	const struct snapshot *snapshot = poller_last_snapshot();
	const struct snapshot_row *row =
	    snapshot_find(snapshot, notification->instance);
	struct snapshot_peer *peer = &subject->peer;

	*subject = (struct subject){.row.error_scope = ERROR_SCOPE_INSTANCE};
	memcpy(subject->row.name, notification->instance, sizeof(subject->row.name));
	memcpy(peer->instance, notification->instance, sizeof(peer->instance));
	memcpy(peer->name, notification->peer, sizeof(peer->name));
	memcpy(peer->label, notification->peer, sizeof(notification->peer));
	if (!row)
		return;
	subject->row = *row;
	for (size_t i = 0; i < row->n_peers; i++)
		if (!strcmp(snapshot->peers[row->first_peer + i].name, peer->name))
			*peer = snapshot->peers[row->first_peer + i];
}

static int add_trap_oid(netsnmp_pdu *pdu, enum notification_kind kind)
{
	static const oid trap_oid[] = {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0};
	const oid type[] = {MIB_ROOT_SUBIDS, 0, kind};

	return snmp_pdu_add_variable(pdu, trap_oid, OID_LENGTH(trap_oid), ASN_OBJECT_ID,
				     type, sizeof(type))
		   ? 0
		   : -1;
}

/* An object that only notifications have: qmIpsecNotifyObjects. */
static int add_number(netsnmp_pdu *pdu, unsigned number, uint32_t value)
{
	const oid name[] = {MIB_ROOT_SUBIDS, 1, 6, number, 0};
	unsigned long gauge = value;

	return snmp_pdu_add_variable(pdu, name, OID_LENGTH(name), ASN_GAUGE, &gauge,
				     sizeof(gauge))
		   ? 0
		   : -1;
}

static int add_errors(netsnmp_pdu *pdu, const struct notification *notification)
{
	unsigned number = 1;
	int err = 0;

	for (size_t i = 0; i < N_NOTIFY_ERRORS && !err; i++)
		err = add_number(pdu, number++, notification->errors[i]);
	return err ? err : add_number(pdu, number, notification->interval_s);
}

static int add_objects(netsnmp_pdu *pdu, const struct notification *notification)
{
	const struct object *object = kinds[notification->kind].objects;
	struct subject subject;
	int err = add_trap_oid(pdu, notification->kind);

	find_subject(notification, &subject);
	for (; object->column && !err; object++)
		err = mib_table_add_cell(
		    pdu, &mib_tables[object->table], object->column,
		    object->table == MIB_PEERS ? (const void *)&subject.peer
					       : &subject.row);
	return err || notification->kind != NOTIFICATION_ERRORS_RISING
		   ? err
		   : add_errors(pdu, notification);
}

static void on_sent(enum agentx_outcome outcome)
{
	if (outcome == AGENTX_LOST)
		notifier_return(&self.notifier, &self.sent);
	else
		notifier_confirm(&self.notifier, &self.sent);
}

/* Returns false if there is no memory for it: it is tried again after the next poll. */
static bool send_notification(void)
{
	netsnmp_pdu *pdu = snmp_pdu_create(AGENTX_NOTIFY);

	if (!pdu || add_objects(pdu, &self.sent)) {
		snmp_free_pdu(pdu);
		notifier_return(&self.notifier, &self.sent);
		return false;
	}
	log_debug(LOG_TOPIC_SESSION, "notification %s of %s%s%s",
		  kinds[self.sent.kind].name, self.sent.instance,
		  *self.sent.peer ? ", peer " : "", self.sent.peer);
	agentx_session_notify(pdu, on_sent);
	return true;
}

void notifications_configure(const struct notify_config *config)
{
	notifier_configure(&self.notifier, config);
}

uint64_t notifications_run(uint64_t now)
{
	if (!notify_config_is_on(&self.notifier.config))
		return UINT64_MAX;
	if (self.seen != poller_snapshot_number() &&
	    !notifier_observe(&self.notifier, poller_last_snapshot(), now))
		self.seen = poller_snapshot_number();
	while (agentx_session_can_notify()) {
		if (!notifier_next(&self.notifier, now, &self.sent))
			return notifier_due(&self.notifier);
		if (!send_notification())
			break;
	}
	return UINT64_MAX;
}

void notifications_close(void)
{
	notifier_free(&self.notifier);
}
