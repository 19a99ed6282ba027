/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "instance/name.h"
#include "kernel/netns.h"
#include "util/parser.h"
#include "util/prefix.h"

/*
 * The HBA instances of one network namespace, their names, and the rules by which SAs
 * belong to them. An instance's number is its row in the ledger, and does not change
 * while the instance exists. Number 0 is the unattributed row, which has the SAs of no
 * other instance. An instance whose HBA has gone stays until its row is needed
 * (collector/row_room.h); then another instance may get its number.
 */

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

/* One "instance" line of the configuration. */
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

/* Rows of a namespace. The ledger can hold twice INSTANCE_ROWS_MOST: that many
 * discovered instances and as many configured ones. */
#define INSTANCE_ROWS_LEAST 16
#define INSTANCE_ROWS_MOST 32767
#define INSTANCE_ROWS_DEFAULT 4096

struct instance {
	char name[INSTANCE_NAME_MAX + 1]; /* "": the number is free */
	/* the namespace that the configuration names; "" in the set of one namespace */
	char netns[NETNS_NAME_MAX + 1];
	char descr[INSTANCE_TEXT_MAX + 1];       /* from the configuration */
	char found_descr[INSTANCE_TEXT_MAX + 1]; /* from discovery */
	char transport[33];                /* tcp, iser, qla4xxx, ...; "": not known */
	char initiator_name[224];          /* an iSCSI name has at most 223 bytes */
	uint32_t if_index;                 /* 0: none */
	uint32_t sessions;                 /* iSCSI sessions that the kernel has now */
	bool active;                       /* the HBA is present now */
	char found[INSTANCE_NAME_MAX + 1]; /* the discovered name, "": not discovered */
	char netdev[16];         /* network interface that the driver names, "": none */
	uint32_t local_if_index; /* of the interface with its sessions' local address */
	bool renamed;            /* since the last rows_begin() */
	bool configured;         /* the configuration names it */
	bool present;            /* discovery has found it now */
	bool added;              /* since the last rows_begin(): its row begins at 0 */
	uint64_t gone_at; /* ns; when its HBA was first missing, 0: it is present */
	bool software;    /* the kernel's own TCP/IP carries its sessions */
	struct instance_rule *rules;
	size_t n_rules;
};

/* The instance that is discovered as `found` is to be called `name`. */
struct instance_rename {
	char found[INSTANCE_NAME_MAX + 1];
	char name[INSTANCE_NAME_MAX + 1];
};

struct instance_set {
	struct instance *instances; /* [0] is the unattributed row */
	size_t n;                   /* numbers, the free ones included */
	size_t n_used;
	uint32_t max_rows; /* above which a newly discovered HBA gets no row */
	char (*refused)[INSTANCE_NAME_MAX + 1]; /* the discovered names of those HBAs */
	size_t n_refused;
	struct instance_rename *renames;
	size_t n_renames;
	bool discover; /* true unless configured otherwise */
};

/* A set that has the unattributed row alone. Returns 0 or -ENOMEM. */
int instance_set_init(struct instance_set *set);
void instance_set_free(struct instance_set *set);

/*
 * Adds one line of configuration, of the grammar above. Several lines of one name
 * add up: an SA belongs to the instance if any of them matches. The same name in two
 * namespaces is two instances.
 * Returns 0, -ENOMEM, or -EINVAL with the reason in error (of error_size bytes);
 * on an error the set is unchanged.
 */
int instance_set_add_line(struct instance_set *set, const char *line, char *error,
			  size_t error_size);

/* Adds one rename, a line "FOUND NAME". Returns the same. */
int instance_set_add_rename(struct instance_set *set, const char *line, char *error,
			    size_t error_size);

/* Returns 0, or -EINVAL with the reason in error if a whole configuration has more
 * instances in one namespace than rows. */
int instance_set_check_size(const struct instance_set *set, char *error,
			    size_t error_size);

/* True if a line of configuration names that namespace. */
bool instance_set_has_netns(const struct instance_set *set, const char *netns);

/*
 * Copies the part of a whole configuration that is about one namespace; "" is the
 * daemon's own, which alone has renames. Returns 0 and the set, which the caller frees,
 * or -ENOMEM.
 */
int instance_set_select(const struct instance_set *set, const char *netns,
			struct instance_set *ret);

/*
 * Moves the rules, descriptions and renames of another set to the instances of the same
 * names; only instance_set_free() may be called on the other set then. Instances that
 * it lacks stay, without rules; those that it adds get new numbers, at most from->n.
 * Returns 0, or -ENOMEM with both sets unchanged.
 */
int instance_set_merge(struct instance_set *set, struct instance_set *from);

/* The number of the instance of that name, or of that discovered name, or -ENOENT. */
int instance_set_find(const struct instance_set *set, const char *name);
int instance_set_find_discovered(const struct instance_set *set, const char *found);

/* Adds an instance without rules, unless there is one of that name. Returns its number,
 * -ENOMEM, or -EINVAL for an invalid name. */
int instance_set_add(struct instance_set *set, const char *name);

/*
 * The number of the instance of that discovered name. If there is none, add says
 * whether to add it, under the name that it is to have. Returns -ENOMEM or -ENOENT; if
 * there is no row for it, it is then among the refused.
 */
int instance_set_found(struct instance_set *set, const char *found, bool add);

/* Removes an instance other than number 0. Its number may be given to another. */
void instance_set_remove(struct instance_set *set, size_t number);

/*
 * The name of a discovered instance: as its rename says, unless another discovered
 * instance keeps that name, because it was discovered under it and has no rename, or
 * has one that cannot be applied either. Otherwise the discovered name. So names depend
 * on the renames and on which instances there are, not on earlier names: two instances
 * may exchange names.
 */
const char *instance_set_served_name(const struct instance_set *set, const char *found);

/*
 * Gives every discovered instance its name. The instance keeps its number; rules and
 * description from the configuration stay with the name. An instance that is not
 * discovered, and has the name, gets the old name of the discovered one. Returns 0, or
 * -ENOMEM, which is possible only if a configured instance has to leave its name.
 */
int instance_set_apply_renames(struct instance_set *set);

/* A description for people. Not empty if the instance was ever discovered. */
const char *instance_descr(const struct instance *instance);
