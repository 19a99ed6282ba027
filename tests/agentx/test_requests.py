# SPDX-License-Identifier: GPL-2.0-or-later
"""Random requests against a model of the tables that comes from the MIB and from what was
put in: RFC 3416, section 4.2.

    REQUESTS=500000 tests/agentx/run Requests       so many, in each of the two scenes
    SEED=7 ONLY=4711 tests/agentx/run Requests      a single one, by its number
"""

import os
import time
import unittest
from collections import Counter
from multiprocessing import get_context

from asker import KINDS, Ages, Asker, show, show_response
from harness import ROOT, Process
from random_requests import OBJECTS, request
from rfc3416 import Model
from snmp import END_OF_MIB_VIEW, TYPE_NAMES, V1
from world import Empty, Many, settle

SEED = int(os.environ.get("SEED", "20231"))
REQUESTS = int(os.environ.get("REQUESTS", "8000"))
WORKERS = 2


class Wrong(Exception):
    pass


def ask_numbers(port, model, ages, numbers, names):
    """Asks the requests with these numbers. Returns how many there were of each kind."""
    asker = Asker(port, model, ages)
    counts = Counter()
    try:
        pairs = ((number, request(SEED, number, names)) for number in numbers)
        for number, asked, response, expected in asker.ask_all(pairs):
            if expected:
                raise Wrong(explain(asker, number, asked, response, expected))
            counts[f"v{'1' if asked.version == V1 else '2c'} {KINDS[asked.kind]}"] += 1
            counts["varbinds asked"] += len(asked.names)
            counts["varbinds answered"] += len(response.varbinds)
            for bind in response.varbinds:
                counts[TYPE_NAMES[bind.type]] += 1
            counts[f"error {response.error}"] += 1
    finally:
        asker.close()
    return counts


def explain(asker, number, asked, response, expected):
    text = (f"request {number}: {show(asked)}\nanswer: {show_response(response)}\n"
            f"expected: {show_response(expected)}\n")
    list(asker.ask_all([]))  # the others in flight
    small = asker.shrink(asked)
    again = asker.ask(small)
    if again:
        text += (f"shrunk: {show(small)}\nanswer: {show_response(again[1])}\n"
                 f"expected: {show_response(again[0])}\n")
    return text + f"again: SEED={SEED} ONLY={number} tests/agentx/run Requests"


def worker(queue, *args):
    try:
        queue.put(ask_numbers(*args))
    except BaseException as err:  # to the parent, which raises it
        queue.put(f"{type(err).__name__}: {err}")


class Requests(unittest.TestCase):
    def tearDown(self):
        Process.kill_all()

    def ask(self, make):
        self.world = make()
        self.scene = self.world.scene
        self.addCleanup(self.scene.close)
        with open(self.scene.snmpd_conf, "a") as conf:
            conf.write("rwcommunity write default -V qmipsec\n")
        self.world.start()
        settle(self.world)
        model = Model(self.world.known.binds, OBJECTS, ROOT)
        self.assertWalk(model)
        self.fire(model)
        self.assertTrue(self.scene.daemon.alive() and self.scene.snmpd.alive())
        self.assertWalk(model)

    def assertWalk(self, model):
        found = self.names()
        odd = sorted(set(found) ^ set(model.names))
        self.assertFalse(odd, f"{len(odd)} names in the walk or the model only: {odd[:3]}")

    def names(self):
        """Those of a walk."""
        found = [(1, 3)]
        while True:
            for bind in self.scene.only.getbulk([found[-1]], 0, 100).varbinds:
                if bind.type == END_OF_MIB_VIEW:
                    return found[1:]
                self.assertGreater(bind.name, found[-1], "the walk does not rise")
                found.append(bind.name)

    def fire(self, model):
        ages = Ages(self.scene.manager)
        numbers = range(1, REQUESTS + 1)
        if "ONLY" in os.environ:
            numbers = [int(os.environ["ONLY"])]
        context = get_context("fork")
        queue = context.SimpleQueue()
        start = time.monotonic()
        workers = [context.Process(target=worker, args=(
            queue, self.scene.port, model, ages, numbers[part::WORKERS], model.names))
            for part in range(WORKERS)]
        for process in workers:
            process.start()
        results = [queue.get() for _ in workers]
        for process in workers:
            process.join()
        for result in results:
            if isinstance(result, str):
                self.fail(f"seed {SEED}: {result}")
        self.report(sum(results, Counter()), len(numbers), time.monotonic() - start)

    def report(self, counts, number, took):
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        print(f"     seed {SEED}: {number} requests in {took:.1f} s ({number / took:.0f}/s), "
              f"0 wrong: {kinds}", flush=True)

    def test_many_rows(self):
        self.ask(Many)

    def test_empty_world(self):
        self.ask(Empty)
