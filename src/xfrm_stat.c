/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xfrm_stat.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line is a name, blanks or a tab, and a decimal number. */
static int parse_line(const char *line, size_t len, struct xfrm_counter *ret)
{
	struct xfrm_counter counter = {.value = 0};
	size_t name = 0;
	size_t at;

	while (name < len && !isspace((unsigned char)line[name]))
		name++;
	if (name == 0 || name >= sizeof(counter.name))
		return -EBADMSG;
	memcpy(counter.name, line, name);
	for (at = name; at < len && isspace((unsigned char)line[at]); at++)
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

int xfrm_stat_parse(const char *text, size_t len, struct xfrm_stat *ret)
{
	struct xfrm_stat stat = {.n = 0};

	while (len > 0) {
		const char *newline = memchr(text, '\n', len);
		size_t line = newline ? (size_t)(newline - text) : len;
		int err;

		if (stat.n == XFRM_STAT_MAX)
			return -E2BIG;
		err = parse_line(text, line, &stat.counters[stat.n]);
		if (err)
			return err;
		stat.n++;
		line += newline != NULL;
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
	char text[XFRM_STAT_MAX * (XFRM_STAT_NAME_MAX + 24)];
	size_t len = 0;

	while (len < sizeof(text)) {
		ssize_t n = pread(fd, text + len, sizeof(text) - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return xfrm_stat_parse(text, len, ret);
		len += (size_t)n;
	}
	return -E2BIG;
}

uint64_t xfrm_stat_get(const struct xfrm_stat *stat, const char *name)
{
	for (size_t i = 0; i < stat->n; i++)
		if (!strcmp(stat->counters[i].name, name))
			return stat->counters[i].value;
	return 0;
}
