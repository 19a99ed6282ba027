/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/xfrm_stat.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/safe_file.h"

enum {
	/* The longest name, blanks, a number of 20 digits and the end of the line. */
	MAX_LINE = XFRM_STAT_NAME_MAX + 24,
};

bool xfrm_counter_is_valid(const struct xfrm_counter *counter)
{
	size_t len = strnlen(counter->name, XFRM_STAT_NAME_MAX);

	for (size_t i = 0; i < XFRM_STAT_NAME_MAX; i++) {
		char c = counter->name[i];

		if (i < len ? c <= ' ' || c > '~' : c != '\0')
			return false;
	}
	return len > 0 && len < XFRM_STAT_NAME_MAX;
}

/* Reads a name, blanks or tabs, a decimal number and the newline, which is in the text.
 * Returns false if the line is anything else. */
static bool parse_line(const char *line, struct xfrm_counter *ret)
{
	size_t name = strcspn(line, " \t\n");
	const char *number = line + name + strspn(line + name, " \t");
	struct xfrm_counter counter = {.value = 0};
	char *end;

	if (name >= sizeof(counter.name) || number == line + name ||
	    !isdigit((unsigned char)*number))
		return false;
	memcpy(counter.name, line, name);
	errno = 0;
	counter.value = strtoull(number, &end, 10);
	if (errno || *end != '\n' || !xfrm_counter_is_valid(&counter))
		return false;
	*ret = counter;
	return true;
}

int xfrm_stat_parse(const char *text, size_t len, struct xfrm_stat *ret)
{
	const char *end = text + len;
	struct xfrm_stat stat; /* large, and mostly not used */
	const char *newline;

	stat.n = stat.n_skipped = 0;
	for (; (newline = memchr(text, '\n', (size_t)(end - text)));
	     text = newline + 1) {
		struct xfrm_counter counter;

		if (stat.n < XFRM_STAT_MAX && parse_line(text, &counter) &&
		    !xfrm_stat_find(&stat, counter.name))
			stat.counters[stat.n++] = counter;
		else
			stat.n_skipped++;
	}
	stat.n_skipped += text < end;
	if (stat.n == 0)
		return -EBADMSG;
	memcpy(ret->counters, stat.counters, stat.n * sizeof(*stat.counters));
	ret->n = stat.n;
	ret->n_skipped = stat.n_skipped;
	return 0;
}

int xfrm_stat_read(int fd, struct xfrm_stat *ret)
{
	char text[XFRM_STAT_MAX * MAX_LINE];
	ssize_t len = safe_file_read_fd(fd, text, sizeof(text));

	return len < 0 ? (int)len : xfrm_stat_parse(text, (size_t)len, ret);
}

const struct xfrm_counter *xfrm_stat_find(const struct xfrm_stat *stat,
					  const char *name)
{
	for (size_t i = 0; i < stat->n; i++)
		if (!strcmp(stat->counters[i].name, name))
			return &stat->counters[i];
	return NULL;
}

/* The same, if the counter is likely to be at that place. */
static const struct xfrm_counter *find_from(const struct xfrm_stat *stat,
					    const char *name, size_t place)
{
	return place < stat->n && !strcmp(stat->counters[place].name, name)
		   ? &stat->counters[place]
		   : xfrm_stat_find(stat, name);
}

uint64_t xfrm_stat_get(const struct xfrm_stat *stat, const char *name)
{
	const struct xfrm_counter *counter = xfrm_stat_find(stat, name);

	return counter ? counter->value : 0;
}

/* Returns what was counted between two reads, or if that is unknown the least that it
 * can be, with *ret_reset. */
static uint64_t increase(uint64_t last, uint64_t value, bool *ret_reset)
{
	if (value >= last)
		return value - last;
	if (last <= UINT32_MAX && last - value > UINT32_MAX / 2)
		return value + UINT32_MAX - last + 1;
	*ret_reset = true;
	return value;
}

bool xfrm_totals_follow(struct xfrm_totals *totals, const struct xfrm_stat *stat)
{
	struct xfrm_stat *to = &totals->totals;
	bool reset = false;

	to->n_skipped = stat->n_skipped;
	for (size_t i = 0; i < stat->n; i++) {
		const struct xfrm_counter *counter = &stat->counters[i];
		const struct xfrm_counter *found = find_from(to, counter->name, i);
		size_t at = found ? (size_t)(found - to->counters) : to->n;

		if (at == XFRM_STAT_MAX)
			continue;
		if (found)
			to->counters[at].value +=
			    increase(totals->last[at], counter->value, &reset);
		else
			to->counters[to->n++] = *counter;
		totals->last[at] = counter->value;
	}
	return reset;
}
