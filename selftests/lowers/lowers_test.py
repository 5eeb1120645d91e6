#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lower filesystems that cannot be idmapped, with their real servers.

Each test says what is seen through the mount and what the server has stored.
KTAP out; LOWER... names some of the lowers instead of all.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import privileges  # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MAP = "idmap=b:0:100000:65536"
work = tempfile.mkdtemp(prefix="lowers.", dir="/var/tmp")
os.chmod(work, 0o755)
back, low, up = (os.path.join(work, d) for d in ("back", "low", "up"))
count = {"pass": 0, "fail": 0, "skip": 0}


def sh(command):
    subprocess.run(command, shell=True, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def seen(ident):
    return 100000 + ident


def check(cond, text):
    if not cond:
        raise AssertionError(text)


def equal(want, got, what):
    check(want == got, f"{what} is {got!r}, wanted {want!r}")


def fails(number, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except OSError as e:
        equal(errno.errorcode[number], errno.errorcode[e.errno], "the error")
    else:
        raise AssertionError(f"succeeded, wanted {errno.errorcode[number]}")


def owner(path):
    s = os.lstat(path)
    return s.st_uid, s.st_gid


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def write(path, text, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC, perm=0o644):
    fd = os.open(path, flags, perm)
    os.write(fd, text.encode())
    os.close(fd)


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def in_child(function, prepare):
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        prepare()
        os.umask(0)
        function()
        status = 0
    except (AssertionError, OSError) as e:
        tb = e.__traceback__
        while tb.tb_next:
            tb = tb.tb_next
        print(f"# line {tb.tb_lineno}: {e}", flush=True)
    finally:
        os._exit(status)


def reap(pid):
    check(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0,
          "the child failed")


def as_user(uid, gid, function, groups=()):
    def prepare():
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    reap(in_child(function, prepare))


def as_container(function, uid=0, base=100000):
    """In a user namespace of 65536 ids from base on; uid 0 has all capabilities there."""
    ready, go = os.pipe(), os.pipe()

    def prepare():
        check(libc.unshare(CLONE_NEWUSER) == 0, "unshare")
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    pid = in_child(function, prepare)
    os.read(ready[0], 1)
    for kind in ("uid", "gid"):
        with open(f"/proc/{pid}/{kind}_map", "w", encoding="ascii") as f:
            f.write(f"0 {base} 65536")
    os.write(go[1], b"x")
    for fd in ready + go:
        os.close(fd)
    reap(pid)


helpers = types.SimpleNamespace(back=back, low=low, up=up, check=check, write=write,
                                as_container=as_container)


def shift(options=MAP):
    sh(f"mount -t shiftfs -o '{options}' {low} {up}")


def unshift():
    sh(f"umount {up}")


# What every lower that can be written to has to do.

def both_locks(fd):
    """A lock and a flock of one file, which for the servers of NFS and SMB are of one
    kind: they exclude each other, unless the client has a delegation or their owner
    is the same, as that of a flock and an OFD lock is."""
    def ofd(kind):
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, 0, 0, 0, 0))

    def flock():
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            return errno.errorcode[e.errno]
        return "both"

    ofd(fcntl.F_WRLCK)
    result = [flock()]
    fcntl.flock(fd, fcntl.LOCK_UN)
    ofd(fcntl.F_UNLCK)
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return result + [flock()]


def direct(path):
    """What comes of reading it with O_DIRECT."""
    page = mmap.mmap(-1, 4096)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        try:
            return page[:os.preadv(fd, [page], 0)]
        finally:
            os.close(fd)
    except OSError as e:
        return errno.errorcode[e.errno]


