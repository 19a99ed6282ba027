/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "agentx_session.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agentx/agentx_connect.h"
#include "agentx/agentx_log.h"
#include "agentx/agentx_socket.h"
#include "agentx/agentx_uptime.h"
#include "agentx_engine.h"
#include "agentx_objects.h"
#include "agentx_transport.h"
#include "event_loop.h"
#include "util/clock.h"
#include "util/log.h"

enum {
	PING_MS = 15000,
	RETRY_MS = 500,
	CONNECT_LIMIT_MS = 5000, /* for one attempt over TCP */
	REFUSAL_RETRY_MS = 3000,
	REFUSALS_MAX = 4,    /* at the start, because of another daemon */
	CHECK_MS = 1000,     /* between looks at a request without an answer */
	SETTLED_MS = 10000,  /* after which a session counts as a good one */
	EARLY_MAX = 2,       /* sessions in a row that end before that */
	SILENCE_MS = 10000,  /* without an answer, after which the log says so */
	PATIENCE_S = 30 * 60 /* without an answer, after which the session ends */
};

enum phase {
	PHASE_WAITING,
	PHASE_CONNECTING,
	PHASE_OPENING,
	PHASE_OPEN,
};

static struct {
	enum phase phase;
	struct agentx_address address;
	unsigned ping_ms;
	unsigned retry_ms;  /* between attempts to connect */
	unsigned timeout_s; /* of the master for an answer; 0: its default */
	struct agentx_connect connect;
	netsnmp_session *session;     /* NULL: there is no connection */
	netsnmp_transport *transport; /* the session's */
	bool leaving;                 /* this side ends the session */
	bool refused;                 /* the master has refused the session */
	uint64_t since;               /* when the phase began, ms */
	uint64_t stepped_at;          /* when step() ran last */
	uint64_t retry_at; /* WAITING: to connect; OPEN: to register what was refused */
	uint64_t heard_at; /* when the last message of the master came */
	unsigned asked;    /* requests without an answer */
	unsigned n_early;  /* sessions in a row that did not settle */
	bool settled;
	struct agentx_object *tried; /* refused before, asked for again */
	/* for the notification without an answer; NULL: there is none */
	void (*notified)(enum agentx_outcome outcome);
	bool attached;       /* has been: the master has accepted every object */
	unsigned n_refusals; /* of every subtree, in a row, before that */
} self;

static void enter(enum phase phase)
{
	static const char *const names[] = {"waiting", "connecting", "opening", "open"};

	log_debug(LOG_TOPIC_SESSION, "%s", names[phase]);
	self.phase = phase;
	self.since = clock_now_ms();
}

/* The connection. */

/* The library then closes the transport, which calls on_closed(). */
static void break_off(const char *fault)
{
	if (self.session)
		agentx_transport_end(self.transport, fault);
}

static void disconnect(void)
{
	break_off(NULL);
}

static void wait_and_retry(unsigned ms)
{
	enter(PHASE_WAITING);
	self.retry_at = self.since + ms;
}

static void settle_notification(enum agentx_outcome outcome)
{
	void (*notified)(enum agentx_outcome) = self.notified;

	self.notified = NULL;
	if (notified)
		notified(outcome);
}

/* A master that breaks the protocol, or ends sessions as soon as they begin, does so
 * again. */
static unsigned retry_after(const char *fault)
{
	return self.refused || fault || self.n_early > EARLY_MAX ? REFUSAL_RETRY_MS
								 : self.retry_ms;
}

static void log_end(enum phase phase, const char *fault)
{
	if (fault)
		agentx_log_broken(fault, REFUSAL_RETRY_MS / 1000);
	else if (phase == PHASE_OPEN && self.n_early > EARLY_MAX)
		agentx_log_unsteady(REFUSAL_RETRY_MS / 1000);
	else if (phase == PHASE_OPEN)
		agentx_log_lost();
	else if (!self.refused)
		agentx_log_waiting(-ECONNRESET, 0);
}

/* The library has closed the transport, whichever side ended the session. fault: what
 * was wrong with a message of the master, or NULL. */
static void on_closed(const char *fault)
{
	enum phase phase = self.phase;

	self.session = NULL;
	self.asked = 0;
	self.tried = NULL;
	agentx_objects_forget();
	self.n_early = self.settled || phase != PHASE_OPEN ? 0 : self.n_early + 1;
	wait_and_retry(retry_after(fault));
	if (!self.leaving)
		log_end(phase, fault);
	self.refused = false;
	settle_notification(AGENTX_LOST);
}

static int on_response(int operation, netsnmp_session *session, int reqid,
		       netsnmp_pdu *pdu, void *magic);

/* Sends a request. pdu may be NULL for lack of memory. asked_for: the object that it
 * registers; &self.notified for a notification; otherwise NULL. */
