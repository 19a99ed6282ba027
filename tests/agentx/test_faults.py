# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of the kernel: each of the daemon's operations fails, one after the other.

In every fault, no crash, no wrong counter, little processor time, one log line when it
begins and one when it ends, and fresh numbers soon after its end.

    FIGURES=1 tests/agentx/run Faults                   prints what each costs
    SECONDS_EACH=60 FIGURES=1 tests/agentx/run Faults   lasts longer
"""

import errno
import subprocess

from fault_cost import Fault, start_with_faults
from harness import TRACKED_SAS, add_larval, count_sas, discontinuity, fds, wait_for
from namespaces import ALL, NamespacesTest

ERRORS = "EPERM", "EINTR", "ENOMEM", "ENOBUFS", "EMFILE", "EIO"
READS = {"answer": "an answer", "event": "an event"}
HOUR, YEAR = 3600, 365 * 86400
STEPS = {"an hour ahead": HOUR, "an hour back": -HOUR, "ten years ahead": 10 * YEAR,
         "ten years back": -10 * YEAR}
AGAIN = "request", "errno", errno.EIO  # after which the daemon opens another socket


def lines(*faults):
    return "".join(f"{operation} {kind} {number}\n" for operation, kind, number in faults)


def errors(operation):
    """The kernel interrupts a read once, and reports each loss of events once."""
    for name in ERRORS:
        once = name == "EINTR" or (operation, name) == ("event", "ENOBUFS")
        yield name, (operation, "other" if once else "errno", getattr(errno, name))


def cases():
    """What fails, and how, for faulty.c."""
    for operation, text in {"request": "a request", **READS}.items():
        for name, fault in errors(operation):
            yield f"{text}: {name}", lines(fault)
    for operation, text in {"socket": "a new socket", "setns": "entering a namespace"}.items():
        for name, fault in errors(operation):
            yield f"{text}: {name}", lines(AGAIN, fault)
    yield "leaving a namespace: ENOMEM", lines(AGAIN, ("setns", "other", errno.ENOMEM))
    for operation, text in READS.items():
        for size in 1, 16, 100:
            yield f"{text} of {size} bytes", lines((operation, "short", size))
        yield f"{text} of another sender", lines((operation, "forged", 4711))
    for what, seconds in STEPS.items():
        yield f"the clock steps {what}", lines(("clock", "step", seconds))
    yield "everything: ENOMEM", lines(*[(operation, "errno", errno.ENOMEM) for operation in
                                        ("request", "answer", "event", "setns", "socket")])


def make_events():
    """An SA that comes without one, and a policy that comes and goes."""
    add_larval("192.0.2.1")
    policy = ["dst", "192.0.2.1", "proto", "17", "dport", "9", "dir", "in"]
    for command in ["add", *policy, "action", "block"], ["delete", *policy]:
        subprocess.run(["ip", "xfrm", "policy", *command], check=True)


class Faults(NamespacesTest):
    def setUp(self):
        super().setUp()
        self.larval("blue", 2)
        add_larval("192.0.2.1")
        self.scene.configure("namespace blue", "pollInterval 0.1", "maxAge 0.02",
                             "instance z local 192.0.2.1")
        self.faults = start_with_faults(self.scene)

    def numbers(self):
        return [self.pending("z"), self.pending(f"blue/{ALL}"),
                self.scene.manager.value(TRACKED_SAS)]

    def assertRight(self, what):
        """The numbers are the kernel's."""
        right = [count_sas(), 2, count_sas() + 2]
        try:
            wait_for(lambda: self.numbers() == right, what, 5)
        except AssertionError:
            self.assertEqual(self.numbers(), right, what)

    def discontinuities(self):
        return [self.scene.manager.value(discontinuity(name))
                for name in ("z", ALL, f"blue/{ALL}")]

    def test_each_operation(self):
        """There is an event to read meanwhile. Only lost events are a discontinuity."""
        self.assertRight("before")
        before = fds(self.scene.daemon.pid)
        for what, text in cases():
            began = self.discontinuities()
            with self.subTest(what=what):
                # of two namespaces; of all that the daemon reads
                most = 12 if what.startswith("everything") else 4
                with Fault(self, what, lines=most) as fault:
                    self.faults.write_text(text)
                    make_events()
                    fault.last(0.2)
                    self.faults.unlink()
                self.assertRight(what)
                self.assertLessEqual(fds(self.scene.daemon.pid), before)
                if "event" not in text:
                    self.assertEqual(self.discontinuities(), began)
