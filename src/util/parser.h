/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* A line of configuration that is being read, and the room for an error message. */
struct parser {
	const char *at;
	char *error;
	size_t error_size;
};

/* Writes the reason, cleaned by text_clean() because it may quote the line. Returns
 * -EINVAL. */
__attribute__((format(printf, 2, 3))) int parser_fail(struct parser *parser,
						      const char *format, ...);

/* Reads the next word: up to a blank, or between double quotes, where a backslash
 * quotes the next character. Returns 1; 0 at the end of the line; or -EINVAL with the
 * reason. */
int parser_word(struct parser *parser, char *word, size_t size);
