/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <inttypes.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

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
	for (unsigned i = 0; i < ROWS * ACCOUNTS; i++) {
		struct stats *stats = &model->truth[i / ACCOUNTS][i % ACCOUNTS].stats;

		stats->active_sa = stats->active_tunnels = 0;
		stats->pending_key_operations = 0;
	}
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *it = &model->live[i];
		struct stats *stats = &truth_of(model, it)->stats;

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

/* The ledger's account of a peer in a row, or its `other`. */
static struct account ledger_account_of(const struct model *model, unsigned row,
					unsigned peer)
{
	struct account *const *peers;
	size_t n;

	if (peer == PEERS)
		return *ledger_other(model->ledger, row);
	peers = ledger_peers(model->ledger, row, &n);
	for (size_t i = 0; i < n; i++)
		if (!memcmp(&peers[i]->peer.addr, &peer_addr[peer],
			    sizeof(peer_addr[peer])))
			return *peers[i];
	return (struct account){.n_entries = 0};
}

/* True if the model cannot know the column now. */
static bool is_unknown(const struct model *model, const struct stat_column *column)
{
	if (model->doubts.unsettled && column->kind == STAT_COUNTER)
		return true;
	return model->doubts.order_lost && column->id == STAT_ID_rekeys;
}

/* name: for messages */
static void compare_totals(struct model *model, const char *name,
			   const struct totals *is, const struct totals *want)
{
	const struct {
		const char *name;
		uint64_t is, want;
	} others[] = {
	    {"losses", is->losses, want->losses},
	    {"replay failures", is->replay_failures, want->replay_failures},
	    {"packets sent", is->packets_sent, want->packets_sent},
	    {"packets received", is->packets_received, want->packets_received},
	};

	for (size_t i = 0; i < STAT_COUNT; i++) {
		const struct stat_column *column = &stat_columns[i];
		uint64_t value = stats_get(&is->stats, column);

		if (!is_unknown(model, column) &&
		    value != stats_get(&want->stats, column))
			differ(model, "%s: %s is %" PRIu64 ", not %" PRIu64, name,
			       column->field, value, stats_get(&want->stats, column));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (!model->doubts.unsettled && others[i].is != others[i].want)
			differ(model, "%s: %s are %" PRIu64 ", not %" PRIu64, name,
			       others[i].name, others[i].is, others[i].want);
}

static struct totals true_row(const struct model *model, unsigned row)
{
	struct totals sum = {0};

	for (unsigned i = 0; i < ACCOUNTS; i++)
		totals_merge(&sum, &model->truth[row][i]);
	return sum;
}

static void check_row(struct model *model, unsigned row)
{
	const struct totals want = true_row(model, row);
	char name[40];

	snprintf(name, sizeof(name), "row %u", row);
	compare_totals(model, name, ledger_row(model->ledger, row), &want);
	for (unsigned i = 0; i < ACCOUNTS && model->peers == ALL_PEERS; i++) {
		const struct account is = ledger_account_of(model, row, i);

		snprintf(name, sizeof(name), "row %u, account %u", row, i);
		compare_totals(model, name, &is.totals, &model->truth[row][i]);
	}
}

void check_not_above(struct model *model)
{
	for (size_t i = STAT_ID_packets_not_authenticated - 1; i < STAT_COUNT; i++) {
		uint64_t is = 0;
		uint64_t most = 0;

		for (unsigned row = 0; row < ROWS; row++) {
			is += stats_get(&ledger_row(model->ledger, row)->stats,
					&stat_columns[i]);
			const struct totals truth = true_row(model, row);

			most += stats_get(&truth.stats, &stat_columns[i]);
		}
		if (is > most)
			differ(model, "%s is %" PRIu64 ", above the true %" PRIu64,
			       stat_columns[i].field, is, most);
	}
}

void accept_losses(struct model *model)
{
	for (unsigned row = 0; row < ROWS; row++) {
		memset(model->truth[row], 0, sizeof(model->truth[row]));
		if (model->peers != ALL_PEERS)
			model->truth[row][PEERS] = *ledger_row(model->ledger, row);
		for (unsigned i = 0; i < ACCOUNTS && model->peers == ALL_PEERS; i++)
			model->truth[row][i] = ledger_account_of(model, row, i).totals;
	}
}

static void check_invariants(struct model *model, const char *name,
			     const struct totals *is)
{
	const struct stats *stats = &is->stats;

	if (stats->active_sa != stats->key_additions - stats->key_deletions)
		differ(model, "%s: active is not additions - deletions", name);
	if (stats->confidential_bytes_sent + stats->authenticated_bytes_sent !=
		stats->transport_bytes_sent + stats->tunnel_bytes_sent ||
	    stats->confidential_bytes_received + stats->authenticated_bytes_received !=
		stats->transport_bytes_received + stats->tunnel_bytes_received)
		differ(model, "%s: bytes by protocol and by mode differ", name);
}

static void check_growth(struct model *model, const char *name, struct totals *last,
			 const struct totals *is)
{
	for (size_t i = 0; i < STAT_COUNT; i++)
		if (stat_columns[i].kind == STAT_COUNTER &&
		    stats_get(&is->stats, &stat_columns[i]) <
			stats_get(&last->stats, &stat_columns[i]))
			differ(model, "%s: %s decreased", name, stat_columns[i].field);
	if (is->replay_failures < last->replay_failures || is->losses < last->losses ||
	    is->packets_sent < last->packets_sent ||
	    is->packets_received < last->packets_received)
		differ(model, "%s: failures, losses or packets decreased", name);
	*last = *is;
}

/* Unless its discontinuity changes; 0: the next complete dump dates that. */
static void check_account_growth(struct model *model, unsigned row, unsigned number)
{
	const struct account is = ledger_account_of(model, row, number);
	struct account *last = &model->last_accounts[row][number];

	if (is.discontinuity && is.discontinuity == last->discontinuity)
		check_growth(model, is.name, &last->totals, &is.totals);
	*last = is;
}

/* The accounts of a row add up to it, and there is room for all of them. */
static void check_accounts(struct model *model, unsigned row)
{
	const struct account *other = ledger_other(model->ledger, row);
	struct totals sum = other->totals;
	struct account *const *peers;
	size_t n;

	peers = ledger_peers(model->ledger, row, &n);
	for (size_t i = 0; i < n; i++) {
		check_invariants(model, peers[i]->name, &peers[i]->totals);
		totals_merge(&sum, &peers[i]->totals);
		if (i > 0 &&
		    text_compare_index(peers[i - 1]->name, peers[i]->name) >= 0)
			differ(model, "row %u: %s is not sorted", row, peers[i]->name);
	}
	check_invariants(model, "other", &other->totals);
	if (memcmp(&sum, ledger_row(model->ledger, row), sizeof(sum)) != 0)
		differ(model, "row %u is not the sum of its accounts", row);
	for (unsigned i = 0; i < ACCOUNTS && !model->dumping; i++)
		check_account_growth(model, row, i);
}

/* Only peers with SAs may be above the limit, after it was lowered. */
static void check_room(struct model *model)
{
	size_t n_peers = ledger_count_peers(model->ledger);
	struct account *const *peers;
	size_t n;

	if (n_peers <= model->max_peers)
		return;
	for (unsigned row = 0; row < ROWS; row++) {
		peers = ledger_peers(model->ledger, row, &n);
		for (size_t i = 0; i < n; i++)
			if (!peers[i]->n_entries)
				differ(model, "of %zu peers, %s is idle", n_peers,
				       peers[i]->name);
	}
}

void check_always(struct model *model)
{
	char name[20];

	check_room(model);
	for (unsigned row = 0; row < ROWS; row++) {
		snprintf(name, sizeof(name), "row %u", row);
		check_invariants(model, name, ledger_row(model->ledger, row));
		check_accounts(model, row);
		if (!model->dumping)
			check_growth(model, name, &model->last[row],
				     ledger_row(model->ledger, row));
	}
}

void compare(struct model *model)
{
	check_counts(model);
	find_levels(model);
	for (unsigned row = 0; row < ROWS; row++)
		check_row(model, row);
	model->polled = true;
}
