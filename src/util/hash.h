/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

/* Hashes for tables in memory. They are neither saved nor sent. */

#define HASH_START UINT64_C(0x9e3779b97f4a7c15)

/* Mixes one value into a hash. Every bit of the value reaches the low bits, by which
 * buckets are chosen: a product alone carries no bit downwards, and what differs in
 * IPv6 addresses is often their last byte, the highest of a little-endian number. */
static inline uint64_t hash_mix(uint64_t hash, uint64_t value)
{
	const uint64_t odd = UINT64_C(0xd6e8feb86659fd93);

	hash ^= value;
	hash = (hash ^ (hash >> 32)) * odd;
	hash = (hash ^ (hash >> 29)) * odd;
	return hash ^ (hash >> 32);
}

static inline uint64_t hash_mix_addr(uint64_t hash, const struct in6_addr *addr)
{
	uint64_t half[2];

	memcpy(half, addr, sizeof(half));
	return hash_mix(hash_mix(hash, half[0]), half[1]);
}