def changes(real_owners=True, links=True):
    top = os.path.join(up, "d")
    under = os.path.join(back, "d")
    os.mkdir(under)
    os.chown(under, 1000, 1000)
    # what the lower filesystem itself says
    fd = os.open(os.path.join(low, "d/native"), os.O_RDWR | os.O_CREAT | os.O_EXCL)
    native = both_locks(fd)
    os.write(fd, b"ab23more")
    os.fsync(fd)
    os.close(fd)
    native_direct = direct(os.path.join(low, "d/native"))
    print(f"# natively a flock beside an OFD and a POSIX lock: {native}, O_DIRECT: {native_direct}")
    os.unlink(os.path.join(low, "d/native"))

    def user():
        f = os.path.join(top, "f")
        fd = os.open(f, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
        os.write(fd, b"0123456789")
        os.ftruncate(fd, 4)
        if real_owners:
            os.fchmod(fd, 0o600)
            os.utime(fd, (1000, 2000))
            equal(2000, int(os.fstat(fd).st_mtime), "mtime")
        else:
            # all files are the mounter's
            fails(errno.EPERM, os.fchmod, fd, 0o600)
        equal(4, os.fstat(fd).st_size, "size")
        os.fsync(fd)
        os.lseek(fd, 0, os.SEEK_END)
        os.write(fd, b"more")
        equal(b"0123more", os.pread(fd, 100, 0), "content")
        m = mmap.mmap(fd, 8)
        m[0:2] = b"ab"
        m.flush()
        m.close()
        equal(b"ab23more", os.pread(fd, 100, 0), "content")
        equal(native, both_locks(fd), "a flock beside an OFD and a POSIX lock")
        os.fsync(fd)
        equal(native_direct, direct(f), "O_DIRECT")
        # an open file stays when its name goes
        g = os.path.join(top, "gone")
        gone = os.open(g, os.O_RDWR | os.O_CREAT, 0o600)
        os.write(gone, b"gone")
        os.unlink(g)
        equal(b"gone", os.pread(gone, 10, 0), "an unlinked file")
        os.close(gone)
        os.close(fd)
        os.rename(f, os.path.join(top, "r"))
        check(not os.path.exists(f), "the old name")
        if links:
            os.symlink("r", os.path.join(top, "s"))
            equal("r", os.readlink(os.path.join(top, "s")), "the link")
            os.link(os.path.join(top, "r"), os.path.join(top, "h"))
            os.unlink(os.path.join(top, "h"))
            equal(1, os.stat(os.path.join(top, "r")).st_nlink, "links")
        # trees come and go
        for n in range(3):
            os.makedirs(os.path.join(top, f"t/{n}/x"))
            write(os.path.join(top, f"t/{n}/f"), "x")
        equal(["0", "1", "2"], sorted(os.listdir(os.path.join(top, "t"))),
              "names")
        shutil.rmtree(os.path.join(top, "t"))

    as_user(seen(1000), seen(1000), user)
    equal("ab23more", read(os.path.join(under, "r")), "stored")
    equal(["r", "s"] if links else ["r"], sorted(os.listdir(under)),
          "stored names")
    if real_owners:
        equal((1000, 1000), owner(os.path.join(under, "r")), "stored owner")
        equal((seen(1000), seen(1000)), owner(os.path.join(top, "r")), "owner")
        equal(0o600, mode(os.path.join(under, "r")), "stored mode")


def errors_as(uid, top, without):
    """{kind of name and creation: what it says} of a user in a directory of his."""
    stored, top = (os.path.join(d, f"errors-{uid}") for d in (back, top))
    os.mkdir(stored)
    os.mkdir(f"{stored}/dir")
    # the first four are refused also if the name is free
    calls = {
        "device": lambda f: os.mknod(f, 0o666 | stat.S_IFCHR, os.makedev(1, 3)),
        "foreign link": lambda f: os.link(f"{top}/foreign", f),
        "link of a directory": lambda f: os.link(f"{top}/dir", f),
        "link from elsewhere": lambda f: os.link("/proc/self/status", f),
        "fifo": os.mkfifo,
        "mkdir": os.mkdir,
        "symlink": lambda f: os.symlink("own", f),
        "link": lambda f: os.link(f"{top}/own", f),
    }
    calls.pop(without, None)
    states = "cached", "uncached", "cached, removed beneath", "free"
    for name in ["own", "foreign"] + [f"{s} {c}" for s in states[:3] for c in calls]:
        write(f"{stored}/{name}", name)
        os.chmod(f"{stored}/{name}", 0o600)
    for path in stored, f"{stored}/own":
        os.chown(path, 1000, 1000)
    ready, go, results = os.pipe(), os.pipe(), os.pipe()

    def user():
        kept = [os.lstat(f"{top}/{s} {c}") for s in (states[0], states[2]) for c in calls]
        os.write(ready[1], b"x" * bool(kept))
        os.read(go[0], 1)
        for state in states:
            for what, call in calls.items():
                try:
                    call(f"{top}/{state} {what}")
                    result = "done"
                except OSError as e:
                    result = errno.errorcode[e.errno]
                os.write(results[1], f"{state}, {what}: {result}\n".encode())

    def prepare():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    pid = in_child(user, prepare)
    os.close(ready[1])
    os.read(ready[0], 1)
    for what in calls:
        os.unlink(f"{stored}/{states[2]} {what}")
    os.write(go[1], b"x")
    reap(pid)
    os.close(results[1])
    with open(results[0], encoding="ascii") as f:
        got = dict(line.rstrip().split(": ") for line in f)
    for fd in ready[:1] + go:
        os.close(fd)
    for name in sorted(os.listdir(stored)):
        got["stored " + name] = stat.S_IFMT(os.lstat(f"{stored}/{name}").st_mode)
    return got


def creation_errors(without=None, looks_first=False):
    """Creations say what they say on the lower itself: EEXIST comes before what the
    caller may not do, if the lower filesystem knows that the name is taken. With
    @looks_first it is asked here, and not natively: EEXIST comes first then, too."""
    write("/proc/sys/fs/protected_hardlinks", "1")
    native = errors_as(1000, low, without)
    shifted = errors_as(seen(1000), up, without)
    equal("EEXIST", native["cached, device"], "the error on the lower itself")
    bad = [f"{what}: {native.get(what)} natively, {shifted.get(what)} here"
           for what in sorted({*native, *shifted}) if native.get(what) != shifted.get(what) and
           not (looks_first and what.startswith("uncached, ") and shifted.get(what) == "EEXIST")]
    check(not bad, "; ".join(bad))


def truncating_opens():
    """An open for reading truncates, or is refused, as natively: in what is opened so a
    server cannot truncate."""
    got = {}
    for top, base in (low, 0), (up, 100000):
        stored = os.path.join(back, f"opened-{base}")
        write(stored, "text")
        os.chown(stored, 1000, 1000)
        os.chmod(stored, 0o600)

        def user(path=os.path.join(top, f"opened-{base}")):
            fd = os.open(path, os.O_RDONLY | os.O_TRUNC)
            equal(b"", os.read(fd, 10), "content")
            os.close(fd)
        as_user(base + 1000, base + 1000, user)
        got[base] = read(stored)
    equal({0: "", 100000: ""}, got, "stored")


def remote_changes(wait=0):
    """What the server's other clients do is seen, also where it was cached."""
    f, g = os.path.join(up, "remote"), os.path.join(back, "remote")
    write(g, "old")
    os.chown(g, 1000, 1000)
    os.chmod(g, 0o644)
    equal("old", read(f), "content")
    as_user(seen(5), seen(5), lambda: read(f))
    check(not os.path.exists(f + "2"), "a name not there yet")
    time.sleep(wait)

    os.chmod(g, 0o600)
    write(g + "2", "new name")
    time.sleep(wait)
    as_user(seen(5), seen(5), lambda: fails(errno.EACCES, os.open, f,
                                            os.O_RDONLY))
    equal(0o600, mode(f), "mode")
    equal("new name", read(f + "2"), "content")
    write(g, "newer")
    time.sleep(wait)
    equal("newer", read(f), "content")
    os.rename(g, g + "3")
    time.sleep(wait)
    check(not os.path.exists(f), "a name no longer there")
    equal("newer", read(f + "3"), "content")


def chowns():
    f = os.path.join(up, "c")
    write(os.path.join(back, "c"), "x")
    os.chown(f, seen(7), seen(8))
    equal((7, 8), owner(os.path.join(back, "c")), "stored owner")
    fd = os.open(f, os.O_RDWR)
    os.fchown(fd, seen(9), seen(9))
    os.close(fd)
    equal((9, 9), owner(os.path.join(back, "c")), "stored owner")
    fails(errno.EOVERFLOW, os.chown, f, 500000, -1)


# NFS

NFS_SERVER = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))),
                          "nfs-server")


