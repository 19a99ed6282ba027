/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

/*
 * The iSCSI hosts and connections of the running kernel, from /sys/class/iscsi_*
 * (drivers/scsi/scsi_transport_iscsi.c). What a driver lacks, and what reads "(null)",
 * is empty. Text is clean (text.h), but for the name of a network interface, by which
 * the kernel is asked.
 */

struct iscsi_host {
	unsigned number;    /* of hostN; another host gets it once this one is gone */
	char driver[33];    /* as its module calls itself: iscsi_tcp, qla4xxx, ... */
	char pci[16];       /* "0000:03:00.1", the PCI function it sits on; "": none */
	char hwaddress[33]; /* "00:0e:1e:04:8b:2e" */
	char netdev[16];    /* the network interface it shares or is bound to */
	char initiator_name[224];
	uint16_t family; /* of its own address; 0: has none now */
	struct in6_addr addr;
};

struct iscsi_connection {
	unsigned session; /* of sessionN, never used twice while the kernel runs */
	unsigned number;  /* within the session */
	unsigned host;    /* of hostN */
	uint16_t family;  /* of both addresses; 0: remote is not known */
	bool has_local;   /* local is known */
	bool connected; /* remote is where it is connected to, not where it should be */
	bool logged_in; /* its session is */
	struct in6_addr local;
	struct in6_addr remote;
	uint16_t local_port; /* 0: not known */
	uint16_t remote_port;
	/* open-iscsi's interface record, of at most 64 bytes before it was cleaned; ""
	 * for most hardware */
	char iface[64 * TEXT_GROWTH + 1];
	char initiator_name[224]; /* "" while iscsid logs in, and of qla4xxx */
};

struct iscsi_sysfs {
	struct iscsi_host *hosts; /* in the order of their numbers */
	size_t n_hosts;
	struct iscsi_connection *connections; /* in the order of their sessions */
	size_t n_connections;
};

/*
 * Reads all of it under sysfs_root ("/sys"). What goes away while it is read is left
 * out. Returns 0 (also where the kernel has no iSCSI) or -errno; then *ret is
 * untouched. The caller frees with iscsi_sysfs_free().
 */
int iscsi_sysfs_read(const char *sysfs_root, struct iscsi_sysfs *ret);
void iscsi_sysfs_free(struct iscsi_sysfs *sysfs);

/*
 * A number that changes when hosts or connections come or go: at the cost of listing
 * two directories. Addresses may change without that, when a session reconnects.
 */
uint64_t iscsi_sysfs_fingerprint(const char *sysfs_root);

/*
 * While a session recovers its connection has no addresses (ENOTCONN) but the one that
 * the login began with. Copies those that an earlier reading had of the same
 * connection.
 */
void iscsi_sysfs_recall(struct iscsi_sysfs *sysfs, const struct iscsi_sysfs *earlier);

/* True if another reading soon may tell more: a host or a connection comes or goes. */
bool iscsi_sysfs_unsettled(const struct iscsi_sysfs *sysfs);

const struct iscsi_host *iscsi_sysfs_host(const struct iscsi_sysfs *sysfs,
					  unsigned number);

/* True if the kernel's own TCP/IP carries this host's sessions, so that XFRM sees them:
 * iscsi_tcp and iscsi_iser. Other drivers' adapters have a stack of their own. */
bool iscsi_host_is_software(const struct iscsi_host *host);
