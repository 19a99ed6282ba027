/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "instance/attribute.h"

int inventory_init(struct inventory *inventory, struct instance_set *instances)
{
	int err;

	*inventory = (struct inventory){.read_at = 0};
	err = instance_set_init(&inventory->set);
	return err ? err : inventory_configure(inventory, instances);
}

void inventory_free(struct inventory *inventory)
{
	instance_set_free(&inventory->set);
	iscsi_sysfs_free(&inventory->sysfs);
	claims_free(&inventory->claims);
	free(inventory->owners);
	free(inventory->paths);
}

int inventory_configure(struct inventory *inventory, struct instance_set *instances)
{
	int err = instance_set_merge(&inventory->set, instances);

	if (!err)
		inventory->read_at = 0;
	return err;
}

static int take_sysfs(struct inventory *inventory, struct iscsi_sysfs *fresh)
{
	unsigned *owners = calloc(fresh->n_connections + 1, sizeof(*owners));
	struct link *paths = calloc(fresh->n_connections + 1, sizeof(*paths));

	if (!owners || !paths) {
		free(owners);
		free(paths);
		iscsi_sysfs_free(fresh);
		return -ENOMEM;
	}
	iscsi_sysfs_recall(fresh, &inventory->sysfs);
	iscsi_sysfs_free(&inventory->sysfs);
	free(inventory->owners);
	free(inventory->paths);
	inventory->sysfs = *fresh;
	inventory->owners = owners;
	inventory->paths = paths;
	return 0;
}

/* How long to wait for the next reading. A login takes seconds, but a recovery may take
 * hours. So the wait grows while nothing changes. */
static uint64_t reread_interval(const struct inventory *inventory, uint64_t now)
{
	uint64_t wait = (now - inventory->changed_at) / 4;

	return iscsi_sysfs_unsettled(&inventory->sysfs) && wait < INVENTORY_REREAD_NS
		   ? wait
		   : INVENTORY_REREAD_NS;
}

int inventory_rediscover(struct inventory *inventory, const struct local_addrs *addrs)
{
	inventory->flows_changed = true;
	return discovery_update(&inventory->set, &inventory->sysfs, addrs,
				inventory->owners);
}

void inventory_remove(struct inventory *inventory, unsigned number)
{
	claims_forget(&inventory->claims, number);
	inventory->flows_changed = true;
	instance_set_remove(&inventory->set, number);
}

int inventory_refresh(struct inventory *inventory, const char *sysfs_root,
		      const struct local_addrs *addrs, uint64_t now)
{
	struct iscsi_sysfs fresh;
	uint64_t fingerprint;
	int err;

	if (!sysfs_root)
		return 0;
	fingerprint = iscsi_sysfs_fingerprint(sysfs_root);
	if (inventory->read_at && fingerprint == inventory->fingerprint &&
	    now - inventory->read_at < reread_interval(inventory, now))
		return 0;
	err = iscsi_sysfs_read(sysfs_root, &fresh);
	if (!err)
		err = take_sysfs(inventory, &fresh);
	if (!err)
		err = inventory_rediscover(inventory, addrs);
	if (err)
		return err;
	if (!inventory->changed_at || fingerprint != inventory->fingerprint)
		inventory->changed_at = now;
	inventory->fingerprint = fingerprint;
	inventory->read_at = now;
	return 0;
}

/* XFRM sees only the connections of the kernel's own TCP/IP. *ret_host: of such a
 * connection. */
static bool makes_claims(const struct inventory *inventory, size_t i,
			 const struct iscsi_host **ret_host)
{
	const struct iscsi_connection *connection = &inventory->sysfs.connections[i];

	*ret_host = iscsi_sysfs_host(&inventory->sysfs, connection->host);
	return inventory->owners[i] && connection->family && *ret_host &&
	       iscsi_host_is_software(*ret_host);
}

bool inventory_wants_policies(const struct inventory *inventory)
{
	const struct iscsi_host *host;

	for (size_t i = 0; i < inventory->sysfs.n_connections; i++)
		if (makes_claims(inventory, i, &host))
			return true;
	return false;
}

