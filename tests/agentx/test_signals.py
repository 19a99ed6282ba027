# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGHUP, SIGTERM, SIGKILL and others at random moments, while SAs come and go; SIGSTOP for
a while; restart after restart.

    RESTARTS=1000 FIGURES=1 tests/agentx/run Signals.test_restarts
    SIGNALS=1000 SEED=7 tests/agentx/run Signals.test_at_random
    STOPPED=60 FIGURES=1 tests/agentx/run Signals.test_stopped
"""

import os
import random
import signal
import subprocess
import threading
import time

import valgrind
from fault_cost import SERVICE, Fault
from harness import (
    AGENT, LOCAL, STATS, TRACKED_SAS, SceneTest, active, add_larval, count_sas, fds,
    flush_xfrm, index_of, run, stat, wait_for)

EVENT_LOSSES = AGENT + (8, 0)
HARMLESS = signal.SIGHUP, signal.SIGPIPE
ENDS = signal.SIGTERM, signal.SIGINT, signal.SIGKILL
ROWS = {"one": LOCAL[0], "two": LOCAL[1], "six": LOCAL[3]}
CONFIG = ["pollInterval 0.2", "maxAge 0.02", "saveInterval 1", *(
    f"instance {name} local {local}" for name, local in ROWS.items())]


def delete(local):
    """All larval SAs of one local address."""
    peer = "2001:db8::99" if ":" in local else "192.0.2.99"
    subprocess.run(["ip", "xfrm", "state", "deleteall", "src", peer, "dst", local], check=True)


class Signals(SceneTest):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
        self.random = random.Random(self.seed)
        self.scene.start(*CONFIG)
        self.over = threading.Event()
        self.addCleanup(self.over.set)

    def churn(self, pause=0.02):
        """SAs come and go until self.over."""
        dice = random.Random(self.seed)
        while not self.over.wait(pause * dice.random()):
            if dice.random() < 0.9:
                add_larval(dice.choice([*ROWS.values()]))
            else:
                delete(dice.choice([*ROWS.values()]))

    def start_churn(self, **kwargs):
        thread = threading.Thread(target=self.churn, kwargs=kwargs, daemon=True)
        thread.start()
        return thread

    def per_row(self):
        """What the kernel has."""
        words = run("ip", "xfrm", "state", "list").stdout.split()
        return {name: words.count(local) for name, local in ROWS.items()}

    def assertRight(self, what):
        value = self.scene.manager.value
        rows = self.per_row()
        self.assertEqual(sum(rows.values()), count_sas())
        wait_for(lambda: value(TRACKED_SAS) == count_sas() and rows == {
            name: value(stat("PendingKeyOperations", name)) for name in rows},
            f"{what}: all SAs: {rows}", 5)
        for name in rows:
            self.assertEqual(value(active(name)), 1)
            # no SA was keyed, and none of these counters may say so
            for column in (1, *range(3, 7), *range(9, 19)):
                self.assertEqual(value(STATS + (column,) + index_of(name)), 0, what)

    def restart(self, number, log):
        self.scene.daemon.stop(number)
        self.scene.start_daemon(log=log)
        return self.scene.wait_attached()

    def test_at_random(self):
        """The churn never stops; when it does, the numbers are the kernel's."""
        value = self.scene.manager.value
        churn = self.start_churn()
        longest = 0.0
        count = int(os.environ.get("SIGNALS", 20))
        for number in range(count):
            time.sleep(self.random.choice((0, 0.01, 0.3)) * self.random.random())
            with self.subTest(seed=self.seed, number=number):
                if self.random.random() < 0.5:
                    for _ in range(self.random.randrange(1, 5)):
                        self.scene.daemon.send(self.random.choice(HARMLESS))
                    wait_for(lambda: value(TRACKED_SAS) is not None, "it serves", 5)
                else:
                    longest = max(longest, self.restart(self.random.choice(ENDS),
                                                        f"{number}.log"))
                self.assertTrue(self.scene.daemon.alive())
        self.over.set()
        churn.join()
        if "FIGURES" in os.environ:
            print(f"     {count} signals, seed {self.seed}: back after {longest:.2f} s at most",
                  flush=True)
        self.assertRight(f"seed {self.seed}")
        self.assertOnlyTheState()

    def assertOnlyTheState(self):
        """Between saves."""
        wait_for(lambda: os.listdir(self.scene.state_file.parent) == ["qmipsecd.state"],
                 "no other file", 5)

    def test_stopped(self):
        """The kernel keeps its events meanwhile, or they are lost and counted."""
        churn = self.start_churn()
        time.sleep(0.5)
        with Fault(self, "stopped under churn", lines=2):
            self.scene.daemon.send(signal.SIGSTOP)
            time.sleep(float(os.environ.get("STOPPED", 3)))
            self.scene.daemon.send(signal.SIGCONT)
            self.scene.wait_attached(5)
        self.over.set()
        churn.join()
        self.assertRight("after SIGSTOP")
        self.assertEqual(self.scene.manager.value(EVENT_LOSSES), 0)

    def test_restarts(self):
        """No SA is lost, no file and no process is left, and none is slower than the
        others."""
        count = int(os.environ.get("RESTARTS", 15))
        add_larval(LOCAL[0])
        self.assertRight("before")
        open_before, longest = fds(self.scene.daemon.pid), 0.0
        size = self.scene.state_file.stat().st_size
        start = time.monotonic()
        for number in range(count):
            add_larval(self.random.choice([*ROWS.values()]))
            if number % 50 == 49:
                flush_xfrm()
            end = signal.SIGKILL if number % 3 == 2 else signal.SIGTERM
            longest = max(longest, self.restart(end, "restarts.log"))
            self.assertRight(f"restart {number}")
        if "FIGURES" in os.environ:
            print(f"     {count} restarts in {time.monotonic() - start:.0f} s: back after "
                  f"{longest:.2f} s at most; the state had {size} bytes, and has "
                  f"{self.scene.state_file.stat().st_size}", flush=True)
        self.assertPrompt(longest, SERVICE * valgrind.SLOWER)
        self.assertEqual(fds(self.scene.daemon.pid), open_before)
        self.assertOnlyTheState()
        self.assertLogged("damaged|anew", 0)
