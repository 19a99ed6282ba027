/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h" /* for util/systemd.h */

#include "agentx/agentx_log.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <netdb.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agentx/agentx_protocol.h"
#include "util/log.h"
#include "util/systemd.h"

static struct {
	const struct agentx_address *address;
	const char *status; /* of the unit */
	int waiting;        /* the logged reason, as -errno; 0: none */
	unsigned denied;    /* attempts in a row that lacked permission */
	bool refused;
	bool silence;
	bool forgotten; /* why the session ends */
	bool bad; /* the master breaks the protocol or ends sessions; until one settles
		   */
	bool not_notified;
} logged;

static void set_status(const char *status)
{
	char text[AGENTX_HOST_MAX + 64];

	if (logged.status && !strcmp(status, logged.status))
		return;
	logged.status = status;
	snprintf(text, sizeof(text), "STATUS=%s at %s", status, logged.address->text);
	systemd_notify(text);
}

void agentx_log_address(const struct agentx_address *address)
{
	logged.address = address;
	logged.status = NULL;
	logged.waiting = 0;
	logged.refused = false;
	logged.bad = false;
	set_status("waiting for snmpd");
}

/* Why there is no session. */

/* True if this process may not enter the socket's directory. */
static bool directory_is_closed(const char *path)
{
	char copy[AGENTX_ADDRESS_MAX + 1];

	snprintf(copy, sizeof(copy), "%s", path);
	return access(dirname(copy), X_OK) < 0 && errno == EACCES;
}

/* This process's user and group, to which snmpd must give the socket. (snmpd rejects
 * the user "root" there as unknown.) */
static void own_names(char *user, char *group, size_t size)
{
	const struct passwd *passwd = getpwuid(geteuid());
	const struct group *entry = getgrgid(getegid());

	snprintf(user, size, "%u", (unsigned)geteuid());
	snprintf(group, size, "%u", (unsigned)getegid());
	if (passwd)
		snprintf(user, size, "%s", passwd->pw_name);
	if (entry)
		snprintf(group, size, "%s", entry->gr_name);
}

static void advise_on_access(const struct agentx_address *address, char *text,
			     size_t size)
{
	char user[64];
	char group[64];

	own_names(user, group, sizeof(user));
	if (directory_is_closed(address->path))
		snprintf(
		    text, size,
		    "; the directory is closed to group %s: give it mode 0755, or "
		    "set agentXSocket in snmpd.conf and here to a socket elsewhere",
		    group);
	else
		snprintf(text, size,
			 "; add \"agentXPerms 0660 0755 %s %s\" to snmpd.conf and "
			 "restart snmpd",
			 user, group);
}

static void write_waiting(int err, int gai_error)
{
	const struct agentx_address *address = logged.address;
	const char *why = strerror(-err);
	const char *advice =
	    "; snmpd.conf needs \"master agentx\" and the same agentXSocket";
	char buffer[AGENTX_HOST_MAX + 64];

	if (gai_error) {
		why = gai_strerror(gai_error);
		snprintf(buffer, sizeof(buffer),
			 "; is \"%s\" the right host for agentXSocket?", address->host);
		advice = buffer;
	} else if (err == -EACCES && address->family == AF_UNIX) {
		advise_on_access(address, buffer, sizeof(buffer));
		advice = buffer;
	} else if (err == -EACCES || err == -EPERM || err == -EAFNOSUPPORT) {
		advice = "; the unit allows TCP only with its drop-in tcp.conf";
	} else if (err == -EINPROGRESS || err == -EAGAIN) {
		why = "no answer";
		advice = "; it is busy, stopped or hanging";
	} else if (err == -ECONNRESET) {
		why = "it closes the connection";
		advice = "; is it an AgentX master?";
	}
	log_message(LOG_WARNING, "waiting for an AgentX master at %s (%s)%s",
		    address->text, why, advice);
}

/* While a master restarts, its socket is missing at first and then does not answer. Two
 * errors for one reason are logged once. */
static int reason_of(int err)
{
	return err == -ECONNREFUSED ? -ENOENT : err == -EAGAIN ? -EINPROGRESS : err;
}

/* The first lack of permission is not logged: snmpd creates its socket before it
 * changes the owner. */
void agentx_log_waiting(int err, int gai_error)
{
	logged.refused = false;
	set_status("waiting for snmpd");
	logged.denied = err == -EACCES ? logged.denied + 1 : 0;
	if (reason_of(err) == logged.waiting || logged.denied == 1 ||
	    (logged.bad && (err == -ECONNRESET || err == -EINPROGRESS)))
		return;
	logged.waiting = reason_of(err);
	write_waiting(err, gai_error);
}

