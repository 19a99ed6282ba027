# SPDX-License-Identifier: GPL-2.0-or-later
"""A master that breaks the protocol: each behaviour of faults.py at each step, then a good
master. The daemon neither ends nor grows, costs little, logs little, loses no number, and
serves again within 5 s.

    BROKEN="" tests/agentx/run Broken               every combination of step and behaviour
    BROKEN="Get: garbage" tests/agentx/run Broken   only those with this in their names
    MEASURE=1 tests/agentx/run Broken               a line for each
"""

import contextlib
import os
import shutil
import socket
import threading
import time
import unittest

import valgrind
from agentx import ADD_AGENT_CAPS, REGISTER, RESPONSE, answer, get, read_pdu, read_response
from fault_cost import cpu_seconds
from faults import TABLES, Hold, Peer, cases
from harness import DATA_AGE, Process, Scene, fds, is_late, rss_kib, wait_for
from masters import FakeMaster
from snmp import TIMETICKS
from world import MIB, Many

FAULT = 3.5       # seconds: longer than the daemon waits before it tries again
# Seconds within which it must serve.
BACK = 5.0 * valgrind.SLOWER
# Of a core, while the master is broken.
SHARE = 0.05 * valgrind.SLOWER
LINES = 7         # of the log: three sessions as usual, then one line
GROWTH_KIB = 2048 * valgrind.SLOWER
AT_ONCE = 64      # daemons


class Listener(FakeMaster):
    """Serves its clients at once, each in a thread."""

    def __init__(self, path, answer):
        super().__init__(path, answer)
        self.start()

    def take(self, client):
        threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            self.answer(client)
        except Hold:
            pass
        except OSError:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()

    def stop(self, keep_clients=False):
        """The end of a process; keep_clients: of one that hangs and is replaced."""
        os.unlink(self.path)
        for sock in [self.listener] + ([] if keep_clients else self.clients):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class Good:
    """A master that accepts everything, and then asks for these names."""

    def __init__(self, names):
        self.names, self.binds, self.at = names, None, None

    def __call__(self, client):
        accepted = 0
        while True:
            kind, number, payload = read_pdu(client)
            if kind == RESPONSE:
                _, _, self.binds = read_response(payload)
                self.at = time.monotonic()
                continue
            client.sendall(answer(number))
            accepted += kind in (REGISTER, ADD_AGENT_CAPS)
            if accepted == TABLES + 1 and self.at is None:
                accepted = 0
                client.sendall(get(self.names, packet=5))


