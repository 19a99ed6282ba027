#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents agree with the tree, and use the terms of the glossary.

    check_docs.py [TOP]        a line FILE:LINE for each fault

Checks that every path, link and lab scenario in a document exists, that the table of rooms
equals that of check_includes.py, that each column has a section in semantics.md, that each
sentence of the tables in SECURITY.md has a test, that the drawings are well-formed and up to
date, that README.md is short, and that no text for administrators has certain words that are
hard to understand.
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from check_includes import ALLOWED  # noqa: E402

README_LINES = 100
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", "contrib/README",
             "tests/*/README"]
TEXTS = [*DOCUMENTS, "NEWS", "man/*.in", "mib/*.in", "examples/*", "debian/control"]
PATH = re.compile(r"(?<![\w/@.*-])((?:src|agent|contrib|docs|examples|figures|man|mib|systemd|"
                  r"tests|tools)/[\w./-]*\w/?)")
LINK = re.compile(r"\]\(([^)#:]*)(#[^)]*)?\)")
SCENARIOS = re.compile(r"[Ss]cenarios?\s((?:`\w+`(?:,\s|\sand\s)?)+)")
FORBIDDEN = re.compile(
    r"by itself|by themselves|\bwhose\b[^.,;]*\b(is|are|was)\b|\bis told\b|\bare told\b|"
    r"\bgoes? over\b|\bwhat is there\b|\bthat is all\b|\ball there (is|are)\b|\bits own past\b|"
    r"\bmade up for\b|\bwithout a word\b|\bstands?\b (in|above|before|under|beside|a second)|"
    r"\bbesides\b|\bis refused\b|\bare refused\b|\bmends?\b", re.IGNORECASE)


def line_of(text, match):
    return text.count("\n", 0, match.start()) + 1


def anchors(text):
    """The anchors of headings, as Markdown renderers make them."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {"#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in headings}


def wrong_links(path, text, top):
    for match in LINK.finditer(text):
        target = top / path.parent / match[1] if match[1] else top / path
        if not target.exists():
            yield line_of(text, match), f"no {match[1]}"
        elif match[2] and match[2] not in anchors(target.read_text(encoding="utf-8")):
            yield line_of(text, match), f"no heading {match[2]} in {target.name}"


def wrong_paths(path, text, top):
    for match in PATH.finditer(text):
        # configure and make generate a file from one with ".in" after its name.
        if not any((top / folder / (match[1] + suffix)).exists()
                   for folder in ("", path.parent) for suffix in ("", ".in")):
            yield line_of(text, match), f"no {match[1]}"


def wrong_scenarios(_, text, top):
    for match in SCENARIOS.finditer(text):
        for name in re.findall(r"\w+", match[1].replace(" and ", " ")):
            if not (top / f"tests/lab/scenarios/{name}.sh").exists():
                yield line_of(text, match), f"no scenario {name}"


def wrong_words(_, text, __):
    for match in FORBIDDEN.finditer(text):
        yield line_of(text, match), f'"{" ".join(match[0].split())}"'


def wrong_rooms(text):
    rows = re.findall(r"^\| `(\S+)/` \| .* \| (.*) \|$", text, re.M)
    told = {room: set() if users == "nothing" else
            {r for r in ALLOWED if r != room} if users == "all of these" else
            {f"src/{name}" for name in users.split(", ")} for room, users in rows
            if room in ALLOWED}
    for room, allowed in ALLOWED.items():
        if told.get(room) != allowed:
            yield 1, f"{room} may include {sorted(allowed)}, the table says {told.get(room)}"


def missing_columns(text, top):
    fields = re.findall(r"^STAT\(\d+, \w+, (\w+)", (top / "src/ledger/stats.def").read_text(),
                        re.M)
    for field in fields:
        # "ConfidentialBytesSent, Received" has both.
        base = field.replace("Received", "Sent")
        if not re.search(rf"\| {base}\b", text):
            yield 1, f"column {field} is missing"


def untested_rows(_, text, __):
    """Rows of the tables of SECURITY.md without a test in the last cell."""
    for match in re.finditer(r"^\| .*\| (.*) \|$", text, re.M):
        if match[1] != "test" and not re.search(r"`tests/\S+`|scenarios? `\w+`", match[1]):
            yield line_of(text, match), "no test"


def check_itself():
    """Checks that the test detects errors."""
    bad = [(wrong_links, "[a](none.md)"), (wrong_links, "# A\n[a](#b)"),
           (wrong_paths, "see `src/none.c`."), (wrong_scenarios, "scenario `none`"),
           (untested_rows, "| | test |\n|---|---|\n| It is safe. | `src/none.c` |"),
           (wrong_words, "found\nby itself"), (wrong_words, "an SA whose row is new")]
    with tempfile.TemporaryDirectory() as folder:
        for check, text in bad:
            Path(folder, "x.md").write_text(text, encoding="utf-8")
            if len(list(check(Path("x.md"), text, Path(folder)))) != 1:
                sys.exit(f"check_docs.py does not see what is wrong in: {text}")


def faults(top):
    def read(path):
        return (top / path).read_text(encoding="utf-8")

    def all_of(patterns):
        return sorted(file.relative_to(top) for pattern in patterns
                      for file in top.glob(pattern))

    for path in all_of(DOCUMENTS):
        for check in wrong_links, wrong_paths, wrong_scenarios:
            for line, fault in check(path, read(path), top):
                yield f"{path}:{line}: {fault}"
    for path in all_of(TEXTS):
        for line, fault in wrong_words(path, read(path), top):
            yield f"{path}:{line}: {fault}"
    for line, fault in wrong_rooms(read("docs/architecture.md")):
        yield f"docs/architecture.md:{line}: {fault}"
    for line, fault in untested_rows("SECURITY.md", read("SECURITY.md"), top):
        yield f"SECURITY.md:{line}: {fault}"
    for line, fault in missing_columns(read("docs/semantics.md"), top):
        yield f"docs/semantics.md:{line}: {fault}"
    lines = read("README.md").count("\n")
    if lines > README_LINES:
        yield f"README.md:{lines}: more than {README_LINES} lines"
    for path in all_of(["docs/figures/*.svg"]):
        xml.etree.ElementTree.parse(top / path)
    drawn = subprocess.run([sys.executable, top / "docs/figures/rekey.py", "--check"],
                           stderr=subprocess.PIPE, text=True, check=False)
    if drawn.returncode:
        yield f"docs/figures/rekey.svg:1: {drawn.stderr.strip()}"


def main():
    top = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("top_srcdir", "."))
    check_itself()
    found = list(faults(top.resolve()))
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(found)} faults in the documents")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
