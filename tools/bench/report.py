#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of `make bench`: JSON, table and chart; or a check against figures.

report.py OUT RESULT...           write OUT.json, OUT.txt and OUT.svg; each
                                  RESULT is what one boot printed
report.py --check FIGURES NEW     1 where a ratio to native is worse than in
                                  FIGURES by more than 2 %
"""
import json
import sys
from xml.sax.saxutils import escape

# A filesystem on another lower is compared with that lower.
BASE = {"shiftfs_tmpfs": "native_tmpfs"}
LIMIT = 0.02

# What is to be reached on shiftfs, ratio to native.
TARGETS = {
    "stat_deep8": 1.12, "stat_10k_files": 1.12, "fstat": 1.12,
    "stat_neg": 1.05, "access": 1.05,
    "readlink": 1.10, "warm_walk_10k": 1.10,
    "open_close": 1.33, "open_close_deep8": 1.25,
    "create_unlink": 1.15, "rename": 1.15, "symlink_cycle": 1.15,
    "mkdir_rmdir": 1.08, "link_unlink": 1.20,
    "chmod": 1.15, "chown": 1.15, "setxattr": 1.15, "getxattr": 1.15,
    "pread4k": 1.11, "pwrite4k": 1.11, "seqread64k": 1.02,
    "append4k_fsync": 1.02, "mmap64M_touch": 1.02, "mmap4k_touch_unmap": 1.02,
    "exec_tiny": 1.02, "flock_pair": 1.02, "fcntl_pair": 1.04,
    "cold_walk_10k": 1.20, "slab_bytes": 1.58,
}
# Not compared: a mount of another kind is no base for a ratio.
ABSOLUTE = {"mount_umount"}


def parse(path):
    """One boot's output: (kernel, {filesystem: {operation: ns}})."""
    kernel, figures = None, {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if len(words) == 2 and words[0] == "kernel":
                kernel = words[1]
            elif len(words) == 3:
                try:
                    value = float(words[2])
                except ValueError:
                    continue
                figures.setdefault(words[0], {})[words[1]] = value
    if not kernel or not figures:
        sys.exit(f"{path}: no results in it")
    return kernel, figures


def ratios(figures):
    """{filesystem: {operation: ratio to native}} of what has a base."""
    out = {}
    for fs, ops in figures.items():
        base = figures.get(BASE.get(fs, "native"), {})
        out[fs] = {op: ns / base[op] for op, ns in ops.items()
                   if op in base and op not in ABSOLUTE and base[op]}
    return out


def table(kernel, figures, spread):
    names = list(figures)
    ops = list(dict.fromkeys(op for fs in names for op in figures[fs]))
    ratio = ratios(figures)
    rows = [["operation", "target"] + names]
    for op in ops:
        row = [op, f"{TARGETS[op]:.2f}" if op in TARGETS else ""]
        for fs in names:
            value = figures[fs].get(op)
            if value is None:
                row.append("-")
            elif fs in ("native", "native_tmpfs") or op in ABSOLUTE:
                row.append(f"{value:.0f}")
            elif op in ratio[fs]:
                mark = ("*" if fs == "shiftfs" and
                        ratio[fs][op] > TARGETS.get(op, 1e9) else "")
                row.append(f"{ratio[fs][op]:.3f}{mark}")
            else:
                row.append(f"({value:.0f})")
        rows.append(row)
    width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    text = [f"kernel {kernel}: native and mount_umount in instructions, "
            "slab_bytes in bytes for each file,",
            "the others as ratio to native (shiftfs_tmpfs to native_tmpfs); "
            "* misses the target", ""]
    text += ["  ".join([row[0].ljust(width[0])] +
                       [cell.rjust(w) for cell, w in zip(row[1:], width[1:])])
             for row in rows]
    if spread:
        worst = max(spread, key=lambda s: s[0])
        text += ["", f"between boots: median {sorted(spread)[len(spread) // 2][0]:.3%}, "
                 f"worst {worst[0]:.2%} ({worst[1]} {worst[2]})"]
    return "\n".join(text) + "\n"


def chart(kernel, figures):
    """Horizontal bars of the ratios, one group for each operation."""
    colours = ["#9ecae1", "#4292c6", "#fdae6b", "#e6550d", "#31a354",
               "#74c476", "#756bb1", "#969696", "#bcbddc", "#252525"]
    ratio = ratios(figures)
    names = [fs for fs in figures if fs not in ("native", "native_tmpfs")]
    ops = [op for op in figures["native"] if op not in ABSOLUTE]
    bar, gap, left, full, limit = 7, 10, 170, 620, 3.0
    group = len(names) * bar + gap
    height = 70 + group * len(ops) + 20
    scale = full / limit
    # the legend of all filesystems is wider than the bars
    width = max(left + full + 70, 20 + sum(24 + 7 * len(fs) for fs in names))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
           f'height="{height}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="10" y="18" font-size="14">{escape(kernel)}: executed '
           'instructions, ratio to native</text>']
    x = 10
    for i, fs in enumerate(names):
        out.append(f'<rect x="{x}" y="28" width="10" height="10" '
                   f'fill="{colours[i % len(colours)]}"/>'
                   f'<text x="{x + 14}" y="37">{escape(fs)}</text>')
        x += 24 + 7 * len(fs)
    for tick in (0.5, 1, 1.5, 2, 2.5, 3):
        at = left + tick * scale
        out.append(f'<line x1="{at}" y1="48" x2="{at}" y2="{height - 15}" '
                   f'stroke="{"#444" if tick == 1 else "#ddd"}"/>'
                   f'<text x="{at - 8}" y="{height - 3}">{tick}</text>')
    y = 55
    for op in ops:
        out.append(f'<text x="{left - 6}" y="{y + group / 2}" '
                   f'text-anchor="end">{escape(op)}</text>')
        for i, fs in enumerate(names):
            value = ratio[fs].get(op)
            if value is None:
                continue
            at = y + i * bar
            out.append(f'<rect x="{left}" y="{at}" height="{bar - 1}" '
                       f'width="{min(value, limit) * scale:.1f}" '
                       f'fill="{colours[i % len(colours)]}"/>')
            if value > limit:
                out.append(f'<text x="{left + full + 4}" y="{at + bar}" '
                           f'font-size="8">{value:.1f}</text>')
        y += group
    out.append("</svg>")
    return "\n".join(out) + "\n"


