# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages to systemd: ready, watchdog, longer time, stopping."""

import socket
import time

from harness import SceneTest, compile_shim, wait_for


class Service(SceneTest):
    def setUp(self):
        super().setUp()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notify.close)
        self.notify.bind(str(self.scene.dir / "notify"))
        self.notify.settimeout(0)
        self.heard = []
        self.failing = self.scene.dir / "failing"

    def start(self, watchdog_s=None, shim=None):
        more = [f"NOTIFY_SOCKET={self.scene.dir}/notify", f"FAILING={self.failing}"]
        if watchdog_s:
            more.append(f"WATCHDOG_USEC={watchdog_s * 1000000}")
        if shim:
            more.append(f"LD_PRELOAD={shim}")
        self.scene.start_daemon(wrapper=["env", *more])

    def listen(self):
        """All messages until now without status lines, in order."""
        try:
            while True:
                said = self.notify.recv(4096).decode().splitlines()
                self.heard += [line for line in said if not line.startswith("STATUS=")]
        except BlockingIOError:
            return self.heard

    def hears(self, word, timeout=60.0):
        wait_for(lambda: word in self.listen(), word, timeout)

    def is_fed(self):
        self.listen().clear()
        wait_for(lambda: self.listen().count("WATCHDOG=1") > 5, "the watchdog is fed")

    def hungers(self, seconds):
        self.listen().clear()
        time.sleep(seconds)
        self.assertNotIn("WATCHDOG=1", self.listen())

    def test_ready_and_stopping(self):
        """Ready after the kernel was read, even without a master."""
        self.start()
        self.hears("READY=1")
        self.assertEqual(self.heard, ["WATCHDOG=1", "READY=1"])
        self.scene.daemon.stop()
        self.assertEqual(self.listen()[-1:], ["WATCHDOG=1"])
        self.assertEqual(self.heard.count("STOPPING=1"), 1)

    def test_fed_by_good_polls_alone(self):
        shim = compile_shim(self.scene, "failing.c")
        self.scene.configure("pollInterval 0.1")
        self.start(60, shim)
        self.hears("READY=1")
        self.is_fed()
        self.failing.touch()
        wait_for(lambda: "the last numbers are served" in self.scene.daemon.log(), "polls fail")
        self.hungers(1)
        self.failing.unlink()
        wait_for(lambda: "can be read again" in self.scene.daemon.log(), "polls are good")
        self.is_fed()
        self.assertTrue(self.scene.daemon.alive())

    def test_long_intervals(self):
        """The watchdog waits for three of them, and never less than configured."""
        self.scene.configure("pollInterval 300")
        self.start(60)
        self.hears("READY=1")
        self.assertLess(self.heard.index("WATCHDOG_USEC=900000000"),
                        self.heard.index("READY=1"))
        self.scene.configure("pollInterval 5")
        self.scene.hang_up()
        self.hears("WATCHDOG_USEC=60000000")
        self.scene.configure("pollInterval 30")
        self.scene.hang_up()
        self.hears("WATCHDOG_USEC=90000000")
