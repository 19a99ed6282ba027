/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/snapshot.h"
#include "notify/notify_config.h"

/*
 * Decides which notifications to send: compares each snapshot with what has been sent.
 * Pure; times are nanoseconds of CLOCK_MONOTONIC.
 *
 * It remembers states, not messages. A state that has changed for longer than the
 * hold-down is due, and stays due until it has been sent. If it changes again in that
 * time, since the master is away or the cap holds it back, the latest state is sent,
 * once. So nothing is lost, and nothing accumulates.
 *
 *	   changed              hold-down over          sent
 *	TOLD -------> UNSETTLED ---------------> DUE ---------> TOLD
 *	  ^               |                       ^    lost      |
 *	  '---------------'                       '--------------'
 *	    changed back
 */

/* The last subidentifier of a notification's OID. */
enum notification_kind {
	NOTIFICATION_INSTANCE_UP = 1,
	NOTIFICATION_INSTANCE_DOWN = 2,
	NOTIFICATION_PEER_UP = 3,
	NOTIFICATION_PEER_DOWN = 4,
	NOTIFICATION_ERRORS_RISING = 5,
	NOTIFICATION_INSTANCE_UNPROTECTED = 6,
	N_NOTIFICATION_KINDS = 7
};

/* At most so many of one kind in any so many seconds, as in ISCSI-MIB (RFC 4544). */
enum {
	NOTIFIER_CAP = 3,
	NOTIFIER_CAP_S = 10,
};

/* The kinds of rejected packets, in the order of the MIB's qmIpsecNotifyObjects. */
enum notify_error {
	NOTIFY_ERROR_BAD_SPI,
	NOTIFY_ERROR_NOT_DECRYPTED,
	NOTIFY_ERROR_NOT_AUTHENTICATED,
	NOTIFY_ERROR_REPLAY,
	N_NOTIFY_ERRORS
};

struct notification {
	enum notification_kind kind;
	char instance[INSTANCE_NAME_MAX + 1];
	char peer[PEER_NAME_MAX + 1]; /* "": of the instance itself */
	/* ERRORS_RISING: the increase of each, in at most so many seconds */
	uint32_t errors[N_NOTIFY_ERRORS];
	uint32_t interval_s;
};

/* Something that has a state: an instance, a peer, or the errors of an instance. */
struct notify_subject {
	char instance[INSTANCE_NAME_MAX + 1];
	char peer[PEER_NAME_MAX + 1];
	bool now;        /* the state, in the last snapshot */
	bool settled;    /* the last state that lasted for the hold-down */
	bool due;        /* that has not been sent */
	bool unanswered; /* it has been sent, and may still be lost */
	uint64_t since;  /* when `now` changed */
	/* Of errors: their numbers when the interval began, and whether they have risen
	 * beyond the threshold in it. */
	uint64_t errors[N_NOTIFY_ERRORS];
	uint64_t began;
	enum error_scope scope; /* which decides what counts */
	bool risen;
	uint32_t increase[N_NOTIFY_ERRORS]; /* when that was seen */
};

struct notify_list {
	struct notify_subject *subjects; /* in the order of the snapshot */
	size_t n;
	size_t turn; /* which is looked at first, so that each has its turn */
};

/* All zero: no topic is on. */
struct notifier {
	struct notify_config config;
	struct notify_list lists[N_NOTIFY_TOPICS];
	uint64_t began; /* first look; 0: not yet */
	size_t n_due[N_NOTIFICATION_KINDS];
	uint64_t sent[N_NOTIFICATION_KINDS][NOTIFIER_CAP]; /* the latest first */
	uint64_t settles; /* when the next state settles; UINT64_MAX: none */
};

/* Sets what to notify. A topic that was off begins with the next snapshot. */
void notifier_configure(struct notifier *notifier, const struct notify_config *config);
void notifier_free(struct notifier *notifier);

/* Compares with a new snapshot. The states of the first snapshot, and of what appears
 * within two seconds after it, are taken as known. Returns 0, or -ENOMEM: then the next
 * snapshot shows what this one would have shown. */
int notifier_observe(struct notifier *notifier, const struct snapshot *snapshot,
		     uint64_t time);

/* Returns true with a notification that may be sent now, which then counts as sent. */
bool notifier_next(struct notifier *notifier, uint64_t time, struct notification *ret);

/* It did not arrive: its state is due again. Or it did. */
void notifier_return(struct notifier *notifier, const struct notification *lost);
void notifier_confirm(struct notifier *notifier, const struct notification *sent);

/* When notifier_next() may have something, if no snapshot comes; UINT64_MAX: never. */
uint64_t notifier_due(const struct notifier *notifier);
