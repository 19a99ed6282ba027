/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/state.h"
#include "collector/state_body.h"
#include "world.h"

/* A world whose instances a and b have an SA each, of 200 and 30 bytes, at ns 7777; and
 * its state file. */

#define FILE_NAME "qmipsecd.state"

/* The file's head, as state.c writes it; to forge files whose checksum is right. */
struct header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint32_t sizes[STATE_BODY_STRUCTS];
	struct state_id id;
	uint64_t last_at;
	uint64_t body_size;
	uint64_t checksum; /* of all the rest */
};

extern const struct state_id ours;
extern uint64_t last; /* of the last load */

void saved_setup(void);

/* The outbound SAs of a and b, and no others. */
void sad_has_two(uint64_t a_bytes, uint64_t b_bytes);

#define OPEN_PLAIN() open_collector(NULL)
#define OPEN_BOTH() OPEN("a local 10.0.0.1", "b local 10.0.1.1")

/* Writes the file, or reads it into the collector. */
void save(void);
int load(void);

/* The body of a good file. The caller frees it. */
char *good_body(size_t *ret_len);

/* A head that fits a body, but for its checksum. */
struct header good_header(size_t len);

/* Writes head and body with the right checksum, and reads them into a new collector. */
int load_forged_by(struct header header, const char *body);
int load_forged(const char *body, size_t len);
