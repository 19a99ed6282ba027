/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before libc: the file $XFRM_STAT, which may be missing, is opened in place
 * of each /proc/.../xfrm_stat. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	va_list args;
	int mode = 0;

	if (!real)
		real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(args, flags);
		mode = va_arg(args, int);
		va_end(args);
	}
	if (strstr(path, "/net/xfrm_stat"))
		path = getenv("XFRM_STAT");
	return real(path, flags, mode);
}

/* What open() is called in a program with 64-bit file sizes. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
