/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <linux/xfrm.h>

static struct sa new_sa(const struct model *model, uint32_t b, uint32_t c, bool out)
{
	unsigned local = b % 2;
	unsigned peer = b / 2 % 2;
	struct sa sa = {
	    .proto = b / 4 % 3 ? IPPROTO_ESP : IPPROTO_AH,
	    .mode = b / 12 % 2 ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT,
	    .reqid = b / 24 % REQIDS,
	    .if_id = b / 144 % 5 == 0,
	    .mark = b / 720 % 5 == 0,
	    .selector = b / 3600 % 5 == 0,
	    .pcpu = b / 18000 % 7 == 0,
	    .replay_protected = b / 126000 % 3 != 0,
	    .spi = 1 + c % SPIS,
	    .add_time = model->now,
	    .family = AF_INET,
	};

	sa.mark_mask = sa.mark;
	if (b / 378000 % 4 == 0) {
		local = peer = 2;
		sa.family = AF_INET6;
	}
	sa.saddr = out ? local_addr[local] : peer_addr[peer];
	sa.daddr = out ? peer_addr[peer] : local_addr[local];
	return sa;
}

static void clear_errors(struct sa *sa)
{
	sa->sample.integrity_failed = sa->sample.replay = sa->sample.replay_window = 0;
}

static void clear_counters(struct sa *sa)
{
	sa->sample.bytes = sa->sample.packets = 0;
	clear_errors(sa);
}

static bool is_inbound_keyed(const struct model_sa *it)
{
	return is_keyed(it) && direction_of(&it->sa) == SA_DIR_IN;
}

static bool is_larval_with_spi(const struct model_sa *it)
{
	return is_larval(it) && !it->sa.acquire;
}

static bool is_acquire(const struct model_sa *it)
{
	return it->sa.acquire;
}

/* It can have traffic. */
static bool carries(const struct model_sa *it)
{
	return !is_larval(it);
}

/* A second, or up to 300 ms: within LEDGER_MOVE_NS or just beyond. Or somebody sets the
 * wall clock. */
void do_tick(struct model *model, const struct step *step)
{
	if (step->a % 3 == 0 && step->c % 8 == 0)
		set_wall_clock(model);
	else if (step->a % 3 == 0)
		tick(model);
	else
		wait_ms(model, step->b % 300);
}

void do_traffic(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, carries);

	if (!it)
		return;
	it->sa.sample.bytes += 1 + step->b % 3000;
	it->sa.sample.packets += 1 + step->c % 3;
}

/*
 * XFRM_MSG_NEWAE: a dataplane publishes its counters, or sets them back, and makes up
 * an add_time, which is never that of a new SA.
 */
void publish(struct model_sa *it, const struct step *step, bool sure)
{
	const struct sa before = it->sa;
	static const uint64_t times[] = {0, 1000000000, 1600000000, 2000000000};
	bool back = step->b % 4 == 0;

	if (step->c % 2)
		it->sa.add_time = times[step->c / 2 % 4] + step->c / 8 % 9;
	if (back) {
		it->sa.sample.bytes = step->a % (it->sa.sample.bytes + 1);
		it->sa.sample.packets -= step->b / 4 % 2 * (it->sa.sample.packets / 2);
	} else {
		it->sa.sample.bytes += step->b / 4 % 2 * (step->a % 3000);
		it->sa.sample.packets += step->b / 8 % 2 * (step->a % 5);
	}
	if (!sure && looks_new(it))
		it->sa = before;
	it->doubts.vague |= it->doubts.sampled || it->doubts.changed;
}

void do_publish(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, carries);

	if (!it || !may_publish(model, it))
		return;
	publish(it, step, !model->doubts.unsettled);
	model->doubts.order_lost |=
	    model->doubts.unsettled && it->sa.add_time != it->born;
}

/* A u32 wraps now and then, but never passes half its range between two samples. */
static uint32_t some_errors(uint32_t number, uint32_t now, uint32_t last)
{
	if (number % 8 == 0 && now - last < UINT32_MAX / 4)
		return UINT32_MAX / 4;
	return now - last < UINT32_MAX / 2 - 10 ? number % 5 : 0;
}

void do_integrity(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_inbound_keyed);

	if (it)
		it->sa.sample.integrity_failed +=
		    some_errors(step->b, it->sa.sample.integrity_failed,
				it->last.sample.integrity_failed);
}

