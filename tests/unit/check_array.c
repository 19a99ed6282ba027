/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/array.h"

#include <errno.h>
#include <stdint.h>

#include "runner.h"

CHAPTER(NULL, NULL);

TEST(an_array_grows_by_powers_of_two)
{
	uint32_t *numbers = NULL;
	const uint32_t *last = NULL;
	unsigned moves = 0;

	for (uint32_t n = 0; n < 1000; n++) {
		ck_assert_int_eq(array_reserve(&numbers, n, 1), 0);
		if (n && (n & (n - 1)) != 0)
			ck_assert_ptr_eq(numbers, last);
		moves += numbers != last;
		last = numbers;
		numbers[n] = n;
	}
	ck_assert_uint_le(moves, 11);
	for (uint32_t n = 0; n < 1000; n++)
		ck_assert_uint_eq(numbers[n], n);
	free(numbers);
}

TEST(room_for_several_at_once)
{
	uint32_t *numbers = NULL;
	const uint32_t *reserved;

	ck_assert_int_eq(array_reserve(&numbers, 0, 0), 0);
	ck_assert_ptr_null(numbers);
	ck_assert_int_eq(array_reserve(&numbers, 0, 5), 0);
	reserved = numbers;
	ck_assert_int_eq(array_reserve(&numbers, 5, 3), 0);
	ck_assert_ptr_eq(numbers, reserved);
	for (uint32_t n = 0; n < 8; n++)
		numbers[n] = n;
	ck_assert_int_eq(array_reserve(&numbers, 8, 1), 0);
	ck_assert_uint_eq(numbers[7], 7);
	numbers[15] = 15;
	/* an emptied array starts again */
	ck_assert_int_eq(array_reserve(&numbers, 0, 16), 0);
	numbers[15] = 15;
	free(numbers);
}

TEST(sizes_that_overflow)
{
	uint32_t number = 1;
	uint32_t *numbers = &number;

	ck_assert_int_eq(array_reserve(&numbers, 0, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(array_reserve(&numbers, SIZE_MAX, 1), -ENOMEM);
	ck_assert_int_eq(array_reserve(&numbers, 1, SIZE_MAX / 4), -ENOMEM);
	ck_assert_int_eq(array_reserve(&numbers, SIZE_MAX / 8, 1), -ENOMEM);
	ck_assert_ptr_eq(numbers, &number);
}
