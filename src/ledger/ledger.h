/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sa.h"
#include "ledger/accounts.h"
#include "ledger/totals.h"

struct sa_answer;

/*
 * Counts the SAs of one network namespace: the kernel's messages go in, totals that
 *only grow come out. Pure: no I/O, no clock, no log. Times are in ns of one monotonic
 *clock.
 *
 * The messages are events and dumps of the whole SAD. This order, that of a poll, keeps
 * the totals exact:
 *
 *	ledger_event()       every event that waits on the socket
 *	ledger_dump_begin()
 *	ledger_dump_sa()     each SA of the dump
 *	ledger_event()       every event that came during the dump
 *	ledger_dump_end()
 *
 * Read the totals after ledger_dump_end(). Between ledger_dump_begin() and
 * ledger_dump_end() they may decrease.
 *
 * Each byte counts once: the entry of a live SA has the last sample that was added to
 * its row, and a newer sample adds the difference. DELSA and a hard EXPIRE have the
 *final sample. If FLUSHSA, an offload device or the end of a namespace removes an SA,
 *the kernel sends no final sample: the last sample then stands, and the row's losses
 *grow by 1.
 *
 * The kernel's key identifies an SA until an event ends it. add_time matters only after
 * events were lost, because XFRM_MSG_NEWAE can change it.
 */
struct ledger;

/*
 * Decides the direction and the row of an SA. The ledger asks when it first sees the
 * SA. While the direction is SA_DIR_UNKNOWN, it asks again at each dump and at the SA's
 * end. While the row is 0, it asks again after a move and in ledger_reattribute().
 */
struct ledger_env {
	void *ctx;
	enum sa_direction (*direction)(void *ctx, const struct sa *sa);
	/* below the ledger's number of rows; 0 is the unattributed row */
	unsigned (*row)(void *ctx, const struct sa *sa, enum sa_direction direction);
};

/* The SAs that exist. The sum is the kernel's XFRMA_SAD_CNT. */
struct ledger_counts {
	uint32_t keyed;
	uint32_t larval;
	uint32_t other; /* not IPsec: IPComp, proto-4 helper */
};

/* A ledger with n_rows rows (1 to LEDGER_MAX_ROWS). Copies env, but not its ctx.
 * Returns NULL if there is no memory. */
#define LEDGER_MAX_ROWS 65535u
struct ledger *ledger_new(const struct ledger_env *env, unsigned n_rows);
void ledger_free(struct ledger *ledger);

/* Adds rows with totals of 0. Returns 0, -ENOMEM, or -ERANGE above LEDGER_MAX_ROWS. */
int ledger_grow_rows(struct ledger *ledger, unsigned n_rows);

/* Sets busy[row] to true for each row to which an SA may still add. busy has one
 * element for each row. */
void ledger_find_busy(const struct ledger *ledger, bool *busy);

/* Sets the totals of a row that is not busy to 0, for another instance. */
void ledger_reset_row(struct ledger *ledger, unsigned row);

/* Takes one event, in the socket's order; now is when it was read. Returns 0, or
 * -ENOMEM: the event is then lost, and the caller must call ledger_note_gap(). */
int ledger_event(struct ledger *ledger, const struct sa_event *event, uint64_t now);

/*
 * While the DELSA of an SA is younger than this, the SA is departing: its deletion does
 * not count yet, because a NEWSA may show that it has moved. charon sends that NEWSA 1
 * ms after the DELSA. 72 ms have been measured on a busy machine.
 */
#define LEDGER_MOVE_NS UINT64_C(200000000)

/*
 * Notes that events were lost. Until the end of the next complete dump that begins
 * after this call, the bytes in a NEWSA count as preloaded, because the SA that carried
 * them may have moved unnoticed; and an SA with a known key and another add_time may be
 * another SA.
 */
void ledger_note_gap(struct ledger *ledger);

/*
 * A dump. ledger_dump_sa() takes each SA; it returns 0 or -ENOMEM. If the dump fails or
 * is cut short, call ledger_dump_abort() in place of ledger_dump_end(). The latter
 * returns 0, or -ENOMEM if PendingKeyOperations and ActiveTunnels are still those of
 * the dump before; nothing else is missing then.
 */
void ledger_dump_begin(struct ledger *ledger);
int ledger_dump_sa(struct ledger *ledger, const struct sa *sa);

/*
 * The quick way for most SAs of a dump: takes one that follows the last one as it did
 * in the dump before, and returns true. Otherwise nothing has happened, and
 * ledger_dump_sa() takes it. Selector, CPU and direction are not read.
 */
bool ledger_dump_expected(struct ledger *ledger, const struct sa_answer *answer);
int ledger_dump_end(struct ledger *ledger, uint64_t now);
void ledger_dump_abort(struct ledger *ledger, uint64_t now);

/* The namespace is gone or out of reach: every SA is lost, and no peer is active. The
 * totals remain. */
void ledger_end(struct ledger *ledger, uint64_t now);

