#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of report.py and nfs-report: what boots printed becomes JSON, table and chart;
and the comparisons find what is dearer, and nothing else."""
import copy
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

REPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report.py")
NFS_REPORT = os.path.join(os.path.dirname(REPORT), "nfs-report")
FIGURES = {"kernel": "1.2.3", "fs": {
    "native": {"stat_deep8": 4000.0, "open_close": 4000.0, "mount_umount": 30000.0},
    "bind": {"stat_deep8": 4000.0, "mount_umount": 10000.0},
    "overlayfs": {"stat_deep8": 6000.0, "open_close": 6800.0, "mount_umount": 4e5},
    "shiftfs": {"stat_deep8": 4400.0, "open_close": 5600.0, "mount_umount": 50000.0},
    "native_tmpfs": {"stat_deep8": 2000.0},
    "shiftfs_tmpfs": {"stat_deep8": 2400.0}}}
failed = 0
number = 0


def test(name, good):
    global failed, number
    number += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {number} {name}")


def report(*args):
    done = subprocess.run([sys.executable, REPORT, *args], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def check(**factors):
    """Compare FIGURES with the same multiplied; shiftfs__stat_deep8=1.03."""
    new = copy.deepcopy(FIGURES)
    for key, factor in factors.items():
        fs, op = key.split("__")
        if factor is None:
            del new["fs"][fs][op]
        else:
            new["fs"][fs][op] *= factor
    for name, what in (("old", FIGURES), ("new", new)):
        with open(name, "w", encoding="ascii") as f:
            json.dump(what, f)
    return report("--check", "old", "new")


def boot(name, factor=1.0):
    """What the guest prints, with some that is not for us."""
    with open(name, "w", encoding="ascii") as f:
        f.write("kernel 1.2.3\nbench: bindfs: getacl is left out\n")
        for fs, ops in FIGURES["fs"].items():
            for op, ns in ops.items():
                f.write(f"{fs} {op} {ns * factor:.1f}\n")
    return name


def comparison():
    status, text = check()
    test("the same figures pass", status == 0 and "0 worse" in text)
    status, text = check(shiftfs__stat_deep8=1.019)
    test("1.9 % worse passes", status == 0)
    status, text = check(shiftfs__stat_deep8=1.021)
    test("2.1 % worse fails, and is named",
         status == 1 and "shiftfs stat_deep8: 1.100 became 1.123" in text)
    test("what has not changed is not named", "open_close" not in text)
    status, text = check(native__stat_deep8=0.97)
    test("a faster native makes the ratio worse", status == 1)
    status, text = check(native__stat_deep8=1.5, shiftfs__stat_deep8=1.5)
    test("all slower alike is no change", status == 0)
    status, text = check(shiftfs__stat_deep8=0.5)
    test("better passes", status == 0)
    status, text = check(overlayfs__stat_deep8=2)
    test("others are not ours to answer for", status == 0)
    status, text = check(shiftfs_tmpfs__stat_deep8=1.03)
    test("tmpfs is compared with tmpfs",
         status == 1 and "shiftfs_tmpfs stat_deep8: 1.200" in text)
    status, text = check(shiftfs__open_close=None)
    test("an operation that is missing fails",
         status == 1 and "shiftfs open_close: not measured" in text)
    with open("new", "w", encoding="ascii") as f:
        json.dump({"kernel": "1.2.3", "fs": {"native": {"fstat": 1.0}}}, f)
    test("without shiftfs nothing was compared", report("--check", "old", "new")[0] == 1)
    status, text = report("--check", "absent", "new")
    test("figures that are missing fail", status == 1 and "absent" in text)


def results():
    status, text = report("out", boot("boot1"))
    with open("out.json", encoding="ascii") as f:
        test("the JSON is what was printed", status == 0 and json.load(f) == FIGURES)
    test("the table has the ratio", "1.100" in text and "1.400*" in text)
    with open("out.txt", encoding="ascii") as f:
        test("the table is kept", f.read() == text)
    bars = xml.etree.ElementTree.parse("out.svg").findall(
        ".//{http://www.w3.org/2000/svg}rect")
    # background, a legend and a bar for each ratio
    test("the chart has a bar for each ratio", len(bars) == 1 + 4 + 6)
    status, text = report("out", boot("boot1"), boot("boot2", 1.01))
    test("the spread between boots is told", status == 0 and "worst 1.00%" in text)
    with open("out.json", encoding="ascii") as f:
        test("and the mean is kept",
             json.load(f)["fs"]["native"]["stat_deep8"] == 4020)
    with open("boot2", "a", encoding="ascii") as f:
        f.write("shiftfs extra 1.0\n")
    with open("boot1", "w", encoding="ascii") as f:
        f.write("the guest died\n")
    test("a boot without results fails", report("out", "boot1")[0] == 1)


def nfs(**changes):
    """nfs-report of calls that are as natively but for those given: view__operation is
    calls by kind, of ten files, or an error."""
    calls = {"stat": {"GETATTR": 10}, "rename": {"RENAME": 10}, "utimensat": {}}
    views = {view: {name: {"of": 10, "kinds": dict(kinds), "us": 1, "failed": []}
                    for name, kinds in calls.items()}
             for view in ("native", "shiftfs", "caller", "delegate")}
    for key, change in changes.items():
        view, name = key.split("__")
        result = views[view][name]
        if isinstance(change, str):
            result["failed"].append(change)
        else:
            result["kinds"].update(change)
    for view in views.values():
        view["mount"] = {"us": 1}
    with open("nfs.json", "w", encoding="ascii") as f:
        f.write("a line of another\n")
        f.write(json.dumps({"kernel": "7.3.4", "files": 10, "views": views}) + "\n")
    done = subprocess.run([NFS_REPORT, "nfs.json"], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def calls_of_a_server():
    test("as many calls as natively pass", nfs()[0] == 0)
    status, text = nfs(shiftfs__stat={"LOOKUP": 2})
    test("a call more fails, and is named",
         status == 1 and "stat, shiftfs: 0.20 more; more of LOOKUP 2" in text)
    test("with creds=caller as well", nfs(caller__stat={"LOOKUP": 2})[0] == 1)
    test("one for ten files is noise", nfs(shiftfs__stat={"LOOKUP": 1})[0] == 0)
    test("fewer pass", nfs(shiftfs__stat={"GETATTR": 0})[0] == 0)
    test("others are not ours to answer for", nfs(delegate__stat={"LOOKUP": 10})[0] == 0)
    test("a call of which is known why passes", nfs(shiftfs__utimensat={"SETATTR": 10})[0] == 0)
    test("but not two of them", nfs(shiftfs__utimensat={"SETATTR": 20})[0] == 1)
    test("nor that of the other view", nfs(caller__utimensat={"SETATTR": 10})[0] == 1)
    status, text = nfs(shiftfs__stat="Stale file handle")
    test("an error that is not there natively fails", status == 1 and "Stale file" in text)
    test("an error that is there natively passes",
         nfs(native__stat="No data", shiftfs__stat="No data")[0] == 0)
    test("a delegation may be given back at any time",
         nfs(native__stat={"DELEGRETURN": 10}, shiftfs__rename={"DELEGRETURN": 10})[0] == 0)
    test("but not more of them in the whole run",
         nfs(native__stat={"DELEGRETURN": 1}, shiftfs__rename={"DELEGRETURN": 10})[0] == 1)


def main():
    print("TAP version 13")
    with tempfile.TemporaryDirectory() as tmp:
        os.chdir(tmp)
        comparison()
        results()
        calls_of_a_server()
        os.chdir("/")
    print(f"1..{number}")
    print(f"# totals: pass:{number - failed} fail:{failed} skip:0")
    sys.exit(failed != 0)


main()