def nfs_server(export):
    sh(f"{NFS_SERVER} start; "
       f"exportfs -o rw,insecure,fsid=77,no_subtree_check,{export} "
       f"127.0.0.1:{back}; "
       f"mount -t nfs -o vers=4.2,actimeo=0,sec=sys 127.0.0.1:{back} {low}")


def nfs_end():
    sh(f"umount {low}; {NFS_SERVER} stop")


def nfs_all(test):
    nfs_server("no_root_squash")
    shift()
    test("changes", changes)
    test("errors of creations", creation_errors)
    test("remote changes", remote_changes)
    test("chown", chowns)
    test("NFSv4 ACLs", nfs_acl)
    test("an ACL of the server's", lambda: nfs_server_acl(False))
    test("a target is replaced", nfs_rename)
    test("set-ids", nfs_set_ids)
    test("a directory of a group", nfs_group)
    test("set-ids and an old mode", nfs_old_mode)
    test("truncation by who reads", nfs_truncate)
    test("locks without delegations", nfs_locks)
    test("no silly names are left", lambda: equal(
        [], [n for _, _, f in os.walk(back) for n in f if ".nfs" in n],
        "names"))
    unshift()
    shift(MAP + ",creds=caller")
    test("creds=caller, no_root_squash", nfs_caller)
    test("creds=caller, an ACL of the server's", lambda: nfs_server_acl(True))
    unshift()
    nfs_end()


def nfs_acl():
    """The VFS leaves the check of these to the filesystem: all are refused."""
    f = os.path.join(up, "acl")
    write(os.path.join(back, "acl"), "x")
    for uid in (seen(5), 0):
        as_user(uid, uid, lambda: fails(
            errno.EOPNOTSUPP, os.setxattr, f, "system.nfs4_acl",
            os.getxattr(os.path.join(low, "acl"), "system.nfs4_acl")))


