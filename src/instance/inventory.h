/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instance/claim.h"
#include "instance/instance.h"
#include "kernel/iscsi_sysfs.h"
#include "kernel/interface.h"
#include "kernel/policy.h"

/*
 * The HBA instances of one namespace and the SAs that belong to them, from the
 * configuration, sysfs, addresses and policies. Reads sysfs and nothing else.
 */
struct inventory {
	struct instance_set set;
	struct iscsi_sysfs sysfs; /* as last read */
	unsigned *owners;         /* the instance of each connection in it, 0: none */
	struct link *paths;       /* the interface by which each connection goes */
	struct claims claims;
	uint64_t fingerprint; /* of sysfs, when it was read */
	uint64_t read_at;     /* ns; 0: to be read */
	uint64_t changed_at;  /* ns; when the fingerprint last changed */
	bool flows_changed;   /* or policies, since the claims were made */
};

/* With these instances, as inventory_configure() takes them. Returns 0 or -ENOMEM. */
int inventory_init(struct inventory *inventory, struct instance_set *instances);
void inventory_free(struct inventory *inventory);

/* Applies another configuration, as instance_set_merge() does. Returns 0, or -ENOMEM
 * with the old one in force. */
int inventory_configure(struct inventory *inventory, struct instance_set *instances);

/*
 * Reads sysfs again if hosts or connections have come or gone; while a connection comes
 * up, at growing intervals; and after INVENTORY_REREAD_NS, since a session may
 * reconnect to another address without any sign. sysfs_root NULL: there are no HBAs.
 * Returns 0 or -errno, with what was read before still in use.
 */
#define INVENTORY_REREAD_NS UINT64_C(30000000000)
int inventory_refresh(struct inventory *inventory, const char *sysfs_root,
		      const struct local_addrs *addrs, uint64_t now);

/* Repeats the discovery in what was last read, after rows were removed. Returns 0 or
 * -ENOMEM. */
int inventory_rediscover(struct inventory *inventory, const struct local_addrs *addrs);

/*
 * Discovery (discovery.c): updates the instances from the hosts and connections in
 * sysfs. Adds new ones if set->discover is true, and sets in each whether it is
 * present, its sessions, transport, initiator name and interface.
 *
 * The number of a host does not identify an adapter: the next host gets it. An adapter
 * with a stack of its own is named by driver and PCI function, "qla4xxx:0000:03:00.1";
 * if a driver makes several hosts on one function, also by its hardware address,
 * "cxgb4i:0000:04:00.4:00:07:43:0b:24:50". iscsi_tcp and iser make a host for each
 * session; there an instance is an interface record of open-iscsi, "tcp:default". A
 * second initiator name on one record is a second instance, "tcp:default:iqn...".
 *
 * A connection that matches a rule of a configured instance belongs to that instance.
 * owners has an element for each connection. HBAs for which there is no row are added
 * to the set's refused. Returns 0, or -ENOMEM: then some instances may be missing.
 * Pure.
 */
int discovery_update(struct instance_set *set, const struct iscsi_sysfs *sysfs,
		     const struct local_addrs *addrs, unsigned *owners);

/* Removes an instance that is not present. Its number may be given to another. */
void inventory_remove(struct inventory *inventory, unsigned number);

/* True if policies matter to any connection. */
bool inventory_wants_policies(const struct inventory *inventory);

/* Writes the ifIndex by which a connection goes, 0: there is no route. Returns 0 or
 * -errno. */
typedef int inventory_ask_route(void *ctx, const struct iscsi_connection *connection,
				const struct iscsi_host *host, uint32_t *ret_if_index);

/* Asks for the path of each connection that makes claims; or, if ask is NULL, forgets
 * all paths. Returns 0 or the first error. */
int inventory_find_paths(struct inventory *inventory, const struct links *links,
			 inventory_ask_route *ask, void *ctx);

/* Makes the claims from the policies if flows_changed. Sets *ret_changed if the claims
 * have changed. Returns 0 or -ENOMEM. */
int inventory_claim(struct inventory *inventory, const struct policy *policies,
		    size_t n_policies, bool *ret_changed);

/* Why an SA belongs to an instance. */
enum row_reason {
	ROW_UNCLAIMED,     /* no instance claims it: row 0 */
	ROW_BY_RULE,       /* a configured rule matches */
	ROW_BY_POLICY,     /* a policy selects it for a connection */
	ROW_BY_CONNECTION, /* no policy does, but it lies between a connection's ends */
};

extern const char *const row_reason_texts[]; /* for people */

/* The instance that an SA belongs to: configured rules take precedence over claims.
 * ROW_BY_CONNECTION is a guess while a policy may be on its way. */
unsigned inventory_row(const struct inventory *inventory,
		       const struct local_addrs *addrs, const struct policy *policies,
		       size_t n_policies, const struct sa *sa,
		       enum sa_direction direction, enum row_reason *ret_reason);