void do_replay(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_inbound_keyed);

	if (!it)
		return;
	if (step->c % 2)
		it->sa.sample.replay +=
		    some_errors(step->b, it->sa.sample.replay, it->last.sample.replay);
	else
		it->sa.sample.replay_window +=
		    some_errors(step->b, it->sa.sample.replay_window,
				it->last.sample.replay_window);
}

static void add_sa(struct model *model, const struct sa *sa, enum sa_event_type type)
{
	count_addition(model, insert_sa(model, sa));
	send_event(model, type, sa);
}

void do_acquire(struct model *model, const struct step *step)
{
	struct sa sa = new_sa(model, step->b, step->c, true);

	sa.acquire = true;
	sa.spi = (uint32_t)++model->order; /* the number of the negotiation */
	if (may_exist(model, &sa))
		insert_sa(model, &sa);
}

/* ALLOCSPI draws at random, so it does not draw an SPI that was just released. */
void do_allocspi(struct model *model, const struct step *step)
{
	struct sa sa = new_sa(model, step->b, step->c, false);

	for (size_t i = 0; i < model->n_former; i++)
		if (same_key(&model->former[i].was.sa, &sa))
			return;
	if (may_exist(model, &sa))
		insert_sa(model, &sa);
}

/* UPDSA replaces a larval SA, of which no event shows the end. */
void do_key_larval(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_larval_with_spi);
	struct sa sa;

	if (!it)
		return;
	sa = it->sa;
	sa.add_time = model->now;
	sa.keyed = true;
	remove_sa(model, it, TRACE_NONE);
	if (!may_exist(model, &sa))
		return;
	add_sa(model, &sa, SA_EVENT_UPDATE);
}

void do_add(struct model *model, const struct step *step)
{
	struct sa sa = new_sa(model, step->b, step->c, step->a % 3 != 0);
	struct model_sa *acquire = choose(model, step->a, is_acquire);

	sa.keyed = true;
	if (!may_exist(model, &sa))
		return;
	if (acquire && step->a % 2) { /* NEWSA replaces it */
		remove_sa(model, acquire, TRACE_NONE);
	}
	add_sa(model, &sa, SA_EVENT_NEW);
}

void do_add_other(struct model *model, const struct step *step)
{
	struct sa sa = new_sa(model, step->b, step->c, step->a % 2);

	sa.proto = step->a % 4 < 2 ? IPPROTO_COMP : IPPROTO_IPIP;
	if (!may_exist(model, &sa))
		return;
	add_sa(model, &sa, SA_EVENT_NEW);
}

void do_rekey(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);
	struct sa sa;

	if (!it)
		return;
	sa = it->sa;
	sa.spi = 1 + step->b % SPIS;
	sa.add_time = model->now;
	clear_counters(&sa);
	if (!may_exist(model, &sa))
		return;
	add_sa(model, &sa, SA_EVENT_NEW);
}

static void count_end(struct model *model, struct model_sa *it)
{
	show_peer(model, it);
	sample(model, it);
	count_deletion(model, it, has_younger_sibling(model, it));
}

void do_delete(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, NULL);

	if (!it || it->sa.acquire || !may_end(model, it))
		return;
	count_end(model, it);
	send_event(model, SA_EVENT_DELETE, &it->sa);
	remove_sa(model, it, TRACE_UNTIL_TICK);
}

void do_expire(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, NULL);

	if (!it || !may_end(model, it))
		return;
	count_end(model, it);
	send_expire(model, it->sa, true);
	remove_sa(model, it, TRACE_UNTIL_TICK);
}

void do_expire_soft(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);

	if (it)
		send_expire(model, it->sa, false);
}

/* The message shows the template of the change: no counters, and the present time. */
void do_update(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);
	struct sa sa;

	if (!it || !may_update(model, it))
		return;
	sa = it->sa;
	clear_counters(&sa);
	sa.add_time = model->now;
	send_event(model, SA_EVENT_UPDATE, &sa);
}

/* The SA between other ends. */
static struct sa moved(const struct sa *from, uint32_t b)
{
	bool out = direction_of(from) == SA_DIR_OUT;
	bool to_six = b / 4 % 4 == 0;
	unsigned local = to_six ? 2 : b % 2;
	unsigned peer = to_six ? 2 : b / 2 % 2;
	struct sa sa = *from;

	sa.family = to_six ? AF_INET6 : AF_INET;
	sa.saddr = out ? local_addr[local] : peer_addr[peer];
	sa.daddr = out ? peer_addr[peer] : local_addr[local];
	clear_errors(&sa);
	return sa;
}

