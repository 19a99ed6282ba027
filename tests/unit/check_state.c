/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "saved.h"
#include "state_save.h"

CHAPTER(saved_setup, world_teardown);

TEST(last_or_not)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    state_save(tree.root, "", &ours, collector_rows(collector), i == 1),
		    0);
		last = i == 0;
		OPEN_PLAIN();
		ck_assert_int_eq(load(), 0);
		ck_assert_uint_eq(last, i == 1);
	}
}

TEST(round_trip)
{
	save();
	kernel.now = 9999;
	OPEN_BOTH();
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(row("a")->discontinuity, 7777);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 7);
	sad_has_two(250, 35);
	kernel.xfrm_stat = "XfrmInNoStates\t8\nXfrmInStateProtoError\t13\n";
	poll_well();
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 250);
	ck_assert_uint_eq(row("a")->stats.key_additions, 1);
	ck_assert_uint_eq(row("a")->stats.key_deletions, 0);
	ck_assert_uint_eq(row("b")->stats.confidential_bytes_sent, 35);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 8);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 13);
	ck_assert_uint_eq(row("a")->discontinuity, 7777);
}

static void restart_with_a(void)
{
	save();
	OPEN("a local 10.0.0.1");
	ck_assert_int_eq(load(), 0);
}

/* Columns 7 and 8 of one instance grow by the increase, not by the sum. */
TEST(errors_of_one_instance_continue)
{
	OPEN("a local 10.0.0.1");
	poll_well();
	restart_with_a();
	kernel.xfrm_stat = "XfrmInNoStates\t9\nXfrmInStateProtoError\t14\n";
	poll_well();
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 9);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 14);
}

TEST(nothing_is_lost_over_two_restarts)
{
	for (int i = 0; i < 2; i++) {
		save();
		OPEN_BOTH();
		ck_assert_int_eq(load(), 0);
	}
	sad_has_two(300, 30);
	poll_well();
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(row("b")->stats.confidential_bytes_sent, 30);
	ck_assert_uint_eq(row("b")->stats.key_additions, 1);
}

/* Rows are restored by name, since a new configuration can change their numbers. */
TEST(other_configuration)
{
	save();
	OPEN("c local 10.0.9.9", "b local 10.0.1.1");
	ck_assert_int_eq(load(), 0);
	sad_has_two(250, 35);
	poll_well();
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 250);
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("b")->stats.confidential_bytes_sent, 35);
	ck_assert_uint_eq(row("c")->stats.confidential_bytes_sent, 0);
	ck_assert_uint_eq(snapshot.n_rows, 4);
}

TEST(no_file)
{
	ck_assert_int_eq(load(), -ENOENT);
	ck_assert_int_eq(state_load("/nonexistent", "", &ours,
				    collector_rows(collector), kernel.now, &last),
			 -ENOENT);
	ck_assert_int_eq(
	    state_save("/nonexistent", "", &ours, collector_rows(collector), true),
	    -ENOENT);
}

TEST(only_a_valid_file_says_whether_it_is_the_last)
{
	last = true;
	ck_assert_int_eq(load(), -ENOENT);
	ck_assert(last);
	ck_assert_int_eq(
	    state_save(tree.root, "", &ours, collector_rows(collector), false), 0);
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
	ck_assert(!last);
	tree_text(&tree, FILE_NAME, "junk");
	ck_assert_int_eq(load(), -EBADMSG);
	ck_assert(!last);
	tree_remove(&tree);
	tree_make(&tree);
	save();
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
	ck_assert(last);
}

TEST(path_too_long)
{
	char path[5000];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(
	    state_load(path, "", &ours, collector_rows(collector), kernel.now, &last),
	    -ENAMETOOLONG);
	ck_assert_int_eq(state_save(path, "", &ours, collector_rows(collector), true),
			 -ENAMETOOLONG);
}

TEST(another_boot_or_namespace)
{
	struct state_id other = ours;

	save();
	OPEN_PLAIN();
	other.boot_id[35] ^= 1;
	ck_assert_int_eq(state_load(tree.root, "", &other, collector_rows(collector),
				    kernel.now, &last),
			 -ESTALE);
	other = ours;
	other.netns_cookie++;
	ck_assert_int_eq(state_load(tree.root, "", &other, collector_rows(collector),
				    kernel.now, &last),
			 -ESTALE);
	other = ours;
	other.boot_id[0] = '\0';
	ck_assert_int_eq(state_load(tree.root, "", &other, collector_rows(collector),
				    kernel.now, &last),
			 -ESTALE);
	row(ALL);
	ck_assert_uint_eq(snapshot.n_rows, 1);
}

