/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the model leaves out, because the kernel does not permit it, or because no
 * reader of its messages could know the outcome.
 */
#include "model.h"

/* The same second and no traffic: this looks like a move. */
static bool looks_moved(const struct sa *a, const struct sa *b)
{
	return is_like(a, b) && a->add_time == b->add_time && !same_addrs(a, b);
}

/* FLUSHSA is read before the dump that shows a later SA. */
static bool flush_is_clear(const struct model *model, const struct former_sa *former)
{
	return former->flushed && (!former->pending || !model->dumping);
}

/*
 * What the kernel permits and a keying daemon does. An SPI is drawn from 32 bits: it
 * may return, even in the same second, but not while the end of its last SA is not
 * read, and not so that a new SA looks like one that moved. A flush makes an exception.
 */
bool may_exist(const struct model *model, const struct sa *sa)
{
	if (model->n_live == MAX_LIVE || model->n_former == MAX_FORMER)
		return false;
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *it = &model->live[i];

		if (same_key(&it->sa, sa) || looks_moved(&it->sa, sa))
			return false;
		/* no dump will show which of the two is the younger */
		if (it->doubts.migrated && it->born == sa->add_time)
			return false;
	}
	for (size_t i = 0; i < model->n_former; i++) {
		const struct former_sa *former = &model->former[i];

		if (looks_moved(&former->was.sa, sa) && !flush_is_clear(model, former))
			return false;
		if (model->doubts.unsettled && same_key(&former->was.sa, sa))
			return false;
		/* its end may be lost, and the other would have its row */
		if (model->doubts.unsettled && is_like(&former->was.sa, sa) &&
		    former->was.row != row_now(model, sa))
			return false;
		/* the sample of the dump could be that of either */
		if (former->pending &&
		    (former->was.doubts.changed || former->was.doubts.vague) &&
		    same_key(&former->was.sa, sa))
			return false;
		if (former->flushed)
			continue;
		if (former->pending && same_key(&former->was.sa, sa))
			return false;
		if (former->polls_left && former->was.sa.spi == sa->spi &&
		    former->was.sa.proto == sa->proto)
			return false;
	}
	return true;
}

/* The SA looks like a flushed one, and the FLUSHSA between the two is not read. */
static bool is_twin(const struct former_sa *former, const struct sa *sa)
{
	return former->flushed && is_keyed(&former->was) && former->pending &&
	       same_key(&former->was.sa, sa) && same_addrs(&former->was.sa, sa) &&
	       former->was.last.add_time == sa->add_time &&
	       former->was.sa.reqid == sa->reqid && former->was.sa.mode == sa->mode;
}

/*
 * The new SA has the key and the second of one that was flushed, and neither message is
 * read: what the dump in progress shows of the two counts for nothing.
 */
void note_twins(struct model *model, struct model_sa *it)
{
	for (size_t i = 0; i < model->n_former; i++) {
		struct former_sa *former = &model->former[i];

		if (!model->dumping || !is_twin(former, &it->sa))
			continue;
		take_back(model, &former->was);
		former->was.doubts.sampled = false;
		it->doubts.twin = model->doubts.twins = true;
		it->doubts.twin_had = former->was.last.sample;
	}
}

/* After a gap it would be taken for another SA. */
bool looks_new(const struct model_sa *it)
{
	return recedes(&it->last, &it->sa) && it->last.add_time != it->sa.add_time;
}

static bool follows_a_flushed(const struct model *model, const struct model_sa *it)
{
	for (size_t i = 0; i < model->n_former; i++)
		if (model->former[i].flushed && model->former[i].pending &&
		    is_like(&model->former[i].was.sa, &it->sa))
			return true;
	return false;
}

bool may_publish(const struct model *model, const struct model_sa *it)
{
	return model->polled && !follows_a_flushed(model, it) &&
	       (!it->doubts.shown || it->doubts.polled) &&
	       !(model->doubts.unsettled && it->doubts.moved);
}

/* Not between a move with lost messages, or MIGRATE of the SA or of a sibling, and the
 * next dump, which shows where the SA is. */
bool may_end(const struct model *model, const struct model_sa *it)
{
	if (it->doubts.vague || (model->doubts.unsettled && it->doubts.moved))
		return false;
	if (it->doubts.migrated && it->sa.add_time != it->born &&
	    (recedes(&it->last, &it->sa) || !it->sa.sample.packets))
		return false;
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *other = &model->live[i];

		if (other != it && is_keyed(other) && other->sa.reqid == it->sa.reqid &&
		    (other->doubts.migrated || it->doubts.migrated))
			return false;
	}
	return true;
}

bool may_move(const struct model *model, const struct model_sa *it, const struct sa *to)
{
	if (same_addrs(&it->sa, to))
		return false;
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *other = &model->live[i];

		if (other == it)
			continue;
		/* the kernel rejects it, or the two look alike */
		if (same_key(&other->sa, to) || is_like(&other->sa, &it->sa) ||
		    (other->doubts.migrated && other->born == it->born))
			return false;
	}
	for (size_t i = 0; i < model->n_former; i++)
		if (model->former[i].was.sa.spi == to->spi &&
		    model->former[i].was.sa.proto == to->proto)
			return false;
	return model->n_former < MAX_FORMER;
}