def write(out, results):
    boots = [parse(path) for path in results]
    kernel = boots[0][0]
    figures, spread = {}, []
    for fs, ops in boots[0][1].items():
        figures[fs] = {}
        for op in ops:
            values = [boot[1][fs][op] for boot in boots]
            figures[fs][op] = round(sum(values) / len(values), 1)
            if len(values) > 1:
                spread.append((max(values) / min(values) - 1, fs, op))
    with open(out + ".json", "w", encoding="utf-8") as f:
        json.dump({"kernel": kernel, "fs": figures}, f, indent=1)
        f.write("\n")
    text = table(kernel, figures, spread)
    with open(out + ".txt", "w", encoding="utf-8") as f:
        f.write(text)
    if "native" in figures:
        with open(out + ".svg", "w", encoding="utf-8") as f:
            f.write(chart(kernel, figures))
    print(text, end="")


def check(old_path, new_path):
    try:
        with open(old_path, encoding="utf-8") as f:
            old = json.load(f)
    except FileNotFoundError:
        sys.exit(f"{old_path}: no figures to compare with; make bench and "
                 "make bench-figures make them")
    with open(new_path, encoding="utf-8") as f:
        new = json.load(f)
    before, after = ratios(old["fs"]), ratios(new["fs"])
    worse, compared = [], 0
    # BENCH_FS= may have left others out, but not the one that all is about.
    if "shiftfs" not in after or "shiftfs" not in before:
        sys.exit("shiftfs itself is not in both")
    for fs, ops in before.items():
        if not fs.startswith("shiftfs") or fs not in after:
            continue
        for op, ratio in ops.items():
            if op not in after[fs]:
                worse.append(f"{fs} {op}: not measured")
                continue
            compared += 1
            if after[fs][op] > ratio * (1 + LIMIT):
                worse.append(f"{fs} {op}: {ratio:.3f} became {after[fs][op]:.3f}")
    print("\n".join(worse + [f"{compared} ratios of {old['kernel']} (now "
                             f"{new['kernel']}) compared, {len(worse)} worse"]))
    if worse or not compared:
        sys.exit(1)


if len(sys.argv) == 4 and sys.argv[1] == "--check":
    check(sys.argv[2], sys.argv[3])
elif len(sys.argv) >= 3 and not sys.argv[1].startswith("-"):
    write(sys.argv[1], sys.argv[2:])
else:
    sys.exit(__doc__)
