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
	uint8_t kind; /* enum local_kind; LOCAL_UNKNOWN: the slot is free */
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

/* The slot of an address, or the free one where it belongs. There are slots. */
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

/* Into a table of so many slots go the answers that are younger than age. False: no
 * memory, nothing has changed. */
static bool rebuild(struct local_routes *routes, size_t n_slots, uint64_t age)
{
	const struct local_routes old = *routes;
	struct local_route *slots = calloc(n_slots, sizeof(*slots));

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

static size_t slots_for(size_t n)
{
	size_t n_slots = MIN_SLOTS;

	while (n_slots < n * 2)
		n_slots *= 2;
	return n_slots;
}

/* Whoever needs an answer has it renewed once it is no longer good. One of twice that
 * age nobody has needed. */
void local_routes_begin(struct local_routes *routes, uint64_t now)
{
	routes->now = now;
	routes->budget = LOCAL_ROUTES_BUDGET;
	routes->starved = false;
	routes->failing = false;
	if (routes->n && now - routes->swept_at >= good_for(routes)) {
		rebuild(routes, slots_for(routes->n), 2 * good_for(routes));
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
	}
	return LOCAL_NO;
}

/* An answer that there is no memory for is given all the same. */
static void keep(struct local_routes *routes, const struct local_route *answer)
{
	struct local_route *slot;

	if (routes->n_slots < slots_for(routes->n + 1) &&
	    !rebuild(routes, slots_for(routes->n + 1), UINT64_MAX))
		return;
	slot = slot_of(routes, answer->family, &answer->addr, answer->mark);
	routes->n += slot->kind == LOCAL_UNKNOWN;
	*slot = *answer;
}

static const struct local_route *known(const struct local_routes *routes,
				       uint16_t family, const struct in6_addr *addr,
				       uint32_t mark)
{
	const struct local_route *slot =
	    routes->n ? slot_of(routes, family, addr, mark) : NULL;

	return slot && slot->kind != LOCAL_UNKNOWN ? slot : NULL;
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

/* Asks the kernel. Returns LOCAL_UNKNOWN if it must not or does not answer. */
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
	answer.kind = (uint8_t)kind_of_type(type);
	keep(routes, &answer);
	return (enum local_kind)answer.kind;
}

enum local_kind local_routes_find(struct local_routes *routes, uint16_t family,
				  const struct in6_addr *addr, uint32_t mark)
{
	const struct local_route *old = known(routes, family, addr, mark);
	enum local_kind before = old ? (enum local_kind)old->kind : LOCAL_UNKNOWN;
	enum local_kind kind = local_kind_of_addr(family, addr);

	if (kind != LOCAL_UNKNOWN)
		return kind;
	if (old && routes->now - old->asked_at < good_for(routes))
		return before;
	kind = look_up(routes, family, addr, mark);
	if (kind != LOCAL_UNKNOWN)
		return kind;
	if (before != LOCAL_UNKNOWN)
		return before;
	routes->starved |= !routes->failing;
	return LOCAL_UNKNOWN;
}
