/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "instance/instance.h"
#include "kernel/iscsi_sysfs.h"
#include "kernel/interface.h"

/*
 * Finds the HBA instances among the hosts and connections that sysfs shows. Pure.
 *
 * The number of a host does not identify an adapter: the next host gets it. An adapter
 * with a stack of its own is named by driver and PCI function, "qla4xxx:0000:03:00.1";
 * if a driver makes several hosts on one function, also by its hardware address,
 * "cxgb4i:0000:04:00.4:00:07:43:0b:24:50". iscsi_tcp and iser make a host for each
 * session; there an instance is an interface record of open-iscsi, "tcp:default". A
 * second initiator name on one record is a second instance, "tcp:default:iqn...".
 */

/*
 * Updates the instances: adds new ones if find is true, and sets in each whether it is
 * present, its sessions, transport, initiator name and interface. A connection that
 * matches a rule of a configured instance belongs to that instance. owners has an
 * element for each connection in sysfs, and gets its instance, 0: none. HBAs for which
 * there is no row are added to the set's refused. Returns 0, or -ENOMEM: then some
 * instances may be missing.
 */
int discovery_update(struct instance_set *set, const struct iscsi_sysfs *sysfs,
		     const struct local_addrs *addrs, bool find, unsigned *owners);
