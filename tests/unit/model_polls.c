/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <stdlib.h>

#include "answers.h"

/* Polls after which lost events may have no effect but missing bytes. */
enum { SETTLING = 3 };

void read_events(struct model *model)
{
	for (size_t i = 0; i < model->n_queue; i++)
		if (ledger_event(model->ledger, &model->queue[i], model->clock))
			abort();
	model->n_queue = 0;
	for (size_t i = 0; i < model->n_former; i++)
		model->former[i].pending = false;
	for (size_t i = 0; i < model->n_live; i++)
		model->live[i].doubts.twin = false;
}

void poll_begin(struct model *model)
{
	if (model->dumping)
		return;
	read_events(model);
	ledger_dump_begin(model->ledger);
	model->dumping = true;
}

/* A dump shows the SAs that exist at its beginning, the youngest first. */
static struct model_sa *next_of_walk(struct model *model)
{
	struct model_sa *next = NULL;

	if (!model->walking)
		for (size_t i = 0; i < model->n_live; i++)
			model->live[i].in_walk = true;
	model->walking = true;
	for (size_t i = 0; i < model->n_live; i++) {
		struct model_sa *it = &model->live[i];

		if (it->in_walk && (!next || it->order > next->order))
			next = it;
	}
	return next;
}

static void poll_step(struct model *model, uint32_t n)
{
	struct model_sa *it;

	for (; n > 0 && (it = next_of_walk(model)); n--) {
		it->in_walk = false;
		it->doubts.shown = true;
		model->doubts.clone_shown |= it->doubts.migrated;
		if (!it->doubts.twin ||
		    sample_recedes(&it->doubts.twin_had, &it->sa.sample)) {
			it->doubts.changed |= it->doubts.migrated || it->doubts.twin ||
					      it->last.add_time != it->sa.add_time ||
					      recedes(&it->last, &it->sa);
			it->doubts.vague |= recedes(&it->last, &it->sa);
			it->previous = it->last;
			it->doubts.sampled = true;
			show_peer(model, it);
			sample(model, it);
		}
		if (!ledger_dump_expected(model->ledger, answer_of(&it->sa)) &&
		    ledger_dump_sa(model->ledger, &it->sa))
			abort();
	}
}

static void poll_over(struct model *model)
{
	for (size_t i = 0; i < model->n_live; i++)
		model->live[i].in_walk = model->live[i].doubts.sampled = false;
	for (size_t i = 0; i < model->n_former; i++)
		model->former[i].was.doubts.sampled = false;
	model->dumping = model->walking = model->doubts.clone_shown =
	    model->doubts.twins = false;
}

void poll_end(struct model *model)
{
	if (!model->dumping)
		return;
	poll_step(model, UINT32_MAX);
	read_events(model);
	model->clock++; /* no two dumps end at the same time */
	if (ledger_dump_end(model->ledger, model->clock))
		abort();
	for (size_t i = 0; i < model->n_live; i++) {
		model->live[i].doubts.polled |= model->live[i].doubts.shown;
		model->live[i].doubts.migrated &= !model->live[i].doubts.shown;
		model->live[i].doubts.moved &= !model->live[i].doubts.shown;
		model->live[i].doubts.changed = model->live[i].doubts.vague = false;
	}
	forget_former(model, true);
	if (model->doubts.flush_polls > 0)
		model->doubts.flush_polls--;
	model->doubts.half_polled = false;
	poll_over(model);
}

/* Not after the dump has shown a clone of MIGRATE, which no event names; nor if samples
 * of the dump count for nothing. */
void do_poll_abort(struct model *model, const struct step *step)
{
	(void)step;
	if (!model->dumping || model->doubts.unsettled || model->doubts.clone_shown ||
	    model->doubts.twins)
		return;
	ledger_dump_abort(model->ledger, model->clock);
	model->doubts.half_polled = true;
	poll_over(model);
}

/* Long enough that no earlier deletion is departing at its end. */
static void poll_whole(struct model *model)
{
	poll_end(model);
	poll_begin(model);
	wait_ms(model, LEDGER_MOVE_NS / NS_PER_MS);
	poll_end(model);
	check_always(model);
}

