/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the fuzzers share. A fuzzer is a program with the function below: libFuzzer
 * calls it with inputs of its own, driver.c with the kept ones. An input must not leave
 * anything behind that changes what the next one does.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for any input, also where NDEBUG is defined. */
#define HOLDS(condition)                                             \
	do {                                                         \
		if (!(condition))                                    \
			fuzz_broken(__FILE__, __LINE__, #condition); \
	} while (0)
_Noreturn void fuzz_broken(const char *file, int line, const char *condition);

/* An input that is being taken to pieces. Behind its end there are zeros. */
struct bytes {
	const uint8_t *at;
	size_t left;
};

uint8_t take_u8(struct bytes *bytes);
uint16_t take_u16(struct bytes *bytes);
uint32_t take_u32(struct bytes *bytes);
uint64_t take_u64(struct bytes *bytes);

/* Takes a length of two bytes, and as many of the next bytes as there are. Returns a
 * pointer into the input. */
const uint8_t *take_block(struct bytes *bytes, size_t *ret_len);

/* Copies the next bytes up to a byte 0, or all, to a text. The caller frees it. */
char *take_text(struct bytes *bytes);

/*
 * Calls back for each netlink message of a datagram, in a heap block of exactly its
 * length, as the readers get it. Messages behind a malformed one are not reached.
 */
void each_message(const uint8_t *data, size_t size,
		  void (*read)(void *ctx, const struct nlmsghdr *nlh), void *ctx);
