# SPDX-License-Identifier: GPL-2.0-or-later
"""A master that changes its messages at random, connection after connection.

    CONNECTIONS=5000 SEED=7 tests/agentx/run RandomMaster
    CONNECTIONS=300 UNDER=valgrind tests/agentx/run RandomMaster
"""

import contextlib
import os
import random
import time
import unittest

import faults
from agentx import ADD_AGENT_CAPS, CLOSE, REGISTER, RESPONSE, answer, read_pdu
from harness import MEASURABLE, Process, Scene, fds, flush_xfrm, rss_kib, wait_for
from test_broken_master import GROWTH_KIB, Good, Listener

SEED = int(os.environ.get("SEED", "20231"))
CONNECTIONS = int(os.environ.get("CONNECTIONS", "150"))
DAEMONS = int(os.environ.get("DAEMONS", "30"))
VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite", "--num-callers=30"]
MESSAGES = [step.make() for step in faults.STEPS.values() if step.make and
            step.make()[1] != CLOSE] + list(faults.REQUESTS.values())


def changed(generator, message):
    """Mostly in one place."""
    data = bytearray(message)
    for _ in range(generator.choice([1, 1, 1, 2, 8])):
        kind = generator.randrange(5)
        at = generator.randrange(len(data)) if data else 0
        if kind == 0 and data:
            data[at] ^= 1 << generator.randrange(8)
        elif kind == 1 and data:
            data[at] = generator.choice([0, 1, 2, 127, 128, 255])
        elif kind == 2 and len(data) > 24:
            at = generator.randrange(20, len(data)) & ~3
            data[at:at + 4] = generator.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1]).to_bytes(
                4, "big")
        elif kind == 3:
            del data[at:at + generator.choice([1, 4, 8])]
        else:
            data[at:at] = generator.randbytes(generator.choice([1, 4, 8]))
    # The right length, so that what is behind the header is read.
    if len(data) >= 20 and generator.random() < 0.7:
        data += bytes(-len(data) % 4)
        data[16:20] = (len(data) - 20).to_bytes(4, "big")
    return bytes(data)


class Mutator:
    """Serves a session well until a random point, then changes what it sends."""

    def __init__(self, seed):
        self.seed, self.number, self.sent = seed, 0, 0

    def __call__(self, client):
        self.number += 1
        generator = random.Random(f"{self.seed} {self.number}")
        good = generator.choice([0, 1, 3, faults.TABLES + 2])
        accepted = answered = 0
        client.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while True:
                kind, number, _ = read_pdu(client)
                if kind == RESPONSE:
                    answered += 1
                if answered > 20:
                    raise ConnectionResetError
                if kind != RESPONSE:
                    reply = answer(number)
                    self.send(client, reply if accepted < good else changed(generator, reply))
                    accepted += kind in (1, REGISTER, ADD_AGENT_CAPS)
                if accepted == faults.TABLES + 2 and good == accepted:
                    for _ in range(30):
                        self.send(client, changed(generator, generator.choice(MESSAGES)))
        raise ConnectionResetError

    def send(self, client, data):
        self.sent += 1
        client.sendall(data)


class RandomMaster(unittest.TestCase):
    """Several daemons, since each waits before it tries again."""

    def setUp(self):
        flush_xfrm()
        self.addCleanup(Process.kill_all)
        self.wrapper = VALGRIND if os.environ.get("UNDER") == "valgrind" else ()

    def start(self, number):
        scene = Scene()
        self.addCleanup(scene.close)
        scene.configure("instance z local 192.0.2.1")
        scene.mutator = Mutator(f"{SEED} {number}")
        scene.broken = Listener(scene.socket, scene.mutator)
        scene.start_daemon(wrapper=self.wrapper)
        wait_for(lambda: scene.broken.visits or not scene.daemon.alive(), "it connects")
        if scene.daemon.alive():
            scene.before = rss_kib(scene.daemon.pid), fds(scene.daemon.pid)
        return scene

    def test_random_messages(self):
        scenes = [self.start(number) for number in range(DAEMONS)]
        wait_for(lambda: sum(scene.broken.visits for scene in scenes) >= CONNECTIONS
                 or not all(scene.daemon.alive() for scene in scenes), "the connections", 3600)
        for scene in scenes:
            self.assertTrue(scene.daemon.alive(), f"seed {SEED}: {scene.daemon.log()}")
            scene.broken.stop()
            scene.good = Good([faults.CELL])
            Listener(scene.socket, scene.good)
        began = time.monotonic()
        wait_for(lambda: all(scene.good.binds for scene in scenes), "all serve again", 30)
        for scene in scenes:
            self.check(scene)
        print(f"     seed {SEED}: {sum(scene.broken.visits for scene in scenes)} connections, "
              f"{sum(scene.mutator.sent for scene in scenes)} messages; all back in "
              f"{time.monotonic() - began:.1f} s", flush=True)

    def check(self, scene):
        daemon = scene.daemon
        self.assertEqual([bind.name for bind in scene.good.binds], [faults.CELL])
        if MEASURABLE and not self.wrapper:
            self.assertLess(rss_kib(daemon.pid) - scene.before[0], 2 * GROWTH_KIB)
        self.assertLessEqual(fds(daemon.pid), scene.before[1] + 1)
        self.assertLess(len(daemon.log().splitlines()), 12, daemon.log())
        self.assertEqual(daemon.stop()[0], 0, daemon.log())
