/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/netns_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"

#define XFRM_STAT_LOSS "BadSPIPackets and PacketsNotDecrypted do not count"

void netns_log_init(struct netns_log *log, const char *name)
{
	*log = (struct netns_log){.refused = 0};
	instance_name_fit(log->shown, sizeof(log->shown), name);
	if (*name)
		snprintf(log->prefix, sizeof(log->prefix),
			 "namespace %s: ", log->shown);
}

static bool is_own(const struct netns_log *log)
{
	return !log->prefix[0];
}

void netns_log_no_kernel(int err)
{
	if (err == -EPERM)
		log_message(LOG_ERR,
			    "the kernel's SAs may only be read with the capability "
			    "CAP_NET_ADMIN: run as root, or see \"man 7 "
			    "capabilities\"");
	else if (err == -EPROTONOSUPPORT)
		log_message(LOG_ERR, "this kernel has no IPsec (CONFIG_XFRM_USER): %s",
			    strerror(-err));
	else
		log_message(LOG_ERR, "cannot open the kernel's XFRM: %s",
			    strerror(-err));
}

/* Coming and going. */

static void log_refusal(const struct netns_log *log, int err,
			const struct netns_log *served_as)
{
	if (err == -EEXIST && served_as)
		log_message(LOG_INFO, "%sserved already, as %s%s", log->prefix,
			    is_own(served_as) ? "the daemon's own" : "namespace ",
			    served_as->shown);
	else if (err == -EPERM)
		log_message(LOG_ERR,
			    "%sto enter it takes the capability CAP_SYS_ADMIN besides "
			    "CAP_NET_ADMIN",
			    log->prefix);
	else if (err == -ENOTTY)
		log_message(LOG_ERR, "%snot a network namespace", log->prefix);
	else
		log_message(LOG_ERR, "%scannot be watched: %s", log->prefix,
			    strerror(-err));
}

void netns_log_opened(struct netns_log *log, int err, const struct netns_log *served_as)
{
	log_debug(LOG_TOPIC_NETNS, "%sopened: %s", log->prefix, strerror(-err));
	if (!err)
		log_message(LOG_INFO, "%swatched", log->prefix);
	else if (err != log->refused)
		log_refusal(log, err, served_as);
	log->refused = err;
}

void netns_log_missing(struct netns_log *log, const char *dir)
{
	if (log->refused != -ENOENT)
		log_message(LOG_NOTICE, "%snot in %s yet; waiting for it", log->prefix,
			    dir);
	log->refused = -ENOENT;
}

void netns_log_released(struct netns_log *log, const char *why)
{
	log_message(LOG_INFO, "%s%s", log->prefix, why);
	log->refused = -ENOENT;
	memset(log->errors, 0, sizeof(log->errors));
}

void netns_log_state(const struct netns_log *log, const char *dir, const char *file,
		     int err)
{
	log_debug(LOG_TOPIC_STATE, "%sread %s/%s: %s", log->prefix, dir, file,
		  strerror(-err));
	if (err == -ESTALE)
		log_message(LOG_INFO,
			    "%sthe saved state is of another boot or namespace: "
			    "counters start anew",
			    log->prefix);
	else if (err == -EBADMSG)
		log_message(LOG_WARNING,
			    "%s/%s is damaged, of another version or not a regular "
			    "file: rejected, counters start anew",
			    dir, file);
	else if (err && err != -ENOENT)
		log_message(LOG_WARNING, "%s/%s: %s: counters start anew", dir, file,
			    strerror(-err));
}

/* Polls. */

static void log_fault(const struct netns_log *log, enum source source, int err)
{
	if (err == -EPERM && source == SOURCE_SAS && is_own(log))
		netns_log_no_kernel(err);
	else if (err)
		log_message(LOG_ERR, "%scannot read %s: %s; %s", log->prefix,
			    source_texts[source].name, strerror(-err),
			    source_texts[source].effect);
	else
		log_message(LOG_NOTICE, "%s%s can be read again", log->prefix,
			    source_texts[source].name);
}

