/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into User-mode Linux, which keeps 2696 bytes of a process's FPU state,
 * enough for AVX-512 and PKRU. The host's kernel only accepts a complete state
 * (xstateregs_set() in arch/x86/kernel/fpu/regset.c), which on a processor with AMX has
 * 11008 bytes. Without this library, the first process of the guest ends with "ptrace
 * set fp regs failed, errno = 14". The library appends the missing part, the tile
 * registers, as zeros, since the guest does not use them.
 */
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long direct(long request, pid_t pid, void *addr, void *data)
{
	return syscall(SYS_ptrace, request, (long)pid, addr, data);
}

static long set_whole_state(long request, pid_t pid, void *addr,
			    const struct iovec *part)
{
	static char state[65536];
	static size_t size; /* of the host's state; 0: not known yet */
	struct iovec whole = {state, sizeof(state)};

	if (!size && !direct(PTRACE_GETREGSET, pid, addr, &whole))
		size = whole.iov_len;
	if (part->iov_len >= size || size > sizeof(state))
		return direct(request, pid, addr, (void *)part);
	memcpy(state, part->iov_base, part->iov_len);
	memset(state + part->iov_len, 0, size - part->iov_len);
	whole.iov_len = size;
	return direct(request, pid, addr, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	static long (*next)(enum __ptrace_request, ...);
	va_list args;
	pid_t pid;
	void *addr;
	void *data;

	va_start(args, request);
	pid = va_arg(args, pid_t);
	addr = va_arg(args, void *);
	data = va_arg(args, void *);
	va_end(args);
	if (request == PTRACE_SETREGSET && (long)addr == NT_X86_XSTATE)
		return set_whole_state(request, pid, addr, data);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "ptrace");
	return next(request, pid, addr, data);
}
