/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report/frame.h"
#include "report/report.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/terminal.h"
#include "util/text.h"

/* What signals leave behind. */
static struct {
	volatile sig_atomic_t stop, resize, suspend;
} caught;

/* Log messages would spoil the screen. The last one is shown on it, and logged again
 * when it ends. */
static char message[512];

struct watch {
	const struct watch_options *options;
	struct netns_set *set;
	struct terminal terminal;
	bool screen; /* else frames one after the other */
	bool colour;
	bool again; /* not the first frame */
	struct snapshot earlier, now;
	sigset_t before; /* of blocked signals */
};

/* Signals. They are blocked except while the process waits or writes. */

/* A write may begin to wait after the signal: the alarm interrupts it, again and again.
 */
static void on_stop(int number)
{
	(void)number;
	caught.stop = 1;
	alarm(1);
}

static void on_resize(int number)
{
	(void)number;
	caught.resize = 1;
}

static void on_suspend(int number)
{
	(void)number;
	caught.suspend = 1;
}

static const struct {
	int number;
	void (*handler)(int number);
} signals[] = {
    {SIGINT, on_stop},     {SIGTERM, on_stop}, {SIGHUP, on_stop},
    {SIGQUIT, on_stop},    {SIGALRM, on_stop}, {SIGWINCH, on_resize},
    {SIGTSTP, on_suspend}, {SIGPIPE, SIG_IGN},
};

static void catch_signals(struct watch *watch)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		/* without SA_RESTART, so that they interrupt a write */
		const struct sigaction action = {.sa_handler = signals[i].handler};

		sigaction(signals[i].number, &action, NULL);
		sigaddset(&set, signals[i].number);
	}
	sigprocmask(SIG_BLOCK, &set, &watch->before);
}

static void set_signals_open(const struct watch *watch, bool open)
{
	sigset_t set;

	if (open) {
		sigprocmask(SIG_SETMASK, &watch->before, NULL);
		return;
	}
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i].number);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* The screen. */

static void keep_message(int level, const char *text)
{
	if (level > LOG_NOTICE)
		return;
	snprintf(message, sizeof(message), "%s", text);
	text_trim(message);
}

static int open_screen(struct watch *watch)
{
	if (!watch->screen)
		return 0;
	if (watch->options->sink)
		log_set_sink(keep_message);
	return terminal_open(&watch->terminal, STDIN_FILENO, STDOUT_FILENO);
}

static void close_screen(struct watch *watch)
{
	if (!watch->screen)
		return;
	set_signals_open(watch, true);
	terminal_close(&watch->terminal);
	set_signals_open(watch, false);
	if (watch->options->sink)
		log_set_sink(watch->options->sink);
}

/* ^Z: the shell gets its terminal back, and the screen is drawn again afterwards. */
static int suspend(struct watch *watch)
{
	int err;

	caught.suspend = 0;
	close_screen(watch);
	raise(SIGSTOP);
	err = open_screen(watch);
	caught.resize = 1;
	return err;
}

/* Frames. */

static void write_title(const struct watch *watch, char *title, size_t size)
{
	uint32_t ms = watch->options->interval_ms;
	time_t now = time(NULL);
	char clock[32] = "";
	struct tm local;

	if (localtime_r(&now, &local))
		strftime(clock, sizeof(clock),
			 watch->screen ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &local);
	snprintf(title, size, "qmipsecd %s  %s  every %g s  %u SAs%s",
		 watch->options->version, clock, (double)ms / 1000,
		 watch->now.health.tracked_sas, watch->screen ? "  q quits" : "");
}

static int compose(const struct watch *watch, char **ret_text, size_t *ret_len)
{
	char title[128];
	struct frame frame = {.padded = watch->screen,
			      .colour = watch->colour,
			      .title = title,
			      .message = watch->screen ? message : "",
			      .now = watch->now.health.last_poll};
	struct rates rates;
	FILE *stream;
	int err = rates_make(&watch->earlier, &watch->now, &rates);

	if (err)
		return err;
	terminal_size(STDOUT_FILENO, &frame.width, &frame.height);
	if (!watch->screen)
		frame.height = 0;
	write_title(watch, title, sizeof(title));
	stream = open_memstream(ret_text, ret_len);
	if (stream) {
		frame_write(stream, &frame, &rates);
		err = fclose(stream) ? -ENOMEM : 0;
	}
	rates_free(&rates);
	return stream ? err : -ENOMEM;
}

static int write_frame(struct watch *watch, const char *text, size_t len)
{
	int err = 0;

	set_signals_open(watch, true);
	if (watch->screen)
		err = terminal_draw(&watch->terminal, text, len);
	else if (watch->again)
		err = terminal_write(STDOUT_FILENO, "\n", 1);
	if (!err && !watch->screen)
		err = terminal_write(STDOUT_FILENO, text, len);
	set_signals_open(watch, false);
	watch->again = true;
	return err == -EINTR ? 0 : err;
}

