/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/collector.h"

/*
 * The state file: what lets counters go on over a restart of the daemon. It lives in
 * the runtime directory, so it is gone after a reboot. Its form is that of the machine
 * that wrote it; a version, the sizes of all structs in it and a checksum guard it.
 */

/* What the counters in it belong to. Another boot or another namespace: not ours. */
struct state_id {
	char boot_id[40];
	uint64_t netns_cookie; /* unique for each namespace that this boot ever had */
};

/* Of the running kernel and the calling thread's namespace. Returns 0 or -errno. */
int state_id_read(struct state_id *ret);

/*
 * Writes DIR/qmipsecd.state, or of another namespace than the daemon's own (netns "")
 * DIR/qmipsecd.NETNS.state: the new file replaces the old one whole or not at all.
 * last_at: nothing is counted after this time; 0: it goes on. Returns 0 or -errno; on
 * an error the old file stands.
 */
int state_save(const char *dir, const char *netns, const struct state_id *id,
	       const struct collector *collector, uint64_t last_at);

/*
 * Reads it into a new collector, and last_at, 0 if its daemon did not end with it: then
 * SAs may have come and gone unseen for long. Returns 0; -ENOENT: there is none;
 * -ESTALE: it is of another boot or namespace; -EBADMSG: short, foreign, damaged or not
 * a regular file; or another -errno. After -EBADMSG and -ENOMEM the collector may be
 * half filled: throw it away.
 */
int state_load(const char *dir, const char *netns, const struct state_id *id,
	       struct collector *collector, uint64_t *ret_last_at);

/* Writes the file's name, of at most STATE_NAME_MAX characters, into name. */
#define STATE_NAME_MAX 96
void state_file_name(char name[STATE_NAME_MAX + 1], const char *netns);

/* Removes a namespace's file, if there is one. */
void state_remove(const char *dir, const char *netns);

/* Removes the files of all other namespaces that wanted() does not want (it is given
 * the name of each file), and files that a daemon was killed over while it saved. */
void state_remove_unwanted(const char *dir, bool (*wanted)(void *ctx, const char *file),
			   void *ctx);
