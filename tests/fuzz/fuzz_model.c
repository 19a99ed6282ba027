/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input becomes a history that is possible, in the model of tests/unit/model.h. It
 * knows every number: the ledger must show the same after each quiet poll. The first
 * byte chooses the configuration of peers, and ten bytes are a step.
 */
#include "fuzz.h"

#include "tests/unit/model.h"

static struct step next_step(struct bytes *bytes)
{
	struct step step = {.kind = take_u8(bytes) % model_n_kinds};

	step.a = take_u8(bytes);
	step.b = take_u32(bytes);
	step.c = take_u32(bytes);
	return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model model;
	struct bytes bytes = {data, size};

	model_begin(&model, (enum model_peers)(take_u8(&bytes) % (FOLDED + 1)));
	while (bytes.left && !model.failure[0]) {
		const struct step step = next_step(&bytes);

		model_run_step(&model, &step);
	}
	if (!model.failure[0])
		poll_quietly(&model);
	if (model.failure[0])
		fuzz_broken(__FILE__, __LINE__, model.failure);
	ledger_free(model.ledger);
	return 0;
}
