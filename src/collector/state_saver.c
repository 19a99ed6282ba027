/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/state_saver.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/log.h"

struct state_saver {
	const char *dir;
	struct state_to_save *states; /* NULL: no save */
	size_t n;
	pthread_t thread;
	bool in_thread;
	bool failing; /* as last logged */
};

struct state_saver *state_saver_new(const char *dir)
{
	struct state_saver *saver = calloc(1, sizeof(*saver));

	if (saver)
		saver->dir = dir;
	return saver;
}

static void free_states(struct state_saver *saver)
{
	for (size_t i = 0; i < saver->n; i++)
		state_image_free(&saver->states[i].image);
	free(saver->states);
	saver->states = NULL;
	saver->n = 0;
}

void state_saver_free(struct state_saver *saver)
{
	if (!saver)
		return;
	if (state_saver_finish(saver, 0))
		free(saver);
	else
		pthread_detach(saver->thread);
}

/* In the thread. */

static bool is_wanted(void *ctx, const char *file)
{
	const struct state_saver *saver = ctx;

	for (size_t i = 0; i < saver->n; i++)
		if (!strcmp(saver->states[i].image.file, file))
			return true;
	return false;
}

static void *save(void *ctx)
{
	struct state_saver *saver = ctx;

	for (size_t i = 0; i < saver->n; i++) {
		struct state_to_save *state = &saver->states[i];

		if (state->image.body)
			state->err = state_image_write(&state->image, saver->dir);
	}
	state_remove_unwanted(saver->dir, is_wanted, saver);
	return NULL;
}

/* In the daemon's. */

/* Signals are for the daemon's own thread. */
static int start_thread(struct state_saver *saver)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&saver->thread, NULL, save, saver);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

void state_saver_start(struct state_saver *saver, struct state_to_save *states,
		       size_t n)
{
	saver->states = states;
	saver->n = n;
	saver->in_thread = start_thread(saver) == 0;
	if (!saver->in_thread)
		save(saver);
}

/* Usually all fail for one reason. */
static void report(struct state_saver *saver)
{
	const struct state_to_save *failed = NULL;

	for (size_t i = saver->n; i-- > 0;) {
		const struct state_to_save *state = &saver->states[i];

		if (state->err)
			failed = state;
		if (state->err || state->image.body)
			log_debug(LOG_TOPIC_STATE, "saved %s/%s: %s", saver->dir,
				  state->image.file, strerror(-state->err));
	}
	if (failed && !saver->failing)
		log_message(LOG_ERR, "cannot save the state as %s/%s: %s", saver->dir,
			    failed->image.file, strerror(-failed->err));
	else if (!failed && saver->failing)
		log_message(LOG_NOTICE, "the state can be saved again");
	saver->failing = failed;
}

static bool thread_ends(struct state_saver *saver, uint64_t wait)
{
	uint64_t end = clock_now_ns() + wait;
	struct timespec deadline = {.tv_sec = (time_t)(end / NS_PER_S),
				    .tv_nsec = (long)(end % NS_PER_S)};

	return pthread_clockjoin_np(saver->thread, NULL, CLOCK_MONOTONIC, &deadline) ==
	       0;
}

bool state_saver_finish(struct state_saver *saver, uint64_t wait)
{
	if (!saver->states)
		return true;
	if (saver->in_thread && !thread_ends(saver, wait))
		return false;
	report(saver);
	free_states(saver);
	return true;
}
