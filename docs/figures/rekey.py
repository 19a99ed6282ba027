#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws rekey.svg from rekey.csv, which tests/lab/scenarios/figure.sh records.

    docs/figures/rekey.py            writes docs/figures/rekey.svg
    docs/figures/rekey.py --check    fails if it is not what the CSV gives
"""

import csv
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 900, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 50, 50
# What ip shows is drawn first, so that the two that agree are on top of it.
LINES = (("ip_bytes", "#c2410c", 2, "", "sum over ip -s xfrm state"),
         ("qmipsecd_bytes", "#0b63b5", 4, "", "qmipsecd, ConfidentialBytesSent"),
         ("tcp_bytes", "#ffffff", 1.5, "3 5", "TCP's own count, for comparison"))


def read_samples():
    with open(HERE / "rekey.csv", newline="", encoding="ascii") as file:
        return [{name: int(value) for name, value in row.items()}
                for row in csv.DictReader(file)]


def nice_step(most):
    """1, 2 or 5 times a power of ten, so that there are 4 to 10 steps."""
    step = 1
    while most / step > 10:
        step *= 2 if str(step)[0] in "15" else 2.5
    return int(step)


class Chart:
    def __init__(self, samples):
        self.samples = samples
        self.seconds = samples[-1]["milliseconds"] / 1000
        self.megabytes = max(row["qmipsecd_bytes"] for row in samples) / 1e6
        self.parts = []

    def x(self, seconds):
        return LEFT + seconds / self.seconds * (WIDTH - LEFT - RIGHT)

    def y(self, megabytes):
        return HEIGHT - BOTTOM - megabytes / self.megabytes * (HEIGHT - TOP - BOTTOM)

    def add(self, text):
        self.parts.append("  " + text)

    def text(self, x, y, text, more=""):
        self.add(f'<text x="{x:.1f}" y="{y:.1f}" {more}>{text}</text>')

    def add_axes(self):
        for value in range(0, int(self.megabytes) + 1, nice_step(self.megabytes)):
            y = self.y(value)
            self.add(f'<path d="M{LEFT},{y:.1f} H{WIDTH - RIGHT}" stroke="#ddd"/>')
            self.text(LEFT - 8, y + 4, value, 'text-anchor="end"')
        for value in range(0, int(self.seconds) + 1, nice_step(self.seconds)):
            self.text(self.x(value), HEIGHT - BOTTOM + 18, value, 'text-anchor="middle"')
        self.text(LEFT - 40, TOP - 18, "MB sent")
        self.text(WIDTH - RIGHT, HEIGHT - 14, "seconds", 'text-anchor="end"')

    def add_rekeys(self):
        for before, after in zip(self.samples, self.samples[1:]):
            if after["rekeys"] > before["rekeys"]:
                x = self.x(after["milliseconds"] / 1000)
                self.add(f'<path d="M{x:.1f},{TOP} V{HEIGHT - BOTTOM}" stroke="#999" '
                         'stroke-dasharray="2 4"/>')
                self.text(x, TOP - 6, "rekey", 'text-anchor="middle" font-size="12"')

    def add_line(self, column, color, width, dashes):
        points = " ".join(f"{self.x(row['milliseconds'] / 1000):.1f},"
                          f"{self.y(row[column] / 1e6):.1f}" for row in self.samples)
        self.add(f'<polyline points="{points}" fill="none" stroke="{color}" '
                 f'stroke-width="{width}" stroke-dasharray="{dashes or "none"}"/>')

    def add_legend(self):
        self.add(f'<rect x="{LEFT + 10}" y="{TOP + 4}" width="270" height="76" fill="#fff"/>')
        for number, (_, color, width, dashes, label) in enumerate(LINES):
            x, y = LEFT + 20, TOP + 20 + 22 * number
            if color == "#ffffff":
                self.add(f'<path d="M{x},{y} h36" stroke="#0b63b5" stroke-width="4"/>')
            self.add(f'<path d="M{x},{y} h36" stroke="{color}" stroke-width="{width}" '
                     f'stroke-dasharray="{dashes or "none"}"/>')
            self.text(x + 46, y + 5, label)

    def svg(self):
        self.add_axes()
        self.add_rekeys()
        for column, color, width, dashes, _ in LINES:
            self.add_line(column, color, width, dashes)
        self.add_legend()
        return "\n".join([
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<!-- Drawn by docs/figures/rekey.py from docs/figures/rekey.csv -->",
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="14" fill="#222" role="img">',
            "  <title>Bytes of one iSCSI disk over several rekeys</title>",
            f'  <rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            *self.parts, "</svg>", ""])


def main():
    drawing = Chart(read_samples()).svg()
    target = HERE / "rekey.svg"
    if sys.argv[1:] == ["--check"]:
        if target.read_text(encoding="utf-8") != drawing:
            sys.exit("docs/figures/rekey.svg is not what docs/figures/rekey.py draws")
        return
    target.write_text(drawing, encoding="utf-8")


if __name__ == "__main__":
    main()
