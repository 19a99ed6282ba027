/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger against random legal histories of a small model of the kernel's XFRM.
 *
 * The model knows each SA as itself, not by its key, and keeps its own count of every
 * column. The ledger is fed what the kernel would send. After each poll with nothing on
 * its way the two must agree; between, what must always hold is checked.
 *
 * Where the kernel itself keeps silent, the model counts what can be known: FLUSHSA
 * takes away what was carried since the last dump that showed the SA, and a counter
 *that was set back tells what it has carried since then only. After lost events bytes
 *may only be missing, and three polls later every level must be right again.
 *
 *	QMIPSEC_MODEL_STEPS	how many steps in all (200000)
 *	QMIPSEC_MODEL_SEED	where to begin (20240101)
 *
 * A failure is made shorter by leaving out steps as long as it stays one, then printed.
 */
#include "ledger/ledger.h"

#include <inttypes.h>
#include <linux/xfrm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "runner.h"

enum {
	ROWS = 3,
	MAX_LIVE = 400,
	MAX_QUEUE = 8192,
	MAX_GONE = 512,
	REQIDS = 6,
	SPIS = 48,
	SETTLING = 3, /* polls after which lost events must have no trace but missing */
};

/* Steps. */

#define STEPS(STEP)          \
	STEP(TRAFFIC, 60)    \
	STEP(INTEGRITY, 4)   \
	STEP(REPLAY, 4)      \
	STEP(PUBLISH, 8)     \
	STEP(TICK, 12)       \
	STEP(ACQUIRE, 5)     \
	STEP(ALLOCSPI, 6)    \
	STEP(KEY_LARVAL, 8)  \
	STEP(ADD, 8)         \
	STEP(ADD_OTHER, 2)   \
	STEP(REKEY, 10)      \
	STEP(DELETE, 14)     \
	STEP(EXPIRE, 6)      \
	STEP(EXPIRE_SOFT, 2) \
	STEP(UPDATE, 5)      \
	STEP(MOBIKE, 6)      \
	STEP(MIGRATE, 2)     \
	STEP(FLUSH, 2)       \
	STEP(AGAIN, 6)       \
	STEP(LOSE, 1)        \
	STEP(POLL_BEGIN, 12) \
	STEP(POLL_STEP, 20)  \
	STEP(POLL_END, 8)    \
	STEP(POLL_ABORT, 1)  \
	STEP(POLL, 8)        \
	STEP(REATTRIBUTE, 1) \
	STEP(RESTART, 1)

enum step_kind {
#define STEP(name, weight) STEP_##name,
	STEPS(STEP)
#undef STEP
	    STEP_KINDS,
};

static const char *const step_names[] = {
#define STEP(name, weight) #name,
    STEPS(STEP)
#undef STEP
};

static const unsigned step_weights[] = {
#define STEP(name, weight) weight,
    STEPS(STEP)
#undef STEP
};

/* a chooses the SA, b and c what becomes of it. */
struct step {
	enum step_kind kind;
	uint32_t a, b, c;
};

/* The model. */

struct totals {
	struct stats stats;
	uint64_t replay_failures;
	uint64_t losses;
};

struct model_sa {
	struct sa sa;      /* as the kernel would show it now */
	struct sa told;    /* what of its counters the ledger has been told */
	uint64_t born;     /* in truth, whatever its add_time says */
	uint64_t appeared; /* order in which SAs came or moved */
	uint64_t inserted; /* order in the kernel's list */
	unsigned row;
	struct sa told_before; /* the same before the dump under way showed it */
	bool shown_now;        /* by the dump under way */
	bool held;  /* by the dump under way: it looks like another of its key */
	bool vague; /* its end now would tell too little, see do_publish() */
	bool blind; /* nobody can tell what a dump shows of it, until events are read */
	bool shown; /* by a dump, at least once */
	bool polled;   /* likewise, by a whole one */
	bool in_walk;  /* the dump under way has it ahead */
	bool moved;    /* since the last whole dump */
	bool migrated; /* since the last whole dump that showed it */
};

/* An SA that has left: deleted in this second; or moved or flushed lately. */
struct gone {
	struct sa sa;
	struct model_sa was;
	unsigned polls_left; /* 0: only this second matters */
	bool on_its_way;     /* the message of its end is not read yet */
	bool flushed;
};

struct model {
	struct ledger *ledger;
	uint64_t now;   /* the wall clock, in s */
	uint64_t clock; /* the ledger's, in ns */
	uint64_t order;
	struct model_sa live[MAX_LIVE];
	size_t n_live;
	struct gone gone[MAX_GONE];
	size_t n_gone;
	struct sa_event queue[MAX_QUEUE];
	size_t n_queue;
	unsigned row_of_reqid[REQIDS];
	struct totals truth[ROWS];
	struct ledger_row last[ROWS]; /* the ledger's, when last checked */
	bool dumping, walking;
	int flush_polls; /* whole polls until a flush can have left no trace */
	bool clone_seen; /* by the dump under way */
	bool twins;      /* a flushed SA's key came again during the dump under way */
	bool half_seen;  /* by a dump that was cut short, since the last whole one */
	bool
	    order_lost; /* of siblings of one second, for good: ReKeys cannot be told */
	bool polled;    /* wholly, at least once */
	bool unsettled; /* events were lost since the last comparison */
	char failure[300];
};

static const char *const local_texts[] = {"10.0.0.1", "10.0.0.2", "2001:db8::1"};
static const char *const peer_texts[] = {"192.0.2.1", "192.0.2.2", "2001:db8:1::1"};
static struct in6_addr local_addr[3], peer_addr[3];

