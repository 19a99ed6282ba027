/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "tree.h"

/*
 * iSCSI hosts, sessions and interfaces in a made-up sysfs, with the attributes that
 * each driver really has and each spelt as it spells it (Linux 6.1, drivers/scsi and
 * drivers/infiniband/ulp/iser). The entries of a class are links to where the device
 * stands, as in the kernel's own.
 */

enum hba_driver {
	HBA_ISCSI_TCP,
	HBA_ISER,
	HBA_QLA4XXX,
	HBA_BE2ISCSI,
	HBA_BNX2I,
	HBA_QEDI,
	HBA_CXGB4I,
};

/* A Scsi_Host. A string that is NULL prints as "(null)"; an ipaddress that is NULL
 * cannot be read. */
struct hba_host {
	enum hba_driver driver;
	unsigned number;
	const char *parent; /* its device's path below devices/; NULL: "platform" */
	const char *hwaddress;
	const char *netdev; /* of qedi always the host's own name */
	const char *ipaddress;
	const char *initiator;
	const char *iface_address; /* be2iscsi, qla4xxx: of its first interface */
};

/* A session and its one connection. NULL prints as "(null)"; an address that is NULL
 * cannot be read, nor can its port. */
struct hba_session {
	unsigned number;
	const char *target;
	const char *iface;
	const char *initiator;
	const char *address;
	const char *persistent; /* NULL: the same */
	const char *local;      /* qla4xxx; "(null)" for IPv4 */
	unsigned local_port;    /* iscsi_tcp, qla4xxx */
	const char *state;      /* NULL: LOGGED_IN */
};

void hba_add_host(const struct tree *tree, const struct hba_host *host);
void hba_add_session(const struct tree *tree, const struct hba_host *host,
		     const struct hba_session *session);

/* A session of a driver that makes a host for each: iscsi_tcp and iser. */
void hba_log_in(const struct tree *tree, const struct hba_host *host,
		const struct hba_session *session);
void hba_log_out(const struct tree *tree, const struct hba_host *host,
		 const struct hba_session *session);

void hba_remove_session(const struct tree *tree, const struct hba_host *host,
			const struct hba_session *session);
void hba_remove_host(const struct tree *tree, const struct hba_host *host);

/* An attribute that cannot be read any more: open succeeds, reading fails. */
void hba_unreadable(const struct tree *tree, const char *path);
