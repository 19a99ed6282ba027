/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The addresses that are local without being on an interface: by a route of type local
 * ("ip route add local ...", AnyIP) or anycast, or as an address of a group. The
 * kernel's answers are kept, so an address is not looked up at every poll.
 */

enum local_kind {
	LOCAL_UNKNOWN, /* no answer yet: ask again at the next poll */
	LOCAL_NO,
	LOCAL_OWN,   /* the host's own */
	LOCAL_GROUP, /* multicast or broadcast: the host's and others' */
};

enum {
	/* Lookups from one poll to the next. One takes 5 to 20 us, so all of them take
	 * no longer than a dump of 100,000 SAs. */
	LOCAL_ROUTES_BUDGET = 1024,
};

/* How long an answer is used, in ns; longer if there are more addresses than one
 * budget. The events of changed routes are not read: those of a router would flood the
 * daemon. */
#define LOCAL_ROUTES_GOOD_NS UINT64_C(5000000000)

/* Gives the type (RTN_*) of the route to an address; returns 0 or -errno. */
typedef int (*local_route_ask)(void *ctx, uint16_t family, const struct in6_addr *addr,
			       uint32_t mark, uint8_t *ret_type);

struct local_routes {
	struct local_route *slots; /* a hash table, never full */
	size_t n;
	size_t n_slots; /* 0, or a power of two */
	uint64_t now;   /* ns, at the last local_routes_begin() */
	uint64_t swept_at;
	unsigned budget;
	bool starved; /* the budget was too small for an address */
	bool failing; /* a lookup has failed: no other before the next poll */
	local_route_ask ask;
	void *ctx;
};

void local_routes_init(struct local_routes *routes, local_route_ask ask, void *ctx);
void local_routes_free(struct local_routes *routes);

/* Begins a poll: sets the budget, and drops answers that are not needed any more. */
void local_routes_begin(struct local_routes *routes, uint64_t now);

/* Returns what the address is to the kernel, for traffic with that mark. After a failed
 * lookup that is LOCAL_UNKNOWN until the next poll, so nothing is decided by it. */
enum local_kind local_routes_find(struct local_routes *routes, uint16_t family,
				  const struct in6_addr *addr, uint32_t mark);

/* Returns what the address alone shows: LOCAL_GROUP for a multicast group or the
 * limited broadcast address, LOCAL_NO for the unspecified address, else LOCAL_UNKNOWN.
 */
enum local_kind local_kind_of_addr(uint16_t family, const struct in6_addr *addr);
