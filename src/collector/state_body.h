/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "collector/rows.h"

/*
 * What a state file holds: instances' names and totals, the last sample of each SA,
 * and the counters of xfrm_stat; as structs of the machine that wrote it. state.h has
 * the file around it.
 */

/* The sizes of all structs in it, for the file to tell another build's. */
#define STATE_BODY_STRUCTS 4
extern const uint32_t state_body_sizes[STATE_BODY_STRUCTS];

/* Returns 0, -ENOMEM, or -EIO if the stream fails. */
int state_body_save(const struct rows *rows, FILE *stream);

/*
 * Reads it into rows that have counted nothing, at the time now (ns), which nothing in
 * it can be later than. Returns 0 or -errno; -EBADMSG if it cannot have been saved.
 * After an error the rows are half filled.
 */
int state_body_load(struct rows *rows, uint64_t now, FILE *stream);