static void settle(struct model *model)
{
	if (!model->doubts.unsettled)
		return;
	for (int i = 0; i < SETTLING; i++)
		poll_whole(model);
	compare(model); /* only the levels */
	check_not_above(model);
	model->doubts.unsettled = false;
	accept_losses(model);
}

void poll_quietly(struct model *model)
{
	settle(model);
	poll_whole(model);
	compare(model);
}

void do_poll_begin(struct model *model, const struct step *step)
{
	(void)step;
	poll_begin(model);
}

void do_poll_step(struct model *model, const struct step *step)
{
	if (model->dumping)
		poll_step(model, step->a % 8);
}

void do_poll_end(struct model *model, const struct step *step)
{
	(void)step;
	poll_end(model);
}

void do_poll(struct model *model, const struct step *step)
{
	(void)step;
	poll_quietly(model);
}

/* An instance gets the SAs of a reqid. The collector reattributes before a dump. */
void do_reattribute(struct model *model, const struct step *step)
{
	poll_quietly(model);
	model->row_of_reqid[step->a % REQIDS] = step->b % ROWS;
	for (size_t i = 0; i < model->n_live; i++) {
		struct model_sa *it = &model->live[i];
		unsigned row = row_now(model, &it->sa);

		if (it->row != 0 || row == 0)
			continue;
		if (is_keyed(it)) {
			truth_of(model, it)->stats.key_deletions++;
			it->row = row;
			truth_of(model, it)->stats.key_additions++;
		}
		it->row = row;
	}
	ledger_reattribute(model->ledger);
	poll_quietly(model);
}

/* A publication during a restart: the SA is probably the same, and that is a loss. */
static void publish_meanwhile(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);

	if (!it)
		return;
	publish(it, step, false);
	truth_of(model, it)->losses += it->sa.add_time != it->last.add_time;
}

/* Peers are merged, folded and turned on and off at any moment. */
void do_configure(struct model *model, const struct step *step)
{
	struct peer_config config = peer_config_default;
	char error[100];

	if (model->peers != FOLDED)
		return;
	model->max_peers = config.max_peers = 1 + step->a % (ROWS * PEERS);
	config.enabled = step->b % 4 != 0;
	if (step->c % 2 &&
	    peer_config_add_line(&config, "192.0.2.0/24", error, sizeof(error)))
		abort();
	ledger_configure_peers(model->ledger, &config);
}

/* What a state file has of a ledger. */
static void copy_ledger(struct ledger *from, struct ledger *to)
{
	size_t n_peers = ledger_count_peers(from);
	size_t n_sas = ledger_count_sas(from);
	struct ledger_account *saved = malloc((n_peers + 1) * sizeof(*saved));
	struct account **peers = malloc((n_peers + 1) * sizeof(struct account *));
	struct ledger_sa *sas = malloc((n_sas + 1) * sizeof(*sas));
	int err = !saved || !peers || !sas;

	for (unsigned row = 0; row < ROWS && !err; row++) {
		const struct ledger_account other = ledger_copy_other(from, row);

		err = ledger_restore_other(to, &other);
	}
	ledger_copy_peers(from, saved);
	ledger_copy_sas(from, sas);
	for (size_t i = 0; i < n_peers && !err; i++)
		err = ledger_restore_peer(to, &saved[i], &peers[i]);
	for (size_t i = 0; i < n_sas && !err; i++)
		err = ledger_restore_sa(
		    to, &sas[i],
		    sas[i].peer == LEDGER_NO_PEER ? NULL : peers[sas[i].peer]);
	if (err || !ledger_is_complete(to))
		abort();
	ledger_regroup_peers(to);
	free(saved);
	free(peers);
	free(sas);
}

/* The daemon restarts while no message waits. */
void do_restart(struct model *model, const struct step *step)
{
	struct ledger *old = model->ledger;

	poll_quietly(model);
	open_ledger(model);
	copy_ledger(old, model->ledger);
	ledger_free(old);
	for (size_t i = 0; i < model->n_live; i++)
		if (!is_keyed(&model->live[i])) /* only keyed SAs are saved */
			model->live[i].row = row_now(model, &model->live[i].sa);
	publish_meanwhile(model, step);
	model->second++; /* SAs from now on are younger, also within a second */
	poll_quietly(model);
}
