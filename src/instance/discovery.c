/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HBA instances that sysfs shows. Declared in inventory.h. */
#include "instance/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance/attribute.h"
#include "util/text.h"

enum {
	NAME_SIZE = 600, /* of any name before it is made to fit */
};

struct discovery {
	struct instance_set *set;
	const struct iscsi_sysfs *sysfs;
	const struct local_addrs *addrs;
	unsigned *owners;
};

static const char *transport_of(const struct iscsi_host *host)
{
	static const char prefix[] = "iscsi_";
	const size_t skip = sizeof(prefix) - 1;

	return strncmp(host->driver, prefix, skip) ? host->driver : host->driver + skip;
}

#define COPY(to, from) snprintf(to, sizeof(to), "%.*s", (int)sizeof(to) - 1, from)

/* The instance of a discovered name, or -errno. If HBAs are not to be discovered, only
 * an instance that is configured under that name. */
static int find_instance(const struct discovery *discovery, char *name, bool add)
{
	const struct instance_set *set = discovery->set;
	char fit[INSTANCE_NAME_MAX + 1];
	int number;

	instance_name_mask(name, '/'); /* separates the namespace's name */
	instance_name_fit(fit, sizeof(fit), name);
	number = instance_set_found(discovery->set, fit, add && set->discover);
	if (number > 0 && !set->discover && !set->instances[number].n_rules)
		return -ENOENT;
	return number;
}

/* Adapters with a stack of their own. */

/* True if a driver registers several hosts on one PCI function. cxgb3i and cxgb4i do so
 * for the ports of a card (drivers/scsi/cxgbi). */
static bool shares_function(const struct discovery *discovery,
			    const struct iscsi_host *host)
{
	if (!strncmp(host->driver, "cxgb", 4))
		return true;
	for (size_t i = 0; i < discovery->sysfs->n_hosts; i++) {
		const struct iscsi_host *other = &discovery->sysfs->hosts[i];

		if (other != host && !strcmp(other->pci, host->pci) &&
		    !strcmp(other->driver, host->driver))
			return true;
	}
	return false;
}

static int find_hardware(const struct discovery *discovery,
			 const struct iscsi_host *host)
{
	bool more = !host->pci[0] || shares_function(discovery, host);
	char name[NAME_SIZE];

	if (more && host->pci[0] && !host->hwaddress[0])
		return -ENOENT; /* the host is being added or removed */
	snprintf(name, sizeof(name), "%s%s%s%s%s", host->driver,
		 host->pci[0] ? ":" : "", host->pci,
		 more && host->hwaddress[0] ? ":" : "", more ? host->hwaddress : "");
	return find_instance(discovery, name, true);
}

static int update_host(const struct discovery *discovery, const struct iscsi_host *host)
{
	struct instance *instance;
	int number;

	if (!host->driver[0] || iscsi_host_is_software(host))
		return 0;
	number = find_hardware(discovery, host);
	if (number < 0)
		return number == -ENOENT ? 0 : number;
	instance = &discovery->set->instances[number];
	instance->present = true;
	COPY(instance->transport, transport_of(host));
	COPY(instance->netdev, host->netdev);
	if (host->initiator_name[0])
		COPY(instance->initiator_name, host->initiator_name);
	snprintf(instance->found_descr, sizeof(instance->found_descr),
		 "%s adapter%s%s%s%s, TCP/IP and IPsec of its own", host->driver,
		 host->pci[0] ? " at " : "", host->pci, host->hwaddress[0] ? ", " : "",
		 host->hwaddress);
	return 0;
}

/* Interface records. */

static const char *record_of(const struct iscsi_connection *connection)
{
	return connection->iface[0] ? connection->iface : "default";
}

/* True if the initiator that has the plain name has a session on the record now. */
static bool is_in_use(const struct discovery *discovery, const struct instance *plain,
		      const struct iscsi_connection *connection, const char *transport)
{
	for (size_t i = 0; i < discovery->sysfs->n_connections; i++) {
		const struct iscsi_connection *other =
		    &discovery->sysfs->connections[i];
		const struct iscsi_host *host =
		    iscsi_sysfs_host(discovery->sysfs, other->host);

		if (host && !strcmp(transport_of(host), transport) &&
		    !strcmp(other->initiator_name, plain->initiator_name) &&
		    !strcmp(record_of(other), record_of(connection)))
			return true;
	}
	return false;
}

/*
 * The plain name belongs to the first initiator on the record while that has a session,
 * and then to the next initiator. An initiator that has once had a name of its own
 * keeps it. Before iscsid sets the initiator's name, the record's name is not set
 * either.
 */