void netns_log_faults(struct netns_log *log, const struct faults *faults)
{
	for (enum source source = 0; source < SOURCE_COUNT; source++) {
		int err = faults->errors[source];

		if (!err != !log->errors[source])
			log_fault(log, source, err);
		log->errors[source] = err;
	}
}

static void log_dropped(const struct netns_log *log, const struct row_room *room)
{
	log_message(LOG_NOTICE,
		    "%sall %lu rows are taken: \"%s\" was dropped, and from now on the "
		    "row that has been gone longest is dropped when another needs "
		    "room; raise maxRows to keep more",
		    log->prefix, (unsigned long)room->max_rows, room->dropped);
}

static void log_refused(const struct netns_log *log, const struct row_room *room)
{
	log_message(LOG_WARNING,
		    "%sno row for \"%s\" and %zu more HBAs: all %lu are configured or "
		    "in use; their SAs count in \"unattributed\" until there is room; "
		    "raise maxRows",
		    log->prefix, room->refused, room->n_refused - 1,
		    (unsigned long)room->max_rows);
}

static void log_room(struct netns_log *log, const struct row_room *room)
{
	if (log->max_rows != room->max_rows)
		log->rows_dropped = false;
	log->max_rows = room->max_rows;
	if (room->n_dropped && !log->rows_dropped)
		log_dropped(log, room);
	if (room->n_refused && !log->rows_refused)
		log_refused(log, room);
	else if (!room->n_refused && log->rows_refused)
		log_message(LOG_NOTICE, "%sall HBAs have a row again", log->prefix);
	log->rows_dropped |= room->n_dropped != 0;
	log->rows_refused = room->n_refused != 0;
}

static void log_xfrm_stat_error(const struct netns_log *log, int err)
{
	if (err == -ENOENT)
		log_message(LOG_WARNING,
			    "%sno /proc/net/xfrm_stat: " XFRM_STAT_LOSS
			    "; they need a kernel with CONFIG_XFRM_STATISTICS",
			    log->prefix);
	else if (err == -EBADMSG)
		log_message(LOG_WARNING,
			    "%s/proc/net/xfrm_stat lacks XfrmInNoStates or "
			    "XfrmInStateProtoError: " XFRM_STAT_LOSS
			    "; report it with the file and the kernel's version",
			    log->prefix);
	else
		log_message(LOG_WARNING,
			    "%scannot read /proc/net/xfrm_stat: %s: " XFRM_STAT_LOSS
			    " until it can be read again",
			    log->prefix, strerror(-err));
}

static void log_xfrm_stat(struct netns_log *log, struct xfrm_stat_status status)
{
	if (status.err && status.err != log->xfrm_stat_error)
		log_xfrm_stat_error(log, status.err);
	else if (!status.err && log->xfrm_stat_error)
		log_message(LOG_NOTICE, "%s/proc/net/xfrm_stat can be read again",
			    log->prefix);
	log->xfrm_stat_error = status.err;
	if (!status.err && status.n_skipped && !log->xfrm_stat_odd)
		log_message(LOG_WARNING,
			    "%sskipped %zu lines of /proc/net/xfrm_stat: not a name "
			    "and a number, or more than %d counters",
			    log->prefix, status.n_skipped, XFRM_STAT_MAX);
	log->xfrm_stat_odd |= !status.err && status.n_skipped;
}

void netns_log_poll(struct netns_log *log, const struct collector *collector)
{
	const struct collector_status *status = collector_status(collector);

	netns_log_faults(log, &status->faults);
	log_room(log, &status->room);
	log_xfrm_stat(log, status->xfrm_stat);
}

void netns_log_foreign(const struct netns_log *log, struct flood *flood, uint64_t n,
		       uint64_t now)
{
	if (flood_log_is_due(flood, n, now))
		log_message(LOG_WARNING,
			    "%sdropped %" PRIu64 " netlink messages that the kernel "
			    "did not send: a process with CAP_NET_ADMIN in that "
			    "namespace imitates it",
			    log->prefix, n);
}
