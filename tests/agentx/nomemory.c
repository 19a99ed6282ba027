/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before libc: one allocation of the program itself fails, without those of its
 * libraries. The file $ALLOCATIONS, which exists, has two numbers of 64 bits: how many
 * there were, and the number of the one that fails (0: none). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct allocations {
	_Atomic uint64_t n;
	_Atomic uint64_t fails;
};

static uintptr_t program_start, program_end;
static struct allocations *allocations;

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
	const char *path = getenv("ALLOCATIONS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = MAP_FAILED;

	if (fd >= 0) {
		map = mmap(NULL, sizeof(*allocations), PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);
		close(fd);
	}
	if (map == MAP_FAILED)
		abort();
	allocations = map;
	dl_iterate_phdr(find_program, NULL);
}

static bool fails(const void *caller)
{
	uintptr_t address = (uintptr_t)caller;

	if (address < program_start || address >= program_end ||
	    ++allocations->n != allocations->fails)
		return false;
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