def nfs_server_acl(caller):
    """The mode says what the mounter's mount permits, the ACL what a caller's."""
    stored, f = os.path.join(back, "server-acl"), os.path.join(up, "server-acl")
    if not caller:
        write(stored, "text")
        os.chown(stored, 1000, 2000)
        # user::rw- user:1005:rw- group::r-- mask::rw- other::---
        os.setxattr(stored, "system.posix_acl_access", struct.pack(
            "<I" + "HHI" * 5, 2, 1, 6, 2**32 - 1, 2, 6, 1005, 4, 4, 2**32 - 1,
            16, 6, 2**32 - 1, 32, 0, 2**32 - 1))
    equal(0o660, mode(f), "mode")

    def opened():
        os.close(os.open(f, os.O_RDWR))

    def refused():
        fails(errno.EACCES, os.open, f, os.O_RDWR)
    as_user(seen(1001), seen(1001), refused if caller else opened, [seen(2000)])
    as_user(seen(1005), seen(1005), refused)
    as_user(seen(1000), seen(1000), opened)
    equal((1000, 2000), owner(stored), "stored owner")
    equal(0o660, mode(stored), "stored mode")


def renames_asked():
    """What the client has asked of the server, by its own count."""
    with open("/proc/self/mountstats", encoding="ascii") as f:
        mount = f.read().split(f"mounted on {low} ")[1].split("\ndevice ")[0]
    line = [l for l in mount.splitlines() if l.strip().startswith("RENAME:")][0]
    return int(line.split()[1])


def nfs_rename():
    """A target that nobody has open is replaced, not moved away before."""
    for name in "from", "to":
        write(os.path.join(back, name), name)
        os.chown(os.path.join(back, name), 1000, 1000)

    def replace():
        equal("to", read(os.path.join(up, "to")), "content")
        os.rename(os.path.join(up, "from"), os.path.join(up, "to"))
        equal("from", read(os.path.join(up, "to")), "content")
    os.chmod(back, 0o777)
    before = renames_asked()
    as_user(seen(1000), seen(1000), replace)
    equal(1, renames_asked() - before, "renames")
    os.chmod(back, 0o755)
    equal("from", read(os.path.join(back, "to")), "stored")


def nfs_set_ids():
    """The client leaves them to its server, which lets the mounter keep them."""
    for mode in 0o6770, 0o4711, 0o2755:
        name = f"set-ids-{mode:o}"
        stored = os.path.join(back, name)
        write(stored, "text")
        os.chown(stored, 1000, 1000)
        os.chmod(stored, mode)

        def user():
            fd = os.open(os.path.join(up, name), os.O_WRONLY)
            os.write(fd, b"T")
            os.close(fd)
        as_user(seen(1000), seen(1000), user)
        for path in stored, os.path.join(up, name):
            equal(mode & 0o777, os.stat(path).st_mode & 0o7777, "mode")
        equal("Text", read(stored), "stored")


def nfs_group():
    """Who may make files there by a group alone, may so on the server."""
    stored, above = (os.path.join(top, "group") for top in (back, up))
    os.mkdir(stored)
    os.chown(stored, 1000, 2000)
    os.chmod(stored, 0o2770)

    def make():
        write(above + "/f", "text")
        os.mkdir(above + "/d")
        os.symlink("f", above + "/l")
        os.link(above + "/f", above + "/h")
        os.rename(above + "/h", above + "/r")
        os.unlink(above + "/r")
        # these are asked in the name of the caller, not of who opened the file
        fd = os.open(above + "/f", os.O_RDWR)
        check(libc.fallocate(fd, 3, ctypes.c_long(0), ctypes.c_long(2)) == 0,
              "fallocate")
        equal(2, os.copy_file_range(fd, fd, 2, 2, 4), "copy_file_range")
        os.close(fd)

    as_user(seen(1001), seen(1001), make, [seen(2000), seen(7)])
    for name in "f", "d", "l":
        equal((1001, 2000), owner(f"{stored}/{name}"), "stored owner of " + name)
        equal((seen(1001), seen(2000)), owner(f"{above}/{name}"), "owner of " + name)
    equal("\0\0xtxt", read(stored + "/f"), "stored")
    # 500000 is not in the map: no group below
    as_user(seen(1001), seen(1001), lambda: fails(
        errno.EACCES, os.mkdir, above + "/e"), [seen(7), 500000, 2000])
    equal(["d", "f", "l"], sorted(os.listdir(stored)), "names")


