# SPDX-License-Identifier: GPL-2.0-or-later
"""What operations cost in requests to the server, by the NFS client's own count.

Each operation is done on COUNT files, natively and then through the mount, by a
user, on names and inodes that are not cached ("cold") or as they are after their
creation. The same operations, in the same order, in fresh directories.
"""
import os

COUNT = 20


def requests(low):
    """All requests that the client has sent for the mount at `low`."""
    with open("/proc/self/mountstats", encoding="ascii") as f:
        mount = f.read().split(f"mounted on {low} ")[1].split("\ndevice ")[0]
    lines = mount.split("per-op statistics\n")[1].splitlines()
    return {f[0].rstrip(":"): int(f[1]) for f in (l.split() for l in lines) if f}


def names(top):
    return [os.path.join(top, f"a file {n}") for n in range(COUNT)]


def put(path, flags, mode=0o644):
    fd = os.open(path, flags | os.O_WRONLY, mode)
    os.write(fd, b"text")
    os.close(fd)


def each(function):
    def operation(top):
        for name in names(top):
            function(name)
    return operation


def read(path):
    with open(path, "rb") as f:
        f.read()


def list_all(top):
    for entry in os.scandir(top):
        entry.stat(follow_symlinks=False)


# (what, whether the caches are dropped before, what is done)
OPERATIONS = [
    ("create and write", False, each(lambda p: put(p, os.O_CREAT | os.O_TRUNC))),
    ("stat", False, each(os.stat)),
    ("open and read", False, each(read)),
    ("overwrite", False, each(lambda p: put(p, os.O_CREAT | os.O_TRUNC))),
    ("append", False, each(lambda p: put(p, os.O_CREAT | os.O_APPEND))),
    ("create, O_EXCL and 0444", False,
     each(lambda p: put(p + "x", os.O_CREAT | os.O_EXCL, 0o444))),
    ("chmod", False, each(lambda p: os.chmod(p, 0o600))),
    ("truncate", False, each(lambda p: os.truncate(p, 1))),
    ("link", False, each(lambda p: os.link(p, p + "l"))),
    ("symlink", False, each(lambda p: os.symlink("target", p + "s"))),
    ("readlink", False, each(lambda p: os.readlink(p + "s"))),
    ("mkdir", False, each(lambda p: os.mkdir(p + "d"))),
    ("rename", False, each(lambda p: os.rename(p + "l", p + "r"))),
    ("rename over", False, each(lambda p: os.rename(p + "r", p + "x"))),
    ("cold stat", True, each(os.stat)),
    ("cold open and read", True, each(read)),
    ("cold overwrite", True, each(lambda p: put(p, os.O_CREAT | os.O_TRUNC))),
    ("cold ls -l", True, list_all),
    ("cold unlink", True, each(lambda p: os.unlink(p + "x"))),
    ("unlink", False, each(os.unlink)),
    ("rmdir", False, each(lambda p: os.rmdir(p + "d"))),
]


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("2")


def measure(low, top, as_user, ids):
    """[(what, {kind of request: number})] of all operations in `top`."""
    results = []
    for what, cold, operation in OPERATIONS:
        if cold:
            drop_caches()
        before = requests(low)
        as_user(*ids, lambda operation=operation: operation(top))
        after = requests(low)
        results.append((what, {k: n - before.get(k, 0) for k, n in after.items()
                               if n != before.get(k, 0)}))
    return results
