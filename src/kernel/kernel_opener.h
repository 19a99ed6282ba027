/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_KERNEL_OPENER_H
#define QMIPSEC_KERNEL_OPENER_H

#include <stddef.h>

#include "kernel/kernel.h"

/*
 * Opens the handles that struct kernel_ops works on, one for each network namespace.
 * The real one opens netlink sockets: xfrm_netlink.h says what each call needs, how it
 * fails, and that a handle keeps its namespace alive. Tests pass their own.
 */
struct kernel_opener {
	const struct kernel_ops *ops; /* of every handle that it opens */
	/* The calling thread's namespace. rcvbuf: bytes for events that wait. */
	int (*open)(size_t rcvbuf, void **ret);
	/* The namespace of the descriptor netns. home: the thread's own; it must
	 * outlive the handle. */
	int (*open_other)(void *home, int netns, size_t rcvbuf, void **ret);
	void (*close)(void *kernel); /* NULL: nothing */
	/* The namespace's number, unique while this kernel runs. */
	int (*cookie)(void *kernel, uint64_t *ret);
	/* A descriptor that is readable when events wait. */
	int (*event_fd)(void *kernel);
};

extern const struct kernel_opener xfrm_netlink_opener;

#endif
