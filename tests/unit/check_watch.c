/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rates and the frames of the live view. */
#include "report/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/readable.h"
#include "runner.h"
#include "snapshots.h"

#define SECOND UINT64_C(1000000000)

static struct snapshot earlier, later;
static struct rates rates;
static char *text;
static size_t text_len;

static void setup(void)
{
	earlier = (struct snapshot){.health.last_poll = 100 * SECOND};
	later = (struct snapshot){.health.last_poll = 102 * SECOND};
	rates = (struct rates){.n_rows = 0};
	text = NULL;
}

static void teardown(void)
{
	rates_free(&rates);
	snapshot_free(&earlier);
	snapshot_free(&later);
	free(text);
}

CHAPTER(setup, teardown);

static void add_row(struct snapshot *snapshot, const char *name, uint64_t sent,
		    uint64_t errors)
{
	struct snapshot_row row = {.active = true};

	snprintf(row.name, sizeof(row.name), "%s", name);
	row.stats.confidential_bytes_sent = sent;
	row.stats.authenticated_bytes_received = 2 * sent;
	row.packets_sent = sent / 100;
	row.packets_received = sent / 50;
	row.stats.bad_spi_packets = errors;
	row.stats.active_sa = 3;
	put_row(snapshot, &row);
}

static void add_peer(struct snapshot *snapshot, const char *name, uint64_t sent)
{
	struct snapshot_peer *peer =
	    snapshot_add_peer(snapshot, &snapshot->rows[snapshot->n_rows - 1]);

	ck_assert_ptr_nonnull(peer);
	*peer = (struct snapshot_peer){.active = true,
				       .last_change = 90 * SECOND,
				       .bytes_sent = sent,
				       .totals.packets_sent = sent / 100};
	snprintf(peer->name, sizeof(peer->name), "%s", name);
	snprintf(peer->label, sizeof(peer->label), "%s", name);
}

static void make_rates(void)
{
	rates_free(&rates);
	ck_assert_int_eq(rates_make(&earlier, &later, &rates), 0);
}

TEST(rates_per_second)
{
	add_row(&earlier, "a", 1000, 1);
	add_row(&later, "a", 3000, 2);
	make_rates();
	ck_assert_uint_eq(rates.n_rows, 1);
	ck_assert(rates.rows[0].known);
	ck_assert_double_eq(rates.rows[0].bytes_sent, 1000);
	ck_assert_double_eq(rates.rows[0].bytes_received, 2000);
	ck_assert_double_eq(rates.rows[0].packets_sent, 10);
	ck_assert_double_eq(rates.rows[0].packets_received, 20);
	ck_assert_double_eq(rates.rows[0].errors, 0.5);
}

TEST(no_rate_without_two_polls)
{
	add_row(&later, "new", 3000, 0);
	add_peer(&later, "192.0.2.1", 10);
	make_rates();
	ck_assert(!rates.rows[0].known);
	ck_assert(!rates.peers[0].known);
	add_row(&earlier, "new", 1000, 0);
	earlier.health.last_poll = later.health.last_poll; /* the same poll */
	make_rates();
	ck_assert(!rates.rows[0].known);
	earlier.health.last_poll = 0;
	make_rates();
	ck_assert(!rates.rows[0].known);
}

TEST(no_rate_of_a_counter_that_was_set_back)
{
	add_row(&earlier, "a", 3000, 0);
	add_row(&later, "a", 1000, 0);
	make_rates();
	ck_assert(!rates.rows[0].known);
}

TEST(the_most_traffic_comes_first)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	static const uint64_t sent[] = {0, 50, 7, 0};

	for (size_t i = 0; i < 4; i++) {
		add_row(&earlier, names[i], 100, 0);
		add_peer(&earlier, "192.0.2.1", 100);
		add_row(&later, names[i], 100 + sent[i], 0);
		add_peer(&later, "192.0.2.1", 100 + 60 - sent[i]);
	}
	make_rates();
	ck_assert_uint_eq(rates.n_peers, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(rates.rows[i].row->name,
				 ((const char *[]){"b", "c", "a", "d"})[i]);
		ck_assert_str_eq(rates.peers[i].row->name,
				 ((const char *[]){"a", "d", "c", "b"})[i]);
	}
}

TEST(equal_peers_stay_in_the_order_of_their_index)
{
	for (unsigned i = 0; i < 2; i++) {
		const char row[] = {(char)('a' + i), '\0'};

		add_row(&later, row, 0, 0);
		for (unsigned j = 0; j < 9; j++) {
			char name[20];

			snprintf(name, sizeof(name), "192.0.2.%u", j);
			add_peer(&later, name, 5);
		}
	}
	make_rates();
	ck_assert_uint_eq(rates.n_peers, 18);
	for (size_t i = 0; i < 18; i++)
		ck_assert_ptr_eq(rates.peers[i].peer, &later.peers[i]);
}

