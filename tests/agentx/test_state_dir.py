# SPDX-License-Identifier: GPL-2.0-or-later
"""The state directory is full, read-only, slow or gone, for a while: the daemon counts and
answers on without delay, and saves again soon after its return. What it then saves is
whole.
"""

import contextlib
import os
import subprocess

import valgrind
from fault_cost import Fault, start_daemon_with_faults, start_with_faults
from harness import (SceneTest, add_larval, count_sas, discontinuity, run, stat, wait_for)

LATE_MS = 1000
PROMPT = 0.9  # seconds for an answer: less than LATE_MS


class StateDir(SceneTest):
    def setUp(self):
        super().setUp()
        self.dir, self.away = self.scene.dir / "state", self.scene.dir / "away"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=50", "none",
                        self.dir], check=True)
        self.addCleanup(run, "umount", "-l", self.dir)
        add_larval("192.0.2.1")
        self.scene.configure("pollInterval 0.1", "maxAge 0.02", "saveInterval 1",
                             "instance z local 192.0.2.1")
        self.faults = start_with_faults(self.scene)
        wait_for(self.scene.state_file.exists, "it is saved")

    @contextlib.contextmanager
    def full(self):
        """No byte is left, and the file that is saved needs some."""
        with open(self.dir / "filler", "wb", buffering=0) as filler, \
             contextlib.suppress(OSError):
            while True:
                filler.write(bytes(1024))
        yield
        (self.dir / "filler").unlink()

    @contextlib.contextmanager
    def without_inodes(self):
        number = 0
        with contextlib.suppress(OSError):
            while True:
                (self.dir / f"inode{number}").touch()
                number += 1
        yield
        for path in self.dir.glob("inode*"):
            path.unlink()

    @contextlib.contextmanager
    def read_only(self):
        # not while a save has the file open
        wait_for(lambda: run("mount", "-o", "remount,ro", self.dir).returncode == 0, "read-only")
        yield
        subprocess.run(["mount", "-o", "remount,rw", self.dir], check=True)

    @contextlib.contextmanager
    def moved(self):
        """Another one has its name later, which is no mount any more."""
        subprocess.run(["umount", "-l", self.dir], check=True)
        self.dir.rename(self.away)
        yield
        self.dir.mkdir()
        self.away.rmdir()

    @contextlib.contextmanager
    def replaced(self):
        """By a file."""
        (self.dir / "qmipsecd.state").unlink()
        self.dir.rmdir()
        self.dir.write_text("no directory")
        yield
        self.dir.unlink()
        self.dir.mkdir()

    @contextlib.contextmanager
    def fails(self, *lines):
        self.faults.write_text("".join(line + "\n" for line in lines))
        yield
        self.faults.unlink()

    def cases(self):
        """What, how, how long, and what it logs. A save is due each second."""
        yield "full", self.full(), 2.5, 2
        yield "without inodes", self.without_inodes(), 1.5, 2
        yield "read-only", self.read_only(), 1.5, 2
        yield "an error of the disk", self.fails("create errno 5"), 1.5, 2
        yield "a rename that fails", self.fails("replace errno 5"), 1.5, 2
        yield "slow", self.fails(f"create late {LATE_MS}", f"replace late {LATE_MS}"), 4, 0
        yield "moved away", self.moved(), 1.5, 2
        yield "replaced by a file", self.replaced(), 1.5, 2

    def saved_at(self):
        with contextlib.suppress(OSError):
            return self.scene.state_file.stat().st_mtime_ns

    def returns(self):
        return self.scene.daemon.log().count("the state can be saved again")

    def last(self, cost, seconds, slow):
        """What was saved stays, whole, and nothing is left beside it."""
        before = self.scene.state_file.read_bytes() if self.saved_at() else b""
        add_larval("192.0.2.1")
        cost.last(seconds)
        if before and not slow:
            self.assertEqual(self.scene.state_file.read_bytes(), before)
            self.assertEqual(list(self.dir.glob("*.new")), [])

    def test_the_end(self):
        """It waits for a slow directory, but not for ever."""
        value, late = self.scene.manager.value, "create late "
        began, saved = value(discontinuity("z")), self.saved_at()
        self.faults.write_text(late + "500\n")
        self.scene.daemon.stop()
        self.assertNotEqual(self.saved_at(), saved)
        start_daemon_with_faults(self.scene, log="again.log")
        self.assertAlmostEqual(value(discontinuity("z")), began, delta=100)
        self.faults.write_text(late + "300000\n")
        self.assertEqual(self.scene.daemon.stop()[0], 0)
        self.assertLogged("the state directory does not answer")

    def test_each(self):
        value = self.scene.manager.value
        began, fails = value(discontinuity("z")), 0
        for what, fault, seconds, lines in self.cases():
            fails += lines != 0
            with self.subTest(what=what):
                with Fault(self, f"the state directory is {what}", lines=lines) as cost:
                    with fault:
                        self.last(cost, seconds, what == "slow")
                    before = self.saved_at()
                    wait_for(lambda: self.saved_at() != before, "it is saved again", 5)
                    wait_for(lambda: self.returns() == fails, "its end is logged", 5)
                wait_for(lambda: os.listdir(self.dir) == ["qmipsecd.state"], "no other file", 5)
                self.assertEqual(value(stat("PendingKeyOperations", "z")), count_sas())
                self.assertEqual(value(discontinuity("z")), began)
                self.assertPrompt(cost.longest, PROMPT * valgrind.SLOWER)
        self.scene.daemon.stop()
        self.scene.start_daemon(log="again.log")
        self.scene.wait_attached()
        self.assertAlmostEqual(value(discontinuity("z")), began, delta=100)
        self.assertLogged("state|anew", 0)
