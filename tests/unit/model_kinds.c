/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include "util/array.h"

const struct model_kind model_kinds[] = {
    {"TRAFFIC", 60, do_traffic},
    {"INTEGRITY", 4, do_integrity},
    {"REPLAY", 4, do_replay},
    {"PUBLISH", 8, do_publish},
    {"TICK", 12, do_tick},
    {"ACQUIRE", 5, do_acquire},
    {"ALLOCSPI", 6, do_allocspi},
    {"KEY_LARVAL", 8, do_key_larval},
    {"ADD", 8, do_add},
    {"ADD_OTHER", 2, do_add_other},
    {"REKEY", 10, do_rekey},
    {"DELETE", 14, do_delete},
    {"EXPIRE", 6, do_expire},
    {"EXPIRE_SOFT", 2, do_expire_soft},
    {"UPDATE", 5, do_update},
    {"MOBIKE", 6, do_mobike},
    {"MIGRATE", 2, do_migrate},
    {"FLUSH", 2, do_flush},
    {"AGAIN", 6, do_again},
    {"LOSE", 1, do_lose},
    {"POLL_BEGIN", 12, do_poll_begin},
    {"POLL_STEP", 20, do_poll_step},
    {"POLL_END", 8, do_poll_end},
    {"POLL_ABORT", 1, do_poll_abort},
    {"POLL", 8, do_poll},
    {"REATTRIBUTE", 1, do_reattribute},
    {"CONFIGURE", 1, do_configure},
    {"RESTART", 1, do_restart},
};

const unsigned model_n_kinds = ARRAY_SIZE(model_kinds);

void model_run_step(struct model *model, const struct step *step)
{
	model_kinds[step->kind].take(model, step);
	if (model->n_queue > MAX_QUEUE - 8)
		read_events(model);
	check_always(model);
}