static void ask(netsnmp_pdu *pdu, void *asked_for)
{
	if (pdu)
		pdu->sessid = self.session->sessid;
	if (pdu && snmp_async_send(self.session, pdu, on_response, asked_for)) {
		self.asked++;
		return;
	}
	snmp_free_pdu(pdu);
	disconnect();
}

static void ask_to_open(void)
{
	static const oid module[] = {MIB_ROOT_SUBIDS};
	static const char descr[] = "qmipsecd " PACKAGE_VERSION;
	netsnmp_pdu *pdu = snmp_pdu_create(AGENTX_OPEN);

	if (pdu) {
		pdu->time = self.timeout_s;
		snmp_add_var(pdu, module, OID_LENGTH(module), 's', descr);
	}
	ask(pdu, NULL);
}

static void register_missing(void)
{
	struct agentx_object *object;

	while ((object = agentx_objects_next_missing()))
		ask(agentx_objects_make_request(object), object);
}

/* Tries one object. If the master accepts it, the others follow: snmpd logs a line for
 * each refusal. */
static void try_refused(void)
{
	self.retry_at = 0;
	self.tried = agentx_objects_next_refused();
	if (self.tried)
		ask(agentx_objects_make_request(self.tried), self.tried);
}

bool agentx_session_is_superfluous(void)
{
	return self.n_refusals >= REFUSALS_MAX;
}

static void settle_registrations(void)
{
	char refused[256];
	long error;

	if (!agentx_objects_are_answered(refused, sizeof(refused), &error))
		return;
	if (!error) {
		self.attached = true;
		agentx_log_attached();
		return;
	}
	agentx_log_refused(refused, error, REFUSAL_RETRY_MS / 1000);
	if (agentx_objects_are_taken() && !self.attached &&
	    self.address.family == AF_UNIX && ++self.n_refusals == REFUSALS_MAX)
		agentx_log_other_daemon();
	self.retry_at = clock_now_ms() + REFUSAL_RETRY_MS;
}

/* The master's answers. */

static void on_open_answered(const netsnmp_pdu *pdu)
{
	if (pdu->errstat) {
		agentx_log_refused("a session", pdu->errstat, REFUSAL_RETRY_MS / 1000);
		self.refused = true;
		disconnect();
		return;
	}
	self.session->sessid = pdu->sessid;
	self.retry_at = 0;
	self.n_refusals = 0;
	self.settled = false;
	agentx_uptime_rebase(pdu->time);
	enter(PHASE_OPEN);
	register_missing();
}

/* asked_for: as for ask(). */
static void on_answer(const netsnmp_pdu *pdu, void *asked_for)
{
	struct agentx_object *object = asked_for == &self.notified ? NULL : asked_for;

	netsnmp_set_agent_uptime(pdu->time);
	if (asked_for == &self.notified && pdu->errstat != AGENTX_ERR_NOT_OPEN) {
		agentx_log_notification(pdu->errstat);
		settle_notification(pdu->errstat ? AGENTX_REJECTED : AGENTX_ACCEPTED);
	} else if (self.phase == PHASE_OPENING) {
		on_open_answered(pdu);
	} else if (pdu->errstat == AGENTX_ERR_NOT_OPEN || (pdu->errstat && !object)) {
		agentx_log_forgotten(pdu->errstat);
		disconnect();
	} else if (object) {
		agentx_objects_note_answer(object, pdu->errstat);
		if (object == self.tried && !pdu->errstat)
			register_missing();
		self.tried = NULL;
		settle_registrations();
	}
}

static void note_heard(void)
{
	self.heard_at = clock_now_ms();
	agentx_log_heard();
}

static int on_response(int operation, netsnmp_session *session, int reqid,
		       netsnmp_pdu *pdu, void *magic)
{
	(void)reqid;
	/* ask() handles a request that cannot be sent */
	if (session != self.session || operation == NETSNMP_CALLBACK_OP_SEND_FAILED)
		return 1;
	if (operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE &&
	    pdu->command == AGENTX_RESPONSE) {
		self.asked--;
		note_heard();
		on_answer(pdu, magic);
	} else if (operation != NETSNMP_CALLBACK_OP_RESEND) {
		disconnect(); /* no answer for PATIENCE_S */
	}
	return 1;
}

static int on_packet(int operation, netsnmp_session *session, int reqid,
		     netsnmp_pdu *pdu, void *magic)
{
	const char *fault;

	if (operation != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE)
		return 1;
	if (session == self.session)
		note_heard();
	fault = agentx_engine_answer(session, reqid, pdu, magic);
	if (fault || pdu->command == AGENTX_CLOSE)
		break_off(fault);
	return 1;
}

/* Steps. */

