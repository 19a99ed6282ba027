# SPDX-License-Identifier: GPL-2.0-or-later
"""A real snmpd that is stopped, killed, frozen and restarted at random moments.

    RUNS=200 tests/agentx/run Churn       the longest time to be back is printed
"""

import os
import random
import signal
import time

from harness import MEASURABLE, RE_ATTACH, SceneTest, fds, rss_kib

RUNS = int(os.environ.get("RUNS", "30"))


class Churn(SceneTest):
    def pause(self):
        time.sleep(self.random.choice((0, 0.01, 0.1, 0.5, 1.1, 2.2)) * self.random.random())

    def end(self, *signals):
        """The signals in turn, at random intervals, and the end of the master."""
        for number in signals[:-1]:
            self.scene.snmpd.send(number)
            self.pause()
        self.scene.snmpd.stop(signals[-1])

    def restart(self, *signals):
        self.end(*signals)
        self.pause()
        self.scene.start_snmpd()

    def freeze(self):
        self.scene.snmpd.send(signal.SIGSTOP)
        self.pause()
        self.scene.snmpd.send(signal.SIGCONT)

    def die_in_the_middle(self):
        """A master that is killed while the daemon attaches to it."""
        self.restart(signal.SIGKILL)
        self.pause()
        self.restart(signal.SIGSTOP, signal.SIGKILL)

    def test_attached_again_each_time(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
        self.random = random.Random(seed)
        self.scene.start("agentXPingInterval 1" if seed % 2 else "")
        events = {
            "TERM": lambda: self.restart(signal.SIGTERM),
            "KILL": lambda: self.restart(signal.SIGKILL),
            "STOP, CONT": self.freeze,
            "STOP, KILL": lambda: self.restart(signal.SIGSTOP, signal.SIGKILL),
            "STOP, CONT, TERM": lambda: self.restart(signal.SIGSTOP, signal.SIGCONT,
                                                     signal.SIGTERM),
            "KILL during the attachment": self.die_in_the_middle,
        }
        longest = 0.0, ""
        before = None
        for number in range(RUNS):
            event = self.random.choice(sorted(events))
            self.pause()
            events[event]()
            with self.subTest(seed=seed, run=number, event=event):
                took = self.scene.wait_attached(2.0 if "RUNS" in os.environ else RE_ATTACH)
                longest = max(longest, (took, event))
            if before is None:
                before = fds(self.scene.daemon.pid), rss_kib(self.scene.daemon.pid)
        if "RUNS" in os.environ:
            print(f"     {RUNS} runs, seed {seed}: back after {longest[0]:.2f} s at most "
                  f"({longest[1]})", flush=True)
        self.assertLessEqual(fds(self.scene.daemon.pid), before[0] + 1)
        if MEASURABLE:
            self.assertLess(rss_kib(self.scene.daemon.pid), before[1] + 1024)
        self.assertTrue(self.scene.daemon.alive())
        self.assertNotIn("this is a bug", self.scene.daemon.log())
