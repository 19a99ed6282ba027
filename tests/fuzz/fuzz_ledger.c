/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input becomes events, dumps, gaps and times in any order, also such as no kernel
 * would send. What holds at every moment must hold after each of them. (fuzz_model.c
 * has histories that are possible, and knows the numbers.)
 */
#include "fuzz.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_sas.h"
#include "tests/unit/answers.h"
#include "tests/unit/model.h"

static struct model model;
static bool in_dump;

enum {
	END_DUMP = 9, /* the step after which the numbers are read */
};

/* Without local addresses an SA's direction is what it says itself. */
static enum sa_direction env_direction(void *ctx, const struct sa *sa)
{
	(void)ctx;
	if (sa->declared)
		return sa->declared;
	for (size_t i = 0; i < PEERS; i++) {
		if (!memcmp(&sa->daddr, &local_addr[i], sizeof(sa->daddr)))
			return SA_DIR_IN;
		if (!memcmp(&sa->saddr, &local_addr[i], sizeof(sa->saddr)))
			return SA_DIR_OUT;
	}
	return sa->sequence;
}

static unsigned env_row(void *ctx, const struct sa *sa, enum sa_direction direction)
{
	(void)ctx, (void)direction;
	return row_now(&model, sa);
}

static const struct ledger_env env = {NULL, env_direction, env_row};

static void configure(uint8_t how)
{
	struct peer_config config = peer_config_default;

	config.enabled = how % 4 != 0;
	config.max_peers = model.max_peers = how % 4 == 1 ? 2 : PEERS_DEFAULT;
	config.hold_down_ms = how & 0x10 ? 0 : PEER_HOLD_DOWN_DEFAULT;
	if (how & 8)
		peer_config_add_line(&config, "192.0.2.0/24 a", NULL, 0);
	ledger_configure_peers(model.ledger, &config);
	ledger_regroup_peers(model.ledger);
	/* accounts may have been merged: they are others now */
	memset(model.last_accounts, 0, sizeof(model.last_accounts));
}

static void open_own_ledger(uint8_t how)
{
	model.ledger = ledger_new(&env, ROWS);
	HOLDS(model.ledger != NULL);
	configure(how);
}

static void take_event(struct bytes *bytes)
{
	struct sa_event event = {.type = take_u8(bytes) % (SA_EVENT_POLICY + 1)};
	int err;

	if (event.type == SA_EVENT_FLUSH)
		event.proto = take_u8(bytes);
	else
		event.sa = take_sa(bytes);
	if (event.type == SA_EVENT_EXPIRE_HARD || event.type == SA_EVENT_EXPIRE_SOFT)
		event.sa.keyed = false; /* the message names no algorithms */
	err = ledger_event(model.ledger, &event, model.clock);
	HOLDS(err == 0);
}

static void show(struct bytes *bytes)
{
	struct sa sa = take_sa(bytes);

	if (!in_dump)
		return;
	if (!ledger_dump_expected(model.ledger, answer_of(&sa)))
		HOLDS(ledger_dump_sa(model.ledger, &sa) == 0);
}

static void begin_dump(void)
{
	if (!in_dump)
		ledger_dump_begin(model.ledger);
	in_dump = true;
}

static void end_dump(void)
{
	begin_dump();
	HOLDS(ledger_dump_end(model.ledger, model.clock) == 0);
	in_dump = false;
}

static void abort_dump(void)
{
	begin_dump();
	ledger_dump_abort(model.ledger, model.clock);
	in_dump = false;
}

/* The accounts and SAs of the state file, in another ledger. */
static struct ledger *restored(uint8_t how)
{
	struct ledger *from = model.ledger;
	size_t n_peers = ledger_count_peers(from);
	size_t n_sas = ledger_count_sas(from);
	struct ledger_account *peers = calloc(n_peers + 1, sizeof(*peers));
	struct account **accounts = calloc(n_peers + 1, sizeof(struct account *));
	struct ledger_sa *sas = calloc(n_sas + 1, sizeof(*sas));