/* Takes the socket over. */
static void open_session(int fd)
{
	netsnmp_transport *transport = agentx_transport_new(fd, on_closed);

	if (!transport) {
		close(fd);
		wait_and_retry(self.retry_ms);
		return;
	}
	enter(PHASE_OPENING);
	self.transport = transport;
	self.session = agentx_engine_open(transport, on_packet, PATIENCE_S);
	if (!self.session)
		return; /* no memory; on_closed() has been called */
	if (event_loop_follow_library() < 0) {
		snmp_close(self.session);
		return;
	}
	agentx_socket_note(&self.address, clock_now_ms());
	note_heard();
	ask_to_open();
}

static void step_connecting(void)
{
	int gai_error;
	int fd;
	int err = agentx_connect_step(&self.connect, &fd, &gai_error);

	if (err == -EINPROGRESS && clock_now_ms() - self.since < CONNECT_LIMIT_MS)
		return;
	if (!err) {
		open_session(fd);
		return;
	}
	if (err == -EINPROGRESS) {
		err = -ETIMEDOUT;
		gai_error = self.connect.resolving ? EAI_AGAIN : 0;
		agentx_connect_cancel(&self.connect);
	}
	agentx_log_waiting(err, gai_error);
	wait_and_retry(self.retry_ms);
}

static void step_waiting(void)
{
	if (agentx_connect_start(&self.connect, &self.address) < 0) {
		wait_and_retry(self.retry_ms);
		return;
	}
	enter(PHASE_CONNECTING);
	step_connecting();
}

static void check_silence(void)
{
	uint64_t silence = clock_now_ms() - self.heard_at;

	if (silence < CHECK_MS)
		return;
	if (agentx_socket_was_replaced())
		disconnect();
	else if (self.phase == PHASE_OPENING)
		agentx_log_waiting(-EINPROGRESS, 0);
	else if (silence >= SILENCE_MS)
		agentx_log_silence(SILENCE_MS / 1000);
}

static void step_open(void)
{
	uint64_t now = clock_now_ms();
	bool replaced = now >= agentx_socket_next_look() && agentx_socket_look(now);

	if (!self.settled && now - self.since >= SETTLED_MS) {
		self.settled = true;
		agentx_log_settled();
	}
	if (self.retry_at && now >= self.retry_at)
		try_refused();
	if (self.asked)
		check_silence();
	else if (now - self.heard_at >= self.ping_ms || replaced)
		ask(snmp_pdu_create(AGENTX_PING), NULL);
}

static void step(void)
{
	self.stepped_at = clock_now_ms();
	switch (self.phase) {
	case PHASE_WAITING:
		step_waiting();
		break;
	case PHASE_CONNECTING:
		step_connecting();
		break;
	case PHASE_OPENING:
		check_silence();
		break;
	case PHASE_OPEN:
		step_open();
		break;
	}
}

/* When the phase's next step is due, in ms. */
static uint64_t next_step(void)
{
	uint64_t due;

	if (self.phase == PHASE_WAITING)
		return self.retry_at;
	if (self.phase == PHASE_CONNECTING)
		return self.stepped_at + AGENTX_CONNECT_STEP_MS;
	due = self.asked ? self.stepped_at + CHECK_MS : self.heard_at + self.ping_ms;
	if (self.phase == PHASE_OPEN && agentx_socket_next_look() < due)
		due = agentx_socket_next_look();
	if (self.phase == PHASE_OPEN && self.retry_at && self.retry_at < due)
		due = self.retry_at;
	return due;
}

uint64_t agentx_session_run(uint64_t now)
{
	if (now / NS_PER_MS >= next_step())
		step();
	return next_step() * NS_PER_MS;
}

/* Notifications. */

bool agentx_session_can_notify(void)
{
	return self.phase == PHASE_OPEN && !self.notified;
}

void agentx_session_notify(netsnmp_pdu *pdu, void (*done)(enum agentx_outcome outcome))
{
	self.notified = done;
	ask(pdu, &self.notified);
}

/* Start and end. */

/* Not to be called from the session's callbacks. */
static void leave(void)
{
	netsnmp_pdu *pdu;

	if (!self.session)
		return;
	self.leaving = true;
	pdu = self.phase == PHASE_OPEN ? snmp_pdu_create(AGENTX_CLOSE) : NULL;
	if (pdu) {
		pdu->errstat = AGENTX_CLOSE_SHUTDOWN;
		ask(pdu, NULL);
	}
	snmp_close(self.session);
	self.leaving = false;
}

void agentx_session_configure(const struct agentx_address *address,
			      unsigned interval_ms, unsigned timeout_s)
{
	self.timeout_s = timeout_s;
	self.ping_ms = interval_ms ? interval_ms : PING_MS;
	self.retry_ms = interval_ms ? interval_ms : RETRY_MS;
	if (!strcmp(self.address.text, address->text))
		return;
	if (*self.address.text)
		log_message(LOG_NOTICE, "agentXSocket is now %s", address->text);
	leave();
	self.address = *address;
	agentx_log_address(&self.address);
	wait_and_retry(0);
}

void agentx_session_stop(void)
{
	leave();
	snmp_shutdown("qmipsecd");
	shutdown_agent();
}