def nfs_locks():
    """Without a delegation each lock is asked of the server, who knows its owner."""
    write("/proc/sys/fs/leases-enable", "0")
    results = []
    try:
        for name, top in ("native", low), ("shifted", up):
            write(os.path.join(back, name), "")
            os.chown(os.path.join(back, name), 1000, 1000)
            fd = os.open(os.path.join(top, name), os.O_RDWR)
            results.append(both_locks(fd))
            os.close(fd)
    finally:
        write("/proc/sys/fs/leases-enable", "1")
    equal("both", results[0][0], "a flock beside an OFD lock, natively")
    equal(results[0], results[1], "a flock beside an OFD and a POSIX lock")


def nfs_old_mode():
    """The mode that is cached is not written back over another client's."""
    old_low, old_up = (os.path.join(work, d) for d in ("old-low", "old-up"))
    stored = os.path.join(back, "old-mode")
    write(stored, "text")
    os.chown(stored, 1000, 1000)
    os.chmod(stored, 0o6755)
    for path in old_low, old_up:
        os.mkdir(path)
    sh(f"mount -t nfs -o vers=4.2,nosharecache,actimeo=600,sec=sys "
       f"127.0.0.1:{back} {old_low}; "
       f"mount -t shiftfs -o {MAP} {old_low} {old_up}")

    try:
        os.seteuid(seen(1000))
        fd = os.open(os.path.join(old_up, "old-mode"), os.O_WRONLY)
        os.seteuid(0)
        os.chmod(stored, 0o6700)
        os.seteuid(seen(1000))
        equal(0o6755, stat.S_IMODE(os.fstat(fd).st_mode), "the cached mode")
        os.write(fd, b"T")
        os.close(fd)
        os.seteuid(0)
        equal(0o700, mode(stored), "the stored mode")
        equal(0o700, mode(os.path.join(old_up, "old-mode")), "the mode seen")
        equal("Text", read(stored), "stored")
    finally:
        os.seteuid(0)
        sh(f"umount {old_up} {old_low}")


def nfs_truncate():
    """Refused as on NFS itself, not as if the descriptor were a bad one."""
    stored = os.path.join(back, "truncate")
    leases = "/proc/sys/fs/leases-enable"
    # with a delegation the client does it
    write(leases, "0")
    write(stored, "text")
    os.chown(stored, 1000, 1000)
    for path, uid in (low, 1000), (up, seen(1000)):
        as_user(uid, uid, lambda path=path: fails(
            errno.EACCES, os.open, os.path.join(path, "truncate"),
            os.O_RDONLY | os.O_TRUNC))
    write(leases, "1")
    equal("text", read(stored), "stored")


def nfs_caller():
    os.mkdir(os.path.join(back, "private"))
    os.chown(os.path.join(back, "private"), 1000, 1000)
    os.chmod(os.path.join(back, "private"), 0o700)
    f = os.path.join(up, "private/f")
    as_user(seen(1000), seen(1000), lambda: write(f, "mine"))
    equal((1000, 1000), owner(os.path.join(back, "private/f")), "stored owner")
    as_user(seen(1001), seen(1001),
            lambda: fails(errno.EACCES, os.open, f, os.O_RDONLY))


def squash_mounter():
    """The mounter is nobody for the server, whoever the caller is."""
    os.mkdir(os.path.join(back, "private"))
    os.chown(os.path.join(back, "private"), 1000, 1000)
    os.chmod(os.path.join(back, "private"), 0o700)
    os.mkdir(os.path.join(back, "all"))
    os.chmod(os.path.join(back, "all"), 0o777)
    as_user(seen(1000), seen(1000), lambda: fails(
        errno.EACCES, os.open, os.path.join(up, "private/f"),
        os.O_CREAT | os.O_WRONLY))


def squash_caller():
    """The caller's own ids open what the mounter's do not."""
    f = os.path.join(up, "private/f")
    as_user(seen(1000), seen(1000), lambda: write(f, "mine"))
    as_user(seen(1000), seen(1000), lambda: equal("mine", read(f), "content"))
    equal("mine", read(os.path.join(back, "private/f")), "stored")
    equal((1000, 1000), owner(os.path.join(back, "private/f")), "stored owner")

    def root():
        # above he may do all of this, the server does not let him
        fails(errno.EACCES, os.open, f, os.O_RDONLY)
        g = os.path.join(up, "all/g")
        write(g, "root's")
        fails(errno.EPERM, os.chown, g, 1000, 1000)
    as_container(root)
    equal((65534, 65534), owner(os.path.join(back, "all/g")), "stored owner")
    equal((seen(65534), seen(65534)), owner(os.path.join(up, "all/g")), "owner")


def squash_exec():
    """A program that may be executed and not read, by who is no owner."""
    program = os.path.join(back, "all/program")
    sh(f"install -m 711 -o 0 -g 0 /bin/true {program}")
    shown = os.path.join(up, "all/program")
    as_user(seen(1000), seen(1000), lambda: sh(shown))
    as_user(seen(1000), seen(1000),
            lambda: fails(errno.EACCES, os.open, shown, os.O_RDONLY))
    os.chmod(program, 0o744)
    as_user(seen(1000), seen(1000),
            lambda: fails(errno.EACCES, os.execv, shown, [shown]))
    equal(0o744, mode(program), "stored mode")


