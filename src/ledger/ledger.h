/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sa.h"
#include "ledger/totals.h"

/*
 * From the SAs of one network namespace, which come, count and go, to totals
 * that only grow. Pure: no I/O, no clock, no log. Time is an argument: ns of a clock
 * that does not go back, the same for all calls.
 *
 * What is fed in are the kernel's messages: events as they come, and dumps of
 * the whole SAD. The order that keeps the totals exact is that of one poll:
 *
 *	ledger_event()       everything that waits on the event socket
 *	ledger_dump_begin()
 *	ledger_dump_sa()     each SA of the dump
 *	ledger_event()       everything that came during the dump
 *	ledger_dump_end()
 *
 * Totals are whole after ledger_dump_end(); that is when to read them.
 *
 * How a byte is counted once and only once: a live SA's entry holds the last
 * sample that was added to its row's totals; each newer sample adds what lies
 * between. An SA is known by the kernel's key until an event ends it; its add_time
 * counts only where events were lost, since XFRM_MSG_NEWAE changes it together with the
 * counters. DELSA and a hard EXPIRE bring the final sample. The kernel tells
 * neither when FLUSHSA, an offload device or a namespace takes an SA away: the
 * last sample then stands and the row's losses go up by one. Between
 * ledger_dump_begin() and ledger_dump_end() totals may go down again.
 */
struct ledger;

/* Who an SA is. The ledger asks when it first sees the SA; for the direction again at
 * each dump and at the SA's end, while the answer is SA_DIR_UNKNOWN; for the row again
 * after a move and by ledger_reattribute(), while it is 0. */
struct ledger_env {
	void *ctx;
	enum sa_direction (*direction)(void *ctx, const struct sa *sa);
	/* below the ledger's number of rows; 0 is the unattributed row */
	unsigned (*row)(void *ctx, const struct sa *sa, enum sa_direction direction);
};

/* How many SAs there are, in the kernel's sense: their sum is XFRMA_SAD_CNT. */
struct ledger_counts {
	uint32_t keyed;
	uint32_t larval;
	uint32_t other;
};

/* A ledger with n_rows rows (at least 1, at most LEDGER_MAX_ROWS). NULL: no memory.
 * env is copied; its ctx must outlive the ledger. */
#define LEDGER_MAX_ROWS 65535u
struct ledger *ledger_new(const struct ledger_env *env, unsigned n_rows);
void ledger_free(struct ledger *ledger);

/* More rows, at zero. Returns 0, -ENOMEM, or -ERANGE above LEDGER_MAX_ROWS. */
int ledger_grow_rows(struct ledger *ledger, unsigned n_rows);

/* Sets true for each row that an SA counts for, or may yet count for after its end.
 * busy has an element for each row. */
void ledger_find_busy(const struct ledger *ledger, bool *busy);

/* A row that is not busy begins at zero, as another's. */
void ledger_reset_row(struct ledger *ledger, unsigned row);

/*
 * One message of the event socket, in order, read at the time now. Returns 0, or
 * -ENOMEM: then the event is lost, as if the kernel had not sent it.
 */
int ledger_event(struct ledger *ledger, const struct sa_event *event, uint64_t now);

/*
 * An SA whose DELSA is younger than this at the end of a dump is departing: its
 * deletion is not counted before the next dump, since a NEWSA may yet make it a move.
 * charon sends the NEWSA 1 ms after the DELSA; on a busy machine 72 ms have been seen.
 */
#define LEDGER_MOVE_NS UINT64_C(200000000)

/*
 * Says that events were lost. Until the next dump is whole that begins after that,
 * bytes that an SA is born with are taken for preloaded, since the SA that carried them
 * may have moved unheard; and what shows a known key with another add_time may be
 * another SA.
 */
void ledger_note_gap(struct ledger *ledger);

/* A dump begins, its SAs follow, it ends. ledger_dump_sa() returns 0 or -ENOMEM;
 * after an error, or if the dump was cut short, end it with ledger_dump_abort(). */
void ledger_dump_begin(struct ledger *ledger);
int ledger_dump_sa(struct ledger *ledger, const struct sa *sa);
int ledger_dump_end(struct ledger *ledger, uint64_t now);
void ledger_dump_abort(struct ledger *ledger, uint64_t now);

/*
 * The namespace is gone, or out of sight: every SA is given up as lost, and the ledger
 * is as new but for its totals.
 */
void ledger_end(struct ledger *ledger);

/* True if another dump soon would settle something: an SA was missing from the
 * last one, or a message said that SAs went without naming them. */
bool ledger_wants_dump(const struct ledger *ledger);

/* Asks for the row of every SA in row 0 again, after instances have changed. An SA
 * that moves counts as a deletion from row 0 and an addition to its new row, so
 * that active = additions - deletions holds in each; its past bytes stay. */
void ledger_reattribute(struct ledger *ledger);

/* The totals of a row, until the next call that changes the ledger. */
const struct totals *ledger_row(const struct ledger *ledger, unsigned row);

struct ledger_counts ledger_counts(const struct ledger *ledger);

/* What a state file keeps of a KEYED or departing SA. There is no padding. */
struct ledger_sa {
	struct sa sa;  /* as last shown, with the last sample */
	uint64_t born; /* add_time as first shown */
	uint32_t row;
	uint8_t direction; /* enum sa_direction */
	uint8_t departing; /* 1: its DELSA has come, its deletion is not counted yet */
	uint8_t rekeyed;   /* 1: departing, and a rekey has replaced it */
	uint8_t zero;
};

/* The number of these SAs; and copies of all of them. */
size_t ledger_count_sas(const struct ledger *ledger);
size_t ledger_copy_sas(const struct ledger *ledger, struct ledger_sa *sas);

/*
 * Puts a row's totals, and the SAs that counted there, in their order, back into a new
 * ledger before its first dump. ActiveSA in the totals is ignored: it follows from the
 * SAs. Return 0, -ENOMEM, or -EINVAL for what cannot
 * have been saved.
 */
int ledger_restore_row(struct ledger *ledger, unsigned row,
		       const struct totals *totals);
int ledger_restore_sa(struct ledger *ledger, const struct ledger_sa *saved);

/* The same for an SA that this ledger gave up by ledger_end(), and that may yet exist:
 * it counts as an addition again, its past bytes do not. */
int ledger_readmit_sa(struct ledger *ledger, const struct ledger_sa *saved);
