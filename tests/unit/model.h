/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "ledger/ledger.h"
#include "util/clock.h"

/*
 * A small model of the kernel's XFRM, and of what the ledger can know of it.
 *
 * The model knows each SA as itself, not by its key, and keeps its own count of every
 * column. The ledger gets the messages that the kernel would send. After each poll in
 * which nothing happens the two must agree; in between, the invariants are checked.
 *
 *	model_sa.c      SAs, their messages, and what they count
 *	model_steps.c   what can happen to them
 *	model_doubts.c  what may not happen, because no reader of messages could tell it
 *	model_polls.c   polls and restarts
 *	model_kinds.c   the list of the steps
 *	model_checks.c  the comparison, and what holds at every moment
 */

enum {
	ROWS = 3,
	MAX_LIVE = 400,
	MAX_QUEUE = 8192,
	MAX_FORMER = 512,
	REQIDS = 6,
	SPIS = 48,
	PEERS = 3,
	ACCOUNTS = PEERS + 1, /* of a row: its peers and `other` */
	FEW_PEERS = 3,        /* of all rows, at first: so few that most are folded */
};

/* How the ledger is configured. */
enum model_peers {
	NO_PEERS,  /* one account for each row */
	ALL_PEERS, /* room for all: every account is compared */
	FOLDED,    /* room for few, and the configuration changes: rows are compared */
};

/*
 * What the messages leave open about an SA. The model only uses it to leave out steps
 * with an outcome that no reader could know (model_doubts.c), and to leave out samples
 * that count for nothing.
 */
struct sa_doubts {
	/* By the dump in progress: */
	bool sampled; /* it has sampled the SA */
	bool changed; /* it shows what another SA of the key could show */
	bool vague;   /* if the SA ended now, its final counters would not be clear */
	/* until events are read, a sample may be of a flushed SA with its key, unless
	 * it is less than twin_had, which that SA had */
	bool twin;
	struct sa_sample twin_had;
	/* By any dump: */
	bool shown;    /* at least once */
	bool polled;   /* at least once, by a complete one */
	bool moved;    /* since the last complete dump that showed it */
	bool migrated; /* likewise, by MIGRATE, which names no SA */
};

struct model_sa {
	struct sa sa;       /* as the kernel would show it now */
	struct sa last;     /* its last sample */
	struct sa previous; /* the last sample before the dump in progress */
	uint64_t born;      /* s; by the wall clock, whatever its add_time is */
	uint64_t second;    /* the same by a clock that nobody sets */
	uint64_t order;     /* in which SAs were added or moved */
	unsigned row;
	unsigned account; /* that its peer gave it when its address was last known */
	bool in_walk;     /* the dump in progress has yet to show it */
	struct sa_doubts doubts;
};

/* An SA that has ended or moved: it remains for as long as a later SA could be taken
 * for it. */
enum trace {
	TRACE_NONE = -1, /* a larval SA that another replaces */
	TRACE_UNTIL_TICK = 0,
	TRACE_UNTIL_POLL = 1,
	TRACE_OF_FLUSH = 2, /* complete polls: the first may have begun before */
};

struct former_sa {
	struct model_sa was;
	unsigned polls_left; /* 0: until the second ends */
	bool pending;        /* the message of its end is not read yet */
	bool flushed;
};

/* What the messages leave open about all SAs, in the sense of struct sa_doubts. */
struct model_doubts {
	bool unsettled;   /* events were lost since the last comparison */
	bool order_lost;  /* of siblings of one second, for good: ReKeys is not known */
	bool half_polled; /* a dump was cut short since the last complete one */
	bool clone_shown; /* by the dump in progress: an SA that MIGRATE moved */
	bool twins;       /* the dump in progress has shown one of two SAs of a key */
	int flush_polls;  /* complete polls until a flush has no effect any more */
};

struct model {
	struct ledger *ledger;
	uint64_t now;    /* the wall clock, in s */
	uint64_t second; /* a clock that nobody sets */
	uint64_t clock;  /* the ledger's, in ns */
	uint64_t clock_sets;
	uint64_t order;
	struct model_sa live[MAX_LIVE];
	size_t n_live;
	struct former_sa former[MAX_FORMER];
	size_t n_former;
	struct sa_event queue[MAX_QUEUE];
	size_t n_queue;
	unsigned row_of_reqid[REQIDS];
	enum model_peers peers;
	uint32_t max_peers;
	struct totals truth[ROWS][ACCOUNTS];
	struct totals last[ROWS]; /* the ledger's, when last checked */
	struct account last_accounts[ROWS][ACCOUNTS];
	bool dumping, walking;
	bool polled; /* completely, at least once */
	struct model_doubts doubts;
	char failure[300];
};

/* One step of a history: a chooses the SA, b and c what happens to it. */
struct step {
	unsigned kind;
	uint32_t a, b, c;
};

/* The kinds of steps, by their number in a step, and how often each is to happen. */
struct model_kind {
	const char *name;
	unsigned weight;
	void (*take)(struct model *model, const struct step *step);
};
extern const struct model_kind model_kinds[];
extern const unsigned model_n_kinds;

/* Takes a step, and checks what holds at every moment. */
void model_run_step(struct model *model, const struct step *step);

/* SAs (model_sa.c). */

extern struct in6_addr local_addr[PEERS], peer_addr[PEERS]; /* IPv4, IPv4, IPv6 */

