/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <inttypes.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

/* Polls after which lost events may have no effect but missing bytes. */
enum { SETTLING = 3 };

static bool first_of_tunnel(const struct model *model, size_t at)
{
	const struct model_sa *it = &model->live[at];

	for (size_t i = 0; i < at; i++) {
		const struct model_sa *other = &model->live[i];

		if (is_keyed(other) && other->sa.mode == XFRM_MODE_TUNNEL &&
		    other->row == it->row && same_addrs(&other->sa, &it->sa) &&
		    other->sa.reqid == it->sa.reqid &&
		    other->sa.if_id == it->sa.if_id && other->sa.mark == it->sa.mark)
			return false;
	}
	return true;
}

static bool one_negotiation(const struct model_sa *a, const struct model_sa *b)
{
	const struct sa *x = &a->sa;
	const struct sa *y = &b->sa;
	bool ends =
	    same_addrs(x, y) || (!memcmp(&x->saddr, &y->daddr, sizeof(x->saddr)) &&
				 !memcmp(&x->daddr, &y->saddr, sizeof(x->daddr)));

	return ends && a->row == b->row && x->proto == y->proto &&
	       x->reqid == y->reqid && x->if_id == y->if_id && x->mark == y->mark;
}

/* The negotiation of this SA, if it is its first one: the larger of the two numbers. */
static uint64_t negotiations_at(const struct model *model, size_t at)
{
	uint64_t kinds[2] = {0, 0};

	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *other = &model->live[i];

		if (!is_larval(other) || !one_negotiation(other, &model->live[at]))
			continue;
		if (i < at)
			return 0;
		kinds[other->sa.acquire]++;
	}
	return kinds[0] > kinds[1] ? kinds[0] : kinds[1];
}

static void find_levels(struct model *model)
{
	for (unsigned row = 0; row < ROWS; row++) {
		struct stats *stats = &model->truth[row].stats;

		stats->active_sa = stats->active_tunnels = 0;
		stats->pending_key_operations = 0;
	}
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *it = &model->live[i];
		struct stats *stats = &model->truth[it->row].stats;

		if (is_larval(it))
			stats->pending_key_operations += negotiations_at(model, i);
		if (!is_keyed(it))
			continue;
		stats->active_sa++;
		if (it->sa.mode == XFRM_MODE_TUNNEL &&
		    direction_of(&it->sa) == SA_DIR_OUT)
			stats->active_tunnels += first_of_tunnel(model, i);
	}
}

/* As many SAs of each kind as the kernel has. */
static void check_counts(struct model *model)
{
	const struct ledger_counts counts = ledger_counts(model->ledger);
	struct ledger_counts want = {0};

	for (size_t i = 0; i < model->n_live; i++) {
		if (is_keyed(&model->live[i]))
			want.keyed++;
		else if (is_larval(&model->live[i]))
			want.larval++;
		else
			want.other++;
	}
	if (counts.keyed != want.keyed || counts.larval != want.larval ||
	    counts.other != want.other)
		differ(model, "counts %u %u %u, not %u %u %u", counts.keyed,
		       counts.larval, counts.other, want.keyed, want.larval,
		       want.other);
}

static void check_row(struct model *model, unsigned row)
{
	const struct totals *is = ledger_row(model->ledger, row);
	const struct totals *want = &model->truth[row];

	for (size_t i = 0; i < STAT_COUNT; i++) {
		const struct stat_column *column = &stat_columns[i];

		if (model->doubts.unsettled && column->kind == STAT_COUNTER)
			continue;
		if (model->doubts.order_lost && column->id == STAT_ID_rekeys)
			continue;
		if (stats_get(&is->stats, column) != stats_get(&want->stats, column))
			differ(model, "row %u: %s is %" PRIu64 ", not %" PRIu64, row,
			       column->field, stats_get(&is->stats, column),
			       stats_get(&want->stats, column));
	}
	if (!model->doubts.unsettled && is->losses != want->losses)
		differ(model, "row %u: losses are %" PRIu64 ", not %" PRIu64, row,
		       is->losses, want->losses);
	if (!model->doubts.unsettled && is->replay_failures != want->replay_failures)
		differ(model, "row %u: replay failures are %" PRIu64 ", not %" PRIu64,
		       row, is->replay_failures, want->replay_failures);
}

