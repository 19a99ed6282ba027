/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"
#include "util/text.h"

static char last[2 * LOG_TEXT_MAX];
static int last_level;
static unsigned n_messages;

static void keep_last(int level, const char *text)
{
	snprintf(last, sizeof(last), "%s", text);
	last_level = level;
	n_messages++;
}

static void setup(void)
{
	log_topics_on = 0;
	log_set_sink(keep_last);
	last[0] = '\0';
	n_messages = 0;
}

static void teardown(void)
{
	log_topics_on = 0;
	log_set_sink(NULL);
}

CHAPTER(setup, teardown);

TEST(a_message_goes_to_the_sink_with_its_level)
{
	log_message(LOG_WARNING, "%s: %d rows", "blue", 3);
	ck_assert_str_eq(last, "blue: 3 rows");
	ck_assert_int_eq(last_level, LOG_WARNING);
	ck_assert_uint_eq(n_messages, 1);
}

TEST(a_debug_message_is_written_only_if_its_topic_is_enabled)
{
	int evaluated = 0;

	log_debug(LOG_TOPIC_NETLINK, "%d", ++evaluated);
	ck_assert_uint_eq(n_messages, 0);
	ck_assert_int_eq(evaluated, 0);

	ck_assert(log_enable_topic("netlink"));
	log_debug(LOG_TOPIC_POLL, "%d", ++evaluated);
	ck_assert_uint_eq(n_messages, 0);
	log_debug(LOG_TOPIC_NETLINK, "dump %d", ++evaluated);
	ck_assert_str_eq(last, "netlink: dump 1");
	ck_assert_int_eq(last_level, LOG_DEBUG);
}

TEST(topics_are_enabled_by_their_whole_name)
{
	ck_assert(!log_enable_topic("net"));
	ck_assert(!log_enable_topic("netlinks"));
	ck_assert(!log_enable_topic(""));
	ck_assert_uint_eq(log_topics_on, 0);

	ck_assert(log_enable_topic("direction"));
	ck_assert(log_enable_topic("state"));
	ck_assert_uint_eq(log_topics_on,
			  1u << LOG_TOPIC_DIRECTION | 1u << LOG_TOPIC_STATE);
}

TEST(all_enables_every_topic)
{
	ck_assert(log_enable_topic("ALL"));
	for (unsigned i = 0; i < N_LOG_TOPICS; i++)
		ck_assert(log_debug_is_on(i));
}

TEST(each_listed_topic_can_be_enabled)
{
	char *list = NULL;
	size_t size;
	FILE *stream = open_memstream(&list, &size);
	unsigned n = 0;

	ck_assert_ptr_nonnull(stream);
	log_list_topics(stream, "  ");
	fclose(stream);
	for (char *line = strtok(list, "\n"); line; line = strtok(NULL, "\n"), n++) {
		ck_assert_int_eq(strncmp(line, "  ", 2), 0);
		line[2 + strcspn(line + 2, " ")] = '\0';
		ck_assert_msg(log_enable_topic(line + 2), "%s", line);
	}
	ck_assert_uint_eq(n, N_LOG_TOPICS);
	ck_assert_uint_eq(log_topics_on, (1u << N_LOG_TOPICS) - 1);
	free(list);
}

/* Only the first byte of a character would fit. */
TEST(a_text_that_is_too_long_is_cut_between_characters)
{
	static char text[LOG_TEXT_MAX + 10];

	memset(text, 'x', LOG_TEXT_MAX - 1);
	strcpy(text + LOG_TEXT_MAX - 1, "\xc3\xa9");
	log_message(LOG_INFO, "%s", text);
	ck_assert_uint_eq(strlen(last), LOG_TEXT_MAX - 1);
	ck_assert(text_is_clean(last));

	memset(text, 'x', LOG_TEXT_MAX);
	text[LOG_TEXT_MAX] = '\0';
	log_message(LOG_INFO, "%s", text);
	ck_assert_str_eq(last, text);
}

TEST(without_a_sink_a_message_is_a_line_on_standard_error)
{
	int saved = dup(STDERR_FILENO);
	int ends[2];
	char text[80];
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_set_sink(NULL);
	log_message(LOG_ERR, "%d rows", 3);
	dup2(saved, STDERR_FILENO);
	n = read(ends[0], text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text, "3 rows\n");
	close(ends[0]);
	close(ends[1]);
	close(saved);
}
