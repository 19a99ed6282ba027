/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The kernel's error counters of one network namespace, /proc/net/xfrm_stat. Newer
 * kernels have more of them, so they are kept by name.
 */
#define XFRM_STAT_MAX 256     /* Linux 6.18 has 32 */
#define XFRM_STAT_NAME_MAX 32 /* with the terminating 0 */

struct xfrm_counter {
	char name[XFRM_STAT_NAME_MAX]; /* printable ASCII */
	uint64_t value;
};

struct xfrm_stat {
	struct xfrm_counter counters[XFRM_STAT_MAX]; /* no two of one name */
	size_t n;
	size_t n_skipped; /* lines that are no counter, or one too many */
};

/*
 * Reads the file from its beginning; fd must be seekable and stays open. A read walks
 * the whole SAD in the kernel (net/xfrm/xfrm_proc.c), 13 ms at 100,000 SAs.
 * Returns 0; -errno of the read; -EBADMSG if the text has no counter at all. On an
 * error *ret is untouched.
 */
int xfrm_stat_read(int fd, struct xfrm_stat *ret);

/* The same from text of len bytes. What can be read is read: other lines are skipped. A
 * last line without its end is none, since its number may be cut. */
int xfrm_stat_parse(const char *text, size_t len, struct xfrm_stat *ret);

/* True if it can have been read: its name ends, and with nothing but zeros behind. */
bool xfrm_counter_is_valid(const struct xfrm_counter *counter);

/* The counter of that name, 0 or NULL if the kernel has none. */
uint64_t xfrm_stat_get(const struct xfrm_stat *stat, const char *name);
const struct xfrm_counter *xfrm_stat_find(const struct xfrm_stat *stat,
					  const char *name);

/*
 * The same counters followed from read to read, so that they only grow. They are
 * unsigned long in the kernel (snmp_fold_field): where that has 32 bits they wrap.
 */
struct xfrm_totals {
	struct xfrm_stat totals;
	uint64_t last[XFRM_STAT_MAX]; /* what was read last, in the same order */
};

/*
 * Adds what has been counted since the last read. A counter that is missing from this
 * one keeps its total. Returns true if one was set back otherwise than by a wrap, so
 * that something may be missing.
 */
bool xfrm_totals_follow(struct xfrm_totals *totals, const struct xfrm_stat *stat);
