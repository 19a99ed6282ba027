/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <linux/xfrm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"

struct in6_addr local_addr[PEERS], peer_addr[PEERS];

void differ(struct model *model, const char *format, ...)
{
	va_list args;

	if (model->failure[0])
		return;
	va_start(args, format);
	vsnprintf(model->failure, sizeof(model->failure), format, args);
	va_end(args);
}

enum { WALL_CLOCK = 1700000000 };

void model_begin(struct model *model, enum model_peers peers)
{
	static const char *const local[] = {"10.0.0.1", "10.0.0.2", "2001:db8::1"};
	static const char *const peer[] = {"192.0.2.1", "192.0.2.2", "2001:db8:1::1"};

	for (size_t i = 0; i < 3; i++) {
		local_addr[i] = addr_of(local[i]);
		peer_addr[i] = addr_of(peer[i]);
	}
	memset(model, 0, sizeof(*model));
	model->peers = peers;
	model->now = WALL_CLOCK;
	model->clock = NS_PER_MS;
	for (unsigned reqid = 0; reqid < REQIDS; reqid++)
		model->row_of_reqid[reqid] = reqid % ROWS;
	open_ledger(model);
}

static bool is_local(const struct in6_addr *addr)
{
	for (size_t i = 0; i < 3; i++)
		if (!memcmp(addr, &local_addr[i], sizeof(*addr)))
			return true;
	return false;
}

enum sa_direction direction_of(const struct sa *sa)
{
	return is_local(&sa->daddr) ? SA_DIR_IN : SA_DIR_OUT;
}

static enum sa_direction env_direction(void *ctx, const struct sa *sa)
{
	(void)ctx;
	return direction_of(sa);
}

unsigned row_now(const struct model *model, const struct sa *sa)
{
	return sa->reqid < REQIDS ? model->row_of_reqid[sa->reqid] : 0;
}

static unsigned env_row(void *ctx, const struct sa *sa, enum sa_direction direction)
{
	(void)direction;
	return row_now(ctx, sa);
}

void open_ledger(struct model *model)
{
	const struct ledger_env env = {model, env_direction, env_row};

	struct peer_config config = peer_config_default;

	model->ledger = ledger_new(&env, ROWS);
	if (!model->ledger)
		abort();
	config.enabled = model->peers != NO_PEERS;
	model->max_peers = model->peers == FOLDED ? FEW_PEERS : PEERS_DEFAULT;
	config.max_peers = model->max_peers;
	ledger_configure_peers(model->ledger, &config);
}

static unsigned peer_number(const struct sa *sa)
{
	const struct in6_addr *remote =
	    direction_of(sa) == SA_DIR_OUT ? &sa->daddr : &sa->saddr;

	for (unsigned i = 0; i < PEERS; i++)
		if (!memcmp(remote, &peer_addr[i], sizeof(*remote)))
			return i;
	abort();
}

static unsigned account_now(const struct model *model, const struct sa *sa)
{
	return model->peers == ALL_PEERS && sa_is_ipsec(sa) ? peer_number(sa) : PEERS;
}

struct totals *truth_of(struct model *model, const struct model_sa *it)
{
	return &model->truth[it->row][it->account];
}

bool is_keyed(const struct model_sa *it)
{
	return sa_is_ipsec(&it->sa) && it->sa.keyed;
}

bool is_larval(const struct model_sa *it)
{
	return sa_is_ipsec(&it->sa) && !it->sa.keyed;
}

bool recedes(const struct sa *from, const struct sa *to)
{
	return to->sample.bytes < from->sample.bytes ||
	       to->sample.packets < from->sample.packets;
}

bool same_addrs(const struct sa *a, const struct sa *b)
{
	return !memcmp(&a->saddr, &b->saddr, sizeof(a->saddr)) &&
	       !memcmp(&a->daddr, &b->daddr, sizeof(a->daddr));
}

bool same_key(const struct sa *a, const struct sa *b)
{
	return a->spi == b->spi && a->acquire == b->acquire && a->proto == b->proto &&
	       a->family == b->family && a->mark == b->mark &&
	       a->mark_mask == b->mark_mask &&
	       !memcmp(&a->daddr, &b->daddr, sizeof(a->daddr));
}

