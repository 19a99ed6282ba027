# SPDX-License-Identifier: GPL-2.0-or-later
"""The age of an answer: maxAge and pollInterval."""

import subprocess
import time

from harness import (
    AGENT, DATA_AGE, EVENTS, LAST_POLL, POLLS, SYS_UPTIME, TRACKED_SAS, SceneTest, add_larval,
    count_sas, holds_for, stat, wait_for)

LAST_DURATION = AGENT + (5, 0)  # µs


class Freshness(SceneTest):
    def pending(self):
        return self.scene.manager.value(stat("PendingKeyOperations", "z"))

    def start(self, *config):
        self.scene.start("instance z local 192.0.2.1", *config)

    def test_next_request_shows_it(self):
        self.start("pollInterval 3600", "maxAge 0.05")
        for count in range(1, 6):
            self.pending()
            duration = self.scene.manager.value(LAST_DURATION) * 1e-6
            add_larval("192.0.2.1")
            # older than maxAge, and more than ten times the duration of a poll
            time.sleep(max(0.3, 20 * duration))
            self.assertEqual(self.pending(), count)
            self.assertEqual(self.scene.manager.value(TRACKED_SAS), count_sas())

    def test_timer_shows_it(self):
        self.start("pollInterval 1", "maxAge 3600")
        add_larval("192.0.2.1")
        _, took = wait_for(lambda: self.pending() == 1, "the timer's poll")
        self.assertLess(took, 4)  # by default it would be 5

    def test_neither_shows_it(self):
        """Then the data do not change, so the other tests do not pass by accident."""
        self.start("pollInterval 3600", "maxAge 3600")
        last = self.scene.manager.value(LAST_POLL)
        add_larval("192.0.2.1")
        holds_for(lambda: self.pending() == 0, "old data", 1)
        self.assertEqual(self.scene.manager.value(LAST_POLL), last)

    def test_last_poll_moves(self):
        self.start("pollInterval 0.2", "maxAge 3600")
        value = self.scene.manager.value
        last = value(LAST_POLL)
        for _ in range(3):
            before = last
            wait_for(lambda: value(LAST_POLL) > before, "the next poll")
            last, now = (bind.value for bind in
                         self.scene.manager.get(LAST_POLL, SYS_UPTIME).varbinds)
            self.assertLess(abs(now - last), 200)

    def test_age_of_the_data(self):
        """It grows between polls, and counts from the end of the last one."""
        self.start("pollInterval 3600", "maxAge 3600")
        value = self.scene.manager.value
        polls, first = value(POLLS), value(DATA_AGE)
        wait_for(lambda: value(DATA_AGE) >= first + 1000, "the data to be a second older")
        age, now, last = (bind.value for bind in self.scene.manager.get(
            DATA_AGE, SYS_UPTIME, LAST_POLL).varbinds)
        self.assertLess(abs(age - (now - last) * 10), 2000)
        self.assertEqual(value(POLLS), polls)

    def test_polls_are_counted(self):
        self.start("pollInterval 0.2", "maxAge 3600")
        value = self.scene.manager.value
        polls = value(POLLS)
        wait_for(lambda: value(POLLS) >= polls + 3, "three polls")

    def test_events_are_heard(self):
        """The kernel reports a deletion, which needs no poll."""
        add_larval("192.0.2.1")
        self.start("pollInterval 3600", "maxAge 0.05")
        self.assertEqual(self.pending(), 1)
        before = self.scene.manager.value(EVENTS)
        subprocess.run(["ip", "xfrm", "state", "deleteall"], check=True)
        wait_for(lambda: self.pending() == 0, "the SA is gone")
        self.assertGreater(self.scene.manager.value(EVENTS), before)

    def test_many(self):
        """A thousand, as after the reboot of a peer. The count is that of the kernel."""
        self.start("pollInterval 3600", "maxAge 0.05")
        batch = "xfrm state allocspi src 192.0.2.99 dst 192.0.2.1 proto esp\n" * 1000
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True,
                       stdout=subprocess.DEVNULL)
        wait_for(lambda: self.pending() == 1000, "all of them")
        self.assertEqual(self.scene.manager.value(TRACKED_SAS), count_sas())
        subprocess.run(["ip", "xfrm", "state", "flush"], check=True)
        wait_for(lambda: self.pending() == 0, "none")
        self.assertEqual(self.scene.manager.value(TRACKED_SAS), 0)
