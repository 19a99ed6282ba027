/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h" /* for util/systemd.h */

#include "agentx/agentx_log.h"

#include <errno.h>
#include <grp.h>
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
	int waiting;        /* why, as -errno; 0: nothing told */
	unsigned denied;    /* attempts in a row that lacked permission */
	bool refused;
	bool silence;
} told;

static void set_status(const char *status)
{
	char text[AGENTX_HOST_MAX + 64];

	if (told.status && !strcmp(status, told.status))
		return;
	told.status = status;
	snprintf(text, sizeof(text), "STATUS=%s at %s", status, told.address->text);
	systemd_notify(text);
}

void agentx_log_address(const struct agentx_address *address)
{
	told.address = address;
	told.status = NULL;
	told.waiting = 0;
	told.refused = false;
	set_status("waiting for snmpd");
}

/* Why there is no session. */

/* True if it is the socket's directory that does not let this process in. */
static bool directory_is_closed(const char *path)
{
	char directory[AGENTX_ADDRESS_MAX + 1];
	char *slash;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return false;
	*slash = '\0';
	return access(directory, X_OK) < 0 && errno == EACCES;
}

/* Who snmpd is to give the socket to: this process's own user and group. (Not root:
 * snmpd takes user 0 for one that it does not know, and complains.) */
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
		snprintf(text, size,
			 ": its directory is closed to group %s; give it mode 0755, or "
			 "name a socket in another by agentXSocket, in snmpd.conf and "
			 "here",
			 group);
	else
		snprintf(text, size,
			 "; snmpd.conf needs the line \"agentXPerms 0660 0755 %s %s\", "
			 "and snmpd then a restart",
			 user, group);
}

static void write_waiting(int err, int gai_error)
{
	const struct agentx_address *address = told.address;
	const char *why = strerror(-err);
	char advice[AGENTX_HOST_MAX + 64] = "";

	if (gai_error) {
		why = gai_strerror(gai_error);
		snprintf(advice, sizeof(advice),
			 "; is \"%s\" the right host for agentXSocket?", address->host);
	} else if (err == -ENOENT || err == -ECONNREFUSED) {
		snprintf(advice, sizeof(advice),
			 "; snmpd.conf needs \"master agentx\" and the same "
			 "agentXSocket");
	} else if (err == -EACCES && address->family == AF_UNIX) {
		advise_on_access(address, advice, sizeof(advice));
	} else if (err == -EACCES || err == -EPERM || err == -EAFNOSUPPORT) {
		snprintf(advice, sizeof(advice),
			 "; the unit allows TCP with its drop-in tcp.conf only");
	} else if (err == -EINPROGRESS || err == -EAGAIN) {
		why = "no answer";
		snprintf(advice, sizeof(advice), "; it is busy, stopped or hanging");
	} else if (err == -ECONNRESET) {
		why = "it closes the connection";
	}
	log_message(LOG_WARNING, "waiting for an AgentX master at %s (%s)%s",
		    address->text, why, advice);
}

/* A master that restarts is first not there and then not ready: one reason. */
static int reason_of(int err)
{
	return err == -ECONNREFUSED ? -ENOENT : err == -EAGAIN ? -EINPROGRESS : err;
}

/* A socket may be met when snmpd has made it and not yet given it away: one refusal is
 * none. */
void agentx_log_waiting(int err, int gai_error)
{
	told.refused = false;
	set_status("waiting for snmpd");
	told.denied = err == -EACCES ? told.denied + 1 : 0;
	if (reason_of(err) == told.waiting || told.denied == 1)
		return;
	told.waiting = reason_of(err);
	write_waiting(err, gai_error);
}

void agentx_log_lost(void)
{
	log_message(LOG_WARNING, "the AgentX master is gone; waiting for it");
	told.waiting = -ENOENT;
	told.refused = false;
	set_status("waiting for snmpd");
}

/* What a session has come to. */

static const char *meaning_of(long error)
{
	switch (error) {
	case AGENTX_ERR_OPEN_FAILED:
		return "openFailed: it takes no more sessions";
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
	if (!told.refused)
		log_message(
		    LOG_WARNING,
		    "snmpd at %s refuses %s: error %ld, %s; trying again every %d "
		    "s",
		    told.address->text, what, error, meaning_of(error), seconds);
	told.refused = true;
	set_status("refused by snmpd");
}

void agentx_log_attached(void)
{
	if (told.refused)
		log_message(LOG_NOTICE, "snmpd at %s accepts all objects now",
			    told.address->text);
	else
		log_message(LOG_INFO, "attached to the AgentX master at %s",
			    told.address->text);
	told.refused = false;
	told.waiting = 0;
	set_status("attached to snmpd");
}

void agentx_log_forgotten(long error)
{
	log_message(
	    LOG_WARNING,
	    "snmpd at %s does not know the session any more (error %ld); opening "
	    "another",
	    told.address->text, error);
}

void agentx_log_silence(int seconds)
{
	if (!told.silence)
		log_message(LOG_WARNING,
			    "the AgentX master at %s has not answered for %d s; the "
			    "session stays",
			    told.address->text, seconds);
	told.silence = true;
}

void agentx_log_heard(void)
{
	if (told.silence)
		log_message(LOG_NOTICE, "the AgentX master at %s answers again",
			    told.address->text);
	told.silence = false;
}
