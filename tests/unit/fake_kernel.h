/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/kernel.h"
#include "messages.h"

/*
 * A kernel that says what it was told to: struct kernel_ops over lists of messages,
 * with a clock that stands still unless it is moved, and errors on demand.
 */

struct message_list {
	struct nlmsghdr **messages;
	size_t n;
};

/* A route to a prefix, of traffic with that mark. */
struct fake_route {
	struct in6_addr addr;
	uint16_t family;
	uint8_t len;
	uint8_t type; /* RTN_* */
	uint32_t mark;
};

enum {
	FAKE_ROUTES = 8,
};

struct fake_kernel {
	uint64_t now; /* ns */
	/* what each kind of dump answers, by enum kernel_dump */
	struct message_list dumps[4];
	struct message_list events; /* those that wait; reading takes them away */
	bool addrs_changed;         /* told once */
	uint64_t n_foreign;         /* messages that another has sent */
	uint32_t route;             /* the interface of every route, 0: there is none */
	struct fake_route local_routes[FAKE_ROUTES]; /* the last that fits is taken */
	size_t n_local_routes;
	unsigned n_lookups; /* calls of route_type() */
	int route_type_error;
	const char *xfrm_stat; /* the file's text */
	const char *interface; /* the one there is, NULL: none */
	uint32_t if_index;     /* its number */

	/* A dump that answers so many messages and then fails; 0: it does not fail. */
	int dump_error[4];
	size_t dump_error_after[4];
	int xfrm_stat_error;
	/* How many events a call of read_events() brings at most, 0: all. */
	size_t events_a_read;
	/* The next so many calls of read_events() fail and bring nothing. */
	int events_error;
	unsigned n_events_errors;

	/* Called once in the next SAD dump, after so many of its messages. */
	void (*during)(struct fake_kernel *kernel);
	size_t during_after;
	uint64_t dump_takes; /* ns that each SAD dump moves the clock by */

	/* What was asked, a letter for each call: A(ddresses), P(olicies), S(AD),
	 * E(vents), X(frm_stat), L(inks), R(oute), T(ype of a route). */
	char asked[256];
};

extern const struct kernel_ops fake_kernel_ops;

/* Appends; the message now belongs to the list. */
void fake_kernel_add(struct message_list *list, struct nlmsghdr *nlh);
void fake_kernel_clear(struct message_list *list);

/* Appends an event, or an SA of the SAD, and so on. */
void fake_kernel_event(struct fake_kernel *kernel, struct nlmsghdr *nlh);
void fake_kernel_sa(struct fake_kernel *kernel, const struct sa_values *sa);
void fake_kernel_policy(struct fake_kernel *kernel, const struct policy_values *policy);
void fake_kernel_addr(struct fake_kernel *kernel, const char *addr, uint32_t if_index);

/* A route of a type (RTN_*), for traffic without a mark. */
void fake_kernel_route(struct fake_kernel *kernel, const char *addr, uint8_t len,
		       uint8_t type);

/* An XFRM interface. */
void fake_kernel_link(struct fake_kernel *kernel, uint32_t if_index, uint32_t if_id);

/* Frees what it holds, not the struct. */
void fake_kernel_free(struct fake_kernel *kernel);
