/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger against random legal histories of a small model of the kernel's XFRM: see
 * model.h.
 *
 * Where the kernel sends no counters, the model counts what can be known: FLUSHSA loses
 * the bytes since the last dump that showed the SA, and a counter that was set back
 * shows only the bytes since then. After lost events, bytes may only be missing, and
 * three polls later every level must be right again.
 *
 *	QMIPSEC_MODEL_STEPS	the number of steps in all (200000)
 *	QMIPSEC_MODEL_SEED	the first random number (20240101)
 *
 * A history that fails is printed, without the steps that are not needed for that.
 */
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static struct model *the_model;
static enum model_peers peers;

/* Returns true if the history ends well; else the model has the failure. *ret_steps is
 * the number of steps taken. */
static bool run_history(const struct step *steps, size_t n, size_t *ret_steps)
{
	struct model *model = the_model;
	size_t i;

	model_begin(model, peers);
	for (i = 0; i < n && !model->failure[0]; i++)
		model_run_step(model, &steps[i]);
	if (!model->failure[0])
		poll_quietly(model);
	ledger_free(model->ledger);
	if (ret_steps)
		*ret_steps = i;
	return !model->failure[0];
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static struct step random_step(uint64_t *state)
{
	unsigned sum = 0;
	unsigned at;
	struct step step = {.kind = 0};

	for (unsigned i = 0; i < model_n_kinds; i++)
		sum += model_kinds[i].weight;
	at = (unsigned)(next_random(state) % sum);
	for (unsigned i = 0; i < model_n_kinds; i++) {
		if (at < model_kinds[i].weight) {
			step.kind = i;
			break;
		}
		at -= model_kinds[i].weight;
	}
	step.a = (uint32_t)next_random(state);
	step.b = (uint32_t)next_random(state);
	step.c = (uint32_t)next_random(state);
	return step;
}

/* Leaves out ever smaller pieces as long as the rest still fails. Returns how many
 * steps are left. */
static size_t shrink(struct step *steps, size_t n)
{
	struct step *fewer = malloc(n * sizeof(*fewer));

	run_history(steps, n, &n);
	for (size_t piece = n / 2; piece > 0; piece /= 2) {
		bool again = true;

		while (again) {
			again = false;
			for (size_t at = 0; at + piece <= n;) {
				memcpy(fewer, steps, at * sizeof(*fewer));
				memcpy(fewer + at, steps + at + piece,
				       (n - at - piece) * sizeof(*fewer));
				if (run_history(fewer, n - piece, NULL)) {
					at += piece;
					continue;
				}
				n -= piece;
				memcpy(steps, fewer, n * sizeof(*steps));
				again = piece == 1;
			}
		}
	}
	free(fewer);
	run_history(steps, n, NULL);
	return n;
}

static void print_history(const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "  %-12s %u %u %u\n", model_kinds[steps[i].kind].name,
			steps[i].a, steps[i].b, steps[i].c);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* Short histories fail after fewer steps, long ones fill the tables. */
static size_t length_of(uint64_t history)
{
	if (history % 50 == 49)
		return 10000;
	return history % 5 == 4 ? 1500 : 150;
}

CHAPTER(NULL, NULL);

TEST(random_histories)
{
	uint64_t steps_left = setting("QMIPSEC_MODEL_STEPS", 200000);
	uint64_t seed = setting("QMIPSEC_MODEL_SEED", 20240101);
	struct step *steps = malloc(10000 * sizeof(*steps));

	ck_assert_ptr_nonnull(steps);
	the_model = malloc(sizeof(*the_model));
	ck_assert_ptr_nonnull(the_model);
	fprintf(stderr,
		"QMIPSEC_MODEL_SEED=%" PRIu64 " QMIPSEC_MODEL_STEPS=%" PRIu64 "\n",
		seed, steps_left);
	for (uint64_t history = 0; steps_left > 0; history++) {
		uint64_t state = (seed * UINT64_C(0x9e3779b97f4a7c15) ^
				  history * UINT64_C(0xd6e8feb86659fd93)) |
				 1;
		size_t n = length_of(history);

		if (n > steps_left)
			n = (size_t)steps_left;
		steps_left -= n;
		for (size_t i = 0; i < n; i++)
			steps[i] = random_step(&state);
		peers = (enum model_peers)(history % 3);
		if (run_history(steps, n, NULL))
			continue;
		n = shrink(steps, n);
		fprintf(stderr,
			"history %" PRIu64 " of seed %" PRIu64
			", %zu steps, peers %d: %s\n",
			history, seed, n, (int)peers, the_model->failure);
		print_history(steps, n);
		ck_abort_msg("%s", the_model->failure);
	}
	free(the_model);
	free(steps);
}
