/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the configuration says about notifications. By default none is sent. */

/* What a "notify" line can ask for. */
enum notify_topic {
	NOTIFY_INSTANCES,   /* InstanceUp, InstanceDown */
	NOTIFY_PEERS,       /* PeerUp, PeerDown */
	NOTIFY_ERRORS,      /* ErrorsRising */
	NOTIFY_UNPROTECTED, /* InstanceUnprotected */
	N_NOTIFY_TOPICS
};

struct notify_config {
	bool topics[N_NOTIFY_TOPICS];
	uint32_t errors_threshold; /* packets in an interval, at least 1 */
	uint32_t errors_interval_ms;
	uint32_t hold_down_ms; /* for which a state must last, but not errors */
};

/* No topics, and the defaults of everything else. */
extern const struct notify_config notify_config_default;

bool notify_config_is_on(const struct notify_config *config);

/*
 * Adds one line of configuration:
 *
 *	instances | peers | unprotected | all
 *	errors [PACKETS [SECONDS]]
 *
 * Returns 0, or -EINVAL with the reason in error (error_size bytes) and the
 * configuration as it was.
 */
int notify_config_add_line(struct notify_config *config, const char *line, char *error,
			   size_t error_size);