static int draw(struct watch *watch)
{
	char *text = NULL;
	size_t len = 0;
	int err = compose(watch, &text, &len);

	if (!err)
		err = write_frame(watch, text, len);
	free(text);
	return err;
}

/* Polls. */

/* first: a name without a row is an error only then, and so is a poll that fails: later
 * the last numbers are shown. */
static int take_snapshot(struct watch *watch, bool first)
{
	const struct watch_options *options = watch->options;
	struct snapshot fresh = {0};
	char error[2048];
	int err = 0;

	if (!first)
		netns_set_look(watch->set);
	if (first)
		err = report_poll(watch->set);
	else
		netns_set_poll(watch->set);
	if (!err)
		err = netns_set_snapshot(watch->set, &fresh, &watch->now);
	if (!err && first)
		err = report_check_names(&fresh, options->names, options->n_names,
					 error, sizeof(error));
	if (err) {
		if (err == -ENOENT)
			log_message(LOG_ERR, "%s", error);
		snapshot_free(&fresh);
		return err;
	}
	report_keep_names(&fresh, options->names, options->n_names);
	snapshot_free(&watch->earlier);
	watch->earlier = watch->now;
	watch->now = fresh;
	return 0;
}

/* Waiting. */

static void read_keys(struct watch *watch)
{
	char keys[64];
	ssize_t n = read(watch->terminal.in, keys, sizeof(keys));

	for (ssize_t i = 0; i < n; i++)
		if (keys[i] == 'q' || keys[i] == 'Q')
			caught.stop = 1;
	if (n == 0)
		caught.stop = 1; /* the terminal is gone */
}

/* Waits until a time of CLOCK_MONOTONIC, or a signal, or something to read. Returns
 * -EPIPE if the output is closed. */
static int wait_until(struct watch *watch, uint64_t deadline)
{
	struct pollfd fds[] = {
	    {.fd = watch->screen ? watch->terminal.in : -1, .events = POLLIN},
	    {.fd = netns_set_event_fd(watch->set), .events = POLLIN},
	    {.fd = netns_set_mounts_fd(watch->set), .events = POLLPRI},
	    {.fd = STDOUT_FILENO},
	};
	uint64_t now = clock_now_ns();
	uint64_t left = deadline > now ? deadline - now : 0;
	const struct timespec wait = {.tv_sec = (time_t)(left / NS_PER_S),
				      .tv_nsec = (long)(left % NS_PER_S)};
	int n = ppoll(fds, ARRAY_SIZE(fds), &wait, &watch->before);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents)
		read_keys(watch);
	if ((fds[1].revents && netns_set_read_events(watch->set)) || fds[2].revents)
		netns_set_look(watch->set);
	return fds[3].revents ? -EPIPE : 0;
}

static int turn(struct watch *watch, uint64_t *next)
{
	int err = 0;
	bool due;

	if (caught.suspend)
		err = suspend(watch);
	due = clock_now_ns() >= *next;
	if (!err && due) {
		*next = clock_now_ns() + watch->options->interval_ms * NS_PER_MS;
		err = take_snapshot(watch, false);
	}
	if (!err && (due || (caught.resize && watch->screen))) {
		caught.resize = 0;
		err = draw(watch);
	}
	return err ? err : wait_until(watch, *next);
}

static int loop(struct watch *watch)
{
	uint64_t next = clock_now_ns() + watch->options->interval_ms * NS_PER_MS;
	int err = draw(watch);

	while (!err && !caught.stop)
		err = turn(watch, &next);
	/* nobody reads any more */
	return err == -EPIPE || err == -EIO ? 0 : err;
}

static int run(struct watch *watch)
{
	int err = take_snapshot(watch, true);

	if (err)
		return err;
	err = open_screen(watch);
	if (!err)
		err = loop(watch);
	close_screen(watch);
	if (watch->screen && *message)
		log_message(LOG_NOTICE, "%s", message);
	if (err)
		log_message(LOG_ERR, "cannot go on: %s", strerror(-err));
	return err;
}

static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR"); /* https://no-color.org */

	return !no_color || !*no_color;
}

int watch_run(const struct kernel_opener *opener, const struct netns_paths *paths,
	      const struct netns_config *config, const struct watch_options *options)
{
	struct netns_paths own = *paths;
	struct watch watch = {.options = options,
			      .terminal = {.in = -1, .out = -1},
			      .screen = terminal_is_screen(STDOUT_FILENO)};
	int err;

	own.read_only = true;
	watch.colour = watch.screen && wants_colour();
	err = netns_set_open(opener, &own, config, &watch.set);
	if (err)
		return err;
	catch_signals(&watch);
	err = run(&watch);
	snapshot_free(&watch.earlier);
	snapshot_free(&watch.now);
	netns_set_free(watch.set);
	return err;
}
