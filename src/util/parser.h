/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* The line of configuration under way, and where to say what is wrong with it. */
struct parser {
	const char *at;
	char *error;
	size_t error_size;
};

/* Writes the reason, which may quote the line and is made clean (text.h). Returns
 * -EINVAL. */
__attribute__((format(printf, 2, 3))) int parser_fail(struct parser *parser,
						      const char *format, ...);

/*
 * The next word: up to a blank, or between double quotes, where a backslash takes
 * the next character as it is. Returns 1, 0 at the end of the line, or -EINVAL.
 */
int parser_word(struct parser *parser, char *word, size_t size);