__attribute__((format(printf, 2, 3))) static void differ(struct model *model,
							 const char *format, ...)
{
	va_list args;

	if (model->failure[0])
		return;
	va_start(args, format);
	vsnprintf(model->failure, sizeof(model->failure), format, args);
	va_end(args);
}

/* The ledger's questions. */

static bool is_local(const struct in6_addr *addr)
{
	for (size_t i = 0; i < 3; i++)
		if (!memcmp(addr, &local_addr[i], sizeof(*addr)))
			return true;
	return false;
}

static enum sa_direction direction_of(const struct sa *sa)
{
	return is_local(&sa->daddr) ? SA_DIR_IN : SA_DIR_OUT;
}

static enum sa_direction env_direction(void *ctx, const struct sa *sa)
{
	(void)ctx;
	return direction_of(sa);
}

static unsigned env_row(void *ctx, const struct sa *sa, enum sa_direction direction)
{
	struct model *model = ctx;

	(void)direction;
	return sa->reqid < REQIDS ? model->row_of_reqid[sa->reqid] : 0;
}

static unsigned row_now(const struct model *model, const struct sa *sa)
{
	return sa->reqid < REQIDS ? model->row_of_reqid[sa->reqid] : 0;
}

static void open_ledger(struct model *model)
{
	const struct ledger_env env = {model, env_direction, env_row};

	model->ledger = ledger_new(&env, ROWS);
	if (!model->ledger)
		abort();
}

/* Counting. */

static bool is_keyed(const struct model_sa *it)
{
	return sa_is_ipsec(&it->sa) && it->sa.keyed;
}

static bool is_larval(const struct model_sa *it)
{
	return sa_is_ipsec(&it->sa) && !it->sa.keyed;
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

static bool recedes(const struct sa *from, const struct sa *to)
{
	return to->bytes < from->bytes || to->packets < from->packets;
}

/* What an SA has carried from one look to the next. */
static void count_between(struct totals *truth, const struct sa *from,
			  const struct sa *to)
{
	truth->losses += recedes(from, to);
	if (to->bytes > from->bytes)
		count_bytes(&truth->stats, to, to->bytes - from->bytes);
	if (to->packets > from->packets && to->replay_protected &&
	    direction_of(to) == SA_DIR_IN)
		truth->stats.packets_with_replay_detection +=
		    to->packets - from->packets;
	truth->stats.packets_not_authenticated +=
	    (uint32_t)(to->integrity_failed - from->integrity_failed);
	truth->replay_failures += (uint32_t)(to->replay - from->replay);
	truth->replay_failures += (uint32_t)(to->replay_window - from->replay_window);
}

/* The ledger is told, or will be, what the SA has now. */
static void tell(struct model *model, struct model_sa *it)
{
	if (is_keyed(it))
		count_between(&model->truth[it->row], &it->told, &it->sa);
	it->told = it->sa;
}

/* What the dump under way has told must be taken back. */
static void untell(struct model *model, const struct model_sa *it)
{
	struct totals *truth = &model->truth[it->row];
	struct totals told = {0};

	if (!it->shown_now || !is_keyed(it))
		return;
	count_between(&told, &it->told_before, &it->told);
	for (size_t i = 0; i < STAT_COUNT; i++) {
		uint64_t left = stats_get(&truth->stats, &stat_columns[i]) -
				stats_get(&told.stats, &stat_columns[i]);

		memcpy((char *)&truth->stats + stat_columns[i].offset, &left,
		       sizeof(left));
	}
	truth->replay_failures -= told.replay_failures;
	truth->losses -= told.losses;
}

static bool same_addrs(const struct sa *a, const struct sa *b)
{
	return !memcmp(&a->saddr, &b->saddr, sizeof(a->saddr)) &&
	       !memcmp(&a->daddr, &b->daddr, sizeof(a->daddr));
}

static bool are_siblings(const struct sa *a, const struct sa *b)
{
	return same_addrs(a, b) && a->proto == b->proto && a->mode == b->mode &&
	       a->reqid == b->reqid && a->if_id == b->if_id && a->mark == b->mark &&
	       a->mark_mask == b->mark_mask && a->pcpu == b->pcpu &&
	       a->selector == b->selector;
}

static bool has_younger_sibling(const struct model *model, const struct model_sa *it)
{
	if (direction_of(&it->sa) != SA_DIR_OUT || it->sa.reqid == 0)
		return false;
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *other = &model->live[i];

		if (other == it || !is_keyed(other) ||
		    !are_siblings(&other->sa, &it->sa))
			continue;
		if (other->born > it->born ||
		    (other->born == it->born && other->appeared > it->appeared))
			return true;
	}
	return false;
}

/* The kernel. */

static void send_event(struct model *model, enum sa_event_type type,
		       const struct sa *sa)
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
static void send_expire(struct model *model, struct sa sa, bool hard)
{
	sa.keyed = false;
	sa.replay_protected = false;
	sa.pcpu = 0;
	send_event(model, hard ? SA_EVENT_EXPIRE_HARD : SA_EVENT_EXPIRE_SOFT, &sa);
}

static bool same_key(const struct sa *a, const struct sa *b)
{
	return a->spi == b->spi && a->acquire == b->acquire && a->proto == b->proto &&
	       a->family == b->family && a->mark == b->mark &&
	       a->mark_mask == b->mark_mask &&
	       !memcmp(&a->daddr, &b->daddr, sizeof(a->daddr));
}

