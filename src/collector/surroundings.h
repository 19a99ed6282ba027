/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/faults.h"
#include "instance/inventory.h"
#include "kernel/kernel.h"
#include "kernel/interface.h"
#include "kernel/local_route.h"
#include "kernel/policy.h"

/*
 * What the kernel of one namespace says besides its SAs: addresses, local routes,
 * policies, and the path of each connection. Keeps the last complete lists, and notes
 * in the faults what cannot be read.
 */
struct surroundings {
	const struct kernel_ops *ops;
	void *kernel;         /* NULL: detached */
	uint64_t detached_at; /* ns */
	struct faults *faults;
	struct local_addrs addrs;
	struct local_routes routes;
	struct policy *policies;
	size_t n_policies;
	size_t n_compared;    /* policies with SAs, since the poll began */
	bool addrs_known;     /* have been read completely */
	bool addrs_stale;     /* are to be read again */
	bool policies_stale;  /* have changed since they were read */
	bool policies_wanted; /* for the direction of an SA */
};

/* around must not move, since the routes refer to it. */
void surroundings_init(struct surroundings *around, const struct kernel_ops *ops,
		       void *kernel, struct faults *faults);
void surroundings_free(struct surroundings *around);

/* Detaches the kernel until surroundings_attach(). same: it is the one that was
 * detached, so its last lists are used until they are read again. */
void surroundings_detach(struct surroundings *around);
void surroundings_attach(struct surroundings *around, void *kernel, bool same);

/* ns; stops while there is no kernel. */
uint64_t surroundings_now(const struct surroundings *around);

/* Begins a poll, with new budgets for lookups. */
void surroundings_begin(struct surroundings *around);

/* Reads the addresses if they have changed. Returns true if there is a new list. */
bool surroundings_read_addrs(struct surroundings *around);

/* Reads the policies; or looks up the path of each connection that makes claims, if a
 * policy selects by more than addresses. Return 0 or -errno. */
int surroundings_read_policies(struct surroundings *around);
int surroundings_find_paths(struct surroundings *around, struct inventory *inventory);
