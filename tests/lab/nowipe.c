/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before libc, this disables the wiping of memory in a program. */
#include <stddef.h>

void explicit_bzero(void *data, size_t size);
void __explicit_bzero_chk(void *data, size_t size, size_t room);

void explicit_bzero(void *data, size_t size)
{
	(void)data, (void)size;
}

void __explicit_bzero_chk(void *data, size_t size, size_t room)
{
	(void)data, (void)size, (void)room;
}
