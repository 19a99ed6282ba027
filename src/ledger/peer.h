/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sa.h"
#include "util/prefix.h"

/* The remote endpoints of SAs, and how the configuration groups and names them. Pure.
 */

/* The longest name of a peer: an IPv6 address and a prefix length. */
#define PEER_NAME_MAX 43
#define PEER_LABEL_MAX 64

/* The name of the peer that has all traffic of a row that no other peer has. */
#define PEER_OTHER "other"

enum {
	PEERS_LEAST = 16, /* of max_peers */
	PEERS_MOST = 100000,
	PEERS_DEFAULT = 4096,
	PEER_HOLD_DOWN_DEFAULT = 30000, /* ms */
};

/* One line "peer ADDR[/LEN] LABEL". */
struct peer_rule {
	struct prefix prefix;           /* its host bits are 0 */
	char label[PEER_LABEL_MAX + 1]; /* "": none */
};

struct peer_config {
	bool enabled;       /* false: every SA counts for its row's `other` */
	uint32_t max_peers; /* of all rows of a namespace, without each row's `other` */
	uint32_t hold_down_ms;   /* without a keyed SA until a peer is not active */
	struct peer_rule *rules; /* the longest prefix first */
	size_t n_rules;
};

/* No rules, and the defaults of everything else. */
extern const struct peer_config peer_config_default;

void peer_config_free(struct peer_config *config);

/*
 * Adds one line of configuration: ADDR or ADDR/LEN, and a label, which may be missing
 * only after a prefix. All peers in a prefix are one. Returns 0, -ENOMEM, or -EINVAL
 * with the reason in error (error_size bytes); on an error nothing has changed.
 */
int peer_config_add_line(struct peer_config *config, const char *line, char *error,
			 size_t error_size);

/* Copies a configuration. Returns 0 or -ENOMEM. */
int peer_config_copy(const struct peer_config *config, struct peer_config *ret);

/* The peer that an address or a smaller prefix belongs to: the longest prefix of a rule
 * that contains it; otherwise itself. */
struct prefix peer_group(const struct peer_config *config, const struct prefix *prefix);

/* The label of a peer: its rule's, otherwise its name. */
const char *peer_label(const struct peer_config *config, const struct prefix *prefix,
		       const char *name);

/* The remote endpoint of an SA, as a prefix of full length. Of an SA of unknown
 * direction the family is 0. */
struct prefix peer_of_sa(const struct sa *sa, enum sa_direction direction);

/* Writes a peer's name into name: as inet_ntop(3) writes its address, and "/LEN" unless
 * that is the whole address; PEER_OTHER for family 0. */
void peer_name(const struct prefix *prefix, char name[PEER_NAME_MAX + 1]);

bool peer_equals(const struct prefix *a, const struct prefix *b);

/* True for a prefix that a peer can have: a family, a length in its limits, and no host
 * bits. */
bool peer_is_valid(const struct prefix *prefix);
