/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/local_route.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"

enum {
	MIN_SLOTS = 64,
};

struct local_route {
	struct in6_addr addr;
	uint64_t asked_at; /* ns */
	uint32_t mark;
	uint16_t family;
	enum local_kind kind; /* LOCAL_UNKNOWN: the slot is free */
};

void local_routes_init(struct local_routes *routes, local_route_ask ask, void *ctx)
{
	*routes = (struct local_routes){
	    .budget = LOCAL_ROUTES_BUDGET, .ask = ask, .ctx = ctx};
}

void local_routes_free(struct local_routes *routes)
{
	free(routes->slots);
	routes->slots = NULL;
	routes->n = routes->n_slots = 0;
}

/* Returns the slot of an address, or the free one where it belongs. */
static struct local_route *slot_of(const struct local_routes *routes, uint16_t family,
				   const struct in6_addr *addr, uint32_t mark)
{
	uint64_t hash = hash_mix_addr(hash_mix(HASH_START, family), addr);
	size_t at = (size_t)hash_mix(hash, mark);

	for (;; at++) {
		struct local_route *slot = &routes->slots[at & (routes->n_slots - 1)];

		if (slot->kind == LOCAL_UNKNOWN ||
		    (slot->mark == mark && slot->family == family &&
		     IN6_ARE_ADDR_EQUAL(&slot->addr, addr)))
			return slot;
	}
}

static uint64_t good_for(const struct local_routes *routes)
{
	return LOCAL_ROUTES_GOOD_NS * (1 + routes->n / LOCAL_ROUTES_BUDGET);
}

/* Moves the answers that are younger than age to a new table for n answers, half of
 * which stays free. Returns false if there is no memory; then nothing has changed. */
static bool rebuild(struct local_routes *routes, size_t n, uint64_t age)
{
	const struct local_routes old = *routes;
	size_t n_slots = MIN_SLOTS;
	struct local_route *slots;

	while (n_slots < 2 * n)
		n_slots *= 2;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return false;
	routes->slots = slots;
	routes->n_slots = n_slots;
	routes->n = 0;
	for (size_t i = 0; i < old.n_slots; i++) {
		const struct local_route *slot = &old.slots[i];

		if (slot->kind == LOCAL_UNKNOWN || routes->now - slot->asked_at >= age)
			continue;
		*slot_of(routes, slot->family, &slot->addr, slot->mark) = *slot;
		routes->n++;
	}
	free(old.slots);
	return true;
}

/* An answer that is needed is renewed when it is no longer good; so one of twice that
 * age is not needed any more. */
void local_routes_begin(struct local_routes *routes, uint64_t now)
{
	routes->now = now;
	routes->budget = LOCAL_ROUTES_BUDGET;
	routes->starved = false;
	routes->failing = false;
	if (routes->n && now - routes->swept_at >= good_for(routes)) {
		rebuild(routes, routes->n, 2 * good_for(routes));
		routes->swept_at = now;
	}
	if (!routes->n)
		local_routes_free(routes);
}

static enum local_kind kind_of_type(uint8_t type)
{
	switch (type) {
	case RTN_LOCAL:
	case RTN_ANYCAST:
		return LOCAL_OWN;
	case RTN_BROADCAST:
	case RTN_MULTICAST:
		return LOCAL_GROUP;
	default:
		return LOCAL_NO;
	}
}

/* Without memory an answer is not kept. */
static void keep(struct local_routes *routes, const struct local_route *answer)
{
	size_t n = routes->n + 1;
	struct local_route *slot;

	if (routes->n_slots < 2 * n && !rebuild(routes, n, UINT64_MAX))
		return;
	slot = slot_of(routes, answer->family, &answer->addr, answer->mark);
	routes->n += slot->kind == LOCAL_UNKNOWN;
	*slot = *answer;
}

enum local_kind local_kind_of_addr(uint16_t family, const struct in6_addr *addr)
{
	static const struct in6_addr broadcast = {.s6_addr = {0xff, 0xff, 0xff, 0xff}};

	if (IN6_IS_ADDR_UNSPECIFIED(addr))
		return LOCAL_NO;
	if (family == AF_INET ? (addr->s6_addr[0] & 0xf0) == 0xe0 ||
				    IN6_ARE_ADDR_EQUAL(addr, &broadcast)
			      : IN6_IS_ADDR_MULTICAST(addr))
		return LOCAL_GROUP;
	return LOCAL_UNKNOWN;
}

/* Asks the kernel. Returns LOCAL_UNKNOWN if there is no answer now. */
static enum local_kind look_up(struct local_routes *routes, uint16_t family,
			       const struct in6_addr *addr, uint32_t mark)
{
	struct local_route answer = {
	    .addr = *addr, .asked_at = routes->now, .mark = mark, .family = family};
	uint8_t type;

	if (routes->failing || !routes->budget)
		return LOCAL_UNKNOWN;
	routes->budget--;
	if (routes->ask(routes->ctx, family, addr, mark, &type) < 0) {
		routes->failing = true;
		return LOCAL_UNKNOWN;
	}
	answer.kind = kind_of_type(type);
	keep(routes, &answer);
	return answer.kind;
}

enum local_kind local_routes_find(struct local_routes *routes, uint16_t family,
				  const struct in6_addr *addr, uint32_t mark)
{
	enum local_kind kind = local_kind_of_addr(family, addr);
	struct local_route known = {.kind = LOCAL_UNKNOWN};

	if (kind != LOCAL_UNKNOWN)
		return kind;
	if (routes->n)
		known = *slot_of(routes, family, addr, mark);
	if (known.kind != LOCAL_UNKNOWN &&
	    routes->now - known.asked_at < good_for(routes))
		return known.kind;
	kind = look_up(routes, family, addr, mark);
	if (kind == LOCAL_UNKNOWN)
		kind = known.kind;
	if (kind == LOCAL_UNKNOWN)
		routes->starved |= !routes->failing;
	return kind;
}
