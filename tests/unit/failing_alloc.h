/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * An allocator that fails when it is told to: malloc(), calloc(), realloc(), strdup()
 * and the streams of <stdio.h> in memory, of a program that is linked with
 * --wrap for each of them (see Makefile.am). It counts what lives, too. What libc
 * allocates for itself does not fail.
 */

/* From now on the nth allocation (from 1) fails, and with `on` all after it; 0: none
 * does. */
void failing_alloc_begin(size_t nth, bool on);

/* Nothing fails any more. Returns true if something has. */
bool failing_alloc_end(void);

/* Between these two, nothing fails or counts: what a test does for itself. */
void failing_alloc_pause(void);
void failing_alloc_resume(void);

/* Blocks that were allocated since the start of the program and not freed. */
size_t failing_alloc_live(void);
