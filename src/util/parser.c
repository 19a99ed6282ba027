/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/parser.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

int parser_fail(struct parser *parser, const char *format, ...)
{
	char reason[512];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	text_clean(parser->error, parser->error_size, reason);
	return -EINVAL;
}

int parser_word(struct parser *parser, char *word, size_t size)
{
	const char *at = parser->at + strspn(parser->at, " \t\r\n\v\f");
	const char *start = at;
	bool quoted;
	size_t n = 0;

	if (!*at)
		return 0;
	quoted = *at == '"';
	at += quoted;
	while (*at && (quoted ? *at != '"' : !isspace((unsigned char)*at))) {
		if (quoted && *at == '\\' && at[1])
			at++;
		if (n + 1 >= size)
			return parser_fail(
			    parser, "\"%.20s...\" is too long (at most %zu characters)",
			    start, size - 1);
		word[n++] = *at++;
	}
	word[n] = '\0';
	if (quoted && *at++ != '"')
		return parser_fail(parser, "the closing quote is missing");
	parser->at = at;
	return 1;
}
