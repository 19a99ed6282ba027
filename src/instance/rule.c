/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar of "instance" lines. Declared in instance.h. */
#include "instance/instance.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/text.h"

/* Reads a number of up to 32 bits: decimal, or hexadecimal after 0x. Returns its end,
 * or NULL. */
static const char *parse_u32(const char *text, uint32_t *ret)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)*text) ||
	    (hex && !isxdigit((unsigned char)text[2])))
		return NULL;
	errno = 0;
	value = strtoul(text, &end, hex ? 16 : 10);
	if (errno || value > UINT32_MAX)
		return NULL;
	*ret = (uint32_t)value;
	return end;
}

/* The values of the keywords: each function reads a word into the part of the line that
 * the table below names, or returns false. */

static bool parse_number(const char *word, void *value)
{
	const char *end = parse_u32(word, value);

	return end && !*end;
}

static bool parse_mark(const char *word, void *value)
{
	struct instance_rule *rule = value;
	const char *end = parse_u32(word, &rule->mark);

	rule->mark_mask = UINT32_MAX;
	if (end && *end == '/')
		end = parse_u32(end + 1, &rule->mark_mask);
	return end && !*end && rule->mark_mask; /* else it would match every SA */
}

static bool parse_prefix(const char *word, void *value)
{
	return !prefix_parse(word, value);
}

static bool parse_device(const char *word, void *value)
{
	size_t len = strlen(word);

	if (len == 0 || len >= IFNAMSIZ || strchr(word, '/') || !strcmp(word, ".") ||
	    !strcmp(word, ".."))
		return false;
	memcpy(value, word, len + 1);
	return true;
}

static bool parse_netns(const char *word, void *value)
{
	memcpy(value, word, strlen(word) + 1);
	return netns_name_is_valid(word);
}

static bool parse_descr(const char *word, void *value)
{
	memcpy(value, word, strlen(word) + 1);
	return text_is_clean(word);
}

_Static_assert(NETNS_NAME_MAX >= INSTANCE_TEXT_MAX, "a word fits into either");

#define AT(field) offsetof(struct instance_line, field)
#define NUMBER "a number from 0 to 4294967295"
#define PREFIX "an address or ADDRESS/LENGTH"

static const struct {
	const char *word;
	bool (*parse)(const char *word, void *value);
	const char *expects;
	size_t value;
	size_t flag; /* a bool that becomes true; 0: none */
	bool is_condition;
} keywords[] = {
    {"local", parse_prefix, PREFIX, AT(rule.local), 0, true},
    {"remote", parse_prefix, PREFIX, AT(rule.remote), 0, true},
    {"reqid", parse_number, NUMBER, AT(rule.reqid), AT(rule.has_reqid), true},
    {"ifid", parse_number, NUMBER, AT(rule.if_id), AT(rule.has_if_id), true},
    {"mark", parse_mark, "VALUE or VALUE/MASK with a mask above 0", AT(rule),
     AT(rule.has_mark), true},
    {"device", parse_device, "the name of an interface", AT(rule.device), 0, true},
    {"namespace", parse_netns, "the name of a file", AT(netns), 0, false},
    {"descr", parse_descr, "UTF-8 without control characters", AT(descr), AT(has_descr),
     false},
};

enum {
	N_KEYWORDS = sizeof(keywords) / sizeof(*keywords),
};

/* Returns the number of the keyword, in letters of either case; N_KEYWORDS: none. */
static unsigned find_keyword(const char *word)
{
	unsigned i = 0;

	while (i < N_KEYWORDS && strcasecmp(word, keywords[i].word) != 0)
		i++;
	return i;
}

/* text: the name or description that precedes the word and may go on with it, or NULL.
 */