/* What an SA keeps when it moves. */
static bool is_like(const struct sa *a, const struct sa *b)
{
	return a->spi == b->spi && a->proto == b->proto && a->mode == b->mode &&
	       a->reqid == b->reqid && a->if_id == b->if_id && a->mark == b->mark;
}

/* To the same second and without traffic nobody could tell these two from a move. */
static bool looks_moved(const struct sa *a, const struct sa *b)
{
	return is_like(a, b) && a->add_time == b->add_time && !same_addrs(a, b);
}

/* A flush is heard of before the dump that shows what came after it. */
static bool flush_is_clear(const struct model *model, const struct gone *gone)
{
	return gone->flushed && (!gone->on_its_way || !model->dumping);
}

/*
 * What the kernel allows and a keying daemon does. An SPI is drawn from 32 bits: it may
 * come again, even within the second, but not while the end of its last SA is still on
 * its way, and no two SAs of one second have the same; unless a flush has taken the
 * last.
 */
static bool may_exist(const struct model *model, const struct sa *sa)
{
	if (model->n_live == MAX_LIVE || model->n_gone == MAX_GONE)
		return false;
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *it = &model->live[i];

		if (same_key(&it->sa, sa) || looks_moved(&it->sa, sa))
			return false;
		/* which of the two came first no dump will tell */
		if (it->migrated && it->born == sa->add_time)
			return false;
	}
	for (size_t i = 0; i < model->n_gone; i++) {
		const struct gone *gone = &model->gone[i];

		if (looks_moved(&gone->sa, sa) && !flush_is_clear(model, gone))
			return false;
		if (model->unsettled && same_key(&gone->sa, sa))
			return false;
		/* whose the dump's sample was nobody could tell */
		if (gone->on_its_way && (gone->was.held || gone->was.vague) &&
		    same_key(&gone->sa, sa))
			return false;
		if (gone->flushed)
			continue;
		if (gone->on_its_way && same_key(&gone->sa, sa))
			return false;
		if (gone->polls_left && gone->sa.spi == sa->spi &&
		    gone->sa.proto == sa->proto)
			return false;
	}
	return true;
}

/* It has all that one had by which a watcher knows an SA, and the FLUSHSA that came
 * between the two has not been read. */
static bool is_twin(const struct gone *gone, const struct sa *sa)
{
	return gone->flushed && is_keyed(&gone->was) && gone->on_its_way &&
	       same_key(&gone->sa, sa) && same_addrs(&gone->sa, sa) &&
	       gone->was.told.add_time == sa->add_time && gone->sa.reqid == sa->reqid &&
	       gone->sa.mode == sa->mode;
}

/*
 * It has the key and the second of one that was flushed, and neither message has been
 * read: what the dump under way shows of the two counts for nothing.
 */
static void find_twins(struct model *model, struct model_sa *it)
{
	for (size_t i = 0; i < model->n_gone; i++) {
		struct gone *gone = &model->gone[i];

		if (!model->dumping || !is_twin(gone, &it->sa))
			continue;
		untell(model, &gone->was);
		gone->was.shown_now = false;
		it->blind = model->twins = true;
	}
}

static struct model_sa *insert(struct model *model, const struct sa *sa)
{
	struct model_sa *it = &model->live[model->n_live++];

	*it = (struct model_sa){.sa = *sa, .told = *sa, .born = sa->add_time};
	it->row = row_now(model, sa);
	it->appeared = it->inserted = ++model->order;
	find_twins(model, it);
	return it;
}

static void forget_gone(struct model *model, bool polled)
{
	size_t n = 0;

	for (size_t i = 0; i < model->n_gone; i++) {
		unsigned left = model->gone[i].polls_left;

		if (polled ? left == 1 : !left && !model->gone[i].on_its_way)
			continue;
		model->gone[n] = model->gone[i];
		model->gone[n++].polls_left = polled && left ? left - 1 : left;
	}
	model->n_gone = n;
}

/* How long what comes later could be taken for an SA that left: until the clock moves,
 * or for so many whole polls. A flush during a dump is settled by the next one. */
enum leaving {
	LEFT_NOTHING = -1, /* a larval that another replaces */
	LEFT_FOR_SECOND = 0,
	LEFT_UNTIL_POLL = 1,
	LEFT_BY_FLUSH = 2,
};

static void take_out(struct model *model, struct model_sa *it, enum leaving leaving)
{
	if (leaving != LEFT_NOTHING && model->n_gone < MAX_GONE)
		model->gone[model->n_gone++] = (struct gone){
		    .sa = it->sa,
		    .was = *it,
		    .polls_left = (unsigned)leaving,
		    .on_its_way = true,
		    .flushed = leaving == LEFT_BY_FLUSH,
		};
	*it = model->live[--model->n_live];
}

static void count_addition(struct model *model, const struct model_sa *it)
{
	if (is_keyed(it))
		model->truth[it->row].stats.key_additions++;
}

static void count_deletion(struct model *model, const struct model_sa *it, bool rekeyed)
{
	if (!is_keyed(it))
		return;
	model->truth[it->row].stats.key_deletions++;
	model->truth[it->row].stats.rekeys += rekeyed;
}

#define NS_PER_MS UINT64_C(1000000)

static void wait_ms(struct model *model, uint64_t ms)
{
	model->clock += ms * NS_PER_MS;
}

static void tick(struct model *model)
{
	model->now++;
	wait_ms(model, 1000);
	forget_gone(model, false);
}

/* A second, or within the time for which a deletion may become a move, or just beyond.
 */
static void do_tick(struct model *model, const struct step *step)
{
	if (step->a % 3 == 0)
		tick(model);
	else
		wait_ms(model, step->b % 300);
}