def squash_chown_ignore():
    src = os.path.join(work, "src")
    os.mkdir(src)
    write(os.path.join(src, "f"), "copied")
    sh(f"chown -R {seen(1000)}:{seen(1000)} {src}")

    def root():
        sh(f"cp -a {src} {up}/all/copy")
        sh(f"tar -C {work} -c src | tar -C {up}/all -xp")
    as_container(root)
    for name in ("copy/f", "src/f"):
        equal("copied", read(os.path.join(back, "all", name)), "stored")
        equal((65534, 65534), owner(os.path.join(back, "all", name)),
              "stored owner")


def nfs_root_squash(test):
    nfs_server("root_squash")
    shift()
    test("creds=mounter is nobody", squash_mounter)
    unshift()
    shift(MAP + ",creds=caller")
    test("creds=caller", squash_caller)
    test("creds=caller, a program of mode 0711", squash_exec)
    unshift()
    shift(MAP + ",creds=caller,chown=ignore")
    test("creds=caller,chown=ignore", squash_chown_ignore)
    unshift()
    nfs_end()


# SMB

def smbd():
    conf = os.path.join(work, "smb.conf")
    sh("mkdir -p /run/samba /var/log/samba /var/lib/samba/private /var/cache/samba")
    write(conf, "[global]\n\tserver role = standalone server\n"
          "\tmap to guest = bad user\n\tguest account = root\n"
          "\tsmb ports = 445\n\tdisable netbios = yes\n\tinterfaces = lo\n"
          f"[share]\n\tpath = {back}\n\tguest ok = yes\n\tread only = no\n"
          "\tforce user = root\n\tcreate mask = 0777\n\tdirectory mask = 0777\n")
    sh(f"smbd -D -s {conf}")
    return "guest,uid=0,gid=0", "killall smbd"


def ksmbd():
    conf = os.path.join(work, "ksmbd.conf")
    write(conf, "[global]\n\tserver min protocol = SMB3_11\n"
          f"[share]\n\tpath = {back}\n\tread only = no\n"
          "\tcreate mask = 0777\n\tdirectory mask = 0777\n")
    db = os.path.join(work, "ksmbd.db")
    sh(f"modprobe ksmbd; ksmbd.adduser -i {db} -a root -p secret; "
       f"ksmbd.mountd -c {conf} -u {db}")
    return "username=root,password=secret", "ksmbd.control -s"


def smb(test):
    """Samba where it is installed, else the kernel's own server."""
    sh("ip link set lo up; modprobe cifs")
    options, stop = smbd() if shutil.which("smbd") else ksmbd()
    for _ in range(30):
        if not subprocess.run(
                f"mount -t cifs -o {options},vers=3.1.1,actimeo=0,"
                f"file_mode=0777,dir_mode=0777 //127.0.0.1/share {low}",
                shell=True, stderr=subprocess.DEVNULL, check=False).returncode:
            break
        time.sleep(1)
    check(os.path.ismount(low), "the share could not be mounted")
    shift()
    test("changes", lambda: changes(real_owners=False, links=False))
    test("errors of creations", creation_errors)
    unshift()
    sh(f"umount {low}; {stop}")


# FUSE

def no_fsid():
    """What the kernel has no f_fsid for gets none here: one that was made up could be
    that of another server's mount as well."""
    native, here = os.statvfs(low).f_fsid, os.statvfs(up).f_fsid
    equal(bool(native), bool(here), f"f_fsid, {native} natively, here not 0")


def bindfs(test):
    sh(f"modprobe fuse; bindfs -o attr_timeout=0,entry_timeout=0 {back} {low}")
    shift()
    test("no f_fsid is made up", no_fsid)
    test("changes", changes)
    test("errors of creations", creation_errors)
    test("truncating opens", truncating_opens)
    test("remote changes", remote_changes)
    test("chown", chowns)
    test("ACLs", acls)
    unshift()
    sh(f"umount {low}")


def acl_of(uid):
    no_id = 0xFFFFFFFF
    entries = [(1, 6, no_id), (2, 4, uid), (4, 4, no_id), (16, 4, no_id),
               (32, 0, no_id)]
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *e) for e in entries)


