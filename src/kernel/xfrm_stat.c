/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/xfrm_stat.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* The longest name, blanks, a number of 20 digits and the end of the line. */
	LINE_MAX = XFRM_STAT_NAME_MAX + 24,
};

static bool is_printable(char c)
{
	return c > ' ' && c <= '~';
}

bool xfrm_counter_is_valid(const struct xfrm_counter *counter)
{
	size_t len = 0;

	while (len < XFRM_STAT_NAME_MAX && is_printable(counter->name[len]))
		len++;
	if (len == 0 || len == XFRM_STAT_NAME_MAX)
		return false;
	for (; len < XFRM_STAT_NAME_MAX; len++)
		if (counter->name[len])
			return false;
	return true;
}

/* A line is a name, blanks or a tab, and a decimal number. */
static int parse_line(const char *line, size_t len, struct xfrm_counter *ret)
{
	struct xfrm_counter counter = {.value = 0};
	size_t name = 0;
	size_t at;

	while (name < len && is_printable(line[name]))
		name++;
	if (name == 0 || name >= sizeof(counter.name))
		return -EBADMSG;
	memcpy(counter.name, line, name);
	for (at = name; at < len && isblank((unsigned char)line[at]); at++)
		;
	if (at == name || at == len)
		return -EBADMSG;
	for (; at < len && isdigit((unsigned char)line[at]); at++) {
		unsigned digit = (unsigned)(line[at] - '0');

		if (counter.value > (UINT64_MAX - digit) / 10)
			return -EBADMSG;
		counter.value = counter.value * 10 + digit;
	}
	if (at != len)
		return -EBADMSG;
	*ret = counter;
	return 0;
}

static void add_line(struct xfrm_stat *stat, const char *line, size_t len)
{
	struct xfrm_counter counter;

	if (stat->n < XFRM_STAT_MAX && parse_line(line, len, &counter) == 0 &&
	    !xfrm_stat_find(stat, counter.name))
		stat->counters[stat->n++] = counter;
	else
		stat->n_skipped++;
}

int xfrm_stat_parse(const char *text, size_t len, struct xfrm_stat *ret)
{
	struct xfrm_stat stat = {.n = 0};

	while (len > 0) {
		const char *newline = memchr(text, '\n', len);
		size_t line = newline ? (size_t)(newline - text) + 1 : len;

		if (newline)
			add_line(&stat, text, line - 1);
		else
			stat.n_skipped++;
		text += line;
		len -= line;
	}
	if (stat.n == 0)
		return -EBADMSG;
	*ret = stat;
	return 0;
}

int xfrm_stat_read(int fd, struct xfrm_stat *ret)
{
	char text[XFRM_STAT_MAX * LINE_MAX];
	size_t len = 0;

	while (len < sizeof(text)) {
		ssize_t n = pread(fd, text + len, sizeof(text) - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return xfrm_stat_parse(text, len, ret);
}

const struct xfrm_counter *xfrm_stat_find(const struct xfrm_stat *stat,
					  const char *name)
{
	for (size_t i = 0; i < stat->n; i++)
		if (!strcmp(stat->counters[i].name, name))
			return &stat->counters[i];
	return NULL;
}

uint64_t xfrm_stat_get(const struct xfrm_stat *stat, const char *name)
{
	const struct xfrm_counter *counter = xfrm_stat_find(stat, name);

	return counter ? counter->value : 0;
}

/* Following. */

/* What came between two reads. *ret_reset: nobody knows, and this is the least. */
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
		const struct xfrm_counter *found = xfrm_stat_find(to, counter->name);
		size_t at = found ? (size_t)(found - to->counters) : to->n;

		if (at == XFRM_STAT_MAX)
			continue;
		if (!found) {
			to->counters[to->n++] = *counter;
			totals->last[at] = counter->value;
			continue;
		}
		to->counters[at].value +=
		    increase(totals->last[at], counter->value, &reset);
		totals->last[at] = counter->value;
	}
	return reset;
}
