/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "fake_kernel.h"
#include "kernel/kernel.h"

/*
 * A host with several network namespaces, each a fake kernel. The file of each is a
 * link to another kind of namespace of this process: these are files of nsfs too, each
 * with its own inode number, and any user may open them.
 */

enum {
	FAKE_HOME, /* the daemon's own */
	FAKE_BLUE,
	FAKE_RED,
	FAKE_NAMESPACES
};

struct fake_namespace {
	struct fake_kernel kernel; /* first: it is the handle */
	const char *file;          /* the target of its link */
	int event_fd;              /* fake_host_wake() makes it readable */
	uint64_t cookie;
	int open_error;   /* of the opener, -errno */
	int cookie_error; /* the same */
	unsigned opened, closed;
};

extern struct fake_namespace fake_host[FAKE_NAMESPACES];
extern const struct kernel_opener fake_opener;

void fake_host_make(void);
void fake_host_free(void);

/* Sets the bytes that the only SA of a namespace has sent in tunnel mode. */
void fake_host_set_bytes(int namespace, uint64_t bytes);

/* Makes events wait. */
void fake_host_wake(int namespace);