static void drain(struct model *model);
static void poll_begin(struct model *model);
static void poll_end(struct model *model);
static void check_always(struct model *model);

/* Choosing. */

static struct model_sa *choose(struct model *model, uint32_t number,
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

static bool is_inbound_keyed(const struct model_sa *it)
{
	return is_keyed(it) && direction_of(&it->sa) == SA_DIR_IN;
}

static bool is_larval_with_spi(const struct model_sa *it)
{
	return is_larval(it) && !it->sa.acquire;
}

static bool carries(const struct model_sa *it)
{
	return !is_larval(it);
}

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

/* What happens. */

static void do_traffic(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, carries);

	if (!it)
		return;
	it->sa.bytes += 1 + step->b % 3000;
	it->sa.packets += 1 + step->c % 3;
}

static bool looks_new(const struct model_sa *it)
{
	return recedes(&it->told, &it->sa) && it->told.add_time != it->sa.add_time;
}

/*
 * XFRM_MSG_NEWAE: whoever carries the packets says how many there were, or sets the
 * counters back, and makes up an add_time. No second is both made up and a birth's.
 *
 * Left out is what no watcher can tell: an SA that was published after the dump under
 * way has shown it, or that shows less there, and ends before the dump does; one that
 * shows less and another time after events were lost, or moved when they were; one
 * whose key was another's until a flush that is not read yet; one that only a dump has
 * shown that was cut short; and publications before the first dump, which may be of SAs
 * from before the daemon.
 */
static void publish(struct model_sa *it, const struct step *step, bool sure)
{
	const struct sa before = it->sa;
	static const uint64_t times[] = {0, 1000000000, 1600000000, 2000000000};
	bool back = step->b % 4 == 0;

	if (step->c % 2)
		it->sa.add_time = times[step->c / 2 % 4] + step->c / 8 % 9;
	if (back) {
		it->sa.bytes = step->a % (it->sa.bytes + 1);
		it->sa.packets -= step->b / 4 % 2 * (it->sa.packets / 2);
	} else {
		it->sa.bytes += step->b / 4 % 2 * (step->a % 3000);
		it->sa.packets += step->b / 8 % 2 * (step->a % 5);
	}
	if (!sure && looks_new(it))
		it->sa = before;
	it->vague |= it->shown_now;
}

static bool follows_a_flushed(const struct model *model, const struct model_sa *it)
{
	for (size_t i = 0; i < model->n_gone; i++)
		if (model->gone[i].flushed && model->gone[i].on_its_way &&
		    same_key(&model->gone[i].sa, &it->sa))
			return true;
	return false;
}

static void do_publish(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, carries);

	if (!it || !model->polled || follows_a_flushed(model, it) ||
	    (it->shown && !it->polled) || (model->unsettled && it->moved))
		return;
	publish(it, step, !model->unsettled);
	model->order_lost |= model->unsettled && it->sa.add_time != it->born;
}

/* So that a u32 wraps now and then, and half its range is never passed unseen. */
static uint32_t some_errors(uint32_t number, uint32_t now, uint32_t told)
{
	if (number % 8 == 0 && now - told < UINT32_MAX / 4)
		return UINT32_MAX / 4;
	return now - told < UINT32_MAX / 2 - 10 ? number % 5 : 0;
}

static void do_integrity(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_inbound_keyed);

	if (it)
		it->sa.integrity_failed += some_errors(step->b, it->sa.integrity_failed,
						       it->told.integrity_failed);
}

static void do_replay(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_inbound_keyed);

	if (!it)
		return;
	if (step->c % 2)
		it->sa.replay += some_errors(step->b, it->sa.replay, it->told.replay);
	else
		it->sa.replay_window +=
		    some_errors(step->b, it->sa.replay_window, it->told.replay_window);
}

static void do_acquire(struct model *model, const struct step *step)
{
	struct sa sa = new_sa(model, step->b, step->c, true);

	sa.acquire = true;
	sa.spi = (uint32_t)++model->order; /* negotiations are numbered */
	if (may_exist(model, &sa))
		insert(model, &sa);
}

/* ALLOCSPI draws at random: not what has just been given back. */
static void do_allocspi(struct model *model, const struct step *step)
{
	struct sa sa = new_sa(model, step->b, step->c, false);

	for (size_t i = 0; i < model->n_gone; i++)
		if (same_key(&model->gone[i].sa, &sa))
			return;
	if (may_exist(model, &sa))
		insert(model, &sa);
}

/* UPDSA over a larval SA: the larval goes without a word. */
static void do_key_larval(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_larval_with_spi);
	struct sa sa;

	if (!it)
		return;
	sa = it->sa;
	sa.add_time = model->now;
	sa.keyed = true;
	take_out(model, it, LEFT_NOTHING);
	if (!may_exist(model, &sa))
		return;
	count_addition(model, insert(model, &sa));
	send_event(model, SA_EVENT_UPDATE, &sa);
}

static bool is_acquire(const struct model_sa *it)
{
	return it->sa.acquire;
}

static void do_add(struct model *model, const struct step *step)
{
	struct sa sa = new_sa(model, step->b, step->c, step->a % 3 != 0);
	struct model_sa *acquire = choose(model, step->a, is_acquire);

	sa.keyed = true;
	if (!may_exist(model, &sa))
		return;
	if (acquire && step->a % 2) { /* NEWSA takes its place */
		take_out(model, acquire, LEFT_NOTHING);
	}
	count_addition(model, insert(model, &sa));
	send_event(model, SA_EVENT_NEW, &sa);
}