/* A rejected file has no effect: the collector is as new. */
static void rejected_completely(int err, const char *what, size_t at)
{
	ck_assert_msg(err == -EBADMSG || err == -ESTALE, "%d: %s %zu", err, what, at);
	row(ALL);
	ck_assert_uint_eq(snapshot.n_rows, 1);
	ck_assert_uint_eq(snapshot.rows[0].stats.key_additions, 0);
}

/* A valid file, which the caller frees, and a collector without state. */
static char *good_file(size_t *ret_len)
{
	char *data;

	save();
	data = tree_read(&tree, FILE_NAME, ret_len);
	OPEN_PLAIN();
	return data;
}

TEST(truncated_at_every_length)
{
	size_t len;
	char *data = good_file(&len);

	for (size_t i = 0; i < len; i++) {
		tree_write(&tree, FILE_NAME, data, i);
		rejected_completely(load(), "cut at", i);
	}
	free(data);
}

/* Only this byte is written: some file systems wait for the disk when a file is
 * truncated and written again. */
static void put_byte(size_t at, char byte)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", tree.root, FILE_NAME);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

TEST(every_bit_flipped)
{
	size_t len;
	char *data = good_file(&len);

	for (size_t i = 0; i < len * 8; i++) {
		put_byte(i / 8, (char)(data[i / 8] ^ 1 << i % 8));
		rejected_completely(load(), "flipped at bit", i);
		put_byte(i / 8, data[i / 8]);
	}
	free(data);
}

TEST(longer_than_it_says)
{
	size_t len;
	char *data;

	save();
	data = tree_read(&tree, FILE_NAME, &len);
	data[len] = 0;
	tree_write(&tree, FILE_NAME, data, len + 1);
	OPEN_PLAIN();
	rejected_completely(load(), "longer", len);
	free(data);
}

TEST(the_old_file_stays_until_the_new_one_is_complete)
{
	char path[200];
	size_t len;
	char *before;
	char *after;
	size_t len_after;

	save();
	before = tree_read(&tree, FILE_NAME, &len);
	tree_text(&tree, FILE_NAME ".new/in-the-way", "");
	sad_has_two(999, 999);
	poll_well();
	ck_assert_int_lt(
	    state_save(tree.root, "", &ours, collector_rows(collector), true), 0);
	after = tree_read(&tree, FILE_NAME, &len_after);
	ck_assert_uint_eq(len, len_after);
	ck_assert_mem_eq(before, after, len);
	free(after);
	snprintf(path, sizeof(path), "%s/%s.new/in-the-way", tree.root, FILE_NAME);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/%s.new", tree.root, FILE_NAME);
	ck_assert_int_eq(rmdir(path), 0);
	save();
	after = tree_read(&tree, FILE_NAME, &len_after);
	ck_assert_mem_ne(before, after, len);
	ck_assert_uint_eq(tree_count(&tree), 1);
	free(before);
	free(after);
}

TEST(a_new_file_that_cannot_take_its_place)
{
	tree_text(&tree, FILE_NAME "/in-the-way", "");
	ck_assert_int_lt(
	    state_save(tree.root, "", &ours, collector_rows(collector), true), 0);
	ck_assert_uint_eq(tree_count(&tree), 1); /* no other file is left */
	ck_assert_int_eq(load(), -EBADMSG);
}

/* A plain open() would wait for its writer. */
TEST(a_fifo_in_its_place)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", tree.root, FILE_NAME);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(load(), -EBADMSG);
	save();
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
}

TEST(links_are_not_followed)
{
	size_t len;
	char *target;

	tree_text(&tree, "precious", "keep");
	tree_link(&tree, FILE_NAME, "precious");
	ck_assert_int_eq(load(), -EBADMSG);
	tree_link(&tree, FILE_NAME ".new", "precious");
	save();
	target = tree_read(&tree, "precious", &len);
	ck_assert_uint_eq(len, 4);
	free(target);
	ck_assert_uint_eq(tree_count(&tree), 2);
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
}

TEST(only_its_owner_may_read_it)
{
	struct stat stat_buf;
	char path[200];

	save();
	snprintf(path, sizeof(path), "%s/%s", tree.root, FILE_NAME);
	ck_assert_int_eq(stat(path, &stat_buf), 0);
	ck_assert_uint_eq(stat_buf.st_mode & 0777, 0600);
}