/* True if another dump soon would settle something: an SA was missing from the last
 * one, or an event has removed or moved SAs that it does not name. */
bool ledger_wants_dump(const struct ledger *ledger);

/*
 * Asks for the row of every SA in row 0 again, after instances have changed. A change
 * of row counts as a deletion from row 0 and an addition to the new row. Bytes that the
 * SA has already counted remain in row 0.
 */
void ledger_reattribute(struct ledger *ledger);

/* The totals of a row: the sum of its accounts. Valid until the next call that changes
 * the ledger. */
const struct totals *ledger_row(struct ledger *ledger, unsigned row);

/* The accounts of a row: its `other`, and its peers in the order of their SNMP index.
 * Valid as long. */
const struct account *ledger_other(const struct ledger *ledger, unsigned row);
struct account *const *ledger_peers(const struct ledger *ledger, unsigned row,
				    size_t *ret_n);

/* An SA that exists, as it counts now. */
struct ledger_view {
	const struct sa *sa; /* as last shown, with what has been counted */
	enum sa_direction direction;
	uint64_t born; /* add_time as first shown; of a keyed SA */
	const struct account
	    *account; /* of a larval SA, or one that is not IPsec, too */
	/* it was restored, or has moved, and keeps the row (not 0) that it had */
	bool row_is_kept;
};

/* Calls view() for each SA that exists, in no particular order. Returns 0, or what
 * view() returned if that is not 0: it is then the last call. */
int ledger_view_sas(const struct ledger *ledger,
		    int (*view)(void *ctx, const struct ledger_view *sa), void *ctx);

/* Takes over a configuration of peers, and leaves an empty one. Until then there are no
 * peers. */
void ledger_configure_peers(struct ledger *ledger, struct peer_config *config);
const struct peer_config *ledger_peer_config(const struct ledger *ledger);

/* Makes the peers those of the configuration, as accounts_regroup() says. */
void ledger_regroup_peers(struct ledger *ledger);

/* After a dump: dates a discontinuity in each account that lost an SA since the last
 * call; or, after events were lost, in every account. */
void ledger_note_losses(struct ledger *ledger, bool everywhere, uint64_t now);

struct ledger_counts ledger_counts(const struct ledger *ledger);

/* What a state file saves of an account. There is no padding. */
struct ledger_account {
	struct in6_addr addr;
	uint16_t family; /* 0: of a row's `other` */
	uint8_t len;
	uint8_t active; /* and the rest: see struct account */
	uint32_t row;
	uint64_t last_change;
	uint64_t empty_since;
	uint64_t discontinuity;
	uint64_t losses;
	struct totals totals;
};

/* What a state file saves of a KEYED or DEPARTING SA. There is no padding. */
#define LEDGER_NO_PEER UINT32_MAX
struct ledger_sa {
	struct sa sa;  /* as last shown, with the last sample */
	uint64_t born; /* add_time as first shown */
	uint32_t row;
	uint32_t peer;     /* place among the copied peers, or LEDGER_NO_PEER */
	uint8_t direction; /* enum sa_direction */
	uint8_t departing; /* 1: its DELSA has come, its deletion is not counted yet */
	uint8_t rekeyed;   /* 1: departing, and a rekey has replaced it */
	uint8_t zero[5];
};

/* Copies of a row's `other`, of all peers, and then of all SAs to be saved. The arrays
 * must have room for the number of peers or SAs, which is returned. */
struct ledger_account ledger_copy_other(const struct ledger *ledger, unsigned row);
size_t ledger_count_peers(const struct ledger *ledger);
size_t ledger_copy_peers(struct ledger *ledger, struct ledger_account *peers);
size_t ledger_count_sas(const struct ledger *ledger);
size_t ledger_copy_sas(const struct ledger *ledger, struct ledger_sa *sas);

/*
 * Restore the accounts, and then their SAs, in the order in which they were saved, into
 * a ledger that has had no dump yet. ActiveSA is the number of the restored SAs,
 * whatever the totals say. peer: the account that saved->peer names, as restored; NULL:
 * the row's `other`. All return 0, -ENOMEM, or -EINVAL for values that cannot have been
 * saved. Peers that the configuration does not permit are restored, too: call
 * ledger_regroup_peers() afterwards.
 */
int ledger_restore_other(struct ledger *ledger, const struct ledger_account *saved);
int ledger_restore_peer(struct ledger *ledger, const struct ledger_account *saved,
			struct account **ret);
int ledger_restore_sa(struct ledger *ledger, const struct ledger_sa *saved,
		      struct account *peer);

/* True if each account has as many SAs as were added and not deleted. */
bool ledger_is_complete(const struct ledger *ledger);

/*
 * Adds SAs that ledger_end() has lost in this ledger and that may still exist: each
 * counts as an addition again, its past bytes do not. Returns 0, or -ENOMEM with
 * nothing changed.
 */
int ledger_readmit_sas(struct ledger *ledger, const struct ledger_sa *saved, size_t n);
