/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/*
 * A terminal as a screen: without the lines above it, without an echo of what is typed,
 * and with the same lines and settings as before once it is closed. Plain sequences of
 * ECMA-48 and of xterm, which terminals that lack them ignore.
 */

struct terminal {
	int in; /* -1: not a terminal */
	int out;
	struct termios saved; /* of in */
};

/* True if a descriptor is a terminal that understands more than lines of text. */
bool terminal_is_screen(int fd);

/* Returns 0 or -errno. Call terminal_close() even then. */
int terminal_open(struct terminal *terminal, int in, int out);

/* For an end, and before the process stops. Can be called twice. */
void terminal_close(struct terminal *terminal);

/* The size in characters; 100 and 0 if it is not known. */
void terminal_size(int fd, unsigned *ret_width, unsigned *ret_height);

/* Draws lines, each as wide as the terminal and with a newline at its end, over what
 * was there, with a single write(2). To clear the rest of a shorter line would also
 * clear the last character of a full one, where the cursor waits. Returns 0; -EINTR if
 * a signal came before all was written; or another -errno. */
int terminal_draw(const struct terminal *terminal, const char *lines, size_t len);

/* Writes all. Returns 0; -EINTR if a signal came before; or another -errno. */
int terminal_write(int fd, const char *text, size_t len);
