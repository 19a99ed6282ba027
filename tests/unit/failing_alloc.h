/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * An allocator that fails on demand: malloc(), calloc(), realloc(), strdup() and the
 * streams of <stdio.h> in memory, in a program that is linked with --wrap for each of
 * them (see Makefile.am). It also counts the allocated blocks. Allocations inside libc
 * do not fail.
 */

/* From now on the nth allocation (from 1) fails, and with `on` all later ones as
 * well. 0: none fails. */
void failing_alloc_begin(size_t nth, bool on);

/* Ends the failures. Returns true if an allocation has failed. */
bool failing_alloc_end(void);

/* Between these two calls nothing fails or counts: the test allocates for itself. */
void failing_alloc_pause(void);
void failing_alloc_resume(void);

/* Blocks that were allocated since the start of the program and not freed. */
size_t failing_alloc_live(void);