/* Frames. */

static void draw(unsigned width, unsigned height, const char *message)
{
	const struct frame frame = {.width = width,
				    .height = height,
				    .title = "qmipsecd",
				    .message = message,
				    .now = 102 * SECOND};
	FILE *stream;

	free(text);
	stream = open_memstream(&text, &text_len);
	frame_write(stream, &frame, &rates);
	ck_assert_int_eq(fclose(stream), 0);
}

static unsigned lines(void)
{
	unsigned n = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

static size_t longest_line(void)
{
	size_t longest = 0;
	char *copy = strdup(text);
	char *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		size_t width = readable_width(line);

		longest = width > longest ? width : longest;
	}
	free(copy);
	return longest;
}

static void add_many(unsigned n_rows, unsigned n_peers)
{
	char name[32];

	for (unsigned i = 0; i < n_rows; i++) {
		snprintf(name, sizeof(name), "row%03u", i);
		add_row(&earlier, name, 1000, 0);
		add_row(&later, name, 3000 + i, i == 1);
		for (unsigned j = 0; j < n_peers; j++) {
			snprintf(name, sizeof(name), "192.0.2.1%02u", j);
			add_peer(&earlier, name, 10);
			add_peer(&later, name, 10 + 2 * j);
		}
	}
	make_rates();
}

TEST(golden_frame)
{
	add_many(2, 1);
	draw(80, 0, "");
	ck_assert_str_eq(
	    text,
	    "qmipsecd\n"
	    "instance                    keyed        B/s out  B/s in pkt out  pkt in"
	    "   err/s\n"
	    "row001                      3 SAs          1.00k   2.00k      10      20"
	    "     0.5\n"
	    "row000                      3 SAs          1.00k   2.00k      10      20"
	    "       0\n"
	    "peer                        state        B/s out  B/s in pkt out  pkt in"
	    "   err/s\n"
	    "192.0.2.100  row000         up 12s             0       0       0       0"
	    "       0\n"
	    "192.0.2.100  row001         up 12s             0       0       0       0"
	    "       0\n");
}

TEST(a_frame_fits_any_terminal)
{
	add_many(7, 5);
	for (unsigned width = 1; width < 130; width++)
		for (unsigned height = 1; height < 60; height++) {
			draw(width, height, height % 2 ? "a message" : "");
			ck_assert_uint_le(lines(), height);
			ck_assert_uint_le(longest_line(), width);
			ck_assert_ptr_null(strchr(text, '\033'));
		}
}

TEST(what_does_not_fit_is_counted)
{
	add_many(7, 5);
	draw(80, 24, "");
	ck_assert_uint_eq(lines(), 24);
	ck_assert_ptr_nonnull(strstr(text, "\n(22 more)\n")); /* of 35 peers */
	ck_assert_ptr_null(strstr(text, "(7 more)"));
	draw(80, 10, "the message");
	ck_assert_uint_eq(lines(), 10);
	ck_assert_ptr_nonnull(strstr(text, "\n(5 more)\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n(33 more)\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nthe message\n"));
	draw(80, 100, "");
	ck_assert_uint_eq(lines(), 3 + 7 + 35);
}

TEST(narrow_terminals_lack_columns)
{
	add_many(1, 0);
	draw(70, 0, "");
	ck_assert_ptr_nonnull(strstr(text, "pkt in"));
	draw(69, 0, "");
	ck_assert_ptr_null(strstr(text, "pkt in"));
	ck_assert_ptr_nonnull(strstr(text, "keyed"));
	draw(53, 0, "");
	ck_assert_ptr_null(strstr(text, "keyed"));
	ck_assert_ptr_nonnull(strstr(text, "err/s"));
	draw(39, 0, "");
	ck_assert_ptr_null(strstr(text, "err/s"));
	ck_assert_ptr_nonnull(strstr(text, "B/s in"));
}

TEST(colours_and_padding_on_demand)
{
	struct frame frame = {.width = 80, .title = "t", .message = "", .now = 1};

	add_many(2, 0);
	for (int colour = 0; colour < 2; colour++) {
		FILE *stream;

		free(text);
		stream = open_memstream(&text, &text_len);
		frame.colour = colour;
		frame.padded = !colour;
		frame_write(stream, &frame, &rates);
		ck_assert_int_eq(fclose(stream), 0);
		ck_assert(!strstr(text, "\033[31mrow001") == !colour); /* errors */
		ck_assert(!strstr(text, "\033[31mrow000"));
		ck_assert_uint_eq(strcspn(text, "\n"),
				  colour ? strlen("\033[1mt\033[0m") : 80);
	}
}
