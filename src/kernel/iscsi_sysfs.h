/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

/*
 * The iSCSI hosts and connections of the running kernel, from /sys/class/iscsi_*
 * (drivers/scsi/scsi_transport_iscsi.c). An attribute that a driver lacks or prints as
 * "(null)" is empty. Text is clean (text.h), except the name of a network interface,
 * which is passed to the kernel.
 */

struct iscsi_host {
	unsigned number;    /* of hostN; used again after the host is removed */
	char driver[33];    /* iscsi_tcp, qla4xxx, ... */
	char pci[16];       /* its PCI function, "0000:03:00.1"; "": none */
	char hwaddress[33]; /* "00:0e:1e:04:8b:2e" */
	char netdev[16];    /* the network interface it shares or is bound to */
	char initiator_name[224];
	uint16_t family; /* of addr; 0: it has no address now */
	struct in6_addr addr;
};

struct iscsi_connection {
	unsigned session; /* of sessionN, unique until the next boot */
	unsigned number;  /* within the session */
	unsigned host;    /* of hostN */
	uint16_t family;  /* of both addresses; 0: remote is unknown */
	bool has_local;   /* local is known */
	bool connected;   /* remote is the connected address, not the configured one */
	bool logged_in;   /* the session is logged in */
	struct in6_addr local;
	struct in6_addr remote;
	uint16_t local_port; /* 0: unknown */
	uint16_t remote_port;
	/* open-iscsi's interface record, of at most 64 bytes before text_clean(); ""
	 * for most hardware */
	char iface[64 * TEXT_GROWTH + 1];
	char initiator_name[224]; /* "" during a login, and for qla4xxx */
};

struct iscsi_sysfs {
	struct iscsi_host *hosts; /* sorted by number */
	size_t n_hosts;
	struct iscsi_connection *connections; /* sorted by session and number */
	size_t n_connections;
};

/* Reads all of them below sysfs_root ("/sys"). Entries that disappear meanwhile are
 * left out. Returns 0, also where the kernel has no iSCSI; or -errno, with *ret
 * untouched. The caller frees with iscsi_sysfs_free(). */
int iscsi_sysfs_read(const char *sysfs_root, struct iscsi_sysfs *ret);
void iscsi_sysfs_free(struct iscsi_sysfs *sysfs);

/* Returns a number that changes when hosts or connections come or go, for the cost of
 * listing two directories. A session that reconnects to another address does not change
 * it. */
uint64_t iscsi_sysfs_fingerprint(const char *sysfs_root);

/* Copies missing addresses from an earlier reading of the same connection: during
 * recovery a connection has none (ENOTCONN) but the one that its login began with. */
void iscsi_sysfs_recall(struct iscsi_sysfs *sysfs, const struct iscsi_sysfs *earlier);

/* Returns true if a host or a connection is not complete, so another reading soon may
 * show more. */
bool iscsi_sysfs_unsettled(const struct iscsi_sysfs *sysfs);

/* Returns the host with that number, or NULL. */
const struct iscsi_host *iscsi_sysfs_host(const struct iscsi_sysfs *sysfs,
					  unsigned number);

/* Returns true if the kernel's own TCP/IP carries this host's sessions (iscsi_tcp and
 * iscsi_iser), so XFRM can protect them. Other drivers' adapters have their own stack.
 */
bool iscsi_host_is_software(const struct iscsi_host *host);
