/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Numbers, times and columns of text for people, in any locale. Pure. */

/* Enough for each of the texts below. They return text, which has size bytes. */
#define READABLE_SIZE 32

/* "1 234 567" */
const char *readable_exact(uint64_t value, char *text, size_t size);

/* "999", "1.23k", "45.6M": three digits and a power of 1000, at most 5 characters. */
const char *readable_short(uint64_t value, char *text, size_t size);

/* The same for a value per second, with fractions: "0", "0.05", "2.5", "45.6M". */
const char *readable_rate(double per_second, char *text, size_t size);

/* "59s", "3m 20s", "2h 5m", "3d 4h", "123d": at most 7 characters up to 27 years. */
const char *readable_age(uint64_t seconds, char *text, size_t size);

/* The characters in a text of UTF-8. */
size_t readable_width(const char *text);

/* Widens a column so that the text fits. */
void readable_widen(size_t *width, const char *text);

/* Writes a text and as many spaces as its column lacks; a longer text is cut. */
void readable_column(FILE *stream, const char *text, size_t width);
