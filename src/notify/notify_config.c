/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify/notify_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/parser.h"

enum {
	WORD_MAX = 32,
	PACKETS_MOST = 1000000000,
	SECONDS_MOST = 86400,
};

const struct notify_config notify_config_default = {
    .errors_threshold = 100,
    .errors_interval_ms = 60000,
    .hold_down_ms = 10000,
};

static const char *const topic_names[N_NOTIFY_TOPICS] = {
    [NOTIFY_INSTANCES] = "instances",
    [NOTIFY_PEERS] = "peers",
    [NOTIFY_ERRORS] = "errors",
    [NOTIFY_UNPROTECTED] = "unprotected",
};

bool notify_config_is_on(const struct notify_config *config)
{
	for (size_t i = 0; i < N_NOTIFY_TOPICS; i++)
		if (config->topics[i])
			return true;
	return false;
}

static int add_topic(struct notify_config *config, struct parser *parser,
		     const char *word)
{
	bool all = !strcasecmp(word, "all");
	bool known = all;

	for (size_t i = 0; i < N_NOTIFY_TOPICS; i++) {
		if (!all && strcasecmp(word, topic_names[i]) != 0)
			continue;
		config->topics[i] = true;
		known = true;
	}
	if (!known)
		return parser_fail(parser,
				   "\"%s\" is none of instances, peers, errors, "
				   "unprotected and all",
				   word);
	return 0;
}

/* Reads a number from 1 to most, if another word follows. Returns 1; 0 at the end of
 * the line; or -EINVAL with the reason. */
static int read_number(struct parser *parser, const char *what, unsigned long most,
		       uint32_t *ret)
{
	char word[WORD_MAX];
	char *end;
	unsigned long number;
	int got = parser_word(parser, word, sizeof(word));

	if (got <= 0)
		return got;
	number = strtoul(word, &end, 10);
	if (word[strspn(word, "0123456789")] || end == word || strlen(word) > 10)
		return parser_fail(parser, "\"%s\" is not a number of %s", word, what);
	if (number < 1 || number > most)
		return parser_fail(parser, "%s %s is not from 1 to %lu", word, what,
				   most);
	*ret = (uint32_t)number;
	return 1;
}

static int parse(struct notify_config *config, struct parser *parser)
{
	uint32_t seconds = config->errors_interval_ms / 1000;
	char word[WORD_MAX] = "";
	int got = parser_word(parser, word, sizeof(word));

	if (got >= 0)
		got = add_topic(config, parser, word);
	if (!got && !strcasecmp(word, topic_names[NOTIFY_ERRORS])) {
		got = read_number(parser, "packets", PACKETS_MOST,
				  &config->errors_threshold);
		if (got > 0)
			got = read_number(parser, "seconds", SECONDS_MOST, &seconds);
		config->errors_interval_ms = seconds * 1000;
	}
	if (got >= 0)
		got = parser_word(parser, word, sizeof(word));
	return got > 0 ? parser_fail(parser, "\"%s\" is too much", word) : got;
}

int notify_config_add_line(struct notify_config *config, const char *line, char *error,
			   size_t error_size)
{
	struct parser parser = {line, error, error_size};
	struct notify_config changed = *config;
	int err = parse(&changed, &parser);

	if (!err)
		*config = changed;
	return err;
}
