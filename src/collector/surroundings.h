/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/faults.h"
#include "instance/inventory.h"
#include "kernel/kernel.h"
#include "kernel/local_addr.h"
#include "kernel/local_route.h"
#include "kernel/policy.h"

/*
 * What one namespace's kernel says beside its SAs: addresses, local routes, policies,
 * and the path of each connection. Knows which of it is stale. What cannot be read
 * stays as it was last read, and is in the faults.
 */
struct surroundings {
	const struct kernel_ops *ops;
	void *kernel;         /* NULL: detached */
	uint64_t detached_at; /* ns */
	struct faults faults;
	struct local_addrs addrs;
	struct local_routes routes;
	struct policy *policies;
	size_t n_policies;
	size_t n_compared;    /* policies, with SAs, since the poll began */
	bool addrs_known;     /* a whole list was read */
	bool addrs_stale;     /* or changed since */
	bool policies_stale;  /* or changed since they were read */
	bool policies_wanted; /* for the direction of an SA */
};

/* around must not move: the routes refer to it. */
void surroundings_init(struct surroundings *around, const struct kernel_ops *ops,
		       void *kernel);
void surroundings_free(struct surroundings *around);

/* No kernel until surroundings_attach(). same: it is the one that was detached, of
 * which the last lists still hold until they are read again. */
void surroundings_detach(struct surroundings *around);
void surroundings_attach(struct surroundings *around, void *kernel, bool same);

/* ns; the clock stands still while there is no kernel. */
uint64_t surroundings_now(const struct surroundings *around);

/* A poll begins, with new budgets for lookups. */
void surroundings_begin(struct surroundings *around);

/* Reads the addresses if they are stale. True if there is a new list. */
bool surroundings_read_addrs(struct surroundings *around);

/* Reads the policies. Returns 0 or -errno, which the faults have too. */
int surroundings_read_policies(struct surroundings *around);

/* Looks up the path of each connection that makes claims, if a policy looks at more
 * than addresses. Likewise. */
int surroundings_find_paths(struct surroundings *around, struct inventory *inventory);

/* True if what tells an SA's direction could not be read. It will be read again. */
bool surroundings_lack_sources(const struct surroundings *around);

/* How many policies may be compared with one more SA: all of them, or 0 once the
 * poll's budget is used up. An SA that has carried packets hardly needs them. */
size_t surroundings_take_policies(struct surroundings *around);