static void do_add_other(struct model *model, const struct step *step)
{
	struct sa sa = new_sa(model, step->b, step->c, step->a % 2);

	sa.proto = step->a % 4 < 2 ? IPPROTO_COMP : IPPROTO_IPIP;
	if (!may_exist(model, &sa))
		return;
	insert(model, &sa);
	send_event(model, SA_EVENT_NEW, &sa);
}

static void do_rekey(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);
	struct sa sa;

	if (!it)
		return;
	sa = it->sa;
	sa.spi = 1 + step->b % SPIS;
	sa.add_time = model->now;
	sa.bytes = sa.packets = 0;
	sa.integrity_failed = sa.replay = sa.replay_window = 0;
	if (!may_exist(model, &sa))
		return;
	count_addition(model, insert(model, &sa));
	send_event(model, SA_EVENT_NEW, &sa);
}

/*
 * What nobody could tell: the siblings of a clone, until a dump shows where it is; and
 * that an SA had moved, if the messages of the move were lost and no dump came before
 * its end.
 */
static bool end_is_unclear(const struct model *model, const struct model_sa *it)
{
	if (it->vague || (model->unsettled && it->moved))
		return true;
	if (it->migrated && it->sa.add_time != it->born &&
	    (recedes(&it->told, &it->sa) || !it->sa.packets))
		return true;
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *other = &model->live[i];

		if (other != it && is_keyed(other) && other->sa.reqid == it->sa.reqid &&
		    (other->migrated || it->migrated))
			return true;
	}
	return false;
}

static void do_delete(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, NULL);

	if (!it || it->sa.acquire || end_is_unclear(model, it))
		return;
	tell(model, it);
	count_deletion(model, it, has_younger_sibling(model, it));
	send_event(model, SA_EVENT_DELETE, &it->sa);
	take_out(model, it, LEFT_FOR_SECOND);
}

static void do_expire(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, NULL);

	if (!it || end_is_unclear(model, it))
		return;
	tell(model, it);
	count_deletion(model, it, has_younger_sibling(model, it));
	send_expire(model, it->sa, true);
	take_out(model, it, LEFT_FOR_SECOND);
}

static void do_expire_soft(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);

	if (it)
		send_expire(model, it->sa, false);
}

/* The message shows the template of the change: no counters, a time of its own. */
static void do_update(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);
	struct sa sa;

	/* over a clone that no message has named it looks like a new SA */
	if (!it || it->migrated)
		return;
	sa = it->sa;
	sa.bytes = sa.packets = 0;
	sa.integrity_failed = sa.replay = sa.replay_window = 0;
	sa.add_time = model->now;
	send_event(model, SA_EVENT_UPDATE, &sa);
}

/* Where an SA would stand after a move. */
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
	sa.integrity_failed = sa.replay = sa.replay_window = 0;
	return sa;
}

static bool move_is_clear(struct model *model, const struct model_sa *it,
			  const struct sa *to)
{
	if (same_addrs(&it->sa, to))
		return false;
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *other = &model->live[i];

		if (other == it)
			continue;
		/* the kernel refuses it, or nobody could tell the two apart */
		if (same_key(&other->sa, to) || is_like(&other->sa, &it->sa) ||
		    (other->migrated && other->born == it->born))
			return false;
	}
	for (size_t i = 0; i < model->n_gone; i++)
		if (model->gone[i].sa.spi == to->spi &&
		    model->gone[i].sa.proto == to->proto)
			return false;
	return model->n_gone < MAX_GONE;
}

/* With nothing else on its way, and nothing that it could replace or be replaced by. */
static bool may_come_late(const struct model *model, const struct model_sa *it)
{
	if (model->n_queue || model->dumping || model->unsettled || model->half_seen ||
	    model->flush_polls || !it->polled || it->sa.add_time != it->born ||
	    !it->sa.bytes != !it->sa.packets)
		return false;
	for (size_t i = 0; i < model->n_live; i++)
		if (&model->live[i] != it && model->live[i].sa.reqid == it->sa.reqid)
			return false;
	return true;
}

/*
 * charon is kept waiting between DELSA and NEWSA, and dumps show neither SA. Beyond
 * LEDGER_MOVE_NS that is a deletion and an addition, of which nothing counts twice.
 */
static void do_late_mobike(struct model *model, struct model_sa *it, struct sa to,
			   uint64_t ms)
{
	const struct model_sa old = *it;
	bool departed = ms * NS_PER_MS >= LEDGER_MOVE_NS;

	tell(model, it);
	send_event(model, SA_EVENT_DELETE, &it->sa);
	take_out(model, it, LEFT_UNTIL_POLL);
	poll_begin(model);
	wait_ms(model, ms);
	poll_end(model);
	check_always(model);
	if (departed)
		count_deletion(model, &old, false);
	it = insert(model, &to);
	it->moved = true;
	if (departed) {
		count_addition(model, it);
	} else {
		it->row = old.row;
		it->born = old.born;
	}
	send_event(model, SA_EVENT_NEW, &to);
	drain(model);
}

/* strongSwan: DELSA, then NEWSA with SPI, add_time and curlft as they were. Once
 * between two polls: there and back again would look as if nothing had been. */
