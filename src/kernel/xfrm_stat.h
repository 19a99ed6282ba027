/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's error counters of one network namespace, /proc/net/xfrm_stat. Newer
 * kernels have more of them, so they are kept by name. */

#define XFRM_STAT_MAX 64      /* twice what Linux 6.18 has */
#define XFRM_STAT_NAME_MAX 32 /* with the terminating 0 */

struct xfrm_counter {
	char name[XFRM_STAT_NAME_MAX]; /* printable ASCII */
	uint64_t value;
};

struct xfrm_stat {
	struct xfrm_counter counters[XFRM_STAT_MAX]; /* each name once */
	size_t n;
	size_t n_skipped; /* lines that are not a counter, or one too many */
};

/* What a file had when it was last read: mostly it still has the same. Zeros: it has
 * not been read. A longer text is not kept. */
#define XFRM_STAT_TEXT_MAX 2048 /* Linux 6.18 has 864 bytes and more digits */

struct xfrm_stat_last {
	char text[XFRM_STAT_TEXT_MAX];
	size_t len;
	struct xfrm_stat stat;
};

/* Reads the file from its beginning; fd must be seekable and stays open. In the kernel
 * a read walks the whole SAD (net/xfrm/xfrm_proc.c): 13 ms at 100,000 SAs. Returns 0;
 * -errno of the read; or -EBADMSG if no line is a counter. On an error *ret is
 * untouched. */
int xfrm_stat_read(int fd, struct xfrm_stat_last *last, struct xfrm_stat *ret);

/* The same from text of len bytes. Lines that are not a counter are skipped, and so is
 * a last line without a newline, because its number may be cut. */
int xfrm_stat_parse(const char *text, size_t len, struct xfrm_stat *ret);

/* Returns true if xfrm_stat_read() may have given it: the name is printable and has
 * only zeros behind it. */
bool xfrm_counter_is_valid(const struct xfrm_counter *counter);

/* Return the counter with that name; 0 or NULL if the kernel does not have it. */
uint64_t xfrm_stat_get(const struct xfrm_stat *stat, const char *name);
const struct xfrm_counter *xfrm_stat_find(const struct xfrm_stat *stat,
					  const char *name);

/* Totals of the counters, which never decrease. The counters are unsigned long in the
 * kernel (snmp_fold_field), so those of a 32-bit kernel wrap. */
struct xfrm_totals {
	struct xfrm_stat totals;      /* in the order of text_compare_index() */
	uint64_t last[XFRM_STAT_MAX]; /* the last sample, in the same order */
	/* Where the counter of each line was the last time: a guess. */
	uint16_t places[XFRM_STAT_MAX];
};

/* Adds a counter that the totals do not have, with its total and its last sample.
 * Returns its place, or XFRM_STAT_MAX if there is no room. */
size_t xfrm_totals_add(struct xfrm_totals *totals, const struct xfrm_counter *counter,
		       uint64_t last);

/* Adds what was counted since the last sample. A counter that is missing from the new
 * one keeps its total. Returns true if a counter was set back and did not wrap, so the
 * totals may lack something. */
bool xfrm_totals_follow(struct xfrm_totals *totals, const struct xfrm_stat *stat);
