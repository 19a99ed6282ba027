/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/message.h"

void fuzz_broken(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

/* The next n bytes, the lowest first. */
static uint64_t take(struct bytes *bytes, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n && bytes->left; i++, bytes->at++, bytes->left--)
		value |= (uint64_t)*bytes->at << 8 * i;
	return value;
}

uint8_t take_u8(struct bytes *bytes)
{
	return (uint8_t)take(bytes, 1);
}

uint16_t take_u16(struct bytes *bytes)
{
	return (uint16_t)take(bytes, 2);
}

uint32_t take_u32(struct bytes *bytes)
{
	return (uint32_t)take(bytes, 4);
}

uint64_t take_u64(struct bytes *bytes)
{
	return take(bytes, 8);
}

const uint8_t *take_block(struct bytes *bytes, size_t *ret_len)
{
	size_t len = take_u16(bytes);
	const uint8_t *block = bytes->at;

	if (len > bytes->left)
		len = bytes->left;
	bytes->at += len;
	bytes->left -= len;
	*ret_len = len;
	return block;
}

char *take_text(struct bytes *bytes)
{
	size_t len = strnlen((const char *)bytes->at, bytes->left);
	char *text = malloc(len + 1);

	HOLDS(text != NULL);
	memcpy(text, bytes->at, len);
	text[len] = '\0';
	len += len < bytes->left; /* and the byte 0 */
	bytes->at += len;
	bytes->left -= len;
	return text;
}

void each_message(const uint8_t *data, size_t size,
		  void (*read)(void *ctx, const struct nlmsghdr *nlh), void *ctx)
{
	char *datagram = malloc(size + 1); /* aligned, which the input is not */
	struct message_batch batch = {datagram, size};
	const struct nlmsghdr *nlh;

	HOLDS(datagram != NULL);
	memcpy(datagram, data, size);
	while ((nlh = message_next(&batch))) {
		struct nlmsghdr *alone = malloc(nlh->nlmsg_len);

		HOLDS(alone != NULL);
		memcpy(alone, nlh, nlh->nlmsg_len);
		read(ctx, alone);
		free(alone);
	}
	HOLDS(batch.left <= size);
	free(datagram);
}
