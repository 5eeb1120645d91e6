# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that dies, comes back, forgets a file or has no room: what a user natively
on the client's mount is told, a user of the pod on the same mount is told.

They do the same at the same time, in phases; the server changes in between. There are
two pods, with creds=mounter and with creds=caller.
"""
import concurrent.futures
import ctypes
import errno
import fcntl
import json
import os
import select
import struct
import subprocess
import time

THREADS = "/proc/fs/nfsd/threads"
WAIT = 200


def stop():
    """All state of the clients is lost, as by a reboot."""
    with open(THREADS, "w", encoding="ascii") as f:
        f.write("0")


def start():
    subprocess.run("rpc.nfsd -G 10 -L 10 2", shell=True, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def outcome(function, *args):
    try:
        return function(*args) or "done"
    except OSError as e:
        return errno.errorcode[e.errno]


def at_once(calls):
    """A phase of calls that each wait for a server which does not answer: they wait
    together, so none of them may need a lock that another has."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        results = list(pool.map(lambda call: outcome(call[1]), calls))
    return [(what, lambda got=got: got) for (what, _), got in zip(calls, results)]


class Side:
    """A child that does the phases as a user in a directory of his."""

    def __init__(self, lowers, name, top, uid, phases):
        self.name = name
        self.stored = os.path.join(lowers.back, name)
        os.mkdir(self.stored)
        os.chown(self.stored, 1000, 1000)
        self.ready, ready = os.pipe()
        go, self.go = os.pipe()
        top = os.path.join(top, name)

        def child():
            kept = {}
            for phase in phases:
                got = {what: outcome(function) for what, function in phase(kept, top)}
                os.write(ready, json.dumps(got).encode() + b"\n")
                os.read(go, 1)

        def prepare():
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        self.pid = lowers.in_child(child, prepare)
        os.close(ready)
        os.close(go)

    def result(self, deadline):
        """What the phase said, or that it did not end."""
        if not select.select([self.ready], [], [], max(0, deadline - time.monotonic()))[0]:
            return {"the phase": "hangs"}
        data = b""
        while not data.endswith(b"\n"):
            more = os.read(self.ready, 65536)
            if not more:
                return {"the phase": "died"}
            data += more
        return json.loads(data)

    def end(self):
        os.close(self.ready)
        os.close(self.go)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


def compare(lowers, phases, between, known=None):
    """Run @phases on all sides, @between[n] after phase n; what differs is wrong, and
    so is what is not as @known says natively."""
    with open("/proc/self/mounts", encoding="ascii") as f:
        mounts = {line.split()[1]: line.split()[3] for line in f if " shiftfs " in line}
    sides = [Side(lowers, "native", lowers.low, 1000, phases)]
    for top, options in mounts.items():
        name = "caller" if "creds=caller" in options else "mounter"
        sides.append(Side(lowers, name, top, lowers.seen(1000), phases))
    lowers.equal(["caller", "mounter", "native"], sorted(s.name for s in sides), "sides")
    bad = []
    try:
        for n, change in enumerate(between):
            deadline = time.monotonic() + WAIT
            native, *rest = (side.result(deadline) for side in sides)
            print(f"# phase {n}: {native}", flush=True)
            for side, got in zip(sides[1:], rest):
                bad += [f"phase {n}, {what}: {native.get(what)} natively, "
                        f"{got.get(what)} with creds={side.name}"
                        for what in {**native, **got} if native.get(what) != got.get(what)]
            for what, result in (known or {}).get(n, {}).items():
                lowers.equal(result, native.get(what), f"natively {what}")
            if change:
                change(sides)
            for side in sides:
                os.write(side.go, b"x")
        stored = {side.name: lowers_stored(side.stored) for side in sides}
    finally:
        for side in sides:
            side.end()
    lowers.check(not bad, "; ".join(bad))
    for name, got in stored.items():
        lowers.equal(stored["native"], got, f"what is stored of {name}")


def lowers_stored(top):
    """{name: contents} of a directory of the server's"""
    got = {}
    for where, _, names in os.walk(top):
        for name in names:
            if not name.startswith(".nfs"):
                with open(os.path.join(where, name), "rb") as f:
                    got[os.path.relpath(f.name, top)] = f.read()
    return got


def lock(fd):
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def load(kept, top, records):
    """What a program does all the time."""
    fd = kept["log"]
    for n in records:
        os.write(fd, b"record %04d\n" % n)
        os.fsync(fd)
        with open(f"{top}/new", "w", encoding="ascii") as f:
            f.write(str(n))
        os.rename(f"{top}/new", f"{top}/state")
        os.mkdir(f"{top}/d")
        os.rmdir(f"{top}/d")
        with open(f"{top}/state", encoding="ascii") as f:
            if f.read() != str(n):
                return "another state"
    return None