/* With no other message waiting, and no SA that could be taken for it. */
bool may_come_late(const struct model *model, const struct model_sa *it)
{
	if (model->n_queue || model->dumping || model->doubts.unsettled ||
	    model->doubts.half_polled || model->doubts.flush_polls ||
	    !it->doubts.polled || it->sa.add_time != it->born ||
	    !it->sa.sample.bytes != !it->sa.sample.packets)
		return false;
	for (size_t i = 0; i < model->n_live; i++)
		if (&model->live[i] != it && model->live[i].sa.reqid == it->sa.reqid)
			return false;
	return true;
}

static bool in_same_second(const struct model *model, const struct model_sa *it)
{
	for (size_t i = 0; i < model->n_live; i++)
		if (&model->live[i] != it && is_keyed(&model->live[i]) &&
		    model->live[i].born == it->born)
			return true;
	return false;
}

/*
 * Not if it has error counters, which MIGRATE sets to 0; nor with a sibling of the same
 * second, since no dump shows which is the younger; nor before a complete dump has
 * shown it; nor while a flush could explain why a dump does not.
 */
bool may_migrate(const struct model *model, const struct model_sa *it)
{
	return it->doubts.polled && !it->doubts.vague && !recedes(&it->last, &it->sa) &&
	       !model->doubts.flush_polls && !in_same_second(model, it) &&
	       !it->sa.sample.integrity_failed && !it->sa.sample.replay &&
	       !it->sa.sample.replay_window;
}

bool may_flush(const struct model *model)
{
	for (size_t i = 0; i < model->n_live; i++)
		if (model->live[i].doubts.twin)
			return false;
	return model->n_live > 0;
}

/* After MIGRATE, which named no SA, it looks like a new one, unless the dump in
 * progress has shown that it is older. */
bool may_update(const struct model *model, const struct model_sa *it)
{
	return !it->doubts.migrated ||
	       (it->doubts.sampled && it->sa.add_time != model->now);
}

/* add_time does not show the order: the wall clock was set back in between, or the
 * daemon was restarted within a second. */
static bool are_reversed(const struct model_sa *a, const struct model_sa *b)
{
	if (a->sa.reqid != b->sa.reqid || a->second == b->second)
		return false;
	return a->second < b->second ? a->born >= b->born : a->born <= b->born;
}

void note_place(struct model *model, const struct model_sa *it)
{
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *other = &model->live[i];

		if (it->doubts.moved || other->doubts.migrated)
			model->doubts.order_lost |= are_reversed(it, other);
	}
}

/* Of SAs that no dump has shown, the lost events alone show which are older, if the
 * wall clock was set back in between or is still back. */
static bool is_out_of_order(const struct model *model, const struct model_sa *it)
{
	if (it->doubts.polled)
		return false;
	for (size_t i = 0; i < model->n_live; i++)
		if (!model->live[i].doubts.polled && are_reversed(it, &model->live[i]))
			return true;
	return it->born > model->now;
}

/* Only the lost events show which of two SAs of one second is the younger, if that is
 * so for one of them or it moves. */
static bool order_may_be_lost(const struct model *model)
{
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *it = &model->live[i];

		if (is_keyed(it) && !it->doubts.polled && it->sa.add_time != it->born)
			return true;
		if (is_out_of_order(model, it))
			return true;
		for (size_t j = 0; j < i; j++)
			if (is_keyed(it) && is_keyed(&model->live[j]) &&
			    it->born == model->live[j].born &&
			    it->sa.reqid == model->live[j].sa.reqid)
				return true;
	}
	return false;
}

/* Without its messages, an SA could be taken for another one that counts elsewhere. */
static bool may_be_mistaken(const struct model *model)
{
	for (size_t i = 0; i < model->n_former; i++) {
		const struct model_sa *was = &model->former[i].was;

		for (size_t j = 0; j < model->n_live; j++) {
			const struct model_sa *it = &model->live[j];

			if (is_like(&was->sa, &it->sa) &&
			    (was->row != it->row ||
			     was->sa.replay_protected != it->sa.replay_protected))
				return true;
		}
	}
	return false;
}

static bool any_looks_new(const struct model *model)
{
	for (size_t i = 0; i < model->n_live; i++)
		if (looks_new(&model->live[i]) ||
		    (model->live[i].doubts.moved &&
		     model->live[i].sa.add_time != model->live[i].born))
			return true;
	return false;
}

/*
 * Not after a dump that was cut short: without its messages, an SA that moves after
 * that is not recognised. Nor if one SA could be taken for another one of another row.
 */
bool may_lose(const struct model *model)
{
	return model->n_queue && !model->dumping && !model->doubts.half_polled &&
	       !may_be_mistaken(model) && !any_looks_new(model);
}

void note_losses(struct model *model)
{
	model->doubts.order_lost |= order_may_be_lost(model);
	model->doubts.unsettled = true;
}
