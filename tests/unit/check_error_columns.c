/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "collector/collector.h"
#include "collector/state.h"
#include "runner.h"
#include "world.h"

/* Columns 7 and 8 and the Xfrm table when the kernel's counters are missing,
 * malformed, wrapped or set back. For the rows that have these errors see
 * check_collector. */

/* A poll a second later, with this text in xfrm_stat. */
static void poll_with(const char *text)
{
	kernel.now += SECOND;
	kernel.xfrm_stat = text;
	poll_well();
	look();
}

static uint64_t bad_spi(void)
{
	return snapshot.rows[0].stats.bad_spi_packets;
}

static uint64_t not_decrypted(void)
{
	return snapshot.rows[0].stats.packets_not_decrypted;
}

static uint64_t discontinuity(void)
{
	return snapshot.rows[0].discontinuity;
}

static uint64_t shown(const char *name)
{
	for (size_t i = 0; i < snapshot.n_xfrm; i++)
		if (!strcmp(snapshot.xfrm[i].counter.name, name))
			return snapshot.xfrm[i].counter.value;
	return UINT64_MAX;
}

static bool available(void)
{
	return !snapshot.health.xfrm_stat_missing;
}

static int status(void)
{
	return collector_status(collector)->xfrm_stat.err;
}

static const char good[] = "XfrmInNoStates 7\nXfrmInStateProtoError 10\n";

CHAPTER(world_setup, world_teardown);

/* A kernel without CONFIG_XFRM_STATISTICS. */
TEST(no_file)
{
	kernel.xfrm_stat_error = -ENOENT;
	poll_with(NULL);
	ck_assert(!available());
	ck_assert_int_eq(status(), -ENOENT);
	ck_assert_uint_eq(bad_spi(), 0);
	ck_assert_uint_eq(snapshot.n_xfrm, 0);
	ck_assert_uint_eq(snapshot.health.failed_polls, 0);
	ck_assert(snapshot.rows[0].active);
}

TEST(a_file_that_cannot_be_read_for_a_while)
{
	poll_with(good);
	ck_assert(available());
	kernel.xfrm_stat_error = -EIO;
	poll_with(NULL);
	ck_assert(!available());
	ck_assert_int_eq(status(), -EIO);
	ck_assert_ptr_nonnull(strstr(snapshot.health.last_error, "xfrm_stat"));
	ck_assert_uint_eq(snapshot.health.failed_polls, 0);
	ck_assert_uint_eq(bad_spi(), 7);
	ck_assert_uint_eq(shown("XfrmInNoStates"), 7);
	kernel.xfrm_stat_error = 0;
	poll_with("XfrmInNoStates 9\nXfrmInStateProtoError 11\n");
	ck_assert(available());
	ck_assert_int_eq(status(), 0);
	ck_assert_uint_eq(bad_spi(), 9);
	ck_assert_uint_eq(not_decrypted(), 11);
	ck_assert_uint_eq(discontinuity(), 1000 * SECOND);
}

TEST(a_file_of_another_form)
{
	poll_with("XfrmInNoStates: none\n");
	ck_assert(!available());
	ck_assert_int_eq(status(), -EBADMSG);
}

/* The lines that can be read are used. */
TEST(an_odd_line)
{
	poll_with(
	    "Something new and odd\nXfrmInNoStates 7\nXfrmInStateProtoError 10\n");
	ck_assert(available());
	ck_assert_uint_eq(collector_status(collector)->xfrm_stat.n_skipped, 1);
	ck_assert_uint_eq(bad_spi(), 7);
	ck_assert_uint_eq(not_decrypted(), 10);
}

/* A counter keeps its value if its line is missing or cut, and the columns report
 * that. */
TEST(a_counter_that_is_missing)
{
	poll_with(good);
	poll_with("XfrmInStateProtoError 12\nXfrmInNoStates 1");
	ck_assert(!available());
	ck_assert_int_eq(status(), -EBADMSG);
	ck_assert_uint_eq(bad_spi(), 7);
	ck_assert_uint_eq(not_decrypted(), 12);
	poll_with("XfrmInStateProtoError 12\nXfrmInNoStates 15\n");
	ck_assert(available());
	ck_assert_uint_eq(bad_spi(), 15);
	/* before Linux 6.10 */
	ck_assert_uint_eq(shown("XfrmInStateDirError"), UINT64_MAX);
}