bool is_like(const struct sa *a, const struct sa *b)
{
	return a->spi == b->spi && a->proto == b->proto && a->mode == b->mode &&
	       a->reqid == b->reqid && a->if_id == b->if_id && a->mark == b->mark;
}

static bool are_siblings(const struct sa *a, const struct sa *b)
{
	return same_addrs(a, b) && a->proto == b->proto && a->mode == b->mode &&
	       a->reqid == b->reqid && a->if_id == b->if_id && a->mark == b->mark &&
	       a->mark_mask == b->mark_mask && a->pcpu == b->pcpu &&
	       a->selector == b->selector;
}

bool has_younger_sibling(const struct model *model, const struct model_sa *it)
{
	if (direction_of(&it->sa) != SA_DIR_OUT || it->sa.reqid == 0)
		return false;
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *other = &model->live[i];

		if (other == it || !is_keyed(other) ||
		    !are_siblings(&other->sa, &it->sa))
			continue;
		if (other->second > it->second ||
		    (other->second == it->second && other->order > it->order))
			return true;
	}
	return false;
}

static void count_bytes(struct stats *stats, const struct sa *sa, uint64_t bytes)
{
	bool out = direction_of(sa) == SA_DIR_OUT;

	if (sa->proto == IPPROTO_ESP)
		*(out ? &stats->confidential_bytes_sent
		      : &stats->confidential_bytes_received) += bytes;
	else
		*(out ? &stats->authenticated_bytes_sent
		      : &stats->authenticated_bytes_received) += bytes;
	if (sa->mode == XFRM_MODE_TUNNEL)
		*(out ? &stats->tunnel_bytes_sent : &stats->tunnel_bytes_received) +=
		    bytes;
	else
		*(out ? &stats->transport_bytes_sent
		      : &stats->transport_bytes_received) += bytes;
}

/* Counts what an SA carried between two samples. */
static void count_between(struct totals *truth, const struct sa *from,
			  const struct sa *to)
{
	truth->losses += recedes(from, to);
	if (to->sample.bytes > from->sample.bytes)
		count_bytes(&truth->stats, to, to->sample.bytes - from->sample.bytes);
	if (to->sample.packets > from->sample.packets && to->replay_protected &&
	    direction_of(to) == SA_DIR_IN)
		truth->stats.packets_with_replay_detection +=
		    to->sample.packets - from->sample.packets;
	if (to->sample.packets > from->sample.packets)
		*(direction_of(to) == SA_DIR_OUT ? &truth->packets_sent
						 : &truth->packets_received) +=
		    to->sample.packets - from->sample.packets;
	truth->stats.packets_not_authenticated +=
	    (uint32_t)(to->sample.integrity_failed - from->sample.integrity_failed);
	truth->replay_failures += (uint32_t)(to->sample.replay - from->sample.replay);
	truth->replay_failures +=
	    (uint32_t)(to->sample.replay_window - from->sample.replay_window);
}

void sample(struct model *model, struct model_sa *it)
{
	if (is_keyed(it))
		count_between(truth_of(model, it), &it->last, &it->sa);
	it->last = it->sa;
}

void take_back(struct model *model, const struct model_sa *it)
{
	struct totals *truth = truth_of(model, it);
	struct totals counted = {0};

	if (!it->doubts.sampled || !is_keyed(it))
		return;
	count_between(&counted, &it->previous, &it->last);
	for (size_t i = 0; i < STAT_COUNT; i++) {
		uint64_t left = stats_get(&truth->stats, &stat_columns[i]) -
				stats_get(&counted.stats, &stat_columns[i]);

		memcpy((char *)&truth->stats + stat_columns[i].offset, &left,
		       sizeof(left));
	}
	truth->replay_failures -= counted.replay_failures;
	truth->packets_sent -= counted.packets_sent;
	truth->packets_received -= counted.packets_received;
	truth->losses -= counted.losses;
}

void count_addition(struct model *model, const struct model_sa *it)
{
	if (is_keyed(it))
		truth_of(model, it)->stats.key_additions++;
}