int inventory_find_paths(struct inventory *inventory, const struct links *links,
			 inventory_ask_route *ask, void *ctx)
{
	int err = 0;

	for (size_t i = 0; i < inventory->sysfs.n_connections && !err; i++) {
		struct link *path = &inventory->paths[i];
		const struct iscsi_host *host;
		const struct link *link;

		*path = (struct link){0};
		if (!ask || !makes_claims(inventory, i, &host))
			continue;
		err = ask(ctx, &inventory->sysfs.connections[i], host, &path->if_index);
		link = links_find(links, path->if_index);
		if (link)
			*path = *link;
	}
	return err;
}

/* Those of configured instances come first, then the first by name. */
static int compare_flows(const void *left, const void *right, void *ctx)
{
	const struct instance *instances = ctx;
	const struct instance *a = &instances[((const struct claim_flow *)left)->owner];
	const struct instance *b =
	    &instances[((const struct claim_flow *)right)->owner];

	if (!a->n_rules != !b->n_rules)
		return a->n_rules ? -1 : 1;
	return strcmp(a->name, b->name);
}

static size_t make_flows(const struct inventory *inventory, struct claim_flow *flows)
{
	size_t n = 0;

	for (size_t i = 0; i < inventory->sysfs.n_connections; i++) {
		const struct iscsi_connection *connection =
		    &inventory->sysfs.connections[i];
		const struct iscsi_host *host;

		if (!makes_claims(inventory, i, &host))
			continue;
		flows[n++] = (struct claim_flow){
		    .owner = inventory->owners[i],
		    .family = connection->family,
		    .local = connection->local,
		    .remote = connection->remote,
		    .local_port = connection->local_port,
		    .remote_port = connection->remote_port,
		    .path = inventory->paths[i],
		};
	}
	qsort_r(flows, n, sizeof(*flows), compare_flows, inventory->set.instances);
	return n;
}

static int make_claims(const struct inventory *inventory, const struct policy *policies,
		       size_t n_policies, struct claims *ret)
{
	size_t most = inventory->sysfs.n_connections + 1;
	struct claim_flow *flows = calloc(most, sizeof(*flows));
	int err = -ENOMEM;

	if (flows)
		err = claims_make(flows, make_flows(inventory, flows), policies,
				  n_policies, ret);
	free(flows);
	return err;
}

int inventory_claim(struct inventory *inventory, const struct policy *policies,
		    size_t n_policies, bool *ret_changed)
{
	struct claims fresh;
	int err;

	if (!inventory->flows_changed)
		return 0;
	err = make_claims(inventory, policies, n_policies, &fresh);
	if (err)
		return err;
	if (!claims_equal(&fresh, &inventory->claims))
		*ret_changed = true;
	claims_free(&inventory->claims);
	inventory->claims = fresh;
	inventory->flows_changed = false;
	return 0;
}

unsigned inventory_row(const struct inventory *inventory,
		       const struct local_addrs *addrs, const struct policy *policies,
		       size_t n_policies, const struct sa *sa,
		       enum sa_direction direction, enum row_reason *ret_reason)
{
	unsigned row = attribute_instance(&inventory->set, addrs, sa, direction);
	bool guess;

	*ret_reason = ROW_BY_RULE;
	if (row)
		return row;
	row = claims_find(&inventory->claims, policies, n_policies, sa, direction,
			  &guess);
	*ret_reason = !row ? ROW_UNCLAIMED : guess ? ROW_BY_CONNECTION : ROW_BY_POLICY;
	return row;
}

const char *const row_reason_texts[] = {
    [ROW_UNCLAIMED] = "no rule and no connection claims it",
    [ROW_BY_RULE] = "a configured rule matches",
    [ROW_BY_POLICY] = "a policy selects it for a connection",
    [ROW_BY_CONNECTION] =
	"it lies between a connection's ends, and no policy selects it",
};
