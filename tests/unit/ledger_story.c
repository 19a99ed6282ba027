/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_story.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_STEP = 120 };

static const char names[] = "ABCDR";
static struct sa sas[5];
static uint64_t made_up_time;

static struct sa *find(const char *text)
{
	const char *name = strchr(names, toupper(text[0]));

	ck_assert_msg(text[0] && name, "no SA: %s", text);
	return &sas[name - names];
}

/* "A=100", "a" */
static struct sa named(const char *text)
{
	uint64_t bytes = 0;

	if (islower(text[0]))
		return larval(*find(text));
	if (text[1])
		ck_assert_msg(sscanf(text + 1, "=%" SCNu64, &bytes) == 1, "%s", text);
	return with_traffic(*find(text), bytes, (bytes + 99) / 100);
}

static bool play_event(const char *verb, const char *argument)
{
	static const struct {
		const char *verb;
		enum sa_event_type type;
	} events[] = {
	    {"NEWSA", SA_EVENT_NEW},
	    {"UPDSA", SA_EVENT_UPDATE},
	    {"DELSA", SA_EVENT_DELETE},
	    {"EXPIRE", SA_EVENT_EXPIRE_HARD},
	    {"EXPIRE_SOFT", SA_EVENT_EXPIRE_SOFT},
	    {"FLUSHSA", SA_EVENT_FLUSH},
	    {"MIGRATE", SA_EVENT_MIGRATE},
	    {"POLICY", SA_EVENT_POLICY},
	    {"OTHER", SA_EVENT_OTHER},
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		if (strcmp(verb, events[i].verb) != 0)
			continue;
		if (!argument)
			event_without_sa(events[i].type);
		else if (!strncmp(verb, "EXPIRE", 6)) /* names no algorithms */
			event(events[i].type, larval(named(argument)));
		else
			event(events[i].type, named(argument));
		return true;
	}
	return false;
}

static void play_dump(char *rest)
{
	begin();
	for (char *sa; (sa = strtok_r(NULL, " ", &rest));)
		show(named(sa));
	finish();
}

static bool play_action(const char *verb, char *rest)
{
	char *argument;

	if (!strcmp(verb, "dump")) {
		play_dump(rest);
		return true;
	}
	argument = strtok_r(NULL, " ", &rest);
	if (play_event(verb, argument))
		return true;
	if (!strcmp(verb, "GAP"))
		ledger_note_gap(ledger);
	else if (!strcmp(verb, "begin"))
		begin();
	else if (!strcmp(verb, "show"))
		show(named(argument));
	else if (!strcmp(verb, "end"))
		finish();
	else if (!strcmp(verb, "abort"))
		cut_short();
	else if (!strcmp(verb, "time"))
		find(argument)->add_time =
		    *rest == '?' ? made_up_time : T0 + strtoull(rest, NULL, 10);
	else if (!strcmp(verb, "later"))
		find(argument)->add_time += strtoull(rest, NULL, 10);
	else
		return false;
	return true;
}

/* The values that a verb asserts. Returns how many; 0: no such verb. */
static size_t values_of(const char *verb, uint64_t values[3])
{
	const struct totals *row = totals(0);
	const struct stats *stats = &row->stats;
	const struct ledger_counts counts = ledger_counts(ledger);
	const struct {
		const char *verb;
		uint64_t value;
	} single[] = {
	    {"active", stats->active_sa},
	    {"sent", stats->confidential_bytes_sent},
	    {"received", stats->confidential_bytes_received},
	    {"rekeys", stats->rekeys},
	    {"tunnels", stats->active_tunnels},
	    {"pending", stats->pending_key_operations},
	    {"losses", row->losses},
	    {"wants", ledger_wants_dump(ledger)},
	};

	if (!strcmp(verb, "life")) {
		values[0] = stats->active_sa;
		values[1] = stats->key_additions;
		values[2] = stats->key_deletions;
		return 3;
	}
	if (!strcmp(verb, "counts")) {
		values[0] = counts.keyed;
		values[1] = counts.larval;
		values[2] = counts.other;
		return 3;
	}
	for (size_t i = 0; i < sizeof(single) / sizeof(*single); i++) {
		if (!strcmp(verb, single[i].verb)) {
			values[0] = single[i].value;
			return 1;
		}
	}
	return 0;
}

static void play_step(const struct ledger_story *story, const char *step)
{
	char text[MAX_STEP];
	char *rest;
	char *verb;
	uint64_t values[3];
	size_t n;

	step += strspn(step, " ");
	ck_assert_uint_lt(strlen(step), MAX_STEP);
	strcpy(text, step);
	verb = strtok_r(text, " ", &rest);
	n = values_of(verb, values);
	if (n == 0)
		ck_assert_msg(play_action(verb, rest), "%s: %s?", story->name, step);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(*rest && strtoull(rest, &rest, 10) == values[i],
			      "%s: it is not %s, but %" PRIu64, story->name, step,
			      values[i]);
}

static void play_between(const struct ledger_story *story, const char *const road[2])
{
	char *steps = strdup(story->steps);
	char *rest = steps;

	ledger_again();
	sas[0] = out_sa(1);
	sas[1] = moved(out_sa(1), road[0], road[1]);
	sas[2] = out_sa(2);
	sas[3] = in_sa(2);
	sas[4] = in_sa(1);
	for (char *step; (step = strtok_r(NULL, ";", &rest));)
		play_step(story, step);
	free(steps);
}

void ledger_play(const struct ledger_story *story)
{
	size_t n_times = strchr(story->steps, '?') ? MADE_UP : 1;

	for (size_t i = 0; i < ROADS * n_times; i++) {
		made_up_time = made_up[i / ROADS];
		play_between(story, roads[i % ROADS]);
	}
}