static void do_mobike(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);
	uint64_t born;
	struct sa to;
	unsigned row;

	if (!it || it->moved || it->vague || looks_new(it))
		return;
	to = moved(&it->sa, step->b);
	if (!move_is_clear(model, it, &to))
		return;
	if (step->c % 3 == 0 && may_come_late(model, it)) {
		do_late_mobike(model, it, to, step->c / 3 % 400);
		return;
	}
	row = it->row;
	born = it->born;
	tell(model, it);
	send_event(model, SA_EVENT_DELETE, &it->sa);
	take_out(model, it, LEFT_UNTIL_POLL);
	it = insert(model, &to);
	it->row = row;
	it->born = born;
	it->moved = true;
	send_event(model, SA_EVENT_NEW, &to);
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
 * One message that names no SA; the clone keeps curlft, its stats begin again. Left out
 * is what no watcher can tell: which of two siblings of one second is the younger; what
 * the stats had since the last look; an SA that moves before any dump has shown it, or
 * that a dump misses while a flush may explain why.
 */
static void do_migrate(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);
	struct model_sa *clone;
	struct sa told, to;
	uint64_t born;
	unsigned row;

	if (!it || !it->polled || it->vague || recedes(&it->told, &it->sa) ||
	    model->flush_polls || in_same_second(model, it) ||
	    it->sa.integrity_failed || it->sa.replay || it->sa.replay_window)
		return;
	to = moved(&it->sa, step->b);
	if (!move_is_clear(model, it, &to))
		return;
	row = it->row;
	born = it->born;
	told = it->told;
	take_out(model, it, LEFT_UNTIL_POLL);
	clone = insert(model, &to);
	clone->row = row;
	clone->born = born;
	clone->told = told;
	clone->moved = clone->migrated = true;
	send_event(model, SA_EVENT_MIGRATE, NULL);
}

static bool any_blind(const struct model *model)
{
	for (size_t i = 0; i < model->n_live; i++)
		if (model->live[i].blind)
			return true;
	return false;
}

static void do_flush(struct model *model, const struct step *step)
{
	if (!model->n_live || any_blind(model))
		return;
	while (model->n_live) {
		count_deletion(model, &model->live[0], false);
		model->truth[model->live[0].row].losses += is_keyed(&model->live[0]);
		take_out(model, &model->live[0], LEFT_BY_FLUSH);
	}
	send_event(model, SA_EVENT_FLUSH, NULL);
	model->flush_polls = 2;
	if (step->a % 4 == 0)
		tick(model);
}

/* What was flushed comes again, by hand or because its keying daemon was told to make
 * it anew: often at once, with the key and in the second of the old, or between other
 * ends. */
static void do_again(struct model *model, const struct step *step)
{
	const struct gone *gone;
	struct sa sa;

	if (!model->n_gone)
		return;
	gone = &model->gone[step->a % model->n_gone];
	if (!gone->flushed || gone->sa.acquire)
		return;
	sa = step->b % 4 == 0 ? moved(&gone->sa, step->b / 4) : gone->sa;
	sa.keyed = sa_is_ipsec(&sa);
	sa.bytes = sa.packets = 0;
	sa.integrity_failed = sa.replay = sa.replay_window = 0;
	sa.add_time = model->now;
	if (!may_exist(model, &sa))
		return;
	count_addition(model, insert(model, &sa));
	send_event(model, step->c % 3 && sa.keyed ? SA_EVENT_UPDATE : SA_EVENT_NEW,
		   &sa);
}

/* Which of two of one second is the younger only their events could tell. */
static bool order_may_be_lost(const struct model *model)
{
	for (size_t i = 0; i < model->n_live; i++) {
		const struct model_sa *it = &model->live[i];

		if (is_keyed(it) && !it->polled && it->sa.add_time != it->born)
			return true;
		for (size_t j = 0; j < i; j++)
			if (is_keyed(it) && is_keyed(&model->live[j]) &&
			    it->born == model->live[j].born &&
			    it->sa.reqid == model->live[j].sa.reqid)
				return true;
	}
	return false;
}

/* Unheard, one would be taken for the other, which belongs in another row. */
static bool may_be_mistaken(const struct model *model)
{
	for (size_t i = 0; i < model->n_gone; i++)
		for (size_t j = 0; j < model->n_live; j++)
			if (is_like(&model->gone[i].sa, &model->live[j].sa) &&
			    model->gone[i].was.row != model->live[j].row)
				return true;
	return false;
}

static bool any_looks_new(const struct model *model)
{
	for (size_t i = 0; i < model->n_live; i++)
		if (looks_new(&model->live[i]) ||
		    (model->live[i].moved &&
		     model->live[i].sa.add_time != model->live[i].born))
			return true;
	return false;
}

/* The kernel drops what comes while the buffer is full. Left out: an SA that moves
 * between two dumps of which the first was cut short, and all its messages lost; one
 * that took another's place unheard, but in another row. */
static void do_lose(struct model *model, const struct step *step)
{
	if (!model->n_queue || model->dumping || model->half_seen ||
	    may_be_mistaken(model) || any_looks_new(model))
		return;
	model->order_lost |= order_may_be_lost(model);
	model->n_queue = step->b % model->n_queue;
	ledger_note_gap(model->ledger);
	model->unsettled = true;
	tick(model);
}

/* Looking at the ledger. */

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

/* Of each negotiation, counted at its first SA: the larger of its two kinds. */
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