/* After lost events, bytes and packets may be missing, but nothing counts twice. */
static void check_not_above(struct model *model)
{
	for (size_t i = STAT_ID_packets_not_authenticated - 1; i < STAT_COUNT; i++) {
		uint64_t is = 0;
		uint64_t most = 0;

		for (unsigned row = 0; row < ROWS; row++) {
			is += stats_get(&ledger_row(model->ledger, row)->stats,
					&stat_columns[i]);
			most += stats_get(&model->truth[row].stats, &stat_columns[i]);
		}
		if (is > most)
			differ(model, "%s is %" PRIu64 ", above the true %" PRIu64,
			       stat_columns[i].field, is, most);
	}
}

/* Takes over what the ledger has: from here on the two must agree again. */
static void accept_losses(struct model *model)
{
	for (unsigned row = 0; row < ROWS; row++) {
		const struct totals *is = ledger_row(model->ledger, row);

		model->truth[row].stats = is->stats;
		model->truth[row].replay_failures = is->replay_failures;
		model->truth[row].losses = is->losses;
	}
}

void check_always(struct model *model)
{
	for (unsigned row = 0; row < ROWS; row++) {
		const struct totals *is = ledger_row(model->ledger, row);
		const struct stats *stats = &is->stats;

		if (stats->active_sa != stats->key_additions - stats->key_deletions)
			differ(model, "row %u: active is not additions - deletions",
			       row);
		if (stats->confidential_bytes_sent + stats->authenticated_bytes_sent !=
			stats->transport_bytes_sent + stats->tunnel_bytes_sent ||
		    stats->confidential_bytes_received +
			    stats->authenticated_bytes_received !=
			stats->transport_bytes_received + stats->tunnel_bytes_received)
			differ(model, "row %u: bytes by protocol and by mode differ",
			       row);
		if (model->dumping)
			continue;
		for (size_t i = 0; i < STAT_COUNT; i++)
			if (stat_columns[i].kind == STAT_COUNTER &&
			    stats_get(stats, &stat_columns[i]) <
				stats_get(&model->last[row].stats, &stat_columns[i]))
				differ(model, "row %u: %s decreased", row,
				       stat_columns[i].field);
		if (is->replay_failures < model->last[row].replay_failures ||
		    is->losses < model->last[row].losses)
			differ(model, "row %u: replay failures or losses decreased",
			       row);
		model->last[row] = *is;
	}
}

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
			sample(model, it);
		}
		if (ledger_dump_sa(model->ledger, &it->sa))
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

/* After a poll in which nothing happened. */
static void compare(struct model *model)
{
	check_counts(model);
	find_levels(model);
	for (unsigned row = 0; row < ROWS; row++)
		check_row(model, row);
	model->polled = true;
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
			model->truth[0].stats.key_deletions++;
			model->truth[row].stats.key_additions++;
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
	model->truth[it->row].losses += it->sa.add_time != it->last.add_time;
}

/* The daemon restarts while no message waits. */
void do_restart(struct model *model, const struct step *step)
{
	struct ledger *old = model->ledger;
	struct ledger_sa *sas;
	size_t n;

	poll_quietly(model);
	sas = malloc((ledger_count_sas(old) + 1) * sizeof(*sas));
	if (!sas)
		abort();
	open_ledger(model);
	for (unsigned row = 0; row < ROWS; row++)
		if (ledger_restore_row(model->ledger, row, ledger_row(old, row)))
			abort();
	n = ledger_copy_sas(old, sas);
	for (size_t i = 0; i < n; i++)
		if (ledger_restore_sa(model->ledger, &sas[i]))
			abort();
	free(sas);
	ledger_free(old);
	for (size_t i = 0; i < model->n_live; i++)
		if (!is_keyed(&model->live[i])) /* only keyed SAs are saved */
			model->live[i].row = row_now(model, &model->live[i].sa);
	publish_meanwhile(model, step);
	poll_quietly(model);
}
