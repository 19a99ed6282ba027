/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/load_limit.h"

#include "runner.h"
#include "util/clock.h"

CHAPTER(NULL, NULL);

#define MS NS_PER_MS

/* Work that takes `cost` each time and never rests but for the pauses. Returns how much
 * it has done until `end`. */
static uint64_t work(struct load_limit *limit, uint64_t cost, uint64_t *now,
		     uint64_t end)
{
	uint64_t done = 0;

	while (*now < end) {
		uint64_t resume;

		*now += cost;
		done += cost;
		resume = load_limit_charge(limit, cost, *now);
		if (resume) {
			ck_assert_uint_ge(resume, *now + LOAD_LIMIT_PAUSE_NS);
			*now = resume;
		}
	}
	return done;
}

TEST(endless_work_has_its_share_and_a_burst)
{
	static const uint32_t percents[] = {1, 4, 50, 99};
	static const uint64_t costs[] = {MS / 100, MS, 70 * MS};

	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 3; j++) {
			struct load_limit limit = {.percent = percents[i]};
			uint64_t now = 5 * NS_PER_S;
			uint64_t seconds = 1000;
			uint64_t done =
			    work(&limit, costs[j], &now, now + seconds * NS_PER_S);
			uint64_t share = seconds * NS_PER_S / 100 * percents[i];

			ck_assert_uint_le(done, share + LOAD_LIMIT_BURST_NS +
						    costs[j] * percents[i]);
			ck_assert_uint_ge(done, share / 10 * 8);
		}
	}
}

TEST(what_is_within_its_share_never_pauses)
{
	struct load_limit limit = {.percent = 4};

	for (uint64_t now = 0; now < 1000 * NS_PER_S; now += 25 * MS)
		ck_assert_uint_eq(load_limit_charge(&limit, MS, now), 0);
}

TEST(a_burst_is_there_again_after_a_rest)
{
	struct load_limit limit = {.percent = 4};
	uint64_t burst = LOAD_LIMIT_BURST_NS;

	ck_assert_uint_eq(load_limit_charge(&limit, burst, 0), 0);
	ck_assert_uint_eq(load_limit_charge(&limit, MS, 1), 1 + 25 * MS);
	ck_assert_uint_eq(load_limit_charge(&limit, burst, 76 * NS_PER_S), 0);
	/* and never more than one */
	ck_assert_uint_ne(load_limit_charge(&limit, burst + MS, 1000 * NS_PER_S), 0);
}

TEST(another_share_takes_effect_at_once)
{
	struct load_limit limit = {.percent = 1};
	uint64_t now = 0;

	work(&limit, MS, &now, 200 * NS_PER_S);
	limit.percent = 50;
	ck_assert_uint_le(load_limit_charge(&limit, MS, now),
			  now + LOAD_LIMIT_PAUSE_NS);
	limit.percent = 100;
	ck_assert_uint_eq(load_limit_charge(&limit, NS_PER_S, now), 0);
}