/* I5: as many as XFRMA_SAD_CNT says, each of its kind. */
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
	const struct ledger_row *is = ledger_row(model->ledger, row);
	const struct totals *want = &model->truth[row];

	for (size_t i = 0; i < STAT_COUNT; i++) {
		const struct stat_column *column = &stat_columns[i];

		if (model->unsettled && column->kind == STAT_COUNTER)
			continue;
		if (model->order_lost && column->id == STAT_ID_rekeys)
			continue;
		if (stats_get(&is->stats, column) != stats_get(&want->stats, column))
			differ(model, "row %u: %s is %" PRIu64 ", not %" PRIu64, row,
			       column->field, stats_get(&is->stats, column),
			       stats_get(&want->stats, column));
	}
	if (!model->unsettled && is->losses != want->losses)
		differ(model, "row %u: losses are %" PRIu64 ", not %" PRIu64, row,
		       is->losses, want->losses);
	if (!model->unsettled && is->replay_failures != want->replay_failures)
		differ(model, "row %u: replay failures are %" PRIu64 ", not %" PRIu64,
		       row, is->replay_failures, want->replay_failures);
}

/* After lost events bytes and packets may be missing, but none may be there twice. */
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

/* The losses are behind: from here on the two must agree again. */
static void believe(struct model *model)
{
	for (unsigned row = 0; row < ROWS; row++) {
		const struct ledger_row *is = ledger_row(model->ledger, row);

		model->truth[row].stats = is->stats;
		model->truth[row].replay_failures = is->replay_failures;
		model->truth[row].losses = is->losses;
	}
}

/* I1 and I2 hold at every moment, I4 but for the time of a dump. */
static void check_always(struct model *model)
{
	for (unsigned row = 0; row < ROWS; row++) {
		const struct ledger_row *is = ledger_row(model->ledger, row);
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
				differ(model, "row %u: %s went back", row,
				       stat_columns[i].field);
		if (is->replay_failures < model->last[row].replay_failures ||
		    is->losses < model->last[row].losses)
			differ(model, "row %u: replay failures or losses went back",
			       row);
		model->last[row] = *is;
	}
}

/* Polls. */

static void drain(struct model *model)
{
	for (size_t i = 0; i < model->n_queue; i++)
		if (ledger_event(model->ledger, &model->queue[i], model->clock))
			abort();
	model->n_queue = 0;
	for (size_t i = 0; i < model->n_gone; i++)
		model->gone[i].on_its_way = false;
	for (size_t i = 0; i < model->n_live; i++)
		model->live[i].blind = false;
}

static void poll_begin(struct model *model)
{
	if (model->dumping)
		return;
	drain(model);
	ledger_dump_begin(model->ledger);
	model->dumping = true;
}

/* The walk is over who was there at its beginning, the youngest first. */
static struct model_sa *next_of_walk(struct model *model)
{
	struct model_sa *next = NULL;

	if (!model->walking)
		for (size_t i = 0; i < model->n_live; i++)
			model->live[i].in_walk = true;
	model->walking = true;
	for (size_t i = 0; i < model->n_live; i++) {
		struct model_sa *it = &model->live[i];

		if (it->in_walk && (!next || it->inserted > next->inserted))
			next = it;
	}
	return next;
}

static void poll_step(struct model *model, uint32_t n)
{
	struct model_sa *it;

	for (; n > 0 && (it = next_of_walk(model)); n--) {
		it->in_walk = false;
		it->shown = true;
		model->clone_seen |= it->migrated;
		if (!it->blind) {
			it->held |= it->migrated ||
				    it->told.add_time != it->sa.add_time ||
				    recedes(&it->told, &it->sa);
			it->vague |= recedes(&it->told, &it->sa);
			it->told_before = it->told;
			it->shown_now = true;
			tell(model, it);
		}
		if (ledger_dump_sa(model->ledger, &it->sa))
			abort();
	}
}

static void poll_over(struct model *model)
{
	for (size_t i = 0; i < model->n_live; i++)
		model->live[i].in_walk = model->live[i].shown_now = false;
	for (size_t i = 0; i < model->n_gone; i++)
		model->gone[i].was.shown_now = false;
	model->dumping = model->walking = model->clone_seen = model->twins = false;
}

static void poll_end(struct model *model)
{
	if (!model->dumping)
		return;
	poll_step(model, UINT32_MAX);
	drain(model);
	if (ledger_dump_end(model->ledger, model->clock))
		abort();
	for (size_t i = 0; i < model->n_live; i++) {
		model->live[i].polled |= model->live[i].shown;
		model->live[i].migrated &= !model->live[i].shown;
		model->live[i].moved &= !model->live[i].shown;
		model->live[i].held = model->live[i].vague = false;
	}
	forget_gone(model, true);
	if (model->flush_polls > 0)
		model->flush_polls--;
	model->half_seen = false;
	poll_over(model);
}

/* Not with a clone half seen: what it was before no message has told. Nor where what
 * the dump has shown must be taken back. */
static void poll_abort(struct model *model)
{
	if (!model->dumping)
		return;
	if (model->unsettled || model->clone_seen || model->twins)
		return;
	ledger_dump_abort(model->ledger, model->clock);
	model->half_seen = true;
	poll_over(model);
}

/* So long that no deletion of before is departing at its end. */
static void poll_whole(struct model *model)
{
	poll_end(model);
	poll_begin(model);
	wait_ms(model, LEDGER_MOVE_NS / NS_PER_MS);
	poll_end(model);
	check_always(model);
}

/* After a poll during which nothing happened. */
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
	if (!model->unsettled)
		return;
	for (int i = 0; i < SETTLING; i++)
		poll_whole(model);
	compare(model); /* the levels alone */
	check_not_above(model);
	model->unsettled = false;
	believe(model);
}

static void poll_quietly(struct model *model)
{
	settle(model);
	poll_whole(model);
	compare(model);
}

/* Instances come and go: the collector asks again before it dumps. */
static void do_reattribute(struct model *model, const struct step *step)
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
	if (ledger_reattribute(model->ledger))
		abort();
	poll_quietly(model);
}