/* Two saves of the same state are equal: no uninitialised memory is saved. */
TEST(every_byte_is_meant)
{
	size_t len;
	size_t len_again;
	char *first;
	char *again;

	save();
	first = tree_read(&tree, FILE_NAME, &len);
	OPEN_BOTH();
	ck_assert_int_eq(load(), 0);
	save();
	again = tree_read(&tree, FILE_NAME, &len_again);
	ck_assert_uint_eq(len, len_again);
	ck_assert_mem_eq(first, again, len);
	for (size_t i = 0; i + 3 < len; i++)
		ck_assert(memcmp(first + i, "\xa5\xa5\xa5", 3) != 0);
	free(first);
	free(again);
}

TEST(the_id_of_this_boot)
{
	struct state_id first, again;

	ck_assert_int_eq(state_id_read_boot(&first), 0);
	ck_assert_int_eq(state_id_read_boot(&again), 0);
	ck_assert_str_eq(first.boot_id, again.boot_id);
	ck_assert_uint_eq(strlen(first.boot_id), 36);
}

TEST(a_file_for_each_namespace)
{
	static const char longest[] =
	    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";
	struct state_id blue = ours;
	char name[STATE_NAME_MAX + 1];

	blue.netns_cookie++;
	save();
	ck_assert_int_eq(
	    state_save(tree.root, "blue", &blue, collector_rows(collector), 1), 0);
	ck_assert_uint_eq(tree_count(&tree), 2);
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
	OPEN_PLAIN();
	ck_assert_int_eq(state_load(tree.root, "blue", &ours, collector_rows(collector),
				    kernel.now, &last),
			 -ESTALE);
	ck_assert_int_eq(state_load(tree.root, "red", &blue, collector_rows(collector),
				    kernel.now, &last),
			 -ENOENT);
	ck_assert_int_eq(state_load(tree.root, "blue", &blue, collector_rows(collector),
				    kernel.now, &last),
			 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	state_file_name(name, "blue");
	ck_assert_str_eq(name, "qmipsecd.blue.state");
	state_file_name(name, "");
	ck_assert_str_eq(name, FILE_NAME);
	state_file_name(name, longest);
	ck_assert_uint_eq(strlen(name), strlen("qmipsecd..state") + 64);
	ck_assert_int_eq(
	    state_save(tree.root, longest, &ours, collector_rows(collector), 1), 0);
}

static bool is_blue(void *ctx, const char *file)
{
	++*(unsigned *)ctx;
	return !strcmp(file, "qmipsecd.blue.state");
}

TEST(files_of_namespaces_are_removed)
{
	unsigned asked = 0;

	save();
	ck_assert_int_eq(
	    state_save(tree.root, "blue", &ours, collector_rows(collector), 1), 0);
	ck_assert_int_eq(
	    state_save(tree.root, "red", &ours, collector_rows(collector), 1), 0);
	ck_assert_int_eq(
	    state_save(tree.root, "green", &ours, collector_rows(collector), 1), 0);
	tree_text(&tree, "qmipsecd.state.txt", "somebody else's");
	tree_text(&tree, "other.red.state", "somebody else's");
	tree_text(&tree, "qmipsecd.red.state.new", "left over");
	tree_text(&tree, "qmipsecd.state.new", "left over");
	state_remove_unwanted(tree.root, is_blue, &asked);
	ck_assert_uint_eq(asked, 3);
	ck_assert_uint_eq(tree_count(&tree), 4);
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
	OPEN_PLAIN();
	ck_assert_int_eq(state_load(tree.root, "blue", &ours, collector_rows(collector),
				    kernel.now, &last),
			 0);
	state_remove_unwanted("/nonexistent", is_blue, &asked);
}

/* A namespace that returned under its name counts from a base. */
TEST(bases_of_errors_are_kept)
{
	OPEN("a local 10.0.0.1");
	poll_well();
	collector_detach(collector);
	ck_assert_int_eq(collector_attach(collector, &kernel, false), 0);
	kernel.xfrm_stat = "XfrmInNoStates\t1\nXfrmInStateProtoError\t2\n";
	poll_well();
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 8);
	restart_with_a();
	kernel.xfrm_stat = "XfrmInNoStates\t2\nXfrmInStateProtoError\t4\n";
	poll_well();
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 9);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 14);
}
