/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "tree.h"

/*
 * iSCSI hosts, sessions and interfaces in a fake sysfs, with the attributes of each
 * driver in its own spelling (Linux 6.1, drivers/scsi and drivers/infiniband/ulp/iser).
 * As in the kernel's sysfs, the entries of a class are links to devices.
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
	const char *parent; /* path of its device below devices/; NULL: "platform" */
	const char *hwaddress;
	const char *netdev; /* qedi: always the name of the host */
	const char *ipaddress;
	const char *initiator;
	const char *iface_address; /* be2iscsi, qla4xxx: of the first interface */
};

/* A session and its one connection. NULL prints as "(null)"; an address that is NULL
 * cannot be read, nor can its port. */
struct hba_session {
	unsigned number;
	const char *target;
	const char *iface;
	const char *initiator;
	const char *address;
	const char *persistent; /* NULL: same as address */
	const char *local;      /* qla4xxx; "(null)" for IPv4 */
	unsigned local_port;    /* iscsi_tcp, qla4xxx */
	const char *state;      /* NULL: LOGGED_IN */
};

void hba_add_host(const struct tree *tree, const struct hba_host *host);
void hba_add_session(const struct tree *tree, const struct hba_host *host,
		     const struct hba_session *session);

/* For drivers with a host for each session: iscsi_tcp and iser. */
void hba_log_in(const struct tree *tree, const struct hba_host *host,
		const struct hba_session *session);
void hba_log_out(const struct tree *tree, const struct hba_host *host,
		 const struct hba_session *session);

void hba_remove_session(const struct tree *tree, const struct hba_host *host,
			const struct hba_session *session);
void hba_remove_host(const struct tree *tree, const struct hba_host *host);

/* Makes an attribute unreadable: opening it succeeds, reading it fails. */
void hba_unreadable(const struct tree *tree, const char *path);