static int restore_one(void *ctx, const struct ledger_record *record)
{
	return ledger_restore_sa(ctx, record);
}

/* That it is the same SA is likely then, and not sure. */
static void publish_meanwhile(struct model *model, const struct step *step)
{
	struct model_sa *it = choose(model, step->a, is_keyed);

	if (!it)
		return;
	publish(it, step, false);
	model->truth[it->row].losses += it->sa.add_time != it->told.add_time;
}

/* The daemon ends and starts again, with nothing on its way. */
static void do_restart(struct model *model, const struct step *step)
{
	struct ledger *old;

	poll_quietly(model);
	old = model->ledger;
	open_ledger(model);
	for (unsigned row = 0; row < ROWS; row++)
		if (ledger_restore_row(model->ledger, row, ledger_row(old, row)))
			abort();
	if (ledger_save(old, restore_one, model->ledger))
		abort();
	ledger_free(old);
	for (size_t i = 0; i < model->n_live; i++)
		if (!is_keyed(&model->live[i])) /* those alone are not saved */
			model->live[i].row = row_now(model, &model->live[i].sa);
	publish_meanwhile(model, step);
	poll_quietly(model);
}

static void run_step(struct model *model, const struct step *step)
{
	switch (step->kind) {
	case STEP_TRAFFIC:
		do_traffic(model, step);
		break;
	case STEP_INTEGRITY:
		do_integrity(model, step);
		break;
	case STEP_REPLAY:
		do_replay(model, step);
		break;
	case STEP_PUBLISH:
		do_publish(model, step);
		break;
	case STEP_TICK:
		do_tick(model, step);
		break;
	case STEP_ACQUIRE:
		do_acquire(model, step);
		break;
	case STEP_ALLOCSPI:
		do_allocspi(model, step);
		break;
	case STEP_KEY_LARVAL:
		do_key_larval(model, step);
		break;
	case STEP_ADD:
		do_add(model, step);
		break;
	case STEP_ADD_OTHER:
		do_add_other(model, step);
		break;
	case STEP_REKEY:
		do_rekey(model, step);
		break;
	case STEP_DELETE:
		do_delete(model, step);
		break;
	case STEP_EXPIRE:
		do_expire(model, step);
		break;
	case STEP_EXPIRE_SOFT:
		do_expire_soft(model, step);
		break;
	case STEP_UPDATE:
		do_update(model, step);
		break;
	case STEP_MOBIKE:
		do_mobike(model, step);
		break;
	case STEP_MIGRATE:
		do_migrate(model, step);
		break;
	case STEP_FLUSH:
		do_flush(model, step);
		break;
	case STEP_AGAIN:
		do_again(model, step);
		break;
	case STEP_LOSE:
		do_lose(model, step);
		break;
	case STEP_POLL_BEGIN:
		poll_begin(model);
		break;
	case STEP_POLL_STEP:
		if (model->dumping)
			poll_step(model, step->a % 8);
		break;
	case STEP_POLL_END:
		poll_end(model);
		break;
	case STEP_POLL_ABORT:
		poll_abort(model);
		break;
	case STEP_POLL:
		poll_quietly(model);
		break;
	case STEP_REATTRIBUTE:
		do_reattribute(model, step);
		break;
	case STEP_RESTART:
		do_restart(model, step);
		break;
	case STEP_KINDS:
		break;
	}
	if (model->n_queue > MAX_QUEUE - 8)
		drain(model);
	check_always(model);
}

/* Histories. */

static struct model *the_model;

/* True if the history ends well; else the reason is in the model's failure. The
 * number of steps that it took is in *ret_steps. */
static bool run_history(const struct step *steps, size_t n, size_t *ret_steps)
{
	struct model *model = the_model;
	size_t i;

	memset(model, 0, sizeof(*model));
	model->now = 1700000000;
	model->clock = NS_PER_MS;
	for (unsigned reqid = 0; reqid < REQIDS; reqid++)
		model->row_of_reqid[reqid] = reqid % ROWS;
	open_ledger(model);
	for (i = 0; i < n && !model->failure[0]; i++)
		run_step(model, &steps[i]);
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
	struct step step = {.kind = STEP_TRAFFIC};

	for (unsigned i = 0; i < STEP_KINDS; i++)
		sum += step_weights[i];
	at = (unsigned)(next_random(state) % sum);
	for (unsigned i = 0; i < STEP_KINDS; i++) {
		if (at < step_weights[i]) {
			step.kind = (enum step_kind)i;
			break;
		}
		at -= step_weights[i];
	}
	step.a = (uint32_t)next_random(state);
	step.b = (uint32_t)next_random(state);
	step.c = (uint32_t)next_random(state);
	return step;
}

/* Leaves out ever smaller pieces as long as the rest still fails. */
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
		fprintf(stderr, "  %-12s %u %u %u\n", step_names[steps[i].kind],
			steps[i].a, steps[i].b, steps[i].c);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* Short histories fail at fewer steps, long ones fill the tables. */
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
	for (size_t i = 0; i < 3; i++) {
		local_addr[i] = addr_of(local_texts[i]);
		peer_addr[i] = addr_of(peer_texts[i]);
	}
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
		if (run_history(steps, n, NULL))
			continue;
		n = shrink(steps, n);
		fprintf(stderr,
			"history %" PRIu64 " of seed %" PRIu64 ", %zu steps: %s\n",
			history, seed, n, the_model->failure);
		print_history(steps, n);
		ck_abort_msg("%s", the_model->failure);
	}
	free(the_model);
	free(steps);
}
