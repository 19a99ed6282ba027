/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "saved.h"
#include "state_save.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

const struct state_id ours = {.boot_id = "01234567-89ab-cdef-0123-456789abcdef",
			      .netns_cookie = 4711};
uint64_t last;

void sad_has_two(uint64_t a_bytes, uint64_t b_bytes)
{
	struct sa_values b = sa_values_of("10.0.1.1", "192.0.2.1", 2);

	b.bytes = b_bytes;
	b.packets = b_bytes / 10;
	sad_has(a_bytes);
	fake_kernel_sa(&kernel, &b);
}

void saved_setup(void)
{
	world_setup();
	kernel.now = 7777;
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	OPEN_BOTH();
	sad_has_two(200, 30);
	poll_well();
}

void save(void)
{
	ck_assert_int_eq(
	    state_save(tree.root, "", &ours, collector_rows(collector), true), 0);
}

int load(void)
{
	return state_load(tree.root, "", &ours, collector_rows(collector), kernel.now,
			  &last);
}

char *good_body(size_t *ret_len)
{
	char *data;
	size_t len;

	save();
	data = tree_read(&tree, FILE_NAME, &len);
	*ret_len = len - sizeof(struct header);
	memmove(data, data + sizeof(struct header), *ret_len);
	return data;
}

static uint64_t fnv(uint64_t sum, const void *data, size_t size)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * UINT64_C(0x100000001b3);
	return sum;
}

struct header good_header(size_t len)
{
	struct header header = {.magic = "qmipsec",
				.version = 9,
				.header_size = sizeof(struct header),
				.id = ours,
				.last_at = 1,
				.body_size = len};

	memcpy(header.sizes, state_body_sizes, sizeof(header.sizes));
	return header;
}

static void forge(struct header header, const char *body)
{
	size_t len = (size_t)header.body_size;
	char *file = malloc(sizeof(header) + len + 1);

	header.checksum = fnv(UINT64_C(0xcbf29ce484222325), &header, sizeof(header));
	header.checksum = fnv(header.checksum, body, len);
	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), body, len);
	tree_write(&tree, FILE_NAME, file, sizeof(header) + len);
	free(file);
}

int load_forged_by(struct header header, const char *body)
{
	forge(header, body);
	OPEN_PLAIN();
	return load();
}

int load_forged(const char *body, size_t len)
{
	return load_forged_by(good_header(len), body);
}
