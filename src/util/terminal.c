/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* DEC private modes, as of xterm: 1049 is the alternate screen, 25 the cursor, 7 the
 * wrapping of long lines. In 2026 a terminal shows what was drawn only when all of it
 * was. */
#define SCREEN_BEGIN "\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define SCREEN_END "\033[?7h\033[?25h\033[?1049l"
#define FRAME_BEGIN "\033[?2026h\033[H"
#define FRAME_END "\033[?2026l"
#define CLEAR_BELOW "\r\n\033[J"

bool terminal_is_screen(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

/* Signals remain enabled, so ^C and ^Z work. Flow control does not: ^S would stop the
 * process in write(2). */
static int set_raw(struct terminal *terminal)
{
	struct termios raw;

	if (tcgetattr(terminal->in, &terminal->saved) < 0)
		return -errno;
	raw = terminal->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_iflag &= ~(tcflag_t)IXON;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	return tcsetattr(terminal->in, TCSANOW, &raw) < 0 ? -errno : 0;
}

int terminal_open(struct terminal *terminal, int in, int out)
{
	int err = 0;

	*terminal = (struct terminal){.in = isatty(in) ? in : -1, .out = out};
	if (terminal->in >= 0)
		err = set_raw(terminal);
	if (err) {
		terminal->in = terminal->out = -1;
		return err;
	}
	return terminal_write(out, SCREEN_BEGIN, strlen(SCREEN_BEGIN));
}

void terminal_close(struct terminal *terminal)
{
	if (terminal->out >= 0)
		terminal_write(terminal->out, SCREEN_END, strlen(SCREEN_END));
	if (terminal->in >= 0)
		tcsetattr(terminal->in, TCSANOW, &terminal->saved);
	terminal->in = terminal->out = -1;
}

void terminal_size(int fd, unsigned *ret_width, unsigned *ret_height)
{
	struct winsize size;
	bool known = !ioctl(fd, TIOCGWINSZ, &size);

	*ret_width = known && size.ws_col ? size.ws_col : 100;
	*ret_height = known ? size.ws_row : 0;
}

int terminal_write(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);
		struct pollfd room = {.fd = fd, .events = POLLOUT};

		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0 && poll(&room, 1, -1) < 0)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* A newline behind the last line would scroll a full screen. */
static void compose(FILE *stream, const char *lines, size_t len, unsigned height)
{
	const char *end = lines + len;
	const char *newline;
	unsigned n = 0;

	fputs(FRAME_BEGIN, stream);
	while ((newline = memchr(lines, '\n', (size_t)(end - lines)))) {
		fwrite(lines, 1, (size_t)(newline - lines), stream);
		lines = newline + 1;
		n++;
		fputs(lines < end ? "\r\n" : "", stream);
	}
	fputs(n < height ? CLEAR_BELOW FRAME_END : FRAME_END, stream);
}

int terminal_draw(const struct terminal *terminal, const char *lines, size_t len)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	unsigned width, height;
	int err = -ENOMEM;

	if (!stream)
		return err;
	terminal_size(terminal->out, &width, &height);
	compose(stream, lines, len, height);
	if (!fclose(stream))
		err = terminal_write(terminal->out, text, size);
	free(text);
	return err;
}