TEST(a_wrap)
{
	poll_with("XfrmInNoStates 4294967290\nXfrmInStateProtoError 4294967295\n");
	poll_with("XfrmInNoStates 4\nXfrmInStateProtoError 0\n");
	ck_assert_uint_eq(bad_spi(), UINT64_C(4294967300));
	ck_assert_uint_eq(not_decrypted(), UINT64_C(4294967296));
	ck_assert_uint_eq(shown("XfrmInNoStates"), UINT64_C(4294967300));
	ck_assert_uint_eq(discontinuity(), 1000 * SECOND);
}

TEST(a_counter_that_was_set_back)
{
	poll_with(good);
	poll_with("XfrmInNoStates 2\nXfrmInStateProtoError 10\n");
	ck_assert_uint_eq(bad_spi(), 9);
	ck_assert_uint_eq(shown("XfrmInNoStates"), 9);
	ck_assert_uint_eq(discontinuity(), 1002 * SECOND);
	poll_with("XfrmInNoStates 3\nXfrmInStateProtoError 10\n");
	ck_assert_uint_eq(bad_spi(), 10);
	ck_assert_uint_eq(discontinuity(), 1002 * SECOND);
}

/* Saves the collector and loads it into a new one. */
static void restart(void)
{
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	ck_assert_int_eq(state_body_save(collector_rows(collector), stream), 0);
	fclose(stream);
	open_collector(NULL);
	stream = fmemopen(text, size, "r");
	ck_assert_int_eq(state_body_load(collector_rows(collector), kernel.now, stream),
			 0);
	ck_assert_int_eq(fgetc(stream), EOF);
	fclose(stream);
	free(text);
}

TEST(wraps_before_during_and_after_a_restart)
{
	poll_with("XfrmInNoStates 4294967290\nXfrmInStateProtoError 1\n");
	poll_with("XfrmInNoStates 4\nXfrmInStateProtoError 1\n");
	restart();
	poll_with("XfrmInNoStates 6\nXfrmInStateProtoError 1\n");
	ck_assert_uint_eq(bad_spi(), UINT64_C(4294967302));
	ck_assert_uint_eq(shown("XfrmInNoStates"), UINT64_C(4294967302));
	poll_with("XfrmInNoStates 4000000000\nXfrmInStateProtoError 1\n");
	restart();
	poll_with("XfrmInNoStates 5\nXfrmInStateProtoError 1\n");
	ck_assert_uint_eq(bad_spi(), UINT64_C(2) * 4294967296 + 5);
	ck_assert_uint_eq(discontinuity(), 1000 * SECOND);
}

TEST(a_restart_without_the_file)
{
	poll_with(good);
	restart();
	kernel.xfrm_stat_error = -ENOENT;
	poll_with(NULL);
	ck_assert_uint_eq(bad_spi(), 7);
	restart();
	kernel.xfrm_stat_error = 0;
	poll_with("XfrmInNoStates 8\nXfrmInStateProtoError 10\n");
	ck_assert_uint_eq(bad_spi(), 8);
	ck_assert_uint_eq(not_decrypted(), 10);
}

TEST(a_wrap_while_the_namespace_was_not_watched)
{
	poll_with("XfrmInNoStates 4294967290\nXfrmInStateProtoError 1\n");
	collector_detach(collector);
	ck_assert_int_eq(collector_attach(collector, &kernel, true), 0);
	poll_with("XfrmInNoStates 4\nXfrmInStateProtoError 1\n");
	ck_assert_uint_eq(bad_spi(), UINT64_C(4294967300));
}

/* The counters of another namespace begin at 0: no wrap, and not set back. */
TEST(another_namespace_after_a_wrap)
{
	poll_with("XfrmInNoStates 4294967290\nXfrmInStateProtoError 1\n");
	poll_with("XfrmInNoStates 4\nXfrmInStateProtoError 1\n");
	collector_detach(collector);
	ck_assert_int_eq(collector_attach(collector, &kernel, false), 0);
	poll_with("XfrmInNoStates 3\nXfrmInStateProtoError 0\n");
	ck_assert_uint_eq(bad_spi(), UINT64_C(4294967303));
	ck_assert_uint_eq(shown("XfrmInNoStates"), 3);
	ck_assert_uint_eq(not_decrypted(), 1);
}

/* One namespace without the counters is enough, unless it has disappeared. */
TEST(several_namespaces)
{
	struct fake_kernel other = {.now = 500 * SECOND, .xfrm_stat_error = -ENOENT};
	struct collector *second = make_collector(&other, "blue", NULL);

	ck_assert_int_eq(collector_poll(second), 0);
	poll_with(good);
	ck_assert(available());
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert(!available());
	collector_detach(second);
	poll_with(good);
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert(available());
	collector_free(second);
}
