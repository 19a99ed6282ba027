/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "instance/name.h"
#include "kernel/netns.h"
#include "util/parser.h"
#include "util/prefix.h"

/* The grammar of "instance" lines: which SAs belong to an instance. Pure. */

#define INSTANCE_TEXT_MAX 255

/* All conditions that are set must hold. local is this host's address of an SA and
 * remote the peer's, whatever the SA's direction. */
struct instance_rule {
	struct prefix local;
	struct prefix remote;
	bool has_reqid, has_if_id, has_mark;
	uint32_t reqid;
	uint32_t if_id;
	uint32_t mark, mark_mask;
	char device[IFNAMSIZ]; /* interface that has the local address; "": any */
	uint32_t device_index; /* its ifIndex; 0: there is no such interface now */
};

/* One line. */
struct instance_line {
	char name[INSTANCE_NAME_MAX + 1];
	char netns[NETNS_NAME_MAX + 1]; /* "": the daemon's own namespace */
	char descr[INSTANCE_TEXT_MAX + 1];
	bool has_descr;
	bool has_rule;
	struct instance_rule rule;
};

/*
 * Reads a line
 *
 *	NAME [local ADDR[/LEN]] [remote ADDR[/LEN]] [reqid N] [ifid N]
 *	     [mark VALUE[/MASK]] [device IFNAME] [namespace NETNS] [descr "TEXT"]
 *
 * Returns 0, or -EINVAL with the reason in the parser's error.
 */
int instance_line_parse(struct parser *parser, struct instance_line *ret);
