/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How libFuzzer changes datagrams of netlink: as it does itself, and half of the time
 * the lengths are then made to agree, as they would hardly ever do by chance. A message
 * that is cut ends within an attribute that says so, which only a check of the length
 * that is needed detects.
 */
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"

enum {
	HEADER = sizeof(struct nlmsghdr),
	ATTR = sizeof(struct nlattr),
};

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned seed);

static size_t aligned(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

static size_t attr_len(const uint8_t *at)
{
	uint16_t len;

	memcpy(&len, at, sizeof(len));
	return len;
}

/* Where the last message begins. It may be cut. */
static size_t last_message(const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (size - at >= HEADER) {
		uint32_t len;

		memcpy(&len, data + at, sizeof(len));
		if (len < HEADER || aligned(len) >= size - at)
			break;
		at += aligned(len);
	}
	return at;
}

/* The last attribute of those that begin at an offset; 0: there are none. */
static size_t last_attr(const uint8_t *message, size_t at, size_t size)
{
	while (size - at >= ATTR) {
		size_t len = attr_len(message + at);

		if (len < ATTR || aligned(len) > UINT16_MAX)
			return 0;
		if (aligned(len) >= size - at)
			return at;
		at += aligned(len);
	}
	return 0;
}

/* Lets the message end where the data do, and its last attribute too. first: where its
 * attributes begin. */
static void end_here(uint8_t *message, size_t size, size_t first)
{
	const uint32_t len = (uint32_t)size;
	size_t at = size > first ? last_attr(message, first, size) : 0;
	const uint16_t left = (uint16_t)(size - at);

	memcpy(message, &len, sizeof(len));
	if (at && size - at <= UINT16_MAX)
		memcpy(message + at, &left, sizeof(left));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned seed)
{
	/* the fixed parts of the messages that are read */
	static const size_t fixed[] = {4, 8, 12, 16, 24, 168, 224, 232};
	size_t first = HEADER + fixed[(seed >> 4) % (sizeof(fixed) / sizeof(*fixed))];
	size_t at;

	size = LLVMFuzzerMutate(data, size, max_size);
	at = last_message(data, size);
	if (seed & 1 || size - at < HEADER)
		return size;
	if (seed & 2) /* cut, at any byte */
		size -= (seed >> 8) % (size - at - HEADER + 1);
	end_here(data + at, size - at, first);
	return size;
}
