/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_ISCSI_SYSFS_H
#define QMIPSEC_ISCSI_SYSFS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* The iSCSI connections of the running kernel, from /sys/class/iscsi_*. */
struct iscsi_connection {
	unsigned session; /* session number, never used twice while the kernel runs */
	uint16_t family;  /* of the addresses; 0: not connected, no addresses */
	struct in6_addr local; /* the host's ipaddress */
	struct in6_addr remote;
	char transport[33];       /* tcp, iser, qla4xxx, ... */
	char initiator_name[224]; /* "": the kernel has none */
};

struct iscsi_connections {
	struct iscsi_connection *connections;
	size_t n;
};

/*
 * Reads them under sysfs_root ("/sys"). A session that goes away while it is read is
 * left out; an attribute that the driver lacks, or that reads "(null)", is empty.
 * Returns 0 (also where the kernel has no iSCSI) or -ENOMEM; then *ret is untouched.
 * The caller frees with iscsi_connections_free().
 */
int iscsi_sysfs_read(const char *sysfs_root, struct iscsi_connections *ret);
void iscsi_connections_free(struct iscsi_connections *connections);

/* The ifIndex of a network interface, 0 if there is none of that name. */
uint32_t sysfs_if_index(const char *sysfs_root, const char *name);

#endif
