#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the lab's Python programs for a scenario, all in one process.

A start of Python takes half a second or more in User-mode Linux, a fork much less. So
server.sh starts this program once, and sends it requests: lines of words between tabs.

    run NAMESPACE PROGRAM ARGUMENT…             waits for its end
    start FILE NAMESPACE PROGRAM ARGUMENT…      in a process of its own, with its output in
                                                FILE; answers with its process ID
    end PID FILE                                removes FILE, and waits for the end of one
                                                that was started

PROGRAM is a module in this directory. It is the same as "python3 PROGRAM.py ARGUMENT…" in
that namespace. The answer is a line "1TEXT" for each line of stdout, "2TEXT" for each of
stderr, and "=STATUS".
"""
import contextlib
import importlib
import io
import os
import sys
import traceback

from enter import enter


def call(netns, program, *arguments):
    """The exit status of a program, as Python computes it from what main() does."""
    sys.argv = [program] + list(arguments)
    try:
        enter(netns)
        return importlib.import_module(program).main() or 0
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)
    except Exception:  # whatever it is, this process goes on
        traceback.print_exc()
    return 1


def run(*words):
    return call(*words)


def start(path, *words):
    sys.__stdout__.flush()
    pid = os.fork()
    if pid:
        print(pid)
        return 0
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, 1)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    status = call(*words)
    sys.stdout.flush()
    os._exit(status)


def end(pid, path):
    os.unlink(path)
    return os.waitstatus_to_exitcode(os.waitpid(int(pid), 0)[1])


REQUESTS = {"run": run, "start": start, "end": end}


def answer(words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = REQUESTS[words[0]](*words[1:])
        except Exception:
            traceback.print_exc()
            status = 1
        enter("init")  # so that a namespace can disappear
    for mark, stream in (("1", out), ("2", err)):
        for line in stream.getvalue().splitlines():
            print(mark + line)
    print("=%d" % status, flush=True)


def main():
    requests = os.fdopen(os.dup(0))
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)  # for the programs
    for line in requests:
        answer(line.rstrip("\n").split("\t"))


if __name__ == "__main__":
    main()
