# SPDX-License-Identifier: GPL-2.0-or-later
"""What a change of a file does to its capability where a server removes it and decides
by the user in the request: through the mount as by the same caller with the stored ids
natively. Each says how the change ended, and what the server then has of the file.
"""
import errno
import mmap
import os
import shutil
import struct

CAPS = "security.capability"
# version 2, CAP_NET_BIND_SERVICE
VALUE = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
OLD, NEW = b"content", b"CHANGED"


def with_open(change, flags=os.O_RDWR):
    def run(path, own):
        fd = os.open(path, flags)
        try:
            change(fd, own)
        finally:
            os.close(fd)
    return run


def splice(fd, _):
    rd, wr = os.pipe()
    os.write(wr, NEW)
    try:
        os.splice(rd, fd, len(NEW), offset_dst=0)
    finally:
        os.close(rd)
        os.close(wr)


def copy(fd, own):
    src = os.open(own, os.O_RDONLY)
    try:
        os.copy_file_range(src, fd, len(NEW), 0, 0)
    finally:
        os.close(src)


def store(fd, _):
    with mmap.mmap(fd, len(OLD)) as view:
        view[:] = NEW


def append(fd, _):
    os.write(fd, NEW)


CHANGES = {
    "write": with_open(lambda fd, _: os.write(fd, NEW)),
    "append": with_open(append, os.O_WRONLY | os.O_APPEND),
    "empty write": with_open(lambda fd, _: os.write(fd, b"")),
    "splice": with_open(splice),
    "copy_file_range": with_open(copy),
    "fallocate": with_open(lambda fd, _: os.posix_fallocate(fd, 0, 100)),
    "ftruncate": with_open(lambda fd, _: os.ftruncate(fd, 3)),
    "truncate": lambda path, _: os.truncate(path, 3),
    "O_TRUNC": with_open(lambda fd, _: None, os.O_WRONLY | os.O_TRUNC),
    "mmap": with_open(store),
    "chown": lambda path, _: os.chown(path, -1, os.stat(path).st_gid),
    "chmod": lambda path, _: os.chmod(path, 0o600),
}
# Natively FUSE refuses these to who may not remove the capability. The mounter, who
# makes the change with creds=mounter, may.
BY_MOUNTER = ("ftruncate", "truncate", "O_TRUNC", "chown")


def stored(path):
    with open(path, "rb") as f:
        content = f.read()
    return content, CAPS in os.listxattr(path), os.stat(path).st_mode


def told(run, change, path, own):
    """What the caller is told of it."""
    rd, wr = os.pipe()

    def body():
        try:
            change(path, own)
            text = "done"
        except OSError as e:
            text = errno.errorcode[e.errno]
        os.write(wr, text.encode())
    run(body)
    os.close(wr)
    text = os.read(rd, 100).decode()
    os.close(rd)
    return text


def capabilities(lowers, by_caller):
    """Of files of the container's root and of a user, each by its owner."""
    def outcome(who, name, number, base):
        file = f"{who}-{name}-{base}"
        below = os.path.join(lowers.back, "caps", file)
        for path, text in (below, OLD), (below + ".new", NEW):
            lowers.write(path, text.decode())
            os.chown(path, number, number)
            os.chmod(path, 0o755)
        os.setxattr(below, CAPS, VALUE)
        path = os.path.join(lowers.up if base else lowers.low, "caps", file)
        return told(lambda body: lowers.as_container(body, number, base),
                    CHANGES[name], path, path + ".new"), *stored(below)

    def body():
        os.mkdir(os.path.join(lowers.back, "caps"))
        os.chmod(os.path.join(lowers.back, "caps"), 0o777)
        wrong = []
        for name in CHANGES:
            root = None
            for who, number in ("root", 0), ("user", 1000):
                native = outcome(who, name, number, 0)
                root = root or native
                print(f"# natively {name} by {who}: {native}")
                if native[0] == "EPERM" and name in BY_MOUNTER and not by_caller:
                    native = root
                got = outcome(who, name, number, 100000)
                # natively the server truncates when it opens: create.c
                if by_caller and (who, name) == ("user", "O_TRUNC"):
                    native = ("EPERM", OLD, True, native[3])
                if native != got:
                    wrong.append(f"{name} by {who}: {got}, wanted {native}")
        lowers.check(not wrong, "; ".join(wrong))
        shutil.rmtree(os.path.join(lowers.back, "caps"))
    return body
