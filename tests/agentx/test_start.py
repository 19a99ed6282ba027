# SPDX-License-Identifier: GPL-2.0-or-later
"""The start of a daemon: its PID file and its state directory, and the errors of a
second daemon.
"""

import os
import re
import signal
from pathlib import Path

from harness import DAEMON, Process, SceneTest, active, run, wait_for


class Start(SceneTest):
    def setUp(self):
        super().setUp()
        self.pid_file = self.scene.dir / "qmipsecd.pid"
        self.log = self.scene.dir / "background.log"
        self.other = self.scene.dir / "other"
        self.other.mkdir()
        self.addCleanup(self.kill)

    def kill(self):
        """A daemon in the background, if it still runs."""
        try:
            os.kill(int(self.pid_file.read_text()), signal.SIGKILL)
        except (OSError, ValueError):
            pass

    def in_background(self, *more):
        """As an init script does. The last of two --state-dir counts."""
        return run(DAEMON, "-Lf", self.log, "-p", self.pid_file,
                   *self.scene.arguments(*more))

    def start_in_background(self):
        """Returns its process ID."""
        self.log.unlink(missing_ok=True)
        done = self.in_background()
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        wait_for(lambda: "started" in self.log.read_text(), "it runs")
        return int(self.pid_file.read_text())

    def start_in_foreground(self, *more):
        log = self.scene.dir / "qmipsecd.log"
        before = log.read_text().count("started") if log.exists() else 0
        self.scene.start_daemon(*more)
        wait_for(lambda: log.read_text().count("started") > before, "it runs")
        return self.scene.daemon.pid

    def assertRefused(self, done, *told):
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for text in told:
            self.assertIn(str(text), lines[0])


class PidFile(Start):
    def test_second_daemon(self):
        """It names the running daemon, and changes none of its files."""
        for start in self.start_in_background, lambda: self.start_in_foreground(
                "-p", self.pid_file):
            pid = start()
            for background in True, False:
                options = ["-p", self.pid_file, "--state-dir", self.other]
                done = self.in_background(*options) if background else run(
                    DAEMON, "-f", "-Le", *self.scene.arguments(*options))
                self.assertRefused(done, self.pid_file, f"process {pid} ", "-p")
                self.assertEqual(self.pid_file.read_text(), f"{pid}\n")
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not self.pid_file.exists(), "its end")

    def test_left_over(self):
        """Of a daemon that was killed. Another process can have its number."""
        self.pid_file.write_text(f"{os.getpid()}\n")
        pid = self.start_in_background()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{pid}/exe").exists(), "its end")
        self.assertEqual(self.pid_file.read_text(), f"{pid}\n")
        again = self.start_in_background()
        self.assertNotEqual(again, pid)

    def what_is_there(self):
        """Without the time at which it was last read, which is now."""
        stat = self.pid_file.lstat()
        return stat.st_ino, stat.st_mode, stat.st_nlink, stat.st_size, stat.st_mtime_ns

    def test_no_pid_file(self):
        """Only a PID file is followed, waited for, emptied or removed."""
        precious = self.scene.dir / "precious"
        precious.write_text("keep\n")
        number = self.scene.dir / "number"
        number.write_text("1\n")
        for make in (lambda: self.pid_file.write_text("keep\n"),
                     lambda: self.pid_file.symlink_to(number),
                     lambda: self.pid_file.symlink_to("nowhere"),
                     lambda: self.pid_file.hardlink_to(number),
                     lambda: os.mkfifo(self.pid_file), self.pid_file.mkdir):
            make()
            before = self.what_is_there()
            self.assertRefused(self.in_background(), self.pid_file, "not a PID file")
            self.assertEqual(self.what_is_there(), before)
            if self.pid_file.is_dir():
                self.pid_file.rmdir()
            else:
                self.pid_file.unlink()
        self.assertEqual(number.read_text(), "1\n")
        self.assertFalse((self.scene.dir / "nowhere").exists())

    def test_directory_that_is_not_there(self):
        """No daemon without its PID file, also in the foreground."""
        missing = self.scene.dir / "none/qmipsecd.pid"
        self.assertRefused(self.in_background("-p", missing), missing,
                           "No such file or directory")
        self.assertRefused(run(DAEMON, "-f", "-Le", *self.scene.arguments("-p", missing)),
                           missing, "No such file or directory")

    def test_failed_start_leaves_none(self):
        """An invalid configuration, a state directory in use."""
        self.start_in_foreground()
        self.assertEqual(self.in_background().returncode, 1)
        self.assertFalse(self.pid_file.exists())
        self.scene.configure("pollInterval x")
        self.assertEqual(self.in_background("--state-dir", self.other).returncode, 1)
        self.assertFalse(self.pid_file.exists())


class StateDirectory(Start):
    def test_second_daemon(self):
        """Two would overwrite each other's state, so the second one does not start."""
        for start in self.start_in_background, self.start_in_foreground:
            pid = start()
            another = self.scene.dir / "another.pid"
            for arguments in ["-f", "-Le"], ["-Lf", self.log, "-p", another]:
                done = run(DAEMON, *arguments, *self.scene.arguments())
                self.assertRefused(done, self.scene.dir / "state", f"process {pid} ",
                                   "--state-dir")
                self.assertFalse(another.exists())
            self.assertIn("keeps its state there", self.log.read_text())
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not Path(f"/proc/{pid}/exe").exists(), "its end")

    def test_by_another_path(self):
        self.start_in_foreground()
        (self.scene.dir / "link").symlink_to("state")
        done = run(DAEMON, "-f", "-Le",
                   *self.scene.arguments("--state-dir", self.scene.dir / "link"))
        self.assertRefused(done, "keeps its state there")

    def test_killed_and_started_again(self):
        """A lock ends with its owner."""
        for _ in range(5):
            self.start_in_foreground()
            self.scene.daemon.stop(signal.SIGKILL)
        self.start_in_foreground()
        self.assertEqual(os.listdir(self.scene.dir / "state"), ["qmipsecd.state"])

    def test_once_beside_a_daemon(self):
        self.start_in_foreground()
        self.assertEqual(self.scene.once("--once").returncode, 0)
        self.assertEqual(self.scene.once("--check-config").returncode, 0)


class Terminal(Start):
    """A daemon for the background prints why it does not start."""

    def test_bad_configuration(self):
        """Also without a logging option, when messages go to syslog."""
        self.scene.configure("pollInterval x")
        for log in [], ["-Lf", self.log], ["-Ln"]:
            done = run(DAEMON, *log, *self.scene.arguments())
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(done.stderr.count(f"{self.scene.config}: line 1: "), 1)

    def test_nothing_of_a_good_start(self):
        """And nothing after it."""
        pid = self.start_in_background()
        self.assertEqual(os.readlink(f"/proc/{pid}/fd/2"), "/dev/null")
