/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/state.h"

/*
 * Writes states in a thread of its own, one save at a time, because the directory may
 * be on a slow disk, and managers must not wait for it. A save makes the directory
 * contain the states of that moment, and no others. Logs the first save that fails, and
 * the first that succeeds again.
 */
struct state_saver;

/* dir must live until the process ends. Returns NULL if there is no memory. */
struct state_saver *state_saver_new(const char *dir);

/* A save that still runs goes on, and its memory is not freed. */
void state_saver_free(struct state_saver *saver);

/* A state to be saved, or why there is none. */
struct state_to_save {
	struct state_image image; /* its file is kept if the body is NULL */
	int err;                  /* -errno: the image could not be made */
};

/* Begins to save n states, and takes over the array, which comes from malloc(). No
 * other save may run. Without a thread it saves at once. */
void state_saver_start(struct state_saver *saver, struct state_to_save *states,
		       size_t n);

/* Waits at most wait ns for the end of the save. Returns false if it still runs, and
 * true if there is none. */
bool state_saver_finish(struct state_saver *saver, uint64_t wait);
