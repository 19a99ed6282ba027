/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The number of elements of an array that is declared with its size. */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* So that twice as many do not overflow. */
#define ARRAY_MAX_BYTES (SIZE_MAX / 2)

/*
 * Growing arrays without a capacity of their own: an array of n elements has room for
 *the least power of two that is not below n. This holds after elements are removed,
 *too.
 *
 *	if (array_reserve(&list->items, list->n, 1) < 0)
 *		return -ENOMEM;
 *	list->items[list->n++] = item;
 */

/* Makes room for `more` elements behind the n of *array, which comes from realloc() or
 * is NULL. The new elements are not initialised. Returns 0; or -ENOMEM with the array
 * as it was, also if the size in bytes overflows. */
#define array_reserve(array, n, more) \
	array_reserve_bytes((array), (n), (more), sizeof(**(array)))

int array_grow(void *array, size_t n, size_t more, size_t size);

/* The same for elements of size bytes; array points to the pointer to the first. There
 * is room for one more unless n is 0 or a power of two. */
static inline int array_reserve_bytes(void *array, size_t n, size_t more, size_t size)
{
	return more == 1 && (n & (n - 1)) && n < ARRAY_MAX_BYTES / size
		   ? 0
		   : array_grow(array, n, more, size);
}
