/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

static int master, slave;

static void setup(void)
{
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(slave, 0);
}

static void teardown(void)
{
	close(slave);
	close(master);
}

/* What the terminal has been sent. */
static const char *sent(void)
{
	static char text[4096];
	ssize_t n = read(master, text, sizeof(text) - 1);

	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	return text;
}

static tcflag_t local_flags(void)
{
	struct termios now;

	ck_assert_int_eq(tcgetattr(slave, &now), 0);
	return now.c_lflag;
}

CHAPTER(setup, teardown);

TEST(what_a_screen_is)
{
	setenv("TERM", "xterm", 1);
	ck_assert(terminal_is_screen(slave));
	setenv("TERM", "dumb", 1);
	ck_assert(!terminal_is_screen(slave));
	unsetenv("TERM");
	ck_assert(!terminal_is_screen(slave));
}

TEST(closing_undoes_opening)
{
	struct terminal terminal;
	tcflag_t before = local_flags();

	ck_assert_int_eq(terminal_open(&terminal, slave, slave), 0);
	ck_assert_ptr_nonnull(strstr(sent(), "\033[?1049h"));
	ck_assert_uint_eq(local_flags() & (ICANON | ECHO), 0);
	terminal_close(&terminal);
	ck_assert_ptr_nonnull(strstr(sent(), "\033[?1049l"));
	ck_assert_uint_eq(local_flags(), before);
	terminal_close(&terminal); /* nothing is left to do */
	ck_assert_int_eq(terminal.out, -1);
}

/* The last line of a full screen has no newline behind it. */
TEST(frames)
{
	struct winsize size = {.ws_row = 3, .ws_col = 20};
	const struct terminal terminal = {.in = -1, .out = slave};
	unsigned width, height;

	ck_assert_int_eq(ioctl(master, TIOCSWINSZ, &size), 0);
	terminal_size(slave, &width, &height);
	ck_assert_uint_eq(width, 20);
	ck_assert_uint_eq(height, 3);
	ck_assert_int_eq(terminal_draw(&terminal, "a\nb\n", 4), 0);
	ck_assert_ptr_nonnull(strstr(sent(), "a\r\r\nb\r\r\n\033[J"));
	ck_assert_int_eq(terminal_draw(&terminal, "a\nb\nc\n", 6), 0);
	ck_assert_ptr_nonnull(strstr(sent(), "a\r\r\nb\r\r\nc\033[?2026l"));
}

/* Pipes, as of a program that reads the frames. */

static int pipe_ends[2];

static void fill_pipe(void)
{
	static char page[4096];

	ck_assert_int_eq(pipe2(pipe_ends, O_NONBLOCK | O_CLOEXEC), 0);
	while (write(pipe_ends[1], page, sizeof(page)) > 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
}

TEST(what_is_not_a_terminal)
{
	struct terminal terminal;
	unsigned width, height;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	terminal_size(pipe_ends[1], &width, &height);
	ck_assert_uint_eq(width, 100);
	ck_assert_uint_eq(height, 0);
	ck_assert_int_eq(terminal_open(&terminal, pipe_ends[0], pipe_ends[1]), 0);
	ck_assert_int_eq(terminal.in, -1);
	terminal_close(&terminal);
	close(pipe_ends[0]);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(terminal_write(pipe_ends[1], "x", 1), -EPIPE);
	close(pipe_ends[1]);
}

TEST(a_slow_reader_gets_everything)
{
	static char text[200000];
	static char got[4096];
	size_t total = 0;
	ssize_t n;
	int status;
	pid_t child;

	fill_pipe();
	memset(text, 'x', sizeof(text));
	child = fork();
	if (child == 0)
		_exit(terminal_write(pipe_ends[1], text, sizeof(text)) != 0);
	close(pipe_ends[1]);
	ck_assert_int_eq(fcntl(pipe_ends[0], F_SETFL, 0), 0);
	while ((n = read(pipe_ends[0], got, sizeof(got))) > 0)
		for (ssize_t i = 0; i < n; i++)
			total += got[i] == 'x';
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(total, sizeof(text));
	close(pipe_ends[0]);
}

static void on_alarm(int number)
{
	(void)number;
}

TEST(a_signal_ends_the_waiting)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerspec soon = {.it_value.tv_nsec = 10000000,
					.it_interval.tv_nsec = 10000000};
	timer_t timer;

	fill_pipe();
	sigaction(SIGALRM, &action, NULL);
	ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	ck_assert_int_eq(timer_settime(timer, 0, &soon, NULL), 0);
	ck_assert_int_eq(terminal_write(pipe_ends[1], "x", 1), -EINTR);
	timer_delete(timer);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