def acls():
    """Kept as attributes: the kernel does not check them here, but shows them."""
    key = "system.posix_acl_access"
    one, two = "acl1", "acl2"
    for name in (one, two):
        write(os.path.join(back, name), "x")
    os.setxattr(os.path.join(up, one), key, acl_of(seen(5)))
    os.setxattr(os.path.join(low, two), key, acl_of(5))
    for name in (one, two):
        equal(acl_of(5), os.getxattr(os.path.join(back, name), key), "stored ACL")
        equal(acl_of(seen(5)), os.getxattr(os.path.join(up, name), key), "ACL")
    os.removexattr(os.path.join(up, one), key)
    for top in (up, back):
        fails(errno.ENODATA, os.getxattr, os.path.join(top, one), key)


def mergerfs(test):
    sh(f"modprobe fuse; mkdir {back}/b; "
       f"mergerfs -o allow_other,category.create=ff,minfreespace=0,cache.attr=0,cache.entry=0 {back}:{back}/b {low}")
    shift()
    test("changes", changes)
    test("errors of creations", creation_errors)
    test("truncating opens", truncating_opens)
    test("remote changes", remote_changes)
    test("chown", chowns)
    test("ACLs", acls)
    unshift()
    sh(f"umount {low}")
    # natively a file capability means nothing where the mount is nosuid
    sh(f"mergerfs -o allow_other,suid,category.create=ff,minfreespace=0,cache.attr=0,cache.entry=0,xattr=passthrough {back} {low}")
    for caller in False, True:
        shift(MAP + (",creds=caller" if caller else ""))
        test("file capabilities" + (", creds=caller" if caller else ""),
             privileges.capabilities(helpers, caller))
        unshift()
    sh(f"umount {low}")


# What the host shares: tools/vm/with-shares

def shared(mount):
    def run(test):
        sh(mount.format(low=low))
        # there is no other side but the host
        sh(f"mount --bind {low} {back}")
        shift()
        test("changes", changes)
        test("errors of creations", creation_errors)
        test("truncating opens", truncating_opens)
        test("chown", chowns)
        unshift()
        sh(f"rm -rf {low}/*; umount {back}; umount {low}")
    return run


def sshfs(test):
    """No default_permissions: the server decides, for who started it."""
    a, b = os.path.join(work, "a"), os.path.join(work, "b")
    os.mkfifo(a)
    os.mkfifo(b)
    sh("modprobe fuse")
    server = subprocess.Popen(
        f"exec /usr/lib/openssh/sftp-server <{a} >{b}", shell=True)
    client = subprocess.Popen(
        f"exec sshfs -f -o passive,allow_other,dir_cache=no,cache=no,"
        f"attr_timeout=0,entry_timeout=0 x:{back} {low} >{a} <{b}", shell=True)
    for _ in range(100):
        with open("/proc/self/mountinfo", encoding="ascii") as f:
            if " fuse.sshfs " in f.read():
                break
        time.sleep(0.3)
    shift()
    test("reads and writes", sshfs_io)
    # natively whoever is let in may link what the server's user may
    test("errors of creations", lambda: creation_errors("foreign link"))
    test("truncating opens", truncating_opens)
    test("remote changes", remote_changes)
    unshift()
    sh(f"umount {low}")
    client.wait()
    server.send_signal(signal.SIGTERM)
    server.wait()


