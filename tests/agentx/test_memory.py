# SPDX-License-Identifier: GPL-2.0-or-later
"""Without memory: each allocation of the program itself fails in turn."""

import os
import unittest

from harness import COVERAGE, MEASURABLE, SceneTest, add_larval, compile_shim, run


@unittest.skipIf(COVERAGE, "not for a build for coverage, which allocates when it ends")
@unittest.skipUnless(MEASURABLE, "not for sanitizers or valgrind, which have their own malloc")
class Memory(SceneTest):
    def setUp(self):
        super().setUp()
        self.shim = compile_shim(self.scene, "nomemory.c")
        self.failed = self.scene.dir / "failed"
        add_larval("192.0.2.1")
        self.scene.configure("instance z local 192.0.2.1", "instance y reqid 9",
                             "rename tcp:default x", "namespace blue")

    def run_failing(self, at, *arguments):
        """None if it makes fewer allocations."""
        self.failed.unlink(missing_ok=True)
        done = run(*self.scene.once_argv(*arguments), env={
            **os.environ, "LD_PRELOAD": str(self.shim), "FAIL_AT": str(at),
            "FAILED": str(self.failed)})
        return done if self.failed.exists() else None

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
                    self.assertRegex(done.stderr, "out of memory|Cannot allocate memory")
                    refused += 1
            at += 1
        self.assertGreater(refused, least)

    def test_once(self):
        self.check_every(20, "--once")

    def test_check_config(self):
        self.check_every(4, "--check-config")
