/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static const char blanks[] = " \t\r\n\v\f";

/* A "#" begins a comment only where a directive or its value would begin. */
static char *skip_blanks(char *text)
{
	text += strspn(text, blanks);
	return *text == '#' ? text + strlen(text) : text;
}

static void handle_line(struct config_file_line *line, char *text,
			config_file_handler handle, void *ctx)
{
	char *directive = skip_blanks(text);
	char *value = directive + strcspn(directive, blanks);
	char *end = value + strlen(value);

	if (!*directive && !line->has_nul)
		return;
	while (end > value && isspace((unsigned char)end[-1]))
		*--end = '\0';
	if (*value)
		*value++ = '\0';
	line->directive = directive;
	line->value = skip_blanks(value);
	handle(ctx, line);
}

int config_file_read(const char *file, config_file_handler handle, void *ctx)
{
	struct config_file_line line = {.file = file};
	FILE *stream = fopen(file, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	int err;

	if (!stream)
		return -errno;
	while ((void)(errno = 0), (len = getline(&text, &size, stream)) >= 0) {
		line.number++;
		line.has_nul = strlen(text) != (size_t)len;
		handle_line(&line, text, handle, ctx);
	}
	err = feof(stream) ? 0 : -errno;
	free(text);
	fclose(stream);
	return err;
}
