/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify/notify_config.h"

#include <errno.h>
#include <string.h>

#include "runner.h"

static struct notify_config config;
static char error[256];

static void setup(void)
{
	config = notify_config_default;
	error[0] = '\0';
}

CHAPTER(setup, NULL);

static void accepts(const char *line)
{
	ck_assert_msg(!notify_config_add_line(&config, line, error, sizeof(error)),
		      "%s: %s", line, error);
}

static void rejects(const char *line, const char *reason)
{
	const struct notify_config before = config;

	ck_assert_int_eq(notify_config_add_line(&config, line, error, sizeof(error)),
			 -EINVAL);
	ck_assert_msg(strstr(error, reason), "%s: %s", line, error);
	ck_assert_mem_eq(&config, &before, sizeof(config));
}

TEST(nothing_is_on_by_default)
{
	ck_assert(!notify_config_is_on(&config));
}

TEST(topics_add_up)
{
	accepts("peers");
	ck_assert(notify_config_is_on(&config));
	accepts("Instances");
	ck_assert(config.topics[NOTIFY_PEERS] && config.topics[NOTIFY_INSTANCES]);
	ck_assert(!config.topics[NOTIFY_ERRORS] && !config.topics[NOTIFY_UNPROTECTED]);
	accepts("unprotected");
	ck_assert(config.topics[NOTIFY_UNPROTECTED]);
}

TEST(all_is_every_topic)
{
	accepts("all");
	for (size_t i = 0; i < N_NOTIFY_TOPICS; i++)
		ck_assert(config.topics[i]);
}

TEST(errors_take_a_threshold_and_an_interval)
{
	accepts("errors");
	ck_assert_uint_eq(config.errors_threshold, 100);
	ck_assert_uint_eq(config.errors_interval_ms, 60000);
	accepts("errors 5");
	ck_assert_uint_eq(config.errors_threshold, 5);
	ck_assert_uint_eq(config.errors_interval_ms, 60000);
	accepts("errors 1000000000 86400");
	ck_assert_uint_eq(config.errors_threshold, 1000000000);
	ck_assert_uint_eq(config.errors_interval_ms, 86400000);
}

TEST(bad_lines_change_nothing)
{
	rejects("everything", "\"everything\" is none of instances, peers");
	rejects("", "\"\" is none of");
	rejects("peers 5", "\"5\" is too much");
	rejects("all errors", "\"errors\" is too much");
	rejects("errors 0", "0 packets is not from 1 to 1000000000");
	rejects("errors 1000000001", "is not from 1 to");
	rejects("errors 99999999999", "is not a number of packets");
	rejects("errors -1", "\"-1\" is not a number of packets");
	rejects("errors 5 0", "0 seconds is not from 1 to 86400");
	rejects("errors 5 86401", "86401 seconds is not from 1 to 86400");
	rejects("errors 5 1x", "\"1x\" is not a number of seconds");
	rejects("errors 5 1 1", "\"1\" is too much");
}