/* The SA that old has become. */
static struct model_sa *insert_moved(struct model *model, const struct model_sa *old,
				     const struct sa *to)
{
	struct model_sa *it = insert_sa(model, to);

	it->row = old->row;
	it->born = old->born;
	it->second = old->second;
	it->account = old->account;
	it->doubts.moved = true;
	note_place(model, it);
	return it;
}

/*
 * charon waits between DELSA and NEWSA, and a dump meanwhile shows neither SA. Beyond
 * LEDGER_MOVE_NS that is a deletion and an addition, and nothing counts twice.
 */
static void move_late(struct model *model, const struct model_sa *old, struct sa to,
		      uint64_t ms)
{
	struct model_sa *it;

	poll_begin(model);
	wait_ms(model, ms);
	poll_end(model);
	check_always(model);
	if (ms * NS_PER_MS < LEDGER_MOVE_NS) {
		show_peer(model, insert_moved(model, old, &to));
	} else {
		count_deletion(model, old, false);
		it = insert_sa(model, &to);
		it->doubts.moved = true;
		count_addition(model, it);
	}
	send_event(model, SA_EVENT_NEW, &to);
	read_events(model);
}

/* strongSwan: DELSA, then NEWSA with the same SPI, add_time and curlft. Once between
 * two polls: an SA that moved back looks as if it never moved. */
void do_mobike(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);
	struct model_sa old;
	struct sa to;
	bool late;

	if (!it || it->doubts.moved || it->doubts.vague || looks_new(it))
		return;
	to = moved(&it->sa, step->b);
	if (!may_move(model, it, &to))
		return;
	late = step->c % 3 == 0 && may_come_late(model, it);
	show_peer(model, it);
	sample(model, it);
	send_event(model, SA_EVENT_DELETE, &it->sa);
	old = *it;
	remove_sa(model, it, TRACE_UNTIL_POLL);
	if (late) {
		move_late(model, &old, to, step->c / 3 % 400);
		return;
	}
	show_peer(model, insert_moved(model, &old, &to));
	send_event(model, SA_EVENT_NEW, &to);
}

/* One message, which names no SA. The clone keeps curlft, but no error counters. */
void do_migrate(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);
	struct model_sa *clone;
	struct model_sa old;
	struct sa to;

	if (!it || !may_migrate(model, it))
		return;
	to = moved(&it->sa, step->b);
	if (!may_move(model, it, &to))
		return;
	old = *it;
	remove_sa(model, it, TRACE_UNTIL_POLL);
	clone = insert_moved(model, &old, &to);
	clone->last = old.last;
	clone->doubts.migrated = true;
	send_event(model, SA_EVENT_MIGRATE, NULL);
}

void do_flush(struct model *model, const struct step *step)
{
	if (!may_flush(model))
		return;
	while (model->n_live) {
		count_deletion(model, &model->live[0], false);
		truth_of(model, &model->live[0])->losses += is_keyed(&model->live[0]);
		remove_sa(model, &model->live[0], TRACE_OF_FLUSH);
	}
	send_event(model, SA_EVENT_FLUSH, NULL);
	model->doubts.flush_polls = 2;
	if (step->a % 4 == 0)
		tick(model);
}

/* A flushed SA is added again, by hand or because its keying daemon was restarted:
 * often at once, with the same key and in the same second, or between other ends. */
void do_again(struct model *model, const struct step *step)
{
	const struct former_sa *former;
	struct sa sa;

	if (!model->n_former)
		return;
	former = &model->former[step->a % model->n_former];
	if (!former->flushed || former->was.sa.acquire)
		return;
	sa = step->b % 4 == 0 ? moved(&former->was.sa, step->b / 4) : former->was.sa;
	sa.keyed = sa_is_ipsec(&sa);
	clear_counters(&sa);
	sa.add_time = model->now;
	if (!may_exist(model, &sa))
		return;
	add_sa(model, &sa, step->c % 3 && sa.keyed ? SA_EVENT_UPDATE : SA_EVENT_NEW);
}

/* The kernel drops the messages that do not fit into the socket's buffer. */
void do_lose(struct model *model, const struct step *step)
{
	if (!may_lose(model))
		return;
	note_losses(model);
	model->n_queue = step->b % model->n_queue;
	ledger_note_gap(model->ledger);
	tick(model);
}
