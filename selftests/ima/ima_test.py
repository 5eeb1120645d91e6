#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""IMA: a program that was changed is measured again, however it was changed.

For a kernel booted with ima_policy=tcb. KTAP out.
"""
import os
import shutil
import subprocess
import sys
import time

# the list knows a name for ever
WORK = f"/var/tmp/ima.{os.getpid()}"
LOWER, UPPER, MARK = WORK + "/lower", WORK + "/upper", WORK + "/mark"
LIST = "/sys/kernel/security/ima/ascii_runtime_measurements"
MAP = "b:0:100000:65536"
count = [0, 0]


def sh(command):
    subprocess.run("set -e; " + command, shell=True, check=True)


def measured(path):
    """The digests of what was measured under this name."""
    with open(LIST, encoding="ascii", errors="replace") as f:
        fields = [line.split() for line in f]
    return {f[3] for f in fields if len(f) > 4 and f[4] == path}


def change(path, text):
    """Another program, of the same inode."""
    with open(path, "ab") as f:
        f.write(text)


def again(run, directory, name):
    """Run it unchanged, changed, and changed by another mount."""
    path = directory + name

    def want(n, what):
        got = len(measured(path))
        assert got == n, f"{path}: {got} measurements {what}, wanted {n}"

    run()
    want(1, "of what is new")
    run()
    want(1, "of what is unchanged")
    change(LOWER + name, b"one")
    run()
    want(2, "after a change beneath")
    change(LOWER + name, b"two")
    run()
    want(3, "after a second one")
    change(WORK + "/second" + name, b"three")
    run()
    want(4, "after one by another mount")


def clear():
    with open("/proc/self/mounts", encoding="ascii") as f:
        points = [line.split()[1] for line in f]
    for point in reversed(points):
        if point.startswith(WORK + "/"):
            sh(f"umount {point}")
    shutil.rmtree(WORK, ignore_errors=True)


def fresh(name, lower_type=None):
    """A program of this name, and a mount of its directory for others."""
    clear()
    for point in ("lower", "upper", "mark", "second", "ns"):
        os.makedirs(f"{WORK}/{point}")
    os.chmod(WORK, 0o755)
    if lower_type:
        sh(f"mount -t {lower_type} {lower_type} {LOWER}")
    shutil.copy("/bin/true", f"{LOWER}/{name}")
    # the host's root has no id in the second mount
    os.chmod(f"{LOWER}/{name}", 0o777)
    sh(f"mount -t shiftfs -o idmap={MAP} {LOWER} {WORK}/second")
    return f"/{name}"


def native():
    name = fresh("native")
    again(lambda: sh(LOWER + name), LOWER, name)


def mounted():
    name = fresh("mounted")
    sh(f"mount -t shiftfs -o idmap={MAP} {LOWER} {UPPER}")
    again(lambda: sh(UPPER + name), UPPER, name)


def over_tmpfs():
    """What has no version of its contents."""
    name = fresh("over_tmpfs", "tmpfs")
    sh(f"mount -t shiftfs -o idmap={MAP} {LOWER} {UPPER}")
    again(lambda: sh(UPPER + name), UPPER, name)


def by_a_namespace():
    """What a container mounts of a mark."""
    name = fresh("by_a_namespace")
    sh(f"mount -t shiftfs -o mark {LOWER} {MARK}")
    with subprocess.Popen(["unshare", "-U", "-m", "sleep", "600"]) as holder:
        try:
            while os.readlink(f"/proc/{holder.pid}/ns/user") == \
                    os.readlink("/proc/self/ns/user"):
                time.sleep(0.01)
            for ids in ("uid_map", "gid_map"):
                with open(f"/proc/{holder.pid}/{ids}", "w",
                          encoding="ascii") as f:
                    f.write("0 100000 65536")
            inside = f"nsenter -t {holder.pid} -U -m -S 0 -G 0 -- "
            sh(f"{inside} mount -t shiftfs {MARK} {WORK}/ns")
            again(lambda: sh(inside + WORK + "/ns" + name), WORK + "/ns", name)
        finally:
            holder.kill()


def main():
    tests = [native, mounted, over_tmpfs, by_a_namespace]
    print("TAP version 13")
    if not os.path.exists(LIST):
        sh("mount -t securityfs securityfs /sys/kernel/security")
    with open("/proc/cmdline", encoding="ascii") as f:
        if "ima_policy=tcb" not in f.read():
            sys.exit("ima_test.py: boot with ima_policy=tcb: make check-ima")
    sh("modprobe shiftfs")
    for test in tests:
        try:
            test()
            count[0] += 1
            print(f"ok {sum(count)} ima.{test.__name__}", flush=True)
        except (AssertionError, OSError,
                subprocess.CalledProcessError) as error:
            count[1] += 1
            print(f"# {error}")
            print(f"not ok {sum(count)} ima.{test.__name__}", flush=True)
    clear()
    print(f"1..{len(tests)}")
    print(f"# totals: pass:{count[0]} fail:{count[1]} skip:0")
    sys.exit(count[1] > 0)


main()