class Case:
    """A daemon with its own master, broken and then good."""

    def __init__(self, world, wrapper, name, step, behave, names):
        self.name, self.step, self.behave, self.names = name, step, behave, names
        self.replaced = ": never" in name or "half of it" in name
        self.scene = Scene()
        shutil.copy(world.scene.state_file, self.scene.state_file)
        # A ping is due soon: it comes when the session is idle.
        ping = ["agentXPingInterval 1"] if name.startswith("Ping") else []
        self.scene.configure(*world.CONFIG, *ping)
        self.broken = Listener(self.scene.socket, self._break)
        self.scene.start_daemon(wrapper=wrapper)

    def _break(self, client):
        Peer(client).serve(self.step, self.behave)

    def begin(self):
        wait_for(lambda: self.broken.visits or not self.scene.daemon.alive(), self.name)
        pid = self.scene.daemon.pid
        self.began, self.cpu = time.monotonic(), cpu_seconds(pid)
        self.rss, self.fds = rss_kib(pid), fds(pid)

    def turn_good(self):
        pid = self.scene.daemon.pid
        if self.scene.daemon.alive():
            self.share = (cpu_seconds(pid) - self.cpu) / (time.monotonic() - self.began)
        self.broken.stop(self.replaced)
        self.ended = time.monotonic()
        self.good = Good(self.names)
        self.better = Listener(self.scene.socket, self.good)

    def is_back(self):
        return self.good.binds is not None or not self.scene.daemon.alive()

    def judge(self, known):
        """What is wrong."""
        daemon = self.scene.daemon
        if not daemon.alive():
            return [f"it has ended: {daemon.log()}"]
        if self.good.binds is None:
            return [f"it is not back: {daemon.log()}"]
        lines = [line for line in daemon.log().splitlines()
                 if "started" not in line and "none0" not in line]
        self.back, self.n_lines = self.good.at - self.ended, len(lines)
        self.growth = rss_kib(daemon.pid) - self.rss
        found = [(bind.name, bind.type, bind.value) for bind in self.good.binds]
        wrong = [f"{got}, not {wanted}" for got, wanted in zip(found, known) if got != wanted]
        wrong += [f"{len(found)} values"] if len(found) != len(known) else []
        for bad, what in ((is_late(self.back, BACK), f"back after {self.back:.1f} s"),
                          (self.share > SHARE, f"{100 * self.share:.1f} % of a core"),
                          (self.n_lines > LINES, "\n".join(lines)),
                          (self.growth > GROWTH_KIB, f"{self.growth} KiB larger"),
                          (fds(daemon.pid) > self.fds + 1, "descriptors are left")):
            wrong += [what] if bad else []
        self.better.stop()
        self.broken.clients.clear()
        status, took = daemon.stop()
        return wrong + ([f"status {status} after {took:.1f} s"] if status or is_late(took, 5) else [])


class Broken(unittest.TestCase):
    def setUp(self):
        self.world = Many()
        self.addCleanup(Process.kill_all)
        self.addCleanup(self.world.scene.close)
        self.wrapper = self.world.prepare()
        # Every table, every type but times, which depend on the master's clock.
        moves = {DATA_AGE, *(MIB.objects["qmIpsecAgent" + name].oid + (0,)
                             for name in ("LastPollDuration", "Polls", "LastPoll"))}
        fixed = [bind for name, bind in sorted(self.world.known.binds.items())
                 if bind.type != TIMETICKS and name not in moves]
        self.known = [(bind.name, bind.type, bind.value) for bind in fixed[::53]]

    def test_every_fault(self):
        part = os.environ.get("BROKEN")
        chosen = [case for case in cases(part is not None) if (part or "") in case[0]]
        wrong = []
        self.most = {"back": 0.0, "share": 0.0, "n_lines": 0, "growth": 0}
        for at in range(0, len(chosen), AT_ONCE):
            wrong += self.run_cases(chosen[at:at + AT_ONCE])
        most = self.most
        print(f"     {len(chosen)} faults; at most {most['back']:.1f} s until it serves, "
              f"{100 * most['share']:.1f} % of a core, {most['n_lines']} lines, "
              f"{most['growth']} KiB", flush=True)
        self.assertFalse(wrong, "\n".join(wrong))

    def run_cases(self, chosen):
        names = [name for name, _, _ in self.known]
        running = [Case(self.world, self.wrapper, *case, names) for case in chosen]
        try:
            for case in running:
                case.begin()
            time.sleep(max(0, running[0].began + FAULT - time.monotonic()))
            for case in running:
                case.turn_good()
            with contextlib.suppress(AssertionError):
                wait_for(lambda: all(case.is_back() for case in running), "all are back", 15)
            return [f"{case.name}: {what}" for case in running for what in self.judge(case)]
        finally:
            for case in running:
                shutil.rmtree(case.scene.dir, ignore_errors=True)

    def judge(self, case):
        wrong = case.judge(self.known)
        if not wrong:
            for figure in self.most:
                self.most[figure] = max(self.most[figure], getattr(case, figure))
            if "MEASURE" in os.environ:
                print(f"     {case.name}: back {case.back:.2f} s, {100 * case.share:.2f} %, "
                      f"{case.n_lines} lines, {case.growth} KiB, {case.broken.visits} "
                      f"sessions", flush=True)
        return wrong