def restart(lowers):
    """A server that is away for some seconds under load, hard mounted: nobody is told
    anything, nothing is lost, a lock is held as before."""
    def first(kept, top):
        def begin():
            kept["log"] = os.open(f"{top}/log", os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
            kept["lock"] = os.open(f"{top}/lock", os.O_CREAT | os.O_RDWR, 0o600)
            lock(kept["lock"])
        return [("begin", begin), ("load", lambda: load(kept, top, range(5)))]

    def second(kept, top):
        return [("load through the restart", lambda: load(kept, top, range(5, 15))),
                ("lock", lambda: lock(kept["lock"]))]

    def away(_):
        subprocess.Popen("sleep 1; echo 0 >/proc/fs/nfsd/threads; sleep 4; "
                         "exec rpc.nfsd -G 10 -L 10 2", shell=True)

    def locked(sides):
        for side in sides:
            fd = os.open(f"{side.stored}/lock", os.O_RDWR)
            lowers.fails(errno.EAGAIN, lock, fd)
            os.close(fd)
    compare(lowers, [first, second], [away, locked],
            {1: {"load through the restart": "done"}})


def soft(lowers):
    """A soft mount gives up, with the same error of each call, and works again."""
    def first(kept, top):
        def begin():
            for name in "read", "write":
                kept[name] = os.open(f"{top}/{name}", os.O_CREAT | os.O_RDWR, 0o600)
                os.write(kept[name], b"before\n")
                os.fsync(kept[name])
            os.posix_fadvise(kept["read"], 0, 0, os.POSIX_FADV_DONTNEED)
            # a directory each for what locks one
            for name in "create", "mkdir", "unlink", "rename", "list":
                os.mkdir(f"{top}/{name}")
                os.close(os.open(f"{top}/{name}/f", os.O_CREAT | os.O_WRONLY))
        return [("begin", begin)]

    def written(fd):
        os.pwrite(fd, b"while it is away\n", 0)
        os.fsync(fd)

    def second(kept, top):
        return at_once([
            ("stat", lambda: os.stat(f"{top}/read").st_size),
            ("fstat", lambda: os.fstat(kept["read"]).st_size),
            ("read", lambda: os.pread(kept["read"], 10, 0).decode()),
            ("write and fsync", lambda: written(kept["write"])),
            ("open", lambda: os.close(os.open(f"{top}/read", os.O_RDONLY))),
            ("create", lambda: os.close(os.open(f"{top}/create/n", os.O_CREAT | os.O_WRONLY))),
            ("mkdir", lambda: os.mkdir(f"{top}/mkdir/m")),
            ("unlink", lambda: os.unlink(f"{top}/unlink/f")),
            ("rename", lambda: os.rename(f"{top}/rename/f", f"{top}/rename/r")),
            ("list", lambda: os.listdir(f"{top}/list")),
            ("statfs", lambda: str(os.statvfs(top).f_bsize))])

    def third(kept, top):
        # until the grace period is over
        for _ in range(60):
            if outcome(os.mkdir, f"{top}/back") == "done":
                break
            time.sleep(0.5)
        def again():
            with open(f"{top}/again", "w", encoding="ascii") as f:
                f.write("again")
                f.flush()
                os.fsync(f.fileno())
        return [("write again", again),
                ("list again", lambda: sorted(os.listdir(top)))]
    compare(lowers, [first, second, third],
            [lambda _: stop(), lambda _: start(), None],
            {2: {"write again": "done"}})


def stale(lowers):
    """What the server no longer has: files, and directories where somebody is."""
    def first(kept, top):
        def begin():
            for name in "kept", "removed", "replaced":
                kept[name] = os.open(f"{top}/{name}", os.O_CREAT | os.O_RDWR, 0o600)
                os.write(kept[name], name.encode())
                os.fsync(kept[name])
            for name in "gone", "new":
                os.mkdir(f"{top}/{name}")
                with open(f"{top}/{name}/f", "w", encoding="ascii") as f:
                    f.write(name)
                kept[name] = os.open(f"{top}/{name}", os.O_RDONLY)
        return [("begin", begin)]

    def change(sides):
        stop()
        for side in sides:
            subprocess.run("rm -r removed replaced gone new && mkdir new && "
                           "echo other >new/g && echo other >replaced && chown -R 1000:1000 .",
                           shell=True, check=True, cwd=side.stored)
        start()

    def text(path):
        with open(path, encoding="ascii") as f:
            return f.read()

    def second(kept, top):
        rows = []
        for name in "kept", "removed", "replaced":
            fd = kept[name]
            rows += [(f"read {name}", lambda fd=fd: os.pread(fd, 20, 0).decode()),
                     (f"fstat {name}", lambda fd=fd: str(os.fstat(fd).st_size)),
                     (f"write {name}", lambda fd=fd: str(os.pwrite(fd, b"x", 0))),
                     (f"fsync {name}", lambda fd=fd: os.fsync(fd)),
                     (f"fchmod {name}", lambda fd=fd: os.fchmod(fd, 0o640)),
                     (f"open {name}", lambda name=name: text(f"{top}/{name}"))]
        for name in "gone", "new":
            fd = kept[name]
            rows += [(f"list {name}", lambda name=name: sorted(os.listdir(f"{top}/{name}"))),
                     (f"list open {name}", lambda fd=fd: sorted(os.listdir(fd))),
                     (f"stat in open {name}", lambda fd=fd: str(os.stat("f", dir_fd=fd).st_size)),
                     (f"create in open {name}", lambda fd=fd: os.close(os.open(
                         "c", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd)))]
        return rows + [("mkdir gone", lambda: os.mkdir(f"{top}/gone")),
                       ("close", lambda: [os.close(kept[n]) for n in ("kept", "removed")] and None)]
    compare(lowers, [first, second], [change, None], {0: {"begin": "done"}})


def bad_disk(lowers, broken):
    """The server's disk no longer takes data: who writes is told so by fsync, or else by
    close. @broken(True) is such a disk, @broken(False) a good one again."""
    size = 1 << 16

    def put(path, text, sync):
        fd = os.open(path, os.O_WRONLY)
        said = []
        for call in (lambda: os.pwrite(fd, text * size, 0),
                     lambda: sync and os.fsync(fd), lambda: os.close(fd)):
            result = outcome(call)
            if isinstance(result, str) and result != "done":
                said.append(result)
        return said[0] if said else "no error"

    def first(kept, top):
        def begin():
            for name in "fsync", "close":
                with open(f"{top}/{name}", "wb") as f:
                    f.write(b"a" * size)
                    f.flush()
                    os.fsync(f.fileno())
            kept["mapped"] = os.open(f"{top}/fsync", os.O_RDWR)
        return [("begin", begin)]

    def second(_, top):
        return [("fsync", lambda: put(f"{top}/fsync", b"b", True)),
                ("close", lambda: put(f"{top}/close", b"b", False))]

    def third(kept, top):
        return [("fsync again", lambda: put(f"{top}/fsync", b"c", True)),
                # close says the error again and again, until an fsync has
                ("fsync of the other", lambda: put(f"{top}/close", b"b", True)),
                ("close again", lambda: put(f"{top}/close", b"c", False)),
                ("read", lambda: os.pread(kept["mapped"], 3, 0).decode())]

    def mended(sides):
        for side in sides:
            for name in "fsync", "close":
                with open(f"{side.stored}/{name}", "rb") as f:
                    lowers.check(f.read() == b"c" * size, f"{side.name}: {name} as stored")
    compare(lowers, [first, second, third],
            [lambda _: broken(True), lambda _: broken(False), mended],
            {1: {"fsync": "EIO", "close": "EIO"},
             2: {"fsync again": "no error", "close again": "no error", "read": "ccc"}})


def write_all(path, size, sync):
    """Which error comes, at the latest when it is closed."""
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    said = []
    try:
        for _ in range(size >> 20):
            os.write(fd, b"x" * (1 << 20))
        if sync:
            os.fsync(fd)
    except OSError as e:
        said.append(errno.errorcode[e.errno])
    try:
        os.close(fd)
    except OSError as e:
        said.append(errno.errorcode[e.errno])
    return said[0] if said else "no error"


def no_room(lowers, size, error, free):
    """Who has written more than there is room for is told so, by fsync or by close;
    @free blocks are so before."""
    results = []
    for name, top, uid in (("native", lowers.low, 1000),
                           ("pod", lowers.up, lowers.seen(1000))):
        # the server may have what was removed open for some seconds
        for _ in range(50):
            if os.statvfs(lowers.back).f_bfree + 32 >= free:
                break
            time.sleep(0.2)
        def synced(_, top):
            return [("fsync", lambda: write_all(f"{top}/file", size, True))]

        def closed(_, top):
            return [("truncate", lambda: os.truncate(f"{top}/file", 0)),
                    ("close", lambda: write_all(f"{top}/file", size, False))]

        side = Side(lowers, name, top, uid, [synced, closed])
        got = {}
        for _ in range(2):
            got.update(side.result(time.monotonic() + WAIT))
            stored = os.stat(f"{side.stored}/file").st_blocks * 512
            lowers.check(stored < size, f"{stored} of {size} bytes are stored")
            os.write(side.go, b"x")
        side.end()
        os.unlink(f"{side.stored}/file")
        results.append(got)
    lowers.equal(*results, "what is said natively and here")
    for how in "fsync", "close":
        lowers.equal(error, results[0][how], "natively " + how)


Q_SETQUOTA_USER = 0x800008 << 8


def quota(device, uid, blocks):
    """Limit a user to so many blocks of 1 KiB, by quotactl(2)."""
    limits = struct.pack("QQQQQQQQI4x", blocks, blocks, 0, 0, 0, 0, 0, 0, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.quotactl(ctypes.c_uint(Q_SETQUOTA_USER), device.encode(), uid, limits):
        raise OSError(ctypes.get_errno(), "quotactl")
