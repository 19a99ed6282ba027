# SPDX-License-Identifier: GPL-2.0-or-later
"""A master that runs a slow script answers nobody meanwhile, but has not ended.

A stock subagent, snmpd -X, is attached beside qmipsecd: no value of qmipsecd may disappear
unless one of the stock subagent does.

    SLOW="1 3 5 20" SECONDS_EACH=60 tests/agentx/run Slow     prints the figures
"""

import os
import threading
import time
from collections import Counter

from harness import ROOT, VERSION, Process, SceneTest, fds, wait_for
from snmp import OCTET_STRING, TYPE_NAMES, Manager, NoAnswer, dotted

STOCK = ROOT[:-1] + (99, 1, 0)  # beside the root of qmipsecd
# nsExtendOutput1Line."slow", of the master's own
SLOW_LINE = (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2, 3, 1, 1, 4, *b"slow")


class Slow(SceneTest):
    def start_stock(self):
        config = self.scene.dir / "stock.conf"
        config.write_text(f"override {dotted(STOCK)} octet_str \"stock\"\n")
        Process(["snmpd", "-f", "-r", "-C", "-c", config, "-Le", "-X", "-I", "override",
                 "-x", self.scene.socket], self.scene.dir / "stock.log",
                env={**os.environ, "MIBS": "",
                     "SNMP_PERSISTENT_DIR": str(self.scene.dir / "persistent")})
        wait_for(lambda: self.scene.answers(STOCK), "the stock subagent is attached")

    def ask_slowly(self, seconds):
        """Keeps the master in its script until self.over."""
        slow = Manager(self.scene.port, timeout=4 * seconds + 20)
        while not self.over:
            slow.get(SLOW_LINE)
        slow.close()

    def kinds_of(self, name, manager, kinds):
        try:
            kind = manager.get(name).varbinds[0].type
        except NoAnswer:
            kind = None
        kinds[TYPE_NAMES.get(kind, "no answer")] += 1

    def measure(self, seconds, duration):
        """The answers to requests for an object of qmipsecd and one of the stock
        subagent."""
        ours, stock = Counter(), Counter()
        manager = Manager(self.scene.port, timeout=4 * seconds + 20)
        self.over = False
        asker = threading.Thread(target=self.ask_slowly, args=(seconds,), daemon=True)
        asker.start()
        end = time.monotonic() + duration
        while time.monotonic() < end:
            self.kinds_of(VERSION, manager, ours)
            self.kinds_of(STOCK, manager, stock)
        self.over = True
        asker.join()
        manager.close()
        return ours, stock

    def test_beside_a_stock_subagent(self):
        text = TYPE_NAMES[OCTET_STRING]
        for seconds in map(int, os.environ.get("SLOW", "1 3").split()):
            with self.subTest(seconds=seconds):
                with open(self.scene.snmpd_conf, "a") as conf:
                    conf.write(f"extend -cacheTime 1 slow /bin/sleep {seconds}\n")
                self.scene.start("agentXPingInterval 1")
                self.start_stock()
                before = fds(self.scene.daemon.pid)
                duration = int(os.environ.get("SECONDS_EACH", 4 * seconds))
                ours, stock = self.measure(seconds, duration)
                if "SLOW" in os.environ:
                    print(f"     extend of {seconds} s, {duration} s long: ours {dict(ours)}"
                          f"; snmpd -X {dict(stock)}", flush=True)
                self.assertGreater(ours[text], 0)
                self.assertEqual(set(ours), {text}, f"stock: {stock}")
                self.assertLogged("master is gone|waiting", 0)
                self.assertEqual(fds(self.scene.daemon.pid), before)
                self.scene.close()
                self.setUp()

    def test_attaches_to_a_slow_master(self):
        """Between two scripts, however short that time is."""
        with open(self.scene.snmpd_conf, "a") as conf:
            conf.write("extend -cacheTime 1 slow /bin/sleep 2\n")
        self.scene.start_snmpd()
        self.over = False
        asker = threading.Thread(target=self.ask_slowly, args=(2,), daemon=True)
        asker.start()
        self.scene.start_daemon()
        wait_for(lambda: "attached" in self.scene.daemon.log(), "it attaches")
        self.assertTrue(self.scene.answers(VERSION, timeout=20))
        self.over = True
        asker.join()
