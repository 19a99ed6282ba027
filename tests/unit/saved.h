/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/state.h"
#include "world.h"

/* A world with the instances a and b, which have an SA each, of 200 and 30 bytes, at
 * 7777 ns; and its state file. */

#define FILE_NAME "qmipsecd.state"

/* The header of the file, as in state.c, to forge files with a valid checksum. */
struct header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint32_t sizes[STATE_BODY_STRUCTS];
	struct state_id id;
	uint64_t last_at;
	uint64_t body_size;
	uint64_t checksum; /* of everything else */
};

extern const struct state_id ours;
extern uint64_t last; /* when the last loaded state was saved */

void saved_setup(void);

/* The SAD has the outbound SAs of a and b, and no others. */
void sad_has_two(uint64_t a_bytes, uint64_t b_bytes);

#define OPEN_PLAIN() open_collector(NULL)
#define OPEN_BOTH() OPEN("a local 10.0.0.1", "b local 10.0.1.1")

/* Saves the collector to the file, or loads it. */
void save(void);
int load(void);

/* The body of a valid file. The caller frees it. */
char *good_body(size_t *ret_len);

/* A header for a body, without the checksum. */
struct header good_header(size_t len);

/* Writes header and body with a valid checksum, and loads them into a new collector. */
int load_forged_by(struct header header, const char *body);
int load_forged(const char *body, size_t len);