	HOLDS(peers && accounts && sas);
	HOLDS(ledger_copy_peers(from, peers) == n_peers);
	HOLDS(ledger_copy_sas(from, sas) == n_sas);
	open_own_ledger(how);
	for (unsigned row = 0; row < ROWS; row++) {
		const struct ledger_account other = ledger_copy_other(from, row);

		HOLDS(ledger_restore_other(model.ledger, &other) == 0);
	}
	for (size_t i = 0; i < n_peers; i++)
		HOLDS(ledger_restore_peer(model.ledger, &peers[i], &accounts[i]) == 0);
	for (size_t i = 0; i < n_sas; i++)
		HOLDS(ledger_restore_sa(model.ledger, &sas[i],
					sas[i].peer == LEDGER_NO_PEER
					    ? NULL
					    : accounts[sas[i].peer]) == 0);
	HOLDS(ledger_is_complete(model.ledger));
	ledger_regroup_peers(model.ledger);
	free(peers);
	free(accounts);
	free(sas);
	return from;
}

static void restart(uint8_t how)
{
	/* what a dump that was cut short has left open is not saved */
	end_dump();
	ledger_free(restored(how));
}

static int count_view(void *ctx, const struct ledger_view *view)
{
	struct ledger_counts *counts = ctx;

	HOLDS(view->account->row < ROWS);
	HOLDS(view->direction <= SA_DIR_OUT);
	if (!sa_is_ipsec(view->sa))
		counts->other++;
	else if (view->sa->keyed)
		counts->keyed++;
	else
		counts->larval++;
	return 0;
}

/* The SAs that can be viewed are those that are counted. */
static void view(void)
{
	const struct ledger_counts want = ledger_counts(model.ledger);
	struct ledger_counts counts = {0};
	uint64_t active = 0;

	HOLDS(ledger_view_sas(model.ledger, count_view, &counts) == 0);
	HOLDS(counts.keyed == want.keyed && counts.larval == want.larval &&
	      counts.other == want.other);
	for (unsigned row = 0; row < ROWS; row++)
		active += ledger_row(model.ledger, row)->stats.active_sa;
	HOLDS(active >= want.keyed); /* and those that are departing */
}

static void reset_idle_row(unsigned row)
{
	bool busy[ROWS] = {false};

	ledger_find_busy(model.ledger, busy);
	if (busy[row])
		return;
	ledger_reset_row(model.ledger, row);
	memset(&model.last[row], 0, sizeof(model.last[row]));
	memset(model.last_accounts[row], 0, sizeof(model.last_accounts[row]));
}

/* Steps that only happen between dumps. */
static void change_something(struct bytes *bytes, uint8_t what)
{
	if (in_dump)
		abort_dump();
	switch (what & 0xf) {
	case 13:
		model.row_of_reqid[take_u8(bytes) % REQIDS] = (what >> 4) % ROWS;
		ledger_reattribute(model.ledger);
		break;
	case 14:
		if (what & 0x80)
			restart(what >> 4);
		else
			configure(what >> 4);
		break;
	default:
		if (what & 0x80)
			ledger_end(model.ledger, model.clock);
		else
			reset_idle_row((what >> 4) % ROWS);
		break;
	}
}

static void take_step(struct bytes *bytes)
{
	uint8_t what = take_u8(bytes);

	switch (what & 0xf) {
	case 0 ... 4:
		take_event(bytes);
		break;
	case 5:
		begin_dump();
		break;
	case 6 ... 8:
		show(bytes);
		break;
	case END_DUMP:
		end_dump();
		view();
		break;
	case 10:
		abort_dump();
		break;
	case 11:
		ledger_note_gap(model.ledger);
		ledger_note_losses(model.ledger, what & 0x10, model.clock);
		break;
	case 12:
		model.clock += ((uint64_t)what >> 4) * LEDGER_MOVE_NS / 4;
		break;
	default:
		change_something(bytes, what);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = {data, size};

	model_begin(&model, FOLDED);
	ledger_free(model.ledger);
	open_own_ledger(take_u8(&bytes));
	in_dump = false;
	while (bytes.left && !model.failure[0]) {
		/* what is not published yet may decrease */
		model.dumping = (*bytes.at & 0xf) != END_DUMP;
		/* two discontinuities are never of one moment */
		model.clock += NS_PER_MS;
		take_step(&bytes);
		check_always(&model);
	}
	if (model.failure[0])
		fuzz_broken(__FILE__, __LINE__, model.failure);
	ledger_free(model.ledger);
	return 0;
}
