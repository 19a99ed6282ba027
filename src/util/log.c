/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/log.h"

#include <stdarg.h>
#include <string.h>

#include "util/text.h"

static const struct {
	const char *name;
	const char *contents;
} topics[N_LOG_TOPICS] = {
    [LOG_TOPIC_NETLINK] = {"netlink", "dumps and events of the kernel, without keys"},
    [LOG_TOPIC_POLL] = {"poll", "when the kernel is polled, and with what result"},
    [LOG_TOPIC_ATTRIBUTION] = {"attribution", "to which row each SA belongs, and why"},
    [LOG_TOPIC_DIRECTION] = {"direction", "which direction each SA has, and why"},
    [LOG_TOPIC_SESSION] = {"session", "the AgentX session with the master agent"},
    [LOG_TOPIC_NETNS] = {"netns", "network namespaces that come and go"},
    [LOG_TOPIC_STATE] = {"state", "the state that is saved and restored"},
};

unsigned log_topics_on;

static void write_to_stderr(int level, const char *text)
{
	(void)level;
	fprintf(stderr, "%s\n", text);
}

static log_sink current_sink = write_to_stderr;

void log_set_sink(log_sink sink)
{
	current_sink = sink ? sink : write_to_stderr;
}

__attribute__((format(printf, 3, 0))) static void write_text(int level,
							     const char *prefix,
							     const char *format,
							     va_list args)
{
	char text[LOG_TEXT_MAX + 1];
	int used = snprintf(text, sizeof(text), "%s%s", prefix, *prefix ? ": " : "");

	vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
	if (strlen(text) == LOG_TEXT_MAX)
		text_trim(text); /* a character may be cut */
	current_sink(level, text);
}

void log_message(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_text(level, "", format, args);
	va_end(args);
}

void log_debug_message(enum log_topic topic, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_text(LOG_DEBUG, topics[topic].name, format, args);
	va_end(args);
}

bool log_enable_topic(const char *name)
{
	unsigned found = 0;

	for (unsigned i = 0; i < N_LOG_TOPICS; i++)
		if (!strcmp(name, topics[i].name) || !strcmp(name, "ALL"))
			found |= 1u << i;
	log_topics_on |= found;
	return found;
}

void log_list_topics(FILE *stream, const char *indentation)
{
	for (unsigned i = 0; i < N_LOG_TOPICS; i++)
		fprintf(stream, "%s%-12s %s\n", indentation, topics[i].name,
			topics[i].contents);
}
