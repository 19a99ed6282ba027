/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "ledger/ledger.h"
#include "messages.h"
#include "runner.h"

/*
 * One ledger with four rows, its clock, and the SAs and messages that the chapters of
 * check_ledger feed to it.
 */

enum {
	ROWS = 4,
	T0 = 1700000000, /* add_time of every SA below, in seconds */
};

extern struct ledger *ledger;
extern const struct ledger_env ledger_world; /* given to ledger_new() */
extern bool blind;     /* no local addresses are known: only hints show a direction */
extern bool ownerless; /* no instance exists yet: every SA belongs to row 0 */
extern uint64_t now;   /* ns */

/* begin() advances the clock by so many ns. At first it is LEDGER_MOVE_NS, so that a
 * poll completes every deletion before it. */
extern uint64_t poll_interval;

void ledger_setup(void);
void ledger_teardown(void);

/* Both: a new ledger in the middle of a test. */
void ledger_again(void);

/* SAs. 10.0.0.0/16 and 2001:db8::/48 are local. A reqid of 100 to 199 belongs to row 1,
 * 200 to 299 to row 2, 300 to 399 to row 3, any other to row 0. */

struct sa out_sa(uint32_t spi);      /* 10.0.0.1 to 192.0.2.1, reqid 1 */
struct sa younger_out(uint32_t spi); /* the same, a minute younger */
struct sa in_sa(uint32_t spi);       /* the way back */
struct sa larval(struct sa sa);      /* made by ALLOCSPI, without a key */
struct sa acquire(uint32_t seq);     /* made by ACQUIRE, without an SPI */
struct sa with_traffic(struct sa sa, uint64_t bytes, uint64_t packets);
struct sa moved(struct sa sa, const char *saddr, const char *daddr);

/* After XFRM_MSG_NEWAE, which sets curlft, add_time included. */
struct sa published(struct sa sa, uint64_t add_time, uint64_t bytes);

/* Times that a publication may set. */
enum { MADE_UP = 5 };
extern const uint64_t made_up[MADE_UP];

/* Where out_sa() may move to: saddr and daddr. */
enum { ROADS = 4 };
extern const char *const roads[ROADS][2];

/* Messages. */

void event(enum sa_event_type type, struct sa sa);
void event_without_sa(enum sa_event_type type);
void flush_of(uint8_t proto);

/* As sa_event_parse() gives it: an EXPIRE names no algorithms. */
void hard_expire(struct sa sa);

/* A move: DELSA, then NEWSA between the other ends. Returns the SA there. */
struct sa move(struct sa sa, const char *saddr, const char *daddr);

/* A dump step by step. */
void begin(void);
void show(struct sa sa);
void cut_short(void);
void finish(void);

/* A complete dump that shows these SAs. */
void poll_of(const struct sa *sas, size_t n);
#define POLL(...)                                 \
	poll_of((const struct sa[]){__VA_ARGS__}, \
		sizeof((const struct sa[]){__VA_ARGS__}) / sizeof(struct sa))
#define POLL_NONE() poll_of(NULL, 0)

/* What the ledger says now. */

const struct totals *totals(unsigned row);
void counts_are(uint32_t keyed, uint32_t larvals, uint32_t other);
void losses_are(uint64_t losses); /* of row 0 */

/* A column of row 0. */
#define IS(member, value) ck_assert_uint_eq(totals(0)->stats.member, (uint64_t)(value))

/* The columns ActiveSA, KeyAdditions and KeyDeletions of row 0. */
void life_is(uint64_t active, uint64_t additions, uint64_t deletions);
