/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "instance/name.h"
#include "instance/rename.h"
#include "instance/rule.h"

/*
 * The HBA instances of one network namespace: who they are, and by which rules an SA
 * is known to be theirs. An instance's number is its row in the ledger; it does not
 * change as long as the instance is there. Number 0 is the unattributed row, which owns
 * what no other instance does. An instance that has gone stays, until there are too
 * many (row_room.h); then another may get its number.
 */

/* Rows of a namespace. Twice the most, of discovered and of configured instances, is
 * what the ledger can have. */
#define INSTANCE_ROWS_LEAST 16
#define INSTANCE_ROWS_MOST 32767
#define INSTANCE_ROWS_DEFAULT 4096

struct instance {
	char name[INSTANCE_NAME_MAX + 1]; /* "": nobody has this number now */
	/* that its lines of configuration name; "" in the set of one namespace */
	char netns[NETNS_NAME_MAX + 1];
	char descr[INSTANCE_TEXT_MAX + 1];       /* from the configuration */
	char found_descr[INSTANCE_TEXT_MAX + 1]; /* from discovery */
	char transport[33];       /* tcp, iser, qla4xxx, ...; "": not known */
	char initiator_name[224]; /* an iSCSI name has at most 223 bytes */
	uint32_t if_index;        /* 0: none */
	uint32_t sessions;        /* iSCSI sessions that the kernel has now */
	bool active;              /* the HBA is present now */
	/* what the system calls it, "": only the configuration knows of it */
	char found[INSTANCE_NAME_MAX + 1];
	char netdev[16];         /* network interface that the driver names, "": none */
	uint32_t local_if_index; /* of the interface with its sessions' local address */
	bool renamed;            /* by instance_set_apply_renames(), not yet told */
	bool configured;         /* lines of configuration name it */
	bool present;            /* discovery has found it now */
	bool added;              /* and its row is yet to begin at 0 */
	uint64_t gone_at;        /* ns; when it was first not there, 0: it is there */
	bool software;           /* the kernel's own TCP/IP carries its sessions */
	struct instance_rule *rules;
	size_t n_rules;
};

/* What the system calls an HBA. */
struct instance_found {
	char name[INSTANCE_NAME_MAX + 1];
};

struct instance_set {
	struct instance *instances; /* [0] is the unattributed row */
	size_t n;                   /* numbers, those that nobody has included */
	size_t n_used;
	size_t n_allocated;
	uint32_t max_rows; /* beyond which no HBA that is discovered gets a row */
	struct instance_found *refused; /* those that got none */
	size_t n_refused;
	struct instance_rename *renames;
	size_t n_renames;
	bool discover; /* HBAs are looked for, too; true unless configured otherwise */
};

/*
 * Adds one line of configuration:
 *
 *	NAME [local ADDR[/LEN]] [remote ADDR[/LEN]] [reqid N] [ifid N]
 *	     [mark VALUE[/MASK]] [device IFNAME] [namespace NETNS] [descr "TEXT"]
 *
 * Several lines of one name add up: an SA is the instance's if any line says so. The
 * same name in two namespaces is two instances.
 * Returns 0, -ENOMEM, or -EINVAL with the reason in error (of error_size bytes);
 * on an error the set is as it was.
 */
int instance_set_add_line(struct instance_set *set, const char *line, char *error,
			  size_t error_size);

/* The number of the instance that the system calls so, adding it (under the name that
 * a rename gives it) if there is none and add says so. Returns -ENOENT, also where
 * there is no room for it, and then it is among the refused; or -ENOMEM. */
int instance_set_found(struct instance_set *set, const char *found, bool add);

/* Takes an instance away; its number may be given to another. Not for number 0. */
void instance_set_remove(struct instance_set *set, size_t number);

/* A set that has the unattributed row alone. Returns 0 or -ENOMEM. */
int instance_set_init(struct instance_set *set);
void instance_set_free(struct instance_set *set);

/*
 * Copies the rules, descriptions and renames of another set, by name. Instances that
 * the other lacks stay, without rules; new ones get new numbers. Returns 0, or -ENOMEM
 * with the set as it was.
 */
int instance_set_merge(struct instance_set *set, const struct instance_set *from);

/* How many numbers the set will have when the other is merged into it. */
size_t instance_set_merged_size(const struct instance_set *set,
				const struct instance_set *from);

/* The part of a whole configuration that is about one namespace, "": the daemon's own,
 * which alone has renames. Returns 0 and the set, which the caller frees, or -ENOMEM.
 */
int instance_set_select(const struct instance_set *set, const char *netns,
			struct instance_set *ret);

/* Of a whole configuration: returns 0, or -EINVAL with the reason in error if one
 * namespace has more instances than rows. */
int instance_set_check_size(const struct instance_set *set, char *error,
			    size_t error_size);

/* True if a line of configuration names that namespace. */
bool instance_set_has_netns(const struct instance_set *set, const char *netns);

/* What the instance is, for people. Not empty if discovery has ever found it. */
const char *instance_descr(const struct instance *instance);

/* The number of the instance that was discovered under that name, or -ENOENT. */
int instance_set_find_discovered(const struct instance_set *set, const char *found);

/* The number of the instance of that name, or -ENOENT. */
int instance_set_find(const struct instance_set *set, const char *name);

/* Adds an instance that has no rules, if there is none of that name. Returns its
 * number, -ENOMEM, or -EINVAL if it cannot be a name. */
int instance_set_add(struct instance_set *set, const char *name);