def sshfs_io():
    os.mkdir(os.path.join(back, "d"), 0o777)
    os.chmod(os.path.join(back, "d"), 0o777)
    f = os.path.join(up, "d/f")

    def user():
        fd = os.open(f, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(fd, b"0123456789")
        os.ftruncate(fd, 4)
        equal(b"0123", os.pread(fd, 100, 0), "content")
        os.close(fd)
        os.rename(f, f + "2")
        os.unlink(f + "2")
        os.mkdir(f)
        os.rmdir(f)
        write(f, "text")
    as_user(seen(1000), seen(1000), user)
    equal("text", read(os.path.join(back, "d/f")), "stored")
    # the files are the server's, whoever wrote them
    equal((0, 0), owner(os.path.join(back, "d/f")), "stored owner")
    equal((seen(0), seen(0)), owner(f), "owner")


# Images

def make_source():
    os.mkdir(os.path.join(back, "d"))
    write(os.path.join(back, "d/f"), "image")
    os.chown(os.path.join(back, "d/f"), 1000, 2000)
    os.chmod(os.path.join(back, "d/f"), 0o640)
    os.symlink("f", os.path.join(back, "d/l"))


def image_read():
    f = os.path.join(up, "d/f")
    equal((seen(1000), seen(2000)), owner(f), "owner")
    equal((1000, 2000), owner(os.path.join(low, "d/f")), "stored owner")
    equal(["f", "l"], sorted(os.listdir(os.path.join(up, "d"))), "names")

    def user():
        equal("image", read(os.path.join(up, "d/l")), "content")
        with open(f, "rb") as o:
            fcntl.flock(o, fcntl.LOCK_SH)
            equal(b"image", mmap.mmap(o.fileno(), 5,
                                      prot=mmap.PROT_READ)[:], "mapped")
        fails(errno.EROFS, os.open, f, os.O_WRONLY)
        fails(errno.EROFS, os.chmod, f, 0o600)
        fails(errno.EROFS, os.unlink, f)
    as_user(seen(1000), seen(1000), user)
    as_user(seen(5), seen(5), lambda: fails(errno.EACCES, os.open, f,
                                            os.O_RDONLY))


def image(make, mount):
    def run(test):
        make_source()
        sh(make.format(image=os.path.join(work, "img"), back=back))
        sh(mount.format(image=os.path.join(work, "img"), low=low))
        shift()
        test("reads, and refuses writes", image_read)
        unshift()
        sh(f"umount {low}")
    return run


LOWERS = {
    "nfs": nfs_all,
    "nfs,root_squash": nfs_root_squash,
    "smb": smb,
    "bindfs": bindfs,
    "sshfs": sshfs,
    "squashfuse": image("mksquashfs {back} {image} -no-progress >/dev/null",
                        "modprobe fuse; squashfuse -o ro,allow_other {image} {low}"),
    "squashfs": image("mksquashfs {back} {image} -no-progress >/dev/null",
                      "mount -t squashfs -o loop {image} {low}"),
    "erofs": image("mkfs.erofs {image} {back} >/dev/null 2>&1",
                   "modprobe erofs; mount -t erofs -o loop {image} {low}"),
}

# Only when named: what they need is not in every guest.
MORE = {
    "mergerfs": mergerfs,
    "9p": shared("mount -t 9p -o trans=virtio,version=9p2000.L,cache=mmap,msize=262144 shared9p {low}"),
    "virtiofs": shared("mount -t virtiofs sharedfs {low}"),
}


# What the kernel has to have for each.
NEEDS = {
    "mergerfs": ("fuse",),
    "9p": ("9pnet_virtio", "9p"),
    "virtiofs": ("virtiofs",),
    "nfs": ("nfs", "nfsd"),
    "nfs,root_squash": ("nfs", "nfsd"),
    "smb": ("cifs",),
    "bindfs": ("fuse",),
    "sshfs": ("fuse",),
    "squashfuse": ("fuse",),
    "squashfs": ("squashfs",),
    "erofs": ("erofs",),
}


def missing(name):
    """The first that it lacks: neither a filesystem nor a module."""
    for need in NEEDS[name]:
        subprocess.run(["modprobe", "-q", need], check=False)
        known = read("/proc/filesystems").split()
        if need not in known and not os.path.isdir(f"/sys/module/{need}"):
            return need
    return None


def run_lower(name, function):
    lacks = missing(name)
    if name == "smb" and os.uname().release.startswith("6.1.") and not shutil.which("smbd"):
        # ksmbd-tools 3.4.7 and this ksmbd: BAD_NETWORK_NAME for every share
        lacks = "ksmbd that serves a share, and there is no smbd"
    if lacks:
        print(f"ok {sum(count.values()) + 1} # SKIP {name}: this kernel has no {lacks}")
        count["skip"] += 1
        return

    def test(what, body):
        n = sum(count.values()) + 1
        begin = time.monotonic()
        try:
            body()
        except (AssertionError, OSError, subprocess.CalledProcessError) as e:
            tb = e.__traceback__
            while tb.tb_next:
                tb = tb.tb_next
            print(f"# line {tb.tb_lineno}: {e}")
            print(f"not ok {n} {name}: {what}")
            count["fail"] += 1
        else:
            print(f"ok {n} {name}: {what}")
            count["pass"] += 1
        print(f"# {time.monotonic() - begin:.1f} s", flush=True)

    for d in (back, low, up):
        os.mkdir(d, 0o755)
        os.chmod(d, 0o755)
    done = []
    try:
        function(test)
        done.append(True)
    except (AssertionError, OSError, subprocess.CalledProcessError) as e:
        print(f"# {e}")
    if not done:
        print(f"not ok {sum(count.values()) + 1} {name}: could not be set up")
        count["fail"] += 1
    for d in (up, low):
        subprocess.run(f"umount -l {d}", shell=True, check=False,
                       stderr=subprocess.DEVNULL)
    for entry in os.listdir(work):
        path = os.path.join(work, entry)
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def main():
    print("TAP version 13")
    check(libc.unshare(CLONE_NEWNS) == 0, "unshare")
    sh("mount --make-rprivate /; modprobe -q loop || true")
    os.umask(0)
    for name in sys.argv[1:] or LOWERS:
        run_lower(name, {**LOWERS, **MORE}[name])
    os.rmdir(work)
    print(f"1..{sum(count.values())}")
    print(f"# totals: pass:{count['pass']} fail:{count['fail']} skip:{count['skip']}")
    return count["fail"] != 0


if __name__ == "__main__":
    sys.exit(main())
