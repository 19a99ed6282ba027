/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/rows.h"
#include "instance/attribute.h"
#include "instance/inventory.h"
#include "kernel/kernel.h"
#include "kernel/interface.h"
#include "kernel/local_route.h"
#include "kernel/policy.h"

/* What a namespace's poll reads. The SAs are counted unless they themselves cannot be
 * read. */
enum source {
	SOURCE_SAS,
	SOURCE_EVENTS,
	SOURCE_ADDRS,
	SOURCE_POLICIES,
	SOURCE_LINKS,
	SOURCE_ROUTES,
	SOURCE_LOCAL_ROUTES,
	SOURCE_INSTANCES,
	SOURCE_COUNT,
};

struct source_text {
	const char *name;   /* "the addresses" */
	const char *effect; /* on the numbers while it cannot be read */
};

extern const struct source_text source_texts[SOURCE_COUNT];

#define FAULTS_TEXT_MAX 255

struct faults {
	int errors[SOURCE_COUNT];       /* -errno, 0: it was read */
	char last[FAULTS_TEXT_MAX + 1]; /* the last fault in words; "": none yet */
};

/* Notes that a source was read (err 0), or why it could not be (-errno). */
void faults_note(struct faults *faults, enum source source, int err);

/* Notes, in words alone, a fault of no source. */
void faults_say(struct faults *faults, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * What the kernel of one namespace says besides its SAs (addresses, local routes,
 * policies, the path of each connection), and the direction and row of each SA that
 * follow from it. Keeps the last complete lists, notes in the faults what cannot be
 * read, and knows which answers to the ledger were postponed.
 *
 * The ledger does not ask again for an SA that has a row. So an SA stays unattributed
 * while what shows its direction cannot be read; and for LEDGER_MOVE_NS if it lies
 * between the ends of a connection but no policy selects it, since the policy may be on
 * its way. After that its row is a guess.
 */
struct surroundings {
	/* set by the caller */
	const struct kernel_ops *ops;
	struct faults *faults;
	struct inventory *inventory;
	const struct rows *rows;

	void *kernel;         /* NULL: detached */
	uint64_t detached_at; /* ns */
	struct local_addrs addrs;
	struct local_routes routes;
	struct policy *policies;
	size_t n_policies;
	size_t n_compared;    /* policies with SAs, since the poll began */
	bool addrs_known;     /* have been read completely */
	bool addrs_stale;     /* are to be read again */
	bool policies_stale;  /* have changed since they were read */
	bool policies_wanted; /* for the direction of an SA */

	bool reattribute;  /* rules, addresses or claims have changed */
	bool undecided;    /* an SA waits for what could not be read */
	bool guessing;     /* do not wait for policies */
	uint64_t guess_at; /* ns; when to guess about an SA that waits; 0: none does */
};

/* around must not move, since the routes and the ledger refer to it. */
void surroundings_init(struct surroundings *around, void *kernel);
void surroundings_free(struct surroundings *around);

/* Detaches the kernel until surroundings_attach(). same: it is the one that was
 * detached, so its last lists are used until they are read again. */
void surroundings_detach(struct surroundings *around);
void surroundings_attach(struct surroundings *around, void *kernel, bool same);

/* ns; stops while there is no kernel. */
uint64_t surroundings_now(const struct surroundings *around);

/* Begins a poll, with new budgets for lookups. */
void surroundings_begin(struct surroundings *around);

/* Reads the addresses if they have changed. Returns true if there is a new list. */
bool surroundings_read_addrs(struct surroundings *around);

/* Reads the policies; or looks up the path of each connection that makes claims, if a
 * policy selects by more than addresses. Return 0 or -errno. */
int surroundings_read_policies(struct surroundings *around);
int surroundings_find_paths(struct surroundings *around);

/* The interfaces that rules name and the namespace lacks. */
struct missing_devices {
	size_t n;
	const char *instance; /* one that names one of them */
	const char *device;
};

/*
 * Presence (presence.c): sets the fields active and if_index of each instance, and the
 * device_index of its rules.
 *
 * presence_find_devices() looks up the interfaces that rules name. It returns true if
 * one has changed, since other SAs and connections may then belong to an instance.
 * presence_missing_devices() says which of them it did not find.
 *
 * presence_find_interfaces() sets each instance's interface: the one that a rule names,
 * else the one that the driver names, else the one with the local address of its
 * sessions.
 *
 * presence_refresh(): an instance is active if discovery has found it, or if the device
 * and the local address of a rule are present. Of a prefix, addresses on interfaces are
 * compared, and the route to its first address is looked up; a route to another part of
 * the prefix shows only in the active SAs of the row.
 *
 * presence_clear(): the namespace is gone, and with it every HBA.
 */
bool presence_find_devices(const struct surroundings *around);
struct missing_devices presence_missing_devices(const struct surroundings *around);
void presence_find_interfaces(const struct surroundings *around);
void presence_refresh(struct surroundings *around);
void presence_clear(const struct surroundings *around);

/* Attribution (attribution.c): the answers to the ledger's questions. */
struct ledger_env attribution_env(struct surroundings *around);

/* What holds for an SA now, and why. It may differ from what the ledger has: an SA
 * keeps its direction and its row. */
struct attribution {
	enum sa_direction direction;
	enum direction_reason direction_reason;
	unsigned row; /* if its direction is the one that was given */
	enum row_reason row_reason;
};
struct attribution attribution_explain(struct surroundings *around, const struct sa *sa,
				       enum sa_direction direction);

/* Before a dump: makes the claims, and reattributes if something has changed. first: no
 * poll has succeeded yet, so all SAs are older than their policies; guessing then stays
 * on until the caller resets it at the end of the poll. */
void attribution_begin(struct surroundings *around, bool first);

/* After the dump and the events that came meanwhile: the policy of an SA that came
 * during the dump may have come, too. */
void attribution_settle(struct surroundings *around);
