/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "collector/rows.h"

/*
 * The state file, from which counters continue after a restart of the daemon. It is in
 * the runtime directory, so a reboot removes it. It contains structs of the machine
 * that wrote it, guarded by a version, their sizes and a checksum: in the other byte
 * order it is of another version, and where alignment differs, of other sizes.
 */

/* Where the counters were counted. Those of another boot or namespace are rejected. */
struct state_id {
	char boot_id[40];
	uint64_t netns_cookie; /* unique until the next boot */
};

/* Sets the boot id to that of the running kernel. Returns 0 or -errno. */
int state_id_read_boot(struct state_id *id);

/* qmipsecd.state; for a namespace other than the daemon's own (netns "")
 * qmipsecd.NETNS.state. */
#define STATE_NAME_MAX 96
void state_file_name(char name[STATE_NAME_MAX + 1], const char *netns);

/* A state in memory, from which its file can be written at any time. */
struct state_image {
	char file[STATE_NAME_MAX + 1];
	struct state_id id;
	uint64_t last_at;
	char *body;
	size_t size; /* bytes of the body */
};

/*
 * Makes the image of a namespace. last_at: ns; nothing is counted after this time; 0:
 * counting continues. Returns 0, or -errno (-EFBIG: no file may be so large) with a
 * body of NULL.
 */
int state_image_make(struct state_image *ret, const char *netns,
		     const struct state_id *id, const struct rows *rows,
		     uint64_t last_at);

/* Writes the image to its file in dir. Replaces the old one completely or, on an error,
 * not at all. Returns 0 or -errno. */
int state_image_write(const struct state_image *image, const char *dir);
void state_image_free(struct state_image *image);

/*
 * Reads the file into the rows of a collector before its first poll. *ret_last_at: as
 * saved; if it is 0, the daemon was killed, and SAs may have come and gone unnoticed
 * since. Returns 0; -ENOENT: there is no file; -ESTALE: it is of another boot or
 * namespace; -EBADMSG: truncated, damaged, of another version or not a regular file; or
 * another -errno. After -EBADMSG and -ENOMEM free the collector, since its rows may
 * contain a part.
 */
int state_load(const char *dir, const char *netns, const struct state_id *id,
	       struct rows *rows, uint64_t now, uint64_t *ret_last_at);

/* Removes the files of other namespaces for whose names wanted() returns false, and
 * temporary files of a daemon that was killed while it saved. */
void state_remove_unwanted(const char *dir, bool (*wanted)(void *ctx, const char *file),
			   void *ctx);

/*
 * The body of the file (state_body.c): instances' names and totals, those of each peer,
 * the last sample of each SA, and the counters of xfrm_stat.
 *
 * state_body_save() returns 0, -ENOMEM, or -EIO if the stream fails. state_body_load()
 * rejects times later than now (ns). It returns 0 or -errno; -EBADMSG for what cannot
 * have been saved.
 */
int state_body_save(const struct rows *rows, FILE *stream);
int state_body_load(struct rows *rows, uint64_t now, FILE *stream);

/* The sizes of all structs in the body, which differ between builds. */
#define STATE_BODY_STRUCTS 5
extern const uint32_t state_body_sizes[STATE_BODY_STRUCTS];
