/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "agentx/agentx_address.h"
#include "instance/instance.h"
#include "kernel/netns.h"
#include "ledger/peer.h"
#include "notify/notify_config.h"

/* The directives of qmipsecd.conf. Net-SNMP's own reader would only log what is wrong
 * in a file; see docs/netsnmp.md. */

/* How to reach the master. */
struct agentx_settings {
	struct agentx_address address;
	uint32_t interval_ms;  /* between pings and attempts to connect; 0: default */
	uint32_t timeout_s;    /* of the master for an answer; 0: its own default */
	uint32_t load_percent; /* of one processor, for requests */
};

struct settings {
	struct agentx_settings agentx;
	uint32_t poll_interval_ms;
	uint32_t max_age_ms;
	uint32_t stale_after_ms;
	uint32_t save_interval_ms;
	uint32_t receive_buffer;       /* bytes, of the event socket */
	struct instance_set instances; /* of all namespaces */
	struct peer_config peers;
	struct notify_config notify;
	struct netns_list namespaces; /* to watch, with those of instances */
};

/* Prints each directive with its value. */
void directives_list(FILE *stream);

/*
 * Reads file; NULL: the default files. Logs each error with file, line and reason.
 * Returns 0 and the settings, which the caller frees with settings_free();
 * -EINVAL if the files contain an error; -ENOMEM; or why file cannot be read.
 */
int directives_read(const char *file, struct settings *ret_settings);
void settings_free(struct settings *settings);
