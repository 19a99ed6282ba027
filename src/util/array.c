/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/array.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* size_t has the size of a long on Linux. */
static size_t room_for(size_t n)
{
	enum { BITS = CHAR_BIT * sizeof(long) };

	return n < 2 ? n : (size_t)1 << (BITS - __builtin_clzl(n - 1));
}

int array_grow(void *array, size_t n, size_t more, size_t size)
{
	size_t max = ARRAY_MAX_BYTES / size;
	void *elements, *moved;

	if (n > max || more > max - n)
		return -ENOMEM;
	if (room_for(n + more) == room_for(n))
		return 0;
	memcpy(&elements, array, sizeof(elements));
	moved = realloc(elements, room_for(n + more) * size);
	if (!moved)
		return -ENOMEM;
	memcpy(array, &moved, sizeof(moved));
	return 0;
}
