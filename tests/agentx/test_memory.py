# SPDX-License-Identifier: GPL-2.0-or-later
"""Without memory: each allocation of the program itself fails in turn, in programs that
end, at the start of the daemon, and while it serves.

    FIGURES=1      prints how many there were
"""

import mmap
import os
import struct
import time
import unittest

from fault_cost import LINES, SERVICE
from harness import (
    COVERAGE, MEASURABLE, add_larval, compile_shim, count_sas, flush_xfrm, is_late, run,
    stat, wait_for)
from namespaces import ALL, NamespacesTest

NO_MEMORY = "out of memory|Cannot allocate memory"
RULES = ["instance z local 192.0.2.1", "instance y reqid 9", "rename tcp:default x"]


class Allocations:
    """Those of a program that was started with the shim, and the one that fails."""

    FORMAT = struct.Struct("=QQ")

    def __init__(self, scene):
        path = scene.dir / "allocations"
        path.write_bytes(bytes(self.FORMAT.size))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), self.FORMAT.size)
        self.environment = {"LD_PRELOAD": str(compile_shim(scene, "nomemory.c")),
                            "ALLOCATIONS": str(path)}
        self.wrapper = ["env", *(f"{name}={value}" for name, value in self.environment.items())]

    def count(self):
        return self.FORMAT.unpack(self.map)[0]

    def failed(self):
        count, fails = self.FORMAT.unpack(self.map)
        return 0 < fails <= count

    def fail(self, at):
        """The at-th from now; 0: none any more."""
        self.map[8:] = struct.pack("=Q", at and self.count() + at)


@unittest.skipIf(COVERAGE, "not for a build for coverage, which allocates when it ends")
@unittest.skipUnless(MEASURABLE, "not for sanitizers or valgrind, which have their own malloc")
class Memory(NamespacesTest):
    def setUp(self):
        super().setUp()
        self.allocations = Allocations(self.scene)
        add_larval("192.0.2.1")
        self.configure()

    def configure(self, *more):
        self.scene.configure("maxAge 0.01", "pollInterval 3600", "saveInterval 1",
                             "namespace *", "notify all", *RULES, *more)

    # --- programs that end ---------------------------------------------------------------------

    def run_failing(self, at, *arguments):
        """None if it makes fewer allocations."""
        self.allocations.fail(at)
        done = run(*self.scene.once_argv(*arguments),
                   env={**os.environ, **self.allocations.environment})
        return done if self.allocations.failed() else None

    def check_every(self, least, *arguments):
        """It either succeeds completely, or reports that it cannot."""
        whole = self.scene.once(*arguments)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        at, refused = 1, 0
        while done := self.run_failing(at, *arguments):
            with self.subTest(at=at):
                if done.returncode == 0:
                    self.assertEqual(done.stdout, whole.stdout)
                else:
                    self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                    self.assertRegex(done.stderr, NO_MEMORY)
                    refused += 1
            at += 1
        self.assertGreater(refused, least)

    def test_once(self):
        self.check_every(20, "--once")

    def test_check_config(self):
        self.check_every(4, "--check-config")

    # --- the daemon ----------------------------------------------------------------------------

    def right(self, name, expected):
        """It serves what there is, all rows of it."""
        value, began = self.scene.manager.value, time.monotonic()
        while True:
            self.assertTrue(self.scene.daemon.alive(), self.scene.daemon.log())
            rows = set(self.scene.names())
            found = value(stat("PendingKeyOperations", name))
            if found == expected and rows == self.rows:
                return
            if is_late(time.monotonic() - began, SERVICE):
                self.fail(f"{name}: {found} and not {expected}; rows {rows}, not {self.rows}")

    def settle(self):
        self.rows = {ALL, "y", "z"}
        self.right("z", count_sas())

    def start(self, log):
        self.scene.start_daemon(wrapper=self.allocations.wrapper, log=log)

    def test_start(self):
        """It either ends and says why, or serves all."""
        self.scene.start_snmpd()
        at, refused = 1, 0
        while True:
            self.allocations.fail(at)
            self.start(f"start{at}.log")
            said = self.scene.daemon.log
            wait_for(lambda: not self.scene.daemon.alive() or "attached to" in said(),
                     "it serves or ends")
            with self.subTest(at=at):
                if self.scene.daemon.alive():
                    self.settle()
                    self.scene.daemon.stop()
                else:
                    self.assertEqual(self.scene.daemon.wait()[0], 1)
                    self.assertRegex(said(), NO_MEMORY)
                    refused += 1
            if not self.allocations.failed():
                break
            at += 1
        self.figures("the start", at - 1)
        self.assertGreater(refused, 20)

    def figures(self, what, n):
        if "FIGURES" in os.environ:
            print(f"     {what:32} {n:4} allocations", flush=True)

    def sa(self):
        add_larval("192.0.2.1")

    def come_and_go(self):
        self.larval("blue", 2)
        try:
            self.rows.add(f"blue/{ALL}")
            self.right(f"blue/{ALL}", 2)
        finally:
            self.delete("blue")

    def reload(self):
        self.scene.hang_up()

    def restart(self):
        self.scene.snmpd.stop()
        self.scene.start_snmpd()
        self.scene.wait_attached(SERVICE)

    def check_step(self, what, step):
        """The step without a fault, and then with each allocation that fails in turn."""
        step()
        self.settle()
        before = self.allocations.count()
        step()
        self.settle()
        n = self.allocations.count() - before
        failed = 0
        for at in range(1, n + 1):
            with self.subTest(step=what, at=at):
                lines = len(self.scene.daemon.log().splitlines())
                self.allocations.fail(at)
                step()
                self.settle()
                failed += self.allocations.failed()
                self.allocations.fail(0)
                said = self.scene.daemon.log().splitlines()[lines:]
                self.assertLessEqual(len([line for line in said if "memory" in line]), LINES,
                                     said)
        self.figures(what, n)
        self.assertGreater(failed, n // 2)  # the number of polls varies

    def test_service(self):
        self.scene.start_snmpd()
        self.start("service.log")
        self.scene.wait_attached()
        self.settle()
        self.check_step("an SA comes", self.sa)
        self.check_step("a reload", self.reload)
        self.check_step("a namespace comes and goes", self.come_and_go)
        self.check_step("a restart of the master", self.restart)
        flush_xfrm()
        self.settle()
