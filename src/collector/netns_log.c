/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log messages about one network namespace. Declared in netns_member.h. */
#include "collector/netns_member.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"

#define say(log, level, format, ...) \
	log_message((level), "%s" format, (log)->prefix, ##__VA_ARGS__)

#define XFRM_STAT_LOSS "BadSPIPackets and PacketsNotDecrypted do not count"

void netns_log_init(struct netns_log *log, const char *name)
{
	*log = (struct netns_log){.refused = 0};
	instance_name_fit(log->shown, sizeof(log->shown), name);
	if (*name)
		snprintf(log->prefix, sizeof(log->prefix),
			 "namespace %s: ", log->shown);
}

void netns_log_no_kernel(int err)
{
	if (err == -EPERM)
		log_message(LOG_ERR, "reading the kernel's SAs needs the capability "
				     "CAP_NET_ADMIN: run as root, or see \"man 7 "
				     "capabilities\"");
	else if (err == -EPROTONOSUPPORT)
		log_message(LOG_ERR, "this kernel has no IPsec (CONFIG_XFRM_USER): %s",
			    strerror(-err));
	else if (err == -EOPNOTSUPP)
		log_message(LOG_ERR, "this kernel does not show its SAs to 32-bit "
				     "processes (CONFIG_XFRM_USER_COMPAT): install the "
				     "64-bit qmipsecd, or load the module xfrm_compat");
	else
		log_message(LOG_ERR, "cannot open the kernel's XFRM: %s",
			    strerror(-err));
}

/* Coming and going. */

void netns_log_opened(struct netns_log *log, int err, const struct netns_log *served_as)
{
	log_debug(LOG_TOPIC_NETNS, "%sopened: %s", log->prefix, strerror(-err));
	if (!err)
		say(log, LOG_INFO, "watched");
	else if (err == log->refused)
		; /* said before */
	else if (err == -EEXIST && served_as)
		say(log, LOG_INFO, "served already, as %s%s",
		    served_as->prefix[0] ? "namespace " : "the daemon's own",
		    served_as->shown);
	else if (err == -EPERM)
		say(log, LOG_ERR,
		    "cannot enter it without CAP_SYS_ADMIN besides CAP_NET_ADMIN; see "
		    "namespaces.conf");
	else if (err == -ENOTTY)
		say(log, LOG_ERR, "not a network namespace");
	else
		say(log, LOG_ERR, "cannot be watched: %s", strerror(-err));
	log->refused = err;
}

void netns_log_missing(struct netns_log *log, const char *dir)
{
	if (log->refused != -ENOENT)
		say(log, LOG_NOTICE, "not in %s yet; waiting for it", dir);
	log->refused = -ENOENT;
}

void netns_log_released(struct netns_log *log, const char *why)
{
	say(log, LOG_INFO, "%s", why);
	log->refused = -ENOENT;
	memset(log->errors, 0, sizeof(log->errors));
}

void netns_log_state(const struct netns_log *log, const char *dir, const char *file,
		     int err)
{
	log_debug(LOG_TOPIC_STATE, "%sread %s/%s: %s", log->prefix, dir, file,
		  strerror(-err));
	if (err == -ESTALE)
		say(log, LOG_INFO,
		    "the saved state is of another boot or namespace: counters begin "
		    "at 0");
	else if (err == -EBADMSG)
		log_message(LOG_WARNING,
			    "%s/%s is damaged, of another version or not a regular "
			    "file: rejected, counters begin at 0",
			    dir, file);
	else if (err && err != -ENOENT)
		log_message(LOG_WARNING, "%s/%s: %s: counters begin at 0", dir, file,
			    strerror(-err));
}

void netns_log_borrowed_state(const struct netns_log *log, const char *dir,
			      const char *file, int err)
{
	log_debug(LOG_TOPIC_STATE, "%sread %s/%s: %s", log->prefix, dir, file,
		  strerror(-err));
	if (!err || err == -ENOENT || err == -ESTALE)
		return; /* nobody counts here */
	if ((err == -EACCES || err == -EPERM) && log->prefix[0])
		return; /* as in the own namespace */
	if (err == -EBADMSG)
		log_message(LOG_WARNING,
			    "%s/%s is damaged, of another version or not a regular "
			    "file: only what the kernel has now is shown",
			    dir, file);
	else
		log_message(LOG_NOTICE,
			    "%s/%s: %s: only what the kernel has now is shown; the "
			    "daemon's counters need its rights or root's",
			    dir, file, strerror(-err));
}

void netns_log_missing_devices(const struct netns_log *log,
			       const struct missing_devices *missing)
{
	char more[48] = "";

	if (!missing->n)
		return;
	if (missing->n > 1)
		snprintf(more, sizeof(more), " (and %zu more)", missing->n - 1);
	say(log, LOG_NOTICE,
	    "instance %s: there is no network interface %s yet%s; waiting for it",
	    missing->instance, missing->device, more);
}

/* Polls. */

/* The SAs cannot be read. What is served instead is old, if there is anything. */
static void log_no_sas(const struct netns_log *log, int err, bool has_numbers)
{
	if ((err == -EPERM || err == -EOPNOTSUPP) && !log->prefix[0])
		netns_log_no_kernel(err);
	else
		say(log, LOG_ERR, "cannot read %s: %s%s%s",
		    source_texts[SOURCE_SAS].name, strerror(-err),
		    has_numbers ? "; " : "",
		    has_numbers ? source_texts[SOURCE_SAS].effect : "");
}

void netns_log_faults(struct netns_log *log, const struct collector_status *status)
{
	for (enum source source = 0; source < SOURCE_COUNT; source++) {
		const struct source_text *text = &source_texts[source];
		int err = status->faults.errors[source];
		bool changes = !err != !log->errors[source];

		if (err && source != SOURCE_SAS &&
		    err == status->faults.errors[SOURCE_SAS])
			continue; /* one reason, one line */
		log->errors[source] = err;
		if (!changes)
			continue;
		if (err && source == SOURCE_SAS)
			log_no_sas(log, err, status->health.last_poll);
		else if (err)
			say(log, LOG_ERR, "cannot read %s: %s; %s", text->name,
			    strerror(-err), text->effect);
		else
			say(log, LOG_NOTICE, "%s can be read again", text->name);
	}
}

static void log_room(struct netns_log *log, const struct row_room *room)
{
	if (log->max_rows != room->max_rows)
		log->rows_dropped = false;
	log->max_rows = room->max_rows;
	if (room->n_dropped && !log->rows_dropped)
		say(log, LOG_NOTICE,
		    "all %" PRIu32 " rows are taken: \"%s\" was dropped, and from now "
		    "on the row whose HBA has been gone longest is dropped when "
		    "another needs room; raise maxRows to keep more",
		    room->max_rows, room->dropped);
	if (room->n_refused && !log->rows_refused)
		say(log, LOG_WARNING,
		    "no row for \"%s\" and %zu more HBAs: all %" PRIu32 " are "
		    "configured or in use; their SAs count in \"unattributed\" until "
		    "there is room; raise maxRows",
		    room->refused, room->n_refused - 1, room->max_rows);
	else if (!room->n_refused && log->rows_refused)
		say(log, LOG_NOTICE, "all HBAs have a row again");
	log->rows_dropped |= room->n_dropped != 0;
	log->rows_refused = room->n_refused != 0;
}

static void log_xfrm_stat(struct netns_log *log, const struct xfrm_stat_status *status)
{
	int err = status->err;

	if (err == log->xfrm_stat_error)
		; /* said before */
	else if (!err)
		say(log, LOG_NOTICE, "/proc/net/xfrm_stat can be read again");
	else if (err == -ENOENT)
		say(log, LOG_WARNING,
		    "no /proc/net/xfrm_stat: " XFRM_STAT_LOSS
		    "; they need a kernel with CONFIG_XFRM_STATISTICS");
	else if (err == -EBADMSG)
		say(log, LOG_WARNING,
		    "/proc/net/xfrm_stat lacks XfrmInNoStates or "
		    "XfrmInStateProtoError: " XFRM_STAT_LOSS
		    "; report it with the file and the kernel's version");
	else
		say(log, LOG_WARNING,
		    "cannot read /proc/net/xfrm_stat: %s: " XFRM_STAT_LOSS
		    " until it can be read again",
		    strerror(-err));
	log->xfrm_stat_error = err;
	if (!err && status->n_skipped && !log->xfrm_stat_odd)
		say(log, LOG_WARNING,
		    "skipped %zu lines of /proc/net/xfrm_stat: not a name and a "
		    "number, or more than %d counters",
		    status->n_skipped, XFRM_STAT_MAX);
	log->xfrm_stat_odd |= !err && status->n_skipped;
}

void netns_log_poll(struct netns_log *log, const struct collector_status *status)
{
	netns_log_faults(log, status);
	log_room(log, &status->room);
	log_xfrm_stat(log, &status->xfrm_stat);
}

void netns_log_foreign(const struct netns_log *log, struct flood *flood, uint64_t n,
		       uint64_t now)
{
	if (flood_log_is_due(flood, n, now))
		say(log, LOG_WARNING,
		    "dropped %" PRIu64 " netlink messages that the kernel did not "
		    "send: a process with CAP_NET_ADMIN in that namespace forges them",
		    n);
}
