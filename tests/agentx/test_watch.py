# SPDX-License-Identifier: GPL-2.0-or-later
"""The live view in a real terminal, tmux: what it shows, how it follows the terminal's size,
and that the terminal is as before, however it ends."""

import os
import shlex
import signal
import subprocess

from harness import SceneTest, add_larval, run, wait_for

WIDTH, HEIGHT = 90, 20


class Watch(SceneTest):
    def setUp(self):
        super().setUp()
        for peer in range(3):
            add_larval("192.0.2.1", inbound=peer != 1)
        add_larval("2001:db8::1")
        self.scene.configure("instance z local 192.0.2.1")
        self.socket = self.scene.dir / "tmux"
        self.raw = self.scene.dir / "raw"

    # --- the terminal ---

    def tmux(self, *arguments):
        done = run("tmux", "-S", self.socket, "-f", "/dev/null", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def open_terminal(self, **environment):
        """A shell that says when it waits, with all that the terminal is sent in a file."""
        settings = [word for name, value in environment.items()
                    for word in ("-e", f"{name}={value}")]
        self.tmux("new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), *settings,
                  "env", "PS1=ready>", "sh")
        self.addCleanup(lambda: run("tmux", "-S", self.socket, "kill-server"))
        self.tmux("pipe-pane", f"cat >{shlex.quote(str(self.raw))}")
        wait_for(lambda: self.screen().endswith("ready>"), "a shell")

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options).rstrip("\n")

    def lines(self):
        return self.screen().split("\n")

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def state(self):
        """The cursor, the screen and the settings: all that a program can leave behind."""
        pane = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        return (self.tmux("display-message", "-p",
                          "#{alternate_on} #{cursor_flag} #{wrap_flag}").strip(),
                run("stty", "-F", pane, "-a").stdout.replace(f"rows {HEIGHT}", ""))

    def command(self, *more):
        return shlex.join(map(str, self.scene.once_argv("--watch=0.2", *more)))

    def start(self, *more):
        """Returns the state before."""
        before = self.state()
        self.type("-l", "echo before; " + self.command(*more) + "; echo status $?")
        self.type("Enter")
        wait_for(lambda: self.lines()[0].startswith("qmipsecd ") and "192.0.2.99" in self.screen(),
                 "the first frame")
        self.assertEqual(self.state()[0], "1 0 0")
        return before

    def pid(self):
        shell = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        return int(run("pgrep", "-P", shell).stdout)

    def assertEnded(self, before, status=0):
        """The lines before are there again, and nothing of the screen."""
        wait_for(lambda: self.screen().endswith("ready>"), "it ends")
        self.assertEqual(self.state(), before)
        lines = self.lines()
        self.assertIn("before", lines)
        self.assertEqual(lines[-2], f"status {status}")
        self.assertFalse([line for line in lines if line.startswith(("instance", "peer"))])

    # --- what it shows ---

    def test_frame(self):
        self.open_terminal()
        self.start()
        lines = self.lines()
        self.assertRegex(lines[0], r"^qmipsecd \S+  \d\d:\d\d:\d\d  every 0.2 s  4 SAs  q quits$")
        self.assertRegex(lines[1], "^instance +keyed +B/s out +B/s in +pkt out +pkt in +err/s$")
        wait_for(lambda: "-" not in self.lines()[2], "rates")
        lines = self.lines()
        self.assertEqual(lines[2].split(), ["z", "0", "SAs", *"00000"])
        self.assertEqual(lines[3].split(), ["unattributed", "0", "SAs", *"00000"])
        self.assertEqual(lines[5].split(), ["192.0.2.99", "z", "down", *"00000"])
        self.assertEqual(lines[6].split(), ["2001:db8::99", "unattributed", "down", *"00000"])
        add_larval("192.0.2.1")
        wait_for(lambda: " 5 SAs " in self.lines()[0], "the next frame")

    def test_one_instance(self):
        self.open_terminal()
        self.start("z")
        self.assertNotIn("unattributed", self.screen())
        self.assertNotIn("2001:db8::99", self.screen())

    def test_resize(self):
        """Each size is filled, and never exceeded."""
        self.open_terminal()
        before = self.start()
        for width, height in ((60, 10), (120, 30), (45, 5), (20, 3), (WIDTH, HEIGHT)):
            self.tmux("resize-window", "-x", str(width), "-y", str(height))
            wait_for(lambda: len(self.lines()[1]) == min(width, 124)
                     and self.lines()[0].startswith("qmipsecd"), f"a frame of {width}")
            self.assertLessEqual(len(self.lines()), height)
            self.assertTrue(all(len(line) <= width for line in self.lines()))
            if width >= 60:  # nothing of the last column is lost
                wait_for(lambda: all(line.endswith((" 0", "err/s")) for line in self.lines()[1:]
                                     if "more)" not in line), "whole lines")
        self.type("q")
        self.assertEnded(before)

    def test_no_flicker(self):
        """A frame is drawn over the last one: the screen is cleared once, at the start."""
        self.open_terminal()
        before = self.start()
        wait_for(lambda: self.raw.read_bytes().count(b"\033[?2026l") >= 4, "frames")
        self.type("q")
        self.assertEnded(before)
        wait_for(lambda: b"\033[?1049l" in self.raw.read_bytes(), "all is in the file")
        raw = self.raw.read_bytes()
        self.assertEqual(raw.count(b"\033[2J"), 1)
        self.assertEqual(raw.count(b"\033[?1049h"), 1)
        frames = raw.split(b"\033[?2026h\033[H")[1:]
        self.assertGreaterEqual(len(frames), 4)
        for frame in frames:
            self.assertIn(b"\033[J\033[?2026l", frame)

    def test_colours(self):
        for number, (environment, coloured) in enumerate((({}, True), ({"NO_COLOR": "1"}, False),
                                                         ({"NO_COLOR": ""}, True))):
            with self.subTest(environment=environment):
                self.socket = self.scene.dir / f"tmux{number}"
                self.open_terminal(**environment)
                before = self.start()
                self.assertEqual("\033[1m" in self.screen("-e"), coloured)
                self.assertEqual("\033[7m" in self.screen("-e"), coloured)
                self.type("q")
                self.assertEnded(before)

    def test_dumb_terminal(self):
        """Frames one after the other, without a sequence."""
        self.open_terminal()
        before = self.state()
        self.type("-l", "TERM=dumb " + self.command())
        self.type("Enter")
        wait_for(lambda: self.screen().count("qmipsecd 0") >= 2, "two frames")
        self.assertEqual(self.state(), before)
        self.assertNotIn("\033", self.screen("-e"))

    # --- how it ends ---

    def test_keys(self):
        self.open_terminal()
        for key in "q", "Q", "C-c", "C-\\":
            with self.subTest(key=key):
                before = self.start()
                self.type("x", "Space", "C-s")  # which have no effect
                self.type(key)
                self.assertEnded(before)
                self.type("clear", "Enter")
                wait_for(lambda: self.screen() == "ready>", "an empty screen")

    def test_signals(self):
        self.open_terminal()
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
            with self.subTest(number=number):
                before = self.start()
                os.kill(self.pid(), number)
                self.assertEnded(before)
                self.type("clear", "Enter")
                wait_for(lambda: self.screen() == "ready>", "an empty screen")

    def test_stop_and_continue(self):
        """^Z gives the shell its terminal, and fg draws the screen again."""
        self.open_terminal()
        before = self.start()
        self.type("C-z")
        wait_for(lambda: self.screen().endswith("ready>"), "the shell")
        self.assertEqual(self.state(), before)
        self.type("fg", "Enter")
        wait_for(lambda: self.lines()[0].startswith("qmipsecd "), "the screen")
        self.assertEqual(self.state()[0], "1 0 0")
        self.type("q")
        wait_for(lambda: self.screen().endswith("ready>"), "it ends")
        self.assertEqual(self.state(), before)

    def test_terminal_that_goes_away(self):
        self.open_terminal()
        self.start()
        pid = self.pid()
        self.tmux("kill-server")
        wait_for(lambda: self.has_ended(pid), "it ends")

    @staticmethod
    def has_ended(pid):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                return " Z " in stat.read()
        except (FileNotFoundError, ProcessLookupError):
            return True

    def test_errors_leave_the_terminal(self):
        self.open_terminal()
        before = self.state()
        self.type("-l", "echo before; " + self.command("nosuch") + "; echo status $?")
        self.type("Enter")
        wait_for(lambda: "status 1" in self.lines(), "the end")
        self.assertIn('there is no instance "nosuch"', self.screen().replace("\n", ""))
        self.assertEqual(self.state(), before)

    # --- without a terminal ---

    def test_closed_pipe(self):
        """It ends at once, and without an error, whether it writes or waits."""
        for seconds in "0.1", "3600":
            with self.subTest(seconds=seconds):
                done = run("bash", "-c", f"{self.command(f'--watch={seconds}')} | head -n 3; "
                           "exit ${PIPESTATUS[0]}")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual(len(done.stdout.splitlines()), 3)

    def test_pipe(self):
        """Plain frames, with an empty line between them."""
        with subprocess.Popen(self.scene.once_argv("--watch=0.1"), stdout=subprocess.PIPE,
                              text=True, stdin=subprocess.DEVNULL) as watch:
            lines = [watch.stdout.readline() for _ in range(17)]
            watch.send_signal(signal.SIGTERM)
            watch.communicate(timeout=60)
        self.assertEqual(watch.returncode, 0)
        self.assertNotIn("\033", "".join(lines))
        self.assertEqual([number for number, line in enumerate(lines) if line == "\n"], [7, 15])
        self.assertRegex(lines[8], r"^qmipsecd \S+  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  every 0.1 s")
        self.assertTrue(all(len(line) <= 101 for line in lines))

    def test_reader_that_does_not_read(self):
        """SIGTERM ends it even while it waits in write(2)."""
        argv = self.scene.once_argv("--watch=0.1")
        readable, writable = os.pipe()
        self.addCleanup(os.close, readable)
        os.set_blocking(writable, False)
        while True:
            try:
                os.write(writable, b"x" * 512)
            except BlockingIOError:
                break
        os.set_blocking(writable, True)
        watch = subprocess.Popen(argv, stdout=writable)
        os.close(writable)
        wait_for(lambda: self.is_open_to_signals(watch.pid), "it writes the first frame")
        watch.terminate()
        self.assertEqual(watch.wait(60), 0)

    @staticmethod
    def is_open_to_signals(pid):
        """It waits, and SIGTERM is caught and not blocked."""
        status = dict(line.split(":", 1) for line in
                      open(f"/proc/{pid}/status").read().splitlines())
        blocked, caught = (int(status[name], 16) >> (signal.SIGTERM - 1) & 1
                           for name in ("SigBlk", "SigCgt"))
        return status["State"].split()[0] == "S" and caught and not blocked

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(self.scene.once_argv("--watch=0.1"), stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "No space left")