void agentx_log_lost(void)
{
	bool is_known = logged.bad || logged.forgotten;

	set_status("waiting for snmpd");
	logged.forgotten = false;
	if (is_known)
		return;
	log_message(LOG_WARNING, "the AgentX master is gone; waiting for it");
	logged.waiting = -ENOENT;
	logged.refused = false;
}

static void log_bad(const char *does, int seconds)
{
	set_status("waiting for snmpd");
	logged.forgotten = false;
	if (!logged.bad)
		log_message(LOG_WARNING,
			    "the AgentX master at %s %s; trying again every %d s, and "
			    "logging nothing until a session lasts",
			    logged.address->text, does, seconds);
	logged.bad = true;
	logged.refused = false;
}

void agentx_log_broken(const char *fault, int seconds)
{
	char does[128];

	snprintf(does, sizeof(does), "breaks the protocol (%s)", fault);
	log_bad(does, seconds);
}

void agentx_log_unsteady(int seconds)
{
	log_bad("ends every session soon after it begins", seconds);
}

/* The session. */

static const char *meaning_of(long error)
{
	switch (error) {
	case AGENTX_ERR_OPEN_FAILED:
		return "openFailed: it accepts no more sessions";
	case AGENTX_ERR_UNSUPPORTED_CONTEXT:
		return "unsupportedContext";
	case AGENTX_ERR_DUPLICATE_REGISTRATION:
		return "duplicateRegistration: another subagent serves these objects; "
		       "stop the other qmipsecd, or restart snmpd if it is gone";
	case AGENTX_ERR_PARSE_FAILED:
		return "parseError: is it an AgentX master?";
	case AGENTX_ERR_REQUEST_DENIED:
		return "requestDenied: its configuration forbids it";
	case AGENTX_ERR_PROCESSING_ERROR:
		return "processingError: see its log";
	default:
		return "an error without a meaning in RFC 2741; see its log";
	}
}

void agentx_log_refused(const char *what, long error, int seconds)
{
	set_status("refused by snmpd");
	if (logged.bad)
		return;
	if (!logged.refused)
		log_message(LOG_WARNING,
			    "snmpd at %s refuses %s: error %ld, %s; trying again every "
			    "%d s",
			    logged.address->text, what, error, meaning_of(error),
			    seconds);
	logged.refused = true;
}

void agentx_log_other_daemon(void)
{
	log_message(LOG_ERR,
		    "another qmipsecd is attached to snmpd at %s: stop one of the two "
		    "(the service with \"systemctl stop qmipsecd\"); this one exits",
		    logged.address->text);
}

void agentx_log_attached(void)
{
	set_status("attached to snmpd");
	if (logged.bad)
		return;
	if (logged.refused)
		log_message(LOG_NOTICE, "snmpd at %s accepts all objects now",
			    logged.address->text);
	else
		log_message(LOG_INFO, "attached to the AgentX master at %s",
			    logged.address->text);
	logged.refused = false;
	logged.waiting = 0;
}

void agentx_log_settled(void)
{
	if (logged.bad)
		log_message(LOG_NOTICE,
			    "the session with the AgentX master at %s lasts",
			    logged.address->text);
	logged.bad = false;
	logged.waiting = 0;
}

void agentx_log_forgotten(long error)
{
	if (!logged.bad)
		log_message(
		    LOG_WARNING,
		    "snmpd at %s has forgotten the session (error %ld); opening "
		    "another",
		    logged.address->text, error);
	logged.forgotten = true;
}

void agentx_log_notification(long error)
{
	if (error && !logged.not_notified)
		log_message(LOG_WARNING,
			    "snmpd at %s rejects notifications (error %ld: %s)",
			    logged.address->text, error, meaning_of(error));
	else if (!error && logged.not_notified)
		log_message(LOG_NOTICE, "snmpd at %s accepts notifications now",
			    logged.address->text);
	logged.not_notified = error != 0;
}

void agentx_log_silence(int seconds)
{
	if (!logged.silence)
		log_message(LOG_WARNING,
			    "the AgentX master at %s has not answered for %d s; the "
			    "session remains open",
			    logged.address->text, seconds);
	logged.silence = true;
}

void agentx_log_heard(void)
{
	if (logged.silence)
		log_message(LOG_NOTICE, "the AgentX master at %s answers again",
			    logged.address->text);
	logged.silence = false;
}