void model_begin(struct model *model, enum model_peers peers);
void open_ledger(struct model *model);

/* Keeps the first difference between model and ledger. */
__attribute__((format(printf, 2, 3))) void differ(struct model *model,
						  const char *format, ...);

enum sa_direction direction_of(const struct sa *sa);
unsigned row_now(const struct model *model, const struct sa *sa);
bool is_keyed(const struct model_sa *it);
bool is_larval(const struct model_sa *it);

/* The account that the SA counts in. */
struct totals *truth_of(struct model *model, const struct model_sa *it);

/* True if the later sample has fewer bytes or packets. */
bool recedes(const struct sa *from, const struct sa *to);
bool same_addrs(const struct sa *a, const struct sa *b);
bool same_key(const struct sa *a, const struct sa *b);

/* True if both have what an SA keeps when it moves. */
bool is_like(const struct sa *a, const struct sa *b);
bool has_younger_sibling(const struct model *model, const struct model_sa *it);

/* Counts a sample of the SA's present counters; takes back that of the dump in
 * progress, if it has sampled the SA. */
void sample(struct model *model, struct model_sa *it);
void take_back(struct model *model, const struct model_sa *it);

void count_addition(struct model *model, const struct model_sa *it);
void count_deletion(struct model *model, const struct model_sa *it, bool rekeyed);

/* The messages have shown where the SA is now. Its addition moves to another peer with
 * it. */
void show_peer(struct model *model, struct model_sa *it);

void send_event(struct model *model, enum sa_event_type type, const struct sa *sa);
void send_expire(struct model *model, struct sa sa, bool hard);

struct model_sa *insert_sa(struct model *model, const struct sa *sa);
void remove_sa(struct model *model, struct model_sa *it, enum trace trace);

/* polled: after a complete poll; else at the end of a second. */
void forget_former(struct model *model, bool polled);

void wait_ms(struct model *model, uint64_t ms);
void tick(struct model *model);

/* Sets the wall clock forward or back, to a time that it has not had. */
void set_wall_clock(struct model *model);

/* The SA of that number that fits, or the next one; NULL if none does. */
struct model_sa *choose(struct model *model, uint32_t number,
			bool (*fits)(const struct model_sa *it));

/* What is left out, and why: model_doubts.c. */

bool may_exist(const struct model *model, const struct sa *sa);
void note_twins(struct model *model, struct model_sa *it);
bool looks_new(const struct model_sa *it);
bool may_publish(const struct model *model, const struct model_sa *it);
bool may_end(const struct model *model, const struct model_sa *it);
bool may_move(const struct model *model, const struct model_sa *it,
	      const struct sa *to);
bool may_come_late(const struct model *model, const struct model_sa *it);
bool may_migrate(const struct model *model, const struct model_sa *it);
bool may_flush(const struct model *model);
bool may_lose(const struct model *model);
bool may_update(const struct model *model, const struct model_sa *it);

/* An SA that has moved joins others, or a new one joins where MIGRATE has moved others:
 * add_time alone shows which are older. */
void note_place(struct model *model, const struct model_sa *it);
void note_losses(struct model *model);

/* Steps (model_steps.c, model_polls.c). */

void do_traffic(struct model *model, const struct step *step);
void do_integrity(struct model *model, const struct step *step);
void do_replay(struct model *model, const struct step *step);
void do_publish(struct model *model, const struct step *step);
void do_tick(struct model *model, const struct step *step);
void do_acquire(struct model *model, const struct step *step);
void do_allocspi(struct model *model, const struct step *step);
void do_key_larval(struct model *model, const struct step *step);
void do_add(struct model *model, const struct step *step);
void do_add_other(struct model *model, const struct step *step);
void do_rekey(struct model *model, const struct step *step);
void do_delete(struct model *model, const struct step *step);
void do_expire(struct model *model, const struct step *step);
void do_expire_soft(struct model *model, const struct step *step);
void do_update(struct model *model, const struct step *step);
void do_mobike(struct model *model, const struct step *step);
void do_migrate(struct model *model, const struct step *step);
void do_flush(struct model *model, const struct step *step);
void do_again(struct model *model, const struct step *step);
void do_lose(struct model *model, const struct step *step);
void do_poll_begin(struct model *model, const struct step *step);
void do_poll_step(struct model *model, const struct step *step);
void do_poll_end(struct model *model, const struct step *step);
void do_poll_abort(struct model *model, const struct step *step);
void do_poll(struct model *model, const struct step *step);
void do_reattribute(struct model *model, const struct step *step);
void do_configure(struct model *model, const struct step *step);
void do_restart(struct model *model, const struct step *step);

/* XFRM_MSG_NEWAE sets the counters of the SA. With sure, the SA may look new
 * afterwards. */
void publish(struct model_sa *it, const struct step *step, bool sure);

void poll_begin(struct model *model);
void poll_end(struct model *model);

/* Polls while nothing happens, and compares. */
void poll_quietly(struct model *model);
void read_events(struct model *model);

/* Checks (model_checks.c). */

/* What holds at every moment. */
void check_always(struct model *model);

/* After a poll in which nothing happened: the numbers that the model knows. */
void compare(struct model *model);

/* After lost events, bytes and packets may be missing, but nothing counts twice. */
void check_not_above(struct model *model);

/* Takes over what the ledger has: from here on the two must agree again. */
void accept_losses(struct model *model);