static int find_record(const struct discovery *discovery,
		       const struct iscsi_connection *connection, const char *transport)
{
	const struct instance *plain;
	char iface[sizeof(connection->iface)];
	char name[NAME_SIZE];
	int number;

	if (!connection->initiator_name[0])
		return -ENOENT;
	COPY(iface, record_of(connection));
	instance_name_mask(iface, ':'); /* separates the initiator's name */
	snprintf(name, sizeof(name), "%s:%s:%s", transport, iface,
		 connection->initiator_name);
	number = find_instance(discovery, name, false);
	if (number >= 0)
		return number;
	name[strlen(transport) + 1 + strlen(iface)] = '\0';
	number = find_instance(discovery, name, true);
	if (number < 0)
		return number;
	plain = &discovery->set->instances[number];
	if (!strcmp(plain->initiator_name, connection->initiator_name) ||
	    !is_in_use(discovery, plain, connection, transport))
		return number;
	name[strlen(name)] = ':';
	return find_instance(discovery, name, true);
}

/* Connections. */

static int find_owner(const struct discovery *discovery,
		      const struct iscsi_connection *connection,
		      const struct iscsi_host *host)
{
	unsigned number = 0;

	if (connection->family)
		number =
		    attribute_connection(discovery->set, discovery->addrs, connection);
	if (number)
		return (int)number;
	if (!host || !host->driver[0])
		return -ENOENT;
	return iscsi_host_is_software(host)
		   ? find_record(discovery, connection, transport_of(host))
		   : find_hardware(discovery, host);
}

static int update_connection(const struct discovery *discovery, size_t i)
{
	const struct iscsi_connection *connection = &discovery->sysfs->connections[i];
	const struct iscsi_host *host =
	    iscsi_sysfs_host(discovery->sysfs, connection->host);
	const struct local_addr *addr = NULL;
	struct instance *instance;
	int number = find_owner(discovery, connection, host);

	if (number <= 0)
		return number == -ENOENT ? 0 : number;
	discovery->owners[i] = (unsigned)number;
	instance = &discovery->set->instances[number];
	instance->present = true;
	instance->software |= host && iscsi_host_is_software(host);
	if (host && host->driver[0])
		COPY(instance->transport, transport_of(host));
	if (host && host->netdev[0])
		COPY(instance->netdev, host->netdev);
	if (connection->initiator_name[0])
		COPY(instance->initiator_name, connection->initiator_name);
	if (connection->has_local && !instance->local_if_index)
		addr = local_addrs_find(discovery->addrs, connection->family,
					&connection->local);
	if (addr)
		instance->local_if_index = addr->if_index;
	if (instance->found[0] && instance->software) {
		snprintf(instance->found_descr, sizeof(instance->found_descr),
			 "open-iscsi interface \"%.232s\"", record_of(connection));
		text_trim(instance->found_descr);
	}
	return 0;
}

static int compare_names(const void *left, const void *right, void *ctx)
{
	const struct iscsi_sysfs *sysfs = ctx;
	size_t a = *(const size_t *)left;
	size_t b = *(const size_t *)right;
	int order = strcmp(sysfs->connections[a].initiator_name,
			   sysfs->connections[b].initiator_name);

	return order ? order : (a > b) - (a < b);
}

/* In the order of initiator names, so that the first of several on a record does not
 * depend on the order of logins. */
static int update_connections(const struct discovery *discovery)
{
	size_t n = discovery->sysfs->n_connections;
	size_t *order = malloc((n ? n : 1) * sizeof(*order));
	int err = order ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < n; i++)
		order[i] = i;
	if (!err && n)
		qsort_r(order, n, sizeof(*order), compare_names,
			(void *)discovery->sysfs);
	for (size_t i = 0; !err && i < n; i++)
		err = update_connection(discovery, order[i]);
	free(order);
	return err;
}

int discovery_update(struct instance_set *set, const struct iscsi_sysfs *sysfs,
		     const struct local_addrs *addrs, unsigned *owners)
{
	const struct discovery discovery = {set, sysfs, addrs, owners};
	int err = 0;

	set->n_refused = 0;
	if (sysfs->n_connections)
		memset(owners, 0, sysfs->n_connections * sizeof(*owners));
	for (size_t i = 0; i < set->n; i++) {
		set->instances[i].present = false;
		set->instances[i].software = false;
		set->instances[i].sessions = 0;
		set->instances[i].local_if_index = 0;
	}
	for (size_t i = 0; !err && i < sysfs->n_hosts; i++)
		err = update_host(&discovery, &sysfs->hosts[i]);
	if (!err)
		err = update_connections(&discovery);
	for (size_t i = 0; !err && i < sysfs->n_connections; i++)
		if (owners[i] && /* a session may have several connections */
		    (i == 0 || sysfs->connections[i - 1].session !=
				   sysfs->connections[i].session))
			set->instances[owners[i]].sessions++;
	return err;
}
