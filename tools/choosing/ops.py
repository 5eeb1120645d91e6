#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ops.py BELOW ABOVE READ-ONLY: what a container's root can do in ABOVE, which
shows BELOW's ids 0..65535 as 100000..165535. Each operation is looked at from
both sides. Prints a line "OPERATION<tab>ANSWER" for each: yes, the errno with
which it was refused, or what is wrong."""
import ctypes
import errno
import fcntl
import os
import struct
import sys

CLONE_NEWUSER = 0x10000000
libc = ctypes.CDLL(None, use_errno=True)
below_dir, above_dir, read_only = sys.argv[1], sys.argv[2], sys.argv[3] == "yes"


class Wrong(Exception):
    """Nothing was refused, but the outcome is not what was asked for."""


def must(condition, text):
    if not condition:
        raise Wrong(text)


def container():
    """A user namespace that shows 100000 as 0, held by a descriptor."""
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        status = libc.unshare(CLONE_NEWUSER)
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(status)
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as f:
            f.write("0 100000 65536")
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    os.write(go[1], b"x")
    os.waitpid(pid, 0)
    return fd


userns = container()


def inside(function):
    """Runs function as the container's root; raises here what it raised there."""
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            if libc.setns(userns, CLONE_NEWUSER):
                raise OSError(ctypes.get_errno(), "setns")
            os.setgroups([])
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
            function()
            os.write(w, b"ok")
        except OSError as e:
            os.write(w, f"E{e.errno}".encode())
        except Wrong as e:
            os.write(w, f"W{e}".encode())
        os._exit(0)
    os.close(w)
    answer = b""
    while chunk := os.read(r, 4096):
        answer += chunk
    os.close(r)
    os.waitpid(pid, 0)
    text = answer.decode()
    if text.startswith("E"):
        raise OSError(int(text[1:]), "inside")
    if text != "ok":
        raise Wrong(text[1:] or "died")


def above(name):
    return os.path.join(above_dir, name)


def below(name):
    return os.path.join(below_dir, name)


def content(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def fresh(name):
    """A file of the stored root, made beneath."""
    if not read_only:
        with open(below(name), "w", encoding="ascii") as f:
            f.write("old")
        return name
    return "file"


def owner(path):
    st = os.stat(path)
    return (st.st_uid, st.st_gid)


def op_read():
    def f():
        must(content(above("file")) == "content\n", "other content")
        must(owner(above("file")) == (0, 0), "seen owner %d:%d" % owner(above("file")))
        must("file" in os.listdir(above_dir), "not listed")
    inside(f)
    must(owner(below("file")) == (0, 0), "stored owner %d:%d" % owner(below("file")))


def op_write():
    def f():
        fd = os.open(above("new"), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        os.write(fd, b"written")
        os.ftruncate(fd, 5)
        os.close(fd)
        must(owner(above("new")) == (0, 0), "seen owner %d:%d" % owner(above("new")))
    inside(f)
    must(content(below("new")) == "writt", "other content below")
    must(owner(below("new")) == (0, 0), "stored owner %d:%d" % owner(below("new")))


def op_chown():
    name = fresh("chown")

    def f():
        os.chown(above(name), 5, 6)
        must(owner(above(name)) == (5, 6), "ignored")
    inside(f)
    must(owner(below(name)) == (5, 6), "ignored below")


def op_chmod():
    name = fresh("chmod")

    def f():
        os.chmod(above(name), 0o604)
        must(os.stat(above(name)).st_mode & 0o777 == 0o604, "ignored")
    inside(f)
    must(os.stat(below(name)).st_mode & 0o777 == 0o604, "ignored below")


def acl_of(user):
    no_id = 0xFFFFFFFF
    entries = [(1, 6, no_id), (2, 4, user), (4, 4, no_id), (0x10, 4, no_id), (0x20, 0, no_id)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


def op_acl():
    name = fresh("acl")
    key = "system.posix_acl_access"

    def f():
        os.setxattr(above(name), key, acl_of(5))
        must(os.getxattr(above(name), key) == acl_of(5), "another ACL")
    inside(f)
    must(os.getxattr(below(name), key) == acl_of(5), "another ACL below")


def op_xattr():
    name = fresh("xattr")

    def f():
        os.setxattr(above(name), "user.test", b"value")
        must(os.getxattr(above(name), "user.test") == b"value", "another value")
    inside(f)
    must(os.getxattr(below(name), "user.test") == b"value", "another value below")


def refused(function, *args):
    try:
        function(*args)
    except OSError as e:
        if e.errno in (errno.EAGAIN, errno.EACCES):
            return True
        raise
    return False


def op_locks():
    """A lock beneath is in the way of one above, POSIX and flock."""
    name = fresh("lock")
    mode = os.O_RDONLY if read_only else os.O_RDWR
    posix, flock = fcntl.lockf, fcntl.flock
    kind = fcntl.LOCK_SH if read_only else fcntl.LOCK_EX

    held = os.open(below(name), mode)
    for lock, word in ((flock, "flock"), (posix, "POSIX")):
        lock(held, (fcntl.LOCK_EX if lock is flock else kind) | fcntl.LOCK_NB)

        def f():
            fd = os.open(above(name), mode)
            if lock is posix and read_only:
                lock(fd, kind | fcntl.LOCK_NB)
            else:
                must(refused(lock, fd, fcntl.LOCK_EX | fcntl.LOCK_NB), f"no conflict ({word})")
            os.close(fd)
        inside(f)
        lock(held, fcntl.LOCK_UN)
    os.close(held)


def op_rename():
    a, b = fresh("rename-a"), fresh("rename-b")

    def f():
        os.rename(above(a), above("to" if read_only else b))
    inside(f)
    must(not os.path.exists(below(a)), "the old name is there below")
    must(os.path.exists(below(b)), "the new name is not there below")


os.umask(0o022)
for operation in ("read", "write", "chown", "chmod", "acl", "xattr", "locks", "rename"):
    try:
        globals()["op_" + operation]()
        result = "yes"
    except OSError as e:
        result = errno.errorcode.get(e.errno, str(e.errno))
    except Wrong as e:
        result = str(e)
    print(operation, result, sep="\t", flush=True)