void count_deletion(struct model *model, const struct model_sa *it, bool rekeyed)
{
	if (!is_keyed(it))
		return;
	truth_of(model, it)->stats.key_deletions++;
	truth_of(model, it)->stats.rekeys += rekeyed;
}

/* After MIGRATE, which shows no counters. */
static void count_until_seen(struct model *model, struct model_sa *it)
{
	struct sa seen = it->last;

	if (!it->doubts.migrated || recedes(&it->last, &it->sa))
		return;
	seen.sample.bytes = it->sa.sample.bytes;
	seen.sample.packets = it->sa.sample.packets;
	count_between(truth_of(model, it), &it->last, &seen);
	it->last = seen;
}

void show_peer(struct model *model, struct model_sa *it)
{
	unsigned account = account_now(model, &it->sa);

	if (account == it->account)
		return;
	if (is_keyed(it))
		count_until_seen(model, it);
	if (is_keyed(it)) {
		truth_of(model, it)->stats.key_additions--;
		model->truth[it->row][account].stats.key_additions++;
	}
	it->account = account;
}

void send_event(struct model *model, enum sa_event_type type, const struct sa *sa)
{
	struct sa_event *event;

	if (model->n_queue == MAX_QUEUE)
		abort();
	event = &model->queue[model->n_queue++];
	*event = (struct sa_event){.type = type};
	if (sa)
		event->sa = *sa;
}

/* An EXPIRE has no attributes but the mark and the if_id. */
void send_expire(struct model *model, struct sa sa, bool hard)
{
	sa.keyed = false;
	sa.replay_protected = false;
	sa.pcpu = 0;
	send_event(model, hard ? SA_EVENT_EXPIRE_HARD : SA_EVENT_EXPIRE_SOFT, &sa);
}

struct model_sa *insert_sa(struct model *model, const struct sa *sa)
{
	struct model_sa *it = &model->live[model->n_live++];

	*it = (struct model_sa){
	    .sa = *sa,
	    .last = *sa,
	    .born = sa->add_time,
	    .second = model->second,
	    .order = ++model->order,
	    .row = row_now(model, sa),
	    .account = account_now(model, sa),
	};
	note_twins(model, it);
	note_place(model, it);
	return it;
}

void forget_former(struct model *model, bool polled)
{
	size_t n = 0;

	for (size_t i = 0; i < model->n_former; i++) {
		unsigned left = model->former[i].polls_left;

		if (polled ? left == 1 : !left && !model->former[i].pending)
			continue;
		model->former[n] = model->former[i];
		model->former[n++].polls_left = polled && left ? left - 1 : left;
	}
	model->n_former = n;
}

void remove_sa(struct model *model, struct model_sa *it, enum trace trace)
{
	if (trace != TRACE_NONE && model->n_former < MAX_FORMER)
		model->former[model->n_former++] = (struct former_sa){
		    .was = *it,
		    .polls_left = (unsigned)trace,
		    .pending = true,
		    .flushed = trace == TRACE_OF_FLUSH,
		};
	*it = model->live[--model->n_live];
}

void wait_ms(struct model *model, uint64_t ms)
{
	model->clock += ms * NS_PER_MS;
}

void tick(struct model *model)
{
	model->now++;
	model->second++;
	wait_ms(model, 1000);
	forget_former(model, false);
}

void set_wall_clock(struct model *model)
{
	uint64_t distance = ++model->clock_sets / 2 * 100000;

	model->second++;
	model->doubts.order_lost |= model->doubts.unsettled;
	model->now = model->clock_sets % 2 ? WALL_CLOCK - 100000 - distance
					   : WALL_CLOCK + distance;
	forget_former(model, false);
}

struct model_sa *choose(struct model *model, uint32_t number,
			bool (*fits)(const struct model_sa *it))
{
	size_t start;

	if (!model->n_live)
		return NULL;
	start = number % model->n_live;
	for (size_t i = 0; i < model->n_live; i++) {
		struct model_sa *it = &model->live[(start + i) % model->n_live];

		if (!fits || fits(it))
			return it;
	}
	return NULL;
}
