/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "failing_alloc.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_LIVE = 1 << 16,
};

/* The names that --wrap gives to the real functions. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *block);
FILE *__real_open_memstream(char **ret_text, size_t *ret_size);
FILE *__real_fmemopen(void *data, size_t size, const char *mode);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);
FILE *__wrap_open_memstream(char **ret_text, size_t *ret_size);
FILE *__wrap_fmemopen(void *data, size_t size, const char *mode);

static struct {
	bool active;
	unsigned paused; /* count */
	size_t left;     /* allocations until one fails; 0: none fails */
	bool on;
	bool failed;
	void *live[MAX_LIVE]; /* a hash table: the program's own blocks */
	size_t n_live;
} self;

static size_t slot_of(const void *block)
{
	size_t slot = ((uintptr_t)block >> 4) % MAX_LIVE;

	while (self.live[slot] && self.live[slot] != block)
		slot = (slot + 1) % MAX_LIVE;
	return slot;
}

static void *add(void *block)
{
	if (!block)
		return NULL;
	if (self.n_live == MAX_LIVE / 2)
		abort();
	self.live[slot_of(block)] = block;
	self.n_live++;
	return block;
}

static void *note(void *block)
{
	return self.active && !self.paused ? add(block) : block;
}

/* Rehashes the blocks that follow in the chain. Returns true if the block was known. */
static bool forget(const void *block)
{
	size_t slot = slot_of(block);

	if (!block || !self.live[slot])
		return false;
	self.live[slot] = NULL;
	self.n_live--;
	for (slot = (slot + 1) % MAX_LIVE; self.live[slot];
	     slot = (slot + 1) % MAX_LIVE) {
		void *moved = self.live[slot];

		self.live[slot] = NULL;
		self.live[slot_of(moved)] = moved;
	}
	return true;
}

static bool fails(void)
{
	if (!self.active || self.paused || !self.left || --self.left)
		return false;
	self.left = self.on;
	self.failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : note(__real_calloc(n, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (fails())
		return NULL;
	if (forget(block))
		return add(__real_realloc(block, size));
	return block ? __real_realloc(block, size) : note(__real_realloc(block, size));
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : note(__real_strdup(text));
}

void __wrap_free(void *block)
{
	forget(block);
	__real_free(block);
}

FILE *__wrap_open_memstream(char **ret_text, size_t *ret_size)
{
	return fails() ? NULL : __real_open_memstream(ret_text, ret_size);
}

FILE *__wrap_fmemopen(void *data, size_t size, const char *mode)
{
	return fails() ? NULL : __real_fmemopen(data, size, mode);
}

void failing_alloc_begin(size_t nth, bool on)
{
	self.active = true;
	self.paused = 0;
	self.left = nth;
	self.on = on;
	self.failed = false;
}

bool failing_alloc_end(void)
{
	self.active = false;
	return self.failed;
}

void failing_alloc_pause(void)
{
	self.paused++;
}

void failing_alloc_resume(void)
{
	self.paused--;
}

size_t failing_alloc_live(void)
{
	return self.n_live;
}
