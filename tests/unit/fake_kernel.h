/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/kernel.h"
#include "messages.h"

/*
 * A kernel for tests: struct kernel_ops over lists of messages, with a clock that the
 * test advances, and errors on demand.
 */

struct message_list {
	struct nlmsghdr **messages;
	size_t n;
};

/* A route to a prefix, for traffic with this mark. */
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
	/* the answer to each enum kernel_dump */
	struct message_list dumps[4];
	struct message_list events; /* those that wait; reading removes them */
	bool addrs_changed;         /* reported once */
	uint64_t n_foreign;         /* messages that the kernel did not send */
	uint32_t route;             /* the interface of every route; 0: no route */
	struct fake_route local_routes[FAKE_ROUTES]; /* the last that matches is used */
	size_t n_local_routes;
	unsigned n_lookups; /* calls of route_type() */
	int route_type_error;
	const char *xfrm_stat; /* the text of the file */
	const char *interface; /* the only one; NULL: none */
	uint32_t if_index;     /* its index */

	/* The error of each kind of dump, and after how many messages; 0: no error. */
	int dump_error[4];
	size_t dump_error_after[4];
	int xfrm_stat_error;
	/* The most events that one call of read_events() returns; 0: no limit. */
	size_t events_a_read;
	/* So many calls of read_events() fail, and read nothing. */
	int events_error;
	unsigned n_events_errors;

	/* Called once during the next SAD dump, after so many messages. */
	void (*during)(struct fake_kernel *kernel);
	size_t during_after;
	uint64_t dump_takes; /* ns by which each SAD dump advances the clock */

	/* The calls so far, a letter each: A(ddresses), P(olicies), S(AD), E(vents),
	 * X(frm_stat), L(inks), R(oute), T(ype of a route). */
	char asked[256];
};

extern const struct kernel_ops fake_kernel_ops;

/* Appends the message, which now belongs to the list. */
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

/* Frees the contents, not the struct. */
void fake_kernel_free(struct fake_kernel *kernel);
