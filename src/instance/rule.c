/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/rule.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

/* Decimal, or hexadecimal after 0x, up to 32 bits. Returns its end, or NULL. */
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

static int parse_number(struct parser *parser, const char *keyword, const char *word,
			uint32_t *ret)
{
	const char *end = parse_u32(word, ret);

	if (!end || *end)
		return parser_fail(parser,
				   "%s: \"%s\" is not a number from 0 to 4294967295",
				   keyword, word);
	return 0;
}

static int parse_reqid(struct parser *parser, const char *word,
		       struct instance_line *line)
{
	line->rule.has_reqid = true;
	return parse_number(parser, "reqid", word, &line->rule.reqid);
}

static int parse_if_id(struct parser *parser, const char *word,
		       struct instance_line *line)
{
	line->rule.has_if_id = true;
	return parse_number(parser, "ifid", word, &line->rule.if_id);
}

static int parse_mark(struct parser *parser, const char *word,
		      struct instance_line *line)
{
	struct instance_rule *rule = &line->rule;
	const char *end = parse_u32(word, &rule->mark);

	rule->mark_mask = UINT32_MAX;
	if (end && *end == '/')
		end = parse_u32(end + 1, &rule->mark_mask);
	if (!end || *end)
		return parser_fail(parser, "mark: \"%s\" is not VALUE or VALUE/MASK",
				   word);
	if (!rule->mark_mask)
		return parser_fail(parser, "mark: a mask of 0 would match every SA");
	rule->has_mark = true;
	return 0;
}

static int parse_prefix(struct parser *parser, const char *keyword, const char *word,
			struct prefix *prefix)
{
	if (prefix_parse(word, prefix) < 0)
		return parser_fail(parser,
				   "%s: \"%s\" is not an address or ADDRESS/LENGTH",
				   keyword, word);
	return 0;
}

static int parse_local(struct parser *parser, const char *word,
		       struct instance_line *line)
{
	return parse_prefix(parser, "local", word, &line->rule.local);
}

static int parse_remote(struct parser *parser, const char *word,
			struct instance_line *line)
{
	return parse_prefix(parser, "remote", word, &line->rule.remote);
}

static int parse_device(struct parser *parser, const char *word,
			struct instance_line *line)
{
	size_t len = strlen(word);

	if (len == 0 || len >= sizeof(line->rule.device) || strchr(word, '/') ||
	    !strcmp(word, ".") || !strcmp(word, ".."))
		return parser_fail(
		    parser, "device: \"%s\" is not the name of an interface", word);
	memcpy(line->rule.device, word, len + 1);
	return 0;
}

static int parse_netns(struct parser *parser, const char *word,
		       struct instance_line *line)
{
	if (!netns_name_is_valid(word))
		return parser_fail(parser,
				   "namespace: \"%s\" is not the name of a file", word);
	memcpy(line->netns, word, strlen(word) + 1);
	return 0;
}

static int parse_descr(struct parser *parser, const char *word,
		       struct instance_line *line)
{
	if (!text_is_clean(word))
		return parser_fail(parser,
				   "descr: \"%s\" is not UTF-8 without control "
				   "characters",
				   word);
	memcpy(line->descr, word, strlen(word) + 1);
	line->has_descr = true;
	return 0;
}

static const struct {
	const char *word;
	int (*parse)(struct parser *parser, const char *word,
		     struct instance_line *line);
	bool is_condition;
} keywords[] = {
    {"local", parse_local, true},      {"remote", parse_remote, true},
    {"reqid", parse_reqid, true},      {"ifid", parse_if_id, true},
    {"mark", parse_mark, true},        {"device", parse_device, true},
    {"namespace", parse_netns, false}, {"descr", parse_descr, false},
};

enum {
	N_KEYWORDS = sizeof(keywords) / sizeof(*keywords),
};

/* seen: which keywords the line has had, a bit for each. */
static int parse_keyword(struct parser *parser, const char *keyword, const char *word,
			 struct instance_line *line, unsigned *seen)
{
	unsigned i = 0;

	while (i < N_KEYWORDS && strcmp(keyword, keywords[i].word) != 0)
		i++;
	if (i == N_KEYWORDS)
		return parser_fail(
		    parser,
		    "\"%s\" is none of local, remote, reqid, ifid, mark, device, "
		    "namespace, descr",
		    keyword);
	if (*seen & 1u << i)
		return parser_fail(parser, "%s is there twice", keyword);
	*seen |= 1u << i;
	line->has_rule |= keywords[i].is_condition;
	return keywords[i].parse(parser, word, line);
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
	char keyword[16];
	char word[INSTANCE_TEXT_MAX + 1];
	unsigned seen = 0;

	for (;;) {
		int ret = parser_word(parser, keyword, sizeof(keyword));

		if (ret <= 0)
			return ret;
		ret = parser_word(parser, word, sizeof(word));
		if (ret == 0)
			return parser_fail(parser, "\"%s\" has no value", keyword);
		if (ret > 0)
			ret = parse_keyword(parser, keyword, word, line, &seen);
		if (ret < 0)
			return ret;
	}
}

/* A namespace alone is a rule that matches every SA in it. */
static int check_rule(struct parser *parser, struct instance_line *line)
{
	const struct instance_rule *rule = &line->rule;
	bool unattributed = !strcmp(line->name, INSTANCE_UNATTRIBUTED);

	if (rule->local.family && rule->remote.family &&
	    rule->local.family != rule->remote.family)
		return parser_fail(parser,
				   "local and remote are not of one address family");
	if (line->has_rule && unattributed)
		return parser_fail(
		    parser, "\"%s\" has what no rule claims, so no rules of its own",
		    line->name);
	if (line->netns[0] && !unattributed)
		line->has_rule = true;
	if (!line->has_rule && !line->has_descr)
		return parser_fail(
		    parser,
		    "\"%s\" has no rule: say local, remote, reqid, ifid, "
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
