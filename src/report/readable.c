/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/readable.h"

#include <inttypes.h>
#include <string.h>

#include "util/array.h"
#include "util/text.h"

const char *readable_exact(uint64_t value, char *text, size_t size)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t at = 0;

	for (int i = 0; i < len && at + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[at++] = ' ';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

/* The decimals of three significant digits. The limits are those where rounding adds a
 * digit. */
static int decimals_of(double value)
{
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

const char *readable_short(uint64_t value, char *text, size_t size)
{
	static const char units[] = "kMGTPE";
	double scaled = (double)value;
	size_t unit = 0;

	if (value < 1000) {
		snprintf(text, size, "%" PRIu64, value);
		return text;
	}
	scaled /= 1000;
	while (scaled >= 999.5) {
		scaled /= 1000;
		unit++;
	}
	snprintf(text, size, "%.*f%c", decimals_of(scaled), scaled, units[unit]);
	return text;
}

const char *readable_rate(double per_second, char *text, size_t size)
{
	if (per_second >= 999.5)
		return readable_short((uint64_t)per_second, text, size);
	if (per_second <= 0)
		snprintf(text, size, "0");
	else if (per_second < 0.095)
		snprintf(text, size, "%.2f", per_second < 0.01 ? 0.01 : per_second);
	else
		snprintf(text, size, "%.*f", per_second < 9.95 ? 1 : 0, per_second);
	return text;
}

const char *readable_age(uint64_t seconds, char *text, size_t size)
{
	static const struct {
		uint64_t seconds;
		char name;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;
	uint64_t first;

	while (i + 1 < ARRAY_SIZE(units) && seconds < units[i].seconds)
		i++;
	first = seconds / units[i].seconds;
	if (i + 1 == ARRAY_SIZE(units) || (i == 0 && first > 99))
		snprintf(text, size, "%" PRIu64 "%c", first, units[i].name);
	else
		snprintf(text, size, "%" PRIu64 "%c %" PRIu64 "%c", first,
			 units[i].name,
			 seconds % units[i].seconds / units[i + 1].seconds,
			 units[i + 1].name);
	return text;
}

/* An ill-formed byte counts as one character. */
static size_t step(const char *text, size_t len)
{
	size_t n = text_char(text, len);

	return n ? n : 1;
}

size_t readable_width(const char *text)
{
	size_t len = strlen(text);
	size_t width = 0;

	for (size_t at = 0; at < len; at += step(text + at, len - at))
		width++;
	return width;
}

void readable_widen(size_t *width, const char *text)
{
	size_t wanted = readable_width(text);

	*width = wanted > *width ? wanted : *width;
}

void readable_column(FILE *stream, const char *text, size_t width)
{
	size_t len = strlen(text);
	size_t at = 0;

	for (; width > 0 && at < len; width--)
		at += step(text + at, len - at);
	fwrite(text, 1, at, stream);
	fprintf(stream, "%*s", (int)width, "");
}
