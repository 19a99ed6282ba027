/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/parser.h"
#include "util/text.h"

const struct peer_config peer_config_default = {
    .enabled = true,
    .max_peers = PEERS_DEFAULT,
    .hold_down_ms = PEER_HOLD_DOWN_DEFAULT,
};

void peer_config_free(struct peer_config *config)
{
	free(config->rules);
	config->rules = NULL;
	config->n_rules = 0;
}

static uint8_t whole_len(uint16_t family)
{
	return family == AF_INET ? 32 : 128;
}

static void clear_host_bits(struct prefix *prefix)
{
	for (unsigned bit = prefix->len; bit < 128; bit++)
		prefix->addr.s6_addr[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

bool peer_is_valid(const struct prefix *prefix)
{
	struct prefix clear = *prefix;

	if (prefix->family != AF_INET && prefix->family != AF_INET6)
		return false;
	clear_host_bits(&clear);
	return prefix->len <= whole_len(prefix->family) && peer_equals(prefix, &clear);
}

bool peer_equals(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

/* Configuration. */

static int parse_rule(struct parser *parser, struct peer_rule *rule)
{
	char word[PEER_LABEL_MAX + 1];
	int ret = parser_word(parser, word, sizeof(word));

	if (ret < 0)
		return ret;
	if (ret == 0 || prefix_parse(word, &rule->prefix) < 0)
		return parser_fail(parser, "\"%s\" is not an address or ADDRESS/LENGTH",
				   ret ? word : "");
	clear_host_bits(&rule->prefix);
	ret = parser_word(parser, rule->label, sizeof(rule->label));
	if (ret < 0)
		return ret;
	if (!rule->label[0] && rule->prefix.len == whole_len(rule->prefix.family))
		return parser_fail(parser, "the label of %s is missing", word);
	if (!text_is_clean(rule->label))
		return parser_fail(parser,
				   "the label is not UTF-8 without control characters");
	ret = parser_word(parser, word, sizeof(word));
	if (ret > 0)
		return parser_fail(parser,
				   "\"%s\" follows the label; write a label with "
				   "blanks in double quotes: \"%s %s\"",
				   word, rule->label, word);
	return ret;
}

int peer_config_add_line(struct peer_config *config, const char *line, char *error,
			 size_t error_size)
{
	struct parser parser = {line, error, error_size};
	struct peer_rule rule = {.label = ""};
	size_t at = 0;
	int err = parse_rule(&parser, &rule);

	for (size_t i = 0; i < config->n_rules && !err; i++)
		if (peer_equals(&config->rules[i].prefix, &rule.prefix))
			err = parser_fail(&parser, "the same peer appears twice");
	if (err)
		return err;
	if (array_reserve(&config->rules, config->n_rules, 1) < 0)
		return -ENOMEM;
	while (at < config->n_rules && config->rules[at].prefix.len > rule.prefix.len)
		at++;
	memmove(config->rules + at + 1, config->rules + at,
		(config->n_rules - at) * sizeof(*config->rules));
	config->rules[at] = rule;
	config->n_rules++;
	return 0;
}

int peer_config_copy(const struct peer_config *config, struct peer_config *ret)
{
	struct peer_config copy = *config;

	copy.rules = NULL;
	if (array_reserve(&copy.rules, 0, config->n_rules) < 0)
		return -ENOMEM;
	if (config->n_rules)
		memcpy(copy.rules, config->rules,
		       config->n_rules * sizeof(*copy.rules));
	*ret = copy;
	return 0;
}

static const struct peer_rule *find_rule(const struct peer_config *config,
					 const struct prefix *prefix)
{
	for (size_t i = 0; i < config->n_rules; i++) {
		const struct peer_rule *rule = &config->rules[i];

		if (rule->prefix.len <= prefix->len &&
		    prefix_matches(&rule->prefix, prefix->family, &prefix->addr))
			return rule;
	}
	return NULL;
}

struct prefix peer_group(const struct peer_config *config, const struct prefix *prefix)
{
	const struct peer_rule *rule = find_rule(config, prefix);

	return rule ? rule->prefix : *prefix;
}

const char *peer_label(const struct peer_config *config, const struct prefix *prefix,
		       const char *name)
{
	const struct peer_rule *rule = find_rule(config, prefix);

	return rule && rule->label[0] && peer_equals(&rule->prefix, prefix)
		   ? rule->label
		   : name;
}

/* Peers. */

struct prefix peer_of_sa(const struct sa *sa, enum sa_direction direction)
{
	struct prefix peer = {.family = 0};

	if (direction == SA_DIR_UNKNOWN)
		return peer;
	peer.family = sa->family;
	peer.len = whole_len(sa->family);
	peer.addr = direction == SA_DIR_OUT ? sa->daddr : sa->saddr;
	return peer;
}

void peer_name(const struct prefix *prefix, char name[PEER_NAME_MAX + 1])
{
	size_t len;

	if (!inet_ntop(prefix->family, &prefix->addr, name, PEER_NAME_MAX + 1)) {
		memcpy(name, PEER_OTHER, sizeof(PEER_OTHER));
		return;
	}
	len = strlen(name);
	if (prefix->len < whole_len(prefix->family))
		snprintf(name + len, PEER_NAME_MAX + 1 - len, "/%u", prefix->len);
}
