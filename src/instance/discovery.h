/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "instance/instance.h"
#include "kernel/iscsi_sysfs.h"
#include "kernel/local_addr.h"

/*
 * From the hosts and connections that sysfs shows to HBA instances. Pure.
 *
 * The kernel's number of a host says nothing: the next host gets it. An adapter with a
 * stack of its own is named by driver and PCI function, "qla4xxx:0000:03:00.1", and
 * where a driver makes several hosts on one function by its hardware address as well,
 * "cxgb4i:0000:04:00.4:00:07:43:0b:24:50". iscsi_tcp and iser make a host for each
 * session; there an instance is an interface record of open-iscsi, "tcp:default". A
 * second initiator name on one record is a second instance, "tcp:default:iqn…".
 */

/*
 * Brings the instances up to date: adds new ones (unless find is false), and tells of
 * each whether it is there, its sessions, transport, initiator name and interface.
 * Configured instances come first: a connection that matches the rules of one is its
 * own. owners, of sysfs->n_connections, gets each connection's instance, 0: none.
 * HBAs for which there is no room are the set's refused.
 * Returns 0, or -ENOMEM: then some may be missing.
 */
int discovery_update(struct instance_set *set, const struct iscsi_sysfs *sysfs,
		     const struct local_addrs *addrs, bool find, unsigned *owners);
