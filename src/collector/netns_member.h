/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/collector.h"
#include "collector/state.h"
#include "kernel/flood.h"
#include "kernel/kernel.h"
#include "kernel/netns.h"

/*
 * One network namespace of a netns_set: its sockets, its collector, its state file.
 * Logs what happens to it.
 *
 *	          open                      release, counters > 0
 *	WAITING ---------> WATCHED ----------------------------------> REMEMBERED
 *	   ^                |   ^                                        |    |
 *	   |    release, 0  |   '------------------ open ----------------'    |
 *	   '----------------+------------------------ forget -----------------'
 *
 * WAITING has no rows. REMEMBERED keeps its rows, which do not change until a namespace
 * of that name is opened again. Open sockets keep a namespace and its SAs alive, so it
 * must be released as soon as its file is gone.
 */

/* What was logged last. */
struct netns_log {
	char shown[SNAPSHOT_NETNS_MAX + 1];       /* the name, fit for a log */
	char prefix[SNAPSHOT_NETNS_MAX + 1 + 16]; /* "namespace NAME: "; "": own */
	int refused;                              /* why it is not watched, -errno */
	int errors[SOURCE_COUNT];                 /* as in struct faults */
	int xfrm_stat_error;
	bool xfrm_stat_odd; /* some of its lines are not counters */
	uint32_t max_rows;  /* when rows were last dropped */
	bool rows_dropped;
	bool rows_refused;
};

/* The strings must outlive the set. */
struct netns_paths {
	const char *sysfs_root;
	const char *netns_dir; /* has a file for each namespace, like /run/netns */
	const char *state_dir; /* NULL: neither restore nor save a state */
	bool read_only;        /* only restore it: another process saves it */
};

/* The configuration. Its pointers must be valid while it is in force. */
struct netns_config {
	const struct instance_set *instances; /* of all namespaces */
	const struct netns_list *namespaces;
	const struct peer_config *peers;
	uint64_t stale_after;  /* ns without a successful poll until no row is active */
	size_t receive_buffer; /* bytes, of a namespace that is opened from now on */
};

/* What the members of a set share. */
struct netns_env {
	const struct kernel_opener *opener;
	struct netns_paths paths;
	struct netns_config config;
	int epoll; /* of all event sockets; the data is the member */
	const struct netns_member *own;
};

struct netns_member {
	const struct netns_env *env;
	char name[NETNS_NAME_MAX + 1]; /* "": the daemon's own */
	bool present;                  /* the directory has a file of that name */
	struct netns_id id;            /* of the open namespace */
	void *kernel;                  /* NULL: not watched */
	struct collector *collector;   /* NULL: no rows */
	struct state_id state_id;      /* of the namespace that was opened last */
	bool has_state_id;
	bool restored;  /* its counters continue from a saved state */
	bool polled;    /* since it was opened */
	bool looked;    /* for the interfaces that rules name */
	bool failing;   /* the last poll failed */
	bool listening; /* its events wake the daemon; otherwise polls read them */
	struct flood flood;
	uint64_t released_at; /* ns of CLOCK_MONOTONIC */
	struct netns_log log;
};

/* A member that waits. NULL: no memory. */
struct netns_member *netns_member_new(const struct netns_env *env, const char *name);
void netns_member_free(struct netns_member *member);

/*
 * Opens the sockets, restores the state or continues with the remembered rows, and
 * listens for events. netns: a descriptor of the namespace, which the caller closes; -1
 * for the daemon's own. Returns 0, or -errno with nothing left open.
 */
int netns_member_open(struct netns_member *member, int netns);

/* Polls once more, and closes the sockets. why: for the log. */
void netns_member_release(struct netns_member *member, const char *why);

/* Drops its rows, and adds its health to past. */
void netns_member_forget(struct netns_member *member, struct health *past);

/* Applies a changed configuration. Returns 0, or -ENOMEM with the old one in force. */
int netns_member_configure(struct netns_member *member);

/* Reads the events that wait. Stops listening if they cannot be read, or during a flood
 * of forged messages, since the socket would stay readable. */
void netns_member_read_events(struct netns_member *member);

/* Returns 0 or -errno, as collector_poll() does. */
int netns_member_poll(struct netns_member *member);

/* True if a poll soon would settle something, or is the first. */
bool netns_member_wants_poll(const struct netns_member *member);

/* Appends its rows and counters. If the last poll failed, the rows keep their numbers
 * from old. Returns 0 or -ENOMEM. */
int netns_member_snapshot(const struct netns_member *member, struct snapshot *fresh,
			  const struct snapshot *old);

/* As state_image_make(). The body is also NULL while the member has no state. */
int netns_member_make_state(struct netns_member *member, uint64_t last_at,
			    struct state_image *ret);

/*
 * The log of a member (netns_log.c). Each fault is logged once when it begins and once
 * when it ends, with its effect and its remedy.
 */

/* name: of the namespace's file; "": the daemon's own. */
void netns_log_init(struct netns_log *log, const char *name);

/* The namespace was opened (0), or could not be (-errno). served_as: the log of the
 * member that already has this namespace, if that is why. */
void netns_log_opened(struct netns_log *log, int err,
		      const struct netns_log *served_as);

/* The namespace is configured, but has no file in dir. */
void netns_log_missing(struct netns_log *log, const char *dir);

/* What rules name and the namespace lacks. */
void netns_log_missing_devices(const struct netns_log *log,
			       const struct missing_devices *missing);

/* The namespace is not watched any more. It is not logged as missing then. */
void netns_log_released(struct netns_log *log, const char *why);

/* The result of state_load(). */
void netns_log_state(const struct netns_log *log, const char *dir, const char *file,
		     int err);

/* The same if the state is another process's: only what makes the numbers differ from
 * that process's, and a missing permission once for all namespaces. */
void netns_log_borrowed_state(const struct netns_log *log, const char *dir,
			      const char *file, int err);

/* After a poll; after events could not be read. */
void netns_log_poll(struct netns_log *log, const struct collector_status *status);
void netns_log_faults(struct netns_log *log, const struct collector_status *status);

/* n messages that the kernel did not send, as in flood.h. */
void netns_log_foreign(const struct netns_log *log, struct flood *flood, uint64_t n,
		       uint64_t now);

/* Why the kernel's XFRM cannot be opened or read in the daemon's own namespace. */
void netns_log_no_kernel(int err);
