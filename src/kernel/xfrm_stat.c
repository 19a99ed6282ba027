/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/xfrm_stat.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/safe_file.h"
#include "util/text.h"

enum {
	/* The longest name, blanks, a number of 20 digits and the end of the line. */
	MAX_LINE = XFRM_STAT_NAME_MAX + 24,
};

/* The bytes that a name can have. */
static size_t name_length(const char *text, size_t most)
{
	size_t len = 0;

	while (len < most && text[len] > ' ' && text[len] <= '~')
		len++;
	return len;
}

bool xfrm_counter_is_valid(const struct xfrm_counter *counter)
{
	static const char zeros[XFRM_STAT_NAME_MAX];
	size_t len = name_length(counter->name, XFRM_STAT_NAME_MAX);

	return len > 0 && len < XFRM_STAT_NAME_MAX &&
	       !memcmp(counter->name + len, zeros, XFRM_STAT_NAME_MAX - len);
}

/* Reads a name, blanks or tabs, a decimal number and the newline, which is in the text.
 * Returns false if the line is anything else. */
static bool parse_line(const char *line, struct xfrm_counter *ret)
{
	size_t len = name_length(line, XFRM_STAT_NAME_MAX);
	const char *number = line + len;
	char *end;

	while (*number == ' ' || *number == '\t')
		number++;
	if (len == 0 || len == XFRM_STAT_NAME_MAX || number == line + len ||
	    !isdigit((unsigned char)*number))
		return false;
	*ret = (struct xfrm_counter){.value = 0};
	memcpy(ret->name, line, len);
	errno = 0;
	ret->value = strtoull(number, &end, 10);
	return !errno && *end == '\n';
}

/* As xfrm_stat_find(), but faster. name: with zeros behind it */
static bool has_name(const struct xfrm_stat *stat, const char *name)
{
	for (size_t i = 0; i < stat->n; i++)
		if (!memcmp(stat->counters[i].name, name, XFRM_STAT_NAME_MAX))
			return true;
	return false;
}

/* All is large, and mostly not used. */
static void copy_used(struct xfrm_stat *to, const struct xfrm_stat *from)
{
	memcpy(to->counters, from->counters, from->n * sizeof(*from->counters));
	to->n = from->n;
	to->n_skipped = from->n_skipped;
}

int xfrm_stat_parse(const char *text, size_t len, struct xfrm_stat *ret)
{
	const char *end = text + len;
	struct xfrm_stat stat;
	const char *newline;

	stat.n = stat.n_skipped = 0;
	for (; (newline = memchr(text, '\n', (size_t)(end - text)));
	     text = newline + 1) {
		struct xfrm_counter counter;

		if (stat.n < XFRM_STAT_MAX && parse_line(text, &counter) &&
		    !has_name(&stat, counter.name))
			stat.counters[stat.n++] = counter;
		else
			stat.n_skipped++;
	}
	stat.n_skipped += text < end;
	if (stat.n == 0)
		return -EBADMSG;
	copy_used(ret, &stat);
	return 0;
}

static int parse_and_keep(const char *text, size_t len, struct xfrm_stat_last *last)
{
	int err = xfrm_stat_parse(text, len, &last->stat);

	last->len = err || len > sizeof(last->text) ? 0 : len;
	memcpy(last->text, text, last->len);
	return err;
}

int xfrm_stat_read(int fd, struct xfrm_stat_last *last, struct xfrm_stat *ret)
{
	char text[XFRM_STAT_MAX * MAX_LINE];
	ssize_t len = safe_file_read_fd(fd, text, sizeof(text));
	int err = 0;

	if (len < 0)
		return (int)len;
	if (!last->len || last->len != (size_t)len ||
	    memcmp(last->text, text, last->len) != 0)
		err = parse_and_keep(text, (size_t)len, last);
	if (!err)
		copy_used(ret, &last->stat);
	return err;
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

size_t xfrm_totals_add(struct xfrm_totals *totals, const struct xfrm_counter *counter,
		       uint64_t last)
{
	struct xfrm_stat *to = &totals->totals;
	size_t at = to->n;

	if (at == XFRM_STAT_MAX)
		return at;
	for (;
	     at > 0 && text_compare_index(counter->name, to->counters[at - 1].name) < 0;
	     at--) {
		to->counters[at] = to->counters[at - 1];
		totals->last[at] = totals->last[at - 1];
	}
	to->counters[at] = *counter;
	totals->last[at] = last;
	to->n++;
	return at;
}

/* Finds the counter of a line, or adds it. Returns XFRM_STAT_MAX if
 * there is no room. */
static size_t find_place(struct xfrm_totals *totals, const struct xfrm_stat *stat,
			 size_t line)
{
	const struct xfrm_counter *counter = &stat->counters[line];
	const struct xfrm_stat *to = &totals->totals;
	const struct xfrm_counter *found = &to->counters[totals->places[line]];

	if (totals->places[line] >= to->n || strcmp(found->name, counter->name) != 0)
		found = xfrm_stat_find(to, counter->name);
	if (found)
		return (size_t)(found - to->counters);
	return xfrm_totals_add(totals, counter, counter->value);
}

bool xfrm_totals_follow(struct xfrm_totals *totals, const struct xfrm_stat *stat)
{
	struct xfrm_stat *to = &totals->totals;
	bool reset = false;

	to->n_skipped = stat->n_skipped;
	for (size_t i = 0; i < stat->n; i++) {
		uint64_t value = stat->counters[i].value;
		size_t at = find_place(totals, stat, i);

		if (at == XFRM_STAT_MAX)
			continue;
		to->counters[at].value += increase(totals->last[at], value, &reset);
		totals->last[at] = value;
		totals->places[i] = (uint16_t)at;
	}
	return reset;
}
