/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "kernel/kernel.h"

/*
 * Opens the handles that struct kernel_ops works on, one for each network namespace. A
 * handle keeps its namespace, and all SAs in it, alive until it is closed. The real
 * opener is xfrm_netlink_opener; tests pass their own. Functions return 0 or -errno.
 */
struct kernel_opener {
	const struct kernel_ops *ops; /* of every handle that it opens */
	/* The namespace that the calling thread is in. rcvbuf: bytes for events that
	 * wait; a DELSA takes about 1.3 kB. -EPERM without CAP_NET_ADMIN,
	 * -EPROTONOSUPPORT if the kernel has no XFRM. */
	int (*open)(size_t rcvbuf, void **ret);
	/* The namespace of a descriptor (a file in /run/netns or /proc/PID/ns/net),
	 * which stays the caller's and is not kept. home is the thread's own; it must
	 * outlive the handle: they share one buffer, so that messages of both must not
	 * be read at the same time. -ENOTTY if netns is no network namespace. */
	int (*open_other)(void *home, int netns, size_t rcvbuf, void **ret);
	void (*close)(void *kernel); /* NULL: nothing */
	/* The namespace's number, which no other has or will have while this kernel
	 * runs (Linux 5.14 on). */
	int (*cookie)(void *kernel, uint64_t *ret);
	/* A descriptor that is readable when events wait. */
	int (*event_fd)(void *kernel);
};
