/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "ledger/peer.h"
#include "ledger/totals.h"

/*
 * Where SAs count: each row has one account for each peer, the remote endpoint of its
 * SAs, and one for everything else, its `other`. The totals of a row are the sum of its
 * accounts, so they add up at every moment.
 *
 * The number of peers is limited. If a new one needs room, the peer that has had no SA
 * for the longest is folded: its totals are added to its row's `other`, and it is
 * forgotten. If every peer has an SA, the new one counts for `other`.
 *
 * An account keeps its address until it is folded. Pure.
 */

struct account {
	uint32_t row;
	uint32_t n_entries; /* SAs that count here now */

	/* At the end of the last complete dump, or as restored; ns. */
	bool active;          /* has a keyed SA, or had one within the hold-down */
	uint64_t last_change; /* of active; 0: it has never been active */
	uint64_t empty_since; /* no keyed SA since then; 0: it has one, or never had */
	uint64_t
	    discontinuity; /* a counter may have missed something; 0: not set yet */
	uint64_t losses;   /* the totals' at the last accounts_note_losses() */

	struct totals totals;

	struct prefix peer; /* family 0: the row's `other` */
	char name[PEER_NAME_MAX + 1];
	const char *label; /* the configuration's, or the name */

	uint32_t saved_as;            /* place among the peers copied last */
	TAILQ_ENTRY(account) in_idle; /* or in merged */
	struct account *merged_into;  /* NULL unless it is in merged */
};

TAILQ_HEAD(account_list, account);

struct account_row {
	struct account other;
	struct totals sum; /* of all its accounts; not used without peers */
	size_t n_peers;
};

struct accounts {
	const struct peer_config *config;
	struct account_row **rows;
	unsigned n_rows;
	struct account **peers; /* by row and by SNMP index */
	size_t n_peers;
	struct account_list idle;   /* peers without SAs, the longest idle first */
	struct account_list merged; /* until accounts_drop_merged() */
	bool sums_stale;
};

/* config must outlive the accounts. After a change of it call accounts_regroup(). */
void accounts_init(struct accounts *accounts, const struct peer_config *config);
void accounts_free(struct accounts *accounts);

/* Adds rows. Returns 0 or -ENOMEM. */
int accounts_grow_rows(struct accounts *accounts, unsigned n_rows);

/* Removes the peers of a row without SAs, and sets it to 0. */
void accounts_reset_row(struct accounts *accounts, unsigned row);

/*
 * The account for an SA of a row and this remote endpoint. make_room: to make room for
 * a new peer, another one may be folded. If there is no room, this is the row's
 * `other`; likewise if there is no memory, or if the family is 0.
 */
struct account *accounts_find(struct accounts *accounts, unsigned row,
			      const struct prefix *remote, bool make_room);

/* One more SA counts for an account, or one less. A peer whose last SA goes may be
 * forgotten or folded: do not use it after accounts_leave(). */
void accounts_join(struct accounts *accounts, struct account *account);
void accounts_leave(struct accounts *accounts, struct account *account);

/* The namespace is gone: no SA counts anywhere any more, and no peer is active. */
void accounts_end(struct accounts *accounts, uint64_t now);

/* The sum of a row's accounts. Valid until an account changes. */
const struct totals *accounts_row(struct accounts *accounts, unsigned row);

/* The peers of a row, in the order of their SNMP index: by length of the name, then by
 * its characters. */
struct account *const *accounts_peers(const struct accounts *accounts, unsigned row,
				      size_t *ret_n);

/* At the end of a complete dump: decides which peers are active, and dates what has
 * begun since the last call. */
void accounts_settle(struct accounts *accounts, uint64_t now);

/* Notes a discontinuity in each account that lost an SA since the last call; or in
 * every account. */
void accounts_note_losses(struct accounts *accounts, bool everywhere, uint64_t now);

/*
 * Makes the peers those of the configuration: peers that a new prefix contains are
 * merged into one; without peers, everything is merged into each row's `other`; and
 * idle peers are folded while there are too many. A peer for whose prefix there is no
 * rule any more remains until it is folded.
 *
 * An account that is merged remains in memory, with merged_into set, until
 * accounts_drop_merged(): the caller meanwhile replaces its pointers to it.
 */
void accounts_regroup(struct accounts *accounts);
void accounts_drop_merged(struct accounts *accounts);

bool accounts_has(const struct accounts *accounts, unsigned row,
		  const struct prefix *peer);

/* Adds an idle peer, which must not exist, as the one that has been idle for the
 * shortest. Returns NULL if there is no memory. */
struct account *accounts_restore(struct accounts *accounts, unsigned row,
				 const struct prefix *peer);
