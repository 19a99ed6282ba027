/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <syslog.h>

/*
 * The log. Messages have a level of syslog(3), LOG_ERR to LOG_DEBUG. Debug messages
 * also have a topic, and are written only if that is enabled. A text is one line
 * without the newline, and has no key material. Text from outside must be clean already
 * (text.h).
 */

/* The topics of debug messages; log.c has their names. */
enum log_topic {
	LOG_TOPIC_NETLINK,
	LOG_TOPIC_POLL,
	LOG_TOPIC_ATTRIBUTION,
	LOG_TOPIC_DIRECTION,
	LOG_TOPIC_SESSION,
	LOG_TOPIC_NETNS,
	LOG_TOPIC_STATE,
	N_LOG_TOPICS
};

/* Writes one message. A longer text than this many bytes is cut. */
enum { LOG_TEXT_MAX = 4096 };
__attribute__((format(printf, 2, 3))) void log_message(int level, const char *format,
						       ...);

/* Writes "TOPIC: text" at LOG_DEBUG if the topic is enabled. Otherwise the arguments
 * are not evaluated. */
#define log_debug(topic, ...)                                    \
	do {                                                     \
		if (log_debug_is_on(topic))                      \
			log_debug_message((topic), __VA_ARGS__); \
	} while (0)
__attribute__((format(printf, 2, 3))) void log_debug_message(enum log_topic topic,
							     const char *format, ...);

/* One bit for each enabled topic; log_enable_topic() sets them. */
extern unsigned log_topics_on;

static inline bool log_debug_is_on(enum log_topic topic)
{
	return log_topics_on & 1u << topic;
}

/* Enables the topic with that name, or with "ALL" every topic. Returns false if there
 * is no such topic. */
bool log_enable_topic(const char *name);

/* Prints a line for each topic, with its name and contents, behind an indentation. */
void log_list_topics(FILE *stream, const char *indentation);

/* Sets the function that writes messages. NULL: the default, to standard error. */
typedef void (*log_sink)(int level, const char *text);
void log_set_sink(log_sink sink);
