/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before libc: the $FAIL_AT-th allocation of the program itself fails,
 * without those of its libraries. The file $FAILED then exists. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static uintptr_t program_start, program_end;
static long left;

/* The first object is the program. */
static int find_program(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size, (void)data;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr;

		if (header->p_type == PT_LOAD && header->p_flags & PF_X) {
			program_start = start;
			program_end = start + header->p_memsz;
		}
	}
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("FAIL_AT");

	dl_iterate_phdr(find_program, NULL);
	left = at ? atol(at) : 0;
}

static bool fails(const void *caller)
{
	uintptr_t address = (uintptr_t)caller;
	int fd;

	if (address < program_start || address >= program_end || !left || --left)
		return false;
	fd = open(getenv("FAILED"), O_CREAT | O_WRONLY, 0600);
	if (fd >= 0)
		close(fd);
	errno = ENOMEM;
	return true;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}
