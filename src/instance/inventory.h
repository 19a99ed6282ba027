/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instance/claim.h"
#include "instance/instance.h"
#include "kernel/iscsi_sysfs.h"
#include "kernel/link.h"
#include "kernel/local_addr.h"
#include "kernel/policy.h"

/*
 * The HBA instances of one namespace and what is theirs: configuration, sysfs,
 * addresses and policies brought together. Reads sysfs and nothing else.
 */
struct inventory {
	struct instance_set set;
	struct iscsi_sysfs sysfs; /* as last read */
	unsigned *owners;         /* the instance of each connection in it */
	struct claim_path *paths; /* and the way it takes, as far as that matters */
	struct claims claims;
	uint64_t fingerprint; /* of sysfs, when it was read */
	uint64_t read_at;     /* ns; 0: not yet */
	uint64_t changed_at;  /* ns; when something had come or gone */
	bool flows_changed;   /* since the claims were made */
};

/* With a copy of these instances. Returns 0 or -ENOMEM. */
int inventory_init(struct inventory *inventory, const struct instance_set *instances);
void inventory_free(struct inventory *inventory);

/* Other rules. Returns 0, or -ENOMEM with the old ones in force. */
int inventory_configure(struct inventory *inventory,
			const struct instance_set *instances);

/*
 * Reads sysfs again if something has come or gone there, more and more seldom while a
 * connection is coming up, and after INVENTORY_REREAD_NS: a session may reconnect to
 * another address without a sign. sysfs_root NULL: there is none to look at. Returns 0
 * or -errno.
 */
#define INVENTORY_REREAD_NS UINT64_C(30000000000)
int inventory_refresh(struct inventory *inventory, const char *sysfs_root,
		      const struct local_addrs *addrs, uint64_t now);

/* Looks again at what was last read, after rows have been removed. Returns 0 or
 * -ENOMEM.
 */
int inventory_rediscover(struct inventory *inventory, const struct local_addrs *addrs);

/* Takes an instance away that is not there; its number may be given to another. */
void inventory_remove(struct inventory *inventory, unsigned number);

/* True if policies matter to any connection. */
bool inventory_wants_policies(const struct inventory *inventory);

/*
 * Asks for the route of each connection that makes claims, or forgets all of them if
 * ask is NULL. ask returns the ifIndex, 0 if there is no route.
 */
void inventory_find_paths(struct inventory *inventory, const struct links *links,
			  uint32_t (*ask)(void *ctx,
					  const struct iscsi_connection *connection,
					  const struct iscsi_host *host),
			  void *ctx);

/*
 * Makes the claims from the policies, if connections or (as the caller says) policies
 * have changed. Sets *ret_changed if claims have. Returns 0 or -ENOMEM.
 */
int inventory_claim(struct inventory *inventory, const struct policy *policies,
		    size_t n_policies, bool policies_changed, bool *ret_changed);

/* Why an SA belongs to an instance. */
enum row_reason {
	ROW_UNCLAIMED,     /* no instance claims it: row 0 */
	ROW_BY_RULE,       /* a configured rule matches */
	ROW_BY_POLICY,     /* a policy selects it for a connection */
	ROW_BY_CONNECTION, /* no policy does, but it lies between a connection's ends */
};

/* For people: "a configured rule". */
const char *row_reason_text(enum row_reason reason);

/* The instance that an SA belongs to: configured rules take precedence over claims.
 * ROW_BY_CONNECTION is a guess while a policy may be on its way. */
unsigned inventory_row(const struct inventory *inventory,
		       const struct local_addrs *addrs, const struct policy *policies,
		       size_t n_policies, const struct sa *sa,
		       enum sa_direction direction, enum row_reason *ret_reason);
