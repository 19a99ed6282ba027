/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "hba.h"
#include "instance/inventory.h"
#include "runner.h"
#include "tree.h"

/* The fixture of the chapters about discovery: a sysfs, and what discovery
 * makes of it. */

#define IQN "iqn.1993-08.org.debian:01:"
#define TARGET "iqn.2003-01.org.example.storage:disk1"
#define PCI "pci0000:00/0000:00:02.0/0000:04:00.0"

/* One of the two ports of an adapter: struct hba_host. */
#define CXGB4I_PORT(n, last, name)               \
	{HBA_CXGB4I,                             \
	 n,                                      \
	 "pci0000:00/0000:00:01.0/0000:04:00.4", \
	 "00:07:43:0b:24:" last,                 \
	 name,                                   \
	 .ipaddress = ""}

enum { MAX_CONNECTIONS = 16 };

extern struct tree tree;
extern struct iscsi_sysfs sysfs;
extern struct instance_set set;
extern struct local_addrs addrs;
extern unsigned owners[MAX_CONNECTIONS]; /* the instance of each connection, or 0 */

/* Addresses 10.0.1.1 and 2001:db8:1::1 on interface 3, 10.0.2.1 on interface 4; an
 * empty sysfs. */
void discovery_setup(void);
void discovery_teardown(void);

/* Reads sysfs and updates the instances, as a poll does. */
void look(void);

const struct instance *get(const char *name);
void there_is_no(const char *name);

/* The name of the instance that has the session's connection, or NULL. */
const char *owner_of(unsigned session);

/* Forgets all instances. */
void forget(void);

/* Forgets everything, as after a reboot. */
void reboot(void);

/* Keeps what the state file keeps: names, discovered names and initiators. */
void restart(void);

/* A session of iscsi_tcp, with the number of its host. */
void tcp(unsigned number, const char *iface, const char *initiator);
void tcp_out(unsigned number);