static int reject_keyword(struct parser *parser, const char *word, const char *text)
{
	char hint[2 * INSTANCE_TEXT_MAX + 64] = "";

	if (text)
		snprintf(hint, sizeof(hint),
			 "; write a text with blanks in double quotes: \"%s %s\"", text,
			 word);
	return parser_fail(parser,
			   "\"%s\" is none of local, remote, reqid, ifid, mark, "
			   "device, namespace, descr%s",
			   word, hint);
}

static int reject_value(struct parser *parser, unsigned keyword, const char *word)
{
	const char *zone = strchr(word, '%');

	if (zone && zone[1] && keywords[keyword].parse == parse_prefix)
		return parser_fail(parser,
				   "%s: \"%s\": write the address without \"%s\"; use "
				   "\"device %s\"",
				   keywords[keyword].word, word, zone, zone + 1);
	return parser_fail(parser, "%s: \"%s\" is not %s", keywords[keyword].word, word,
			   keywords[keyword].expects);
}

/* seen: the keywords that the line has had, a bit for each. */
static int parse_value(struct parser *parser, unsigned keyword, const char *word,
		       struct instance_line *line, unsigned *seen)
{
	char *base = (char *)line;

	if (*seen & 1u << keyword)
		return parser_fail(parser, "%s appears twice", keywords[keyword].word);
	*seen |= 1u << keyword;
	line->has_rule |= keywords[keyword].is_condition;
	if (keywords[keyword].flag)
		*(bool *)(base + keywords[keyword].flag) = true;
	if (!keywords[keyword].parse(word, base + keywords[keyword].value))
		return reject_value(parser, keyword, word);
	return 0;
}

static int parse_name(struct parser *parser, struct instance_line *line)
{
	int ret = parser_word(parser, line->name, sizeof(line->name));

	if (ret < 0)
		return ret;
	if (ret == 0 || !line->name[0])
		return parser_fail(parser, "the instance's name is missing");
	return instance_name_check(parser, line->name);
}

static int parse_keywords(struct parser *parser, struct instance_line *line)
{
	const char *text = line->name;
	char word[INSTANCE_TEXT_MAX + 1];
	unsigned seen = 0;

	for (;;) {
		int ret = parser_word(parser, word, sizeof(word));
		unsigned keyword;

		if (ret <= 0)
			return ret;
		keyword = find_keyword(word);
		if (keyword == N_KEYWORDS)
			return reject_keyword(parser, word, text);
		ret = parser_word(parser, word, sizeof(word));
		if (ret == 0)
			return parser_fail(parser, "\"%s\" has no value",
					   keywords[keyword].word);
		if (ret > 0)
			ret = parse_value(parser, keyword, word, line, &seen);
		if (ret < 0)
			return ret;
		text = keywords[keyword].value == AT(descr) ? line->descr : NULL;
	}
}

/* A namespace without conditions is a rule that matches every SA in it. */
static int check_rule(struct parser *parser, struct instance_line *line)
{
	const struct instance_rule *rule = &line->rule;
	bool unattributed = !strcmp(line->name, INSTANCE_UNATTRIBUTED);

	if (rule->local.family && rule->remote.family &&
	    rule->local.family != rule->remote.family)
		return parser_fail(
		    parser, "local and remote are of different address families");
	if (line->has_rule && unattributed)
		return parser_fail(
		    parser,
		    "\"%s\" cannot have rules: it has the SAs that no rule matches",
		    line->name);
	if (line->netns[0] && !unattributed)
		line->has_rule = true;
	if (!line->has_rule && !line->has_descr)
		return parser_fail(
		    parser,
		    "\"%s\" has no rule: add local, remote, reqid, ifid, "
		    "mark, device or namespace",
		    line->name);
	return 0;
}

int instance_line_parse(struct parser *parser, struct instance_line *ret)
{
	struct instance_line line = {.has_rule = false};
	int err = parse_name(parser, &line);

	if (!err)
		err = parse_keywords(parser, &line);
	if (!err)
		err = check_rule(parser, &line);
	if (!err)
		*ret = line;
	return err;
}
