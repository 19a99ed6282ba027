/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States that are saved in a thread. How a slow directory delays nobody is in
 * tests/agentx/test_state_dir.py. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "collector/state_saver.h"
#include "kept_log.h"
#include "runner.h"
#include "saved.h"

#define PATIENCE (60 * SECOND)

static struct state_saver *saver;

static void setup(void)
{
	saved_setup();
	kept_log_begin();
	saver = state_saver_new(tree.root);
	ck_assert_ptr_nonnull(saver);
}

static void teardown(void)
{
	state_saver_free(saver);
	saver = NULL;
	kept_log_end();
	world_teardown();
}

CHAPTER(setup, teardown);

/* The daemon's own, that of "blue", or that of "red", which keeps what it has. */
static void start(void)
{
	struct state_to_save *states = calloc(3, sizeof(*states));

	ck_assert_ptr_nonnull(states);
	states[0].err =
	    state_image_make(&states[0].image, "", &ours, collector_rows(collector), 1);
	states[1].err = state_image_make(&states[1].image, "blue", &ours,
					 collector_rows(collector), 1);
	state_file_name(states[2].image.file, "red");
	state_saver_start(saver, states, 3);
}

static void save_all(void)
{
	start();
	ck_assert(state_saver_finish(saver, PATIENCE));
}

TEST(the_directory_has_what_was_saved_and_nothing_else)
{
	size_t len;
	char *data;

	tree_text(&tree, "qmipsecd.red.state", "kept");
	tree_text(&tree, "qmipsecd.green.state", "of a namespace that is gone");
	save_all();
	ck_assert_uint_eq(tree_count(&tree), 3);
	data = tree_read(&tree, "qmipsecd.red.state", &len);
	ck_assert_uint_eq(len, strlen("kept"));
	free(data);
	OPEN_BOTH();
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(kept_n, 0);
}

TEST(without_a_save_there_is_nothing_to_wait_for)
{
	ck_assert(state_saver_finish(saver, 0));
	save_all();
	ck_assert(state_saver_finish(saver, 0));
}

TEST(what_was_counted_later_is_not_in_it)
{
	start();
	sad_has_two(1000, 50);
	poll_well();
	ck_assert(state_saver_finish(saver, PATIENCE));
	OPEN_BOTH();
	ck_assert_int_eq(load(), 0);
	snapshot_free(&snapshot);
	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
}

TEST(the_first_error_is_logged_and_the_end_of_them)
{
	struct state_to_save *states;

	tree_text(&tree, "qmipsecd.state.new/in the way", "");
	save_all();
	save_all();
	check_log(1, "cannot save the state as ");
	check_log(1, "/qmipsecd.state: Directory not empty");
	tree_delete(&tree, "qmipsecd.state.new");
	save_all();
	save_all();
	check_log(2, "the state can be saved again");
	states = calloc(1, sizeof(*states));
	ck_assert_ptr_nonnull(states);
	state_file_name(states[0].image.file, "blue");
	states[0].err = -EFBIG;
	state_saver_start(saver, states, 1);
	ck_assert(state_saver_finish(saver, PATIENCE));
	check_log(3, "/qmipsecd.blue.state: File too large");
}

/* No address space holds a stack of this size. */
TEST(without_a_thread_it_saves_at_once)
{
	pthread_attr_t attr;

	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, SIZE_MAX / 2), 0);
	ck_assert_int_eq(pthread_setattr_default_np(&attr), 0);
	pthread_attr_destroy(&attr);
	start();
	ck_assert_uint_eq(tree_count(&tree), 2);
	ck_assert(state_saver_finish(saver, 0));
}
