/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "ledger/ledger_book.h"

/* Who is who, for the ledger alone: which entry a message speaks of, and which entry an
 * SA was before it moved. All return a place, or SA_NONE. */

/* True if an entry is of the SA and shows its add_time, which tells one from the next
 * of the same key where no event does: after a gap, a flush, and in the dump's order.
 */
bool find_is_incarnation(const struct sa_entry *entry, const struct sa *sa);

/* True if a flush has taken the SA, and nothing has shown that yet but FLUSHSA. */
bool find_is_flushed(const struct sa_entry *entry);

/* The keyed entry of the SA's key that is counted and whose end has not been heard of.
 * There is one at most. */
uint32_t find_counted(struct ledger *ledger, const struct sa *sa);

/* The same, if source, reqid and mode are the SA's too. Then it is the SA, whatever its
 * add_time. */
uint32_t find_live(struct ledger *ledger, const struct sa *sa);

/* The observed entry that is the SA, whatever its add_time. */
uint32_t find_observed(struct ledger *ledger, const struct sa *sa);

/* The larval entry of the SA's key, or the one that is no IPsec. */
uint32_t find_unkeyed(struct ledger *ledger, const struct sa *sa);

/* The flushed entry of this incarnation; of any. */
uint32_t find_flushed(struct ledger *ledger, const struct sa *sa);
uint32_t find_flushed_as(struct ledger *ledger, const struct sa *sa);

/* The SA, if it was given up as lost in the last dump. */
uint32_t find_lost(struct ledger *ledger, const struct sa *sa);

/*
 * The departing SA that goes on as the one at place to, which was born with so many
 * bytes. strongSwan moves an SA by DELSA and NEWSA, with the byte count and add_time
 * preloaded. Where nothing had been carried yet a move shows only in the addresses.
 */
uint32_t find_departing(struct ledger *ledger, uint32_t to, uint64_t born_bytes);

/* True if one that has left and was counted as deleted carried what it was born with.
 */
bool find_departed(struct ledger *ledger, uint32_t to, uint64_t born_bytes);

/* find_departing() where the NEWSA is not known but only what a dump shows of it. */
uint32_t find_departing_of_observed(struct ledger *ledger, uint32_t to);

/* True if a MIGRATE came, no event was lost, and the dump that shows the clones is not
 * over yet. */
bool find_expects_clones(const struct ledger *ledger);

/* True if an observed SA can be what another, missing or departing, has become: between
 * other ends whatever it counts, since it may have been preloaded with an earlier
 * sample; between the same ends, or with another add_time and no MIGRATE heard of, only
 * if it has gone on from there. */
bool find_may_continue(const struct ledger *ledger, const struct sa_entry *from,
		       const struct sa_entry *to);

/* The SA that MIGRATE made this one of: the message itself names none. Looks at every
 * entry, but only between a MIGRATE and the next dump,
 * and not for more than some hundreds of events. */
uint32_t find_migrated(struct ledger *ledger, const struct sa *to);
