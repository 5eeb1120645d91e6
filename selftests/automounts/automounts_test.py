#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""automounts_test [TEST...]: places where the lower filesystem mounts another one for
who walks there.

A filesystem below an NFS export, the pseudo-root of a server, autofs; with the argument
dfs, a DFS link of Samba's, which not every guest has. Through shiftfs nobody gets there,
EREMOTE, and nothing beneath is touched. KTAP out.
"""
import ctypes
import errno
import os
import signal
import struct
import subprocess
import sys
import tempfile

libc = ctypes.CDLL(None, use_errno=True)
NFS = "vers=4.2,actimeo=0,sec=sys,soft,timeo=100,retrans=1"
MAP = "idmap=b:0:100000:65536"
AUTOFS_IOC_READY = 0x9360
NFS_SERVER = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))),
                          "nfs-server")
work = tempfile.mkdtemp(prefix="automounts.", dir="/var/tmp")
back, low, up, view = (os.path.join(work, d) for d in ("back", "low", "up", "view"))
results = []


def sh(command):
    subprocess.run(command, shell=True, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def equal(want, got, what):
    if want != got:
        raise AssertionError(f"{what}: {got!r}, wanted {want!r}")


def error_of(function, *args):
    try:
        function(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    return "success"


def as_user(uid, function):
    """A pod's user: in a child with this id and no capability."""
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            function()
            status = 0
        except (AssertionError, OSError) as e:
            print(f"# as {uid}: {e}", flush=True)
        finally:
            os._exit(status)
    equal(0, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "the child's status")


def make_file(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))


def into(place):
    """All the ways into such a place, of which none may lead there."""
    below = os.path.join(place, "f")
    for function, *args in (
            (os.listdir, place), (os.lstat, below), (os.stat, below + "/g"), (read, below),
            (make_file, os.path.join(place, "new")), (os.mkdir, below + "2"),
            (os.symlink, "x", below + "3"), (os.unlink, below), (os.rmdir, below),
            (os.rename, below, place + "2"), (os.open, place, os.O_RDONLY)):
        equal("EREMOTE", error_of(function, *args), f"{function.__name__} {args}")
    if os.access(place, os.W_OK):
        equal("EREMOTE", error_of(os.open, place, os.O_TMPFILE | os.O_RDWR), "O_TMPFILE")


def refused(place):
    into(place)
    equal("EREMOTE", error_of(os.lstat, place), "stat")
    equal("EREMOTE", error_of(os.mkdir, place), "mkdir")


def seen_only(place):
    """A directory that is there, and cannot be gone into or taken away."""
    if not os.path.isdir(place):
        raise AssertionError(f"{place} is no directory")
    into(place)
    # in autofs' own directories only its daemon may change anything
    autofs_place = place.endswith(("/one", "/two"))
    gone = "EBUSY" if os.getuid() == 0 and not autofs_place else "EACCES"
    equal(gone, error_of(os.rmdir, place), "rmdir")
    equal("EREMOTE" if autofs_place else gone,
          error_of(os.rename, place, place + "2"), "rename")
    os.chdir(place)
    equal("EREMOTE", error_of(read, "f"), "a file, from within")
    os.chdir("/")


def to_all(check, place):
    check(place)
    as_user(101000, lambda: check(place))


def sees_the_rest(names, uid=101000):
    equal(names, sorted(os.listdir(up)), "the names above")
    equal("text", read(os.path.join(up, "f")), "a file beside it")
    equal((uid, uid), os.lstat(os.path.join(up, "f"))[4:6], "its owner")


# NFS

def serve(sub):
    sh(f"{NFS_SERVER} start; modprobe nfs")
    # without a number for each export Debian 12's rpc.mountd ends in a fault
    for fsid, path in (77, back), (78, sub):
        sh("exportfs -o rw,insecure,no_root_squash,no_subtree_check,nohide,"
           f"fsid={fsid} 127.0.0.1:{path}")


def disk_below():
    """back is exported with sub, a filesystem of its own, below it."""
    image, sub = os.path.join(work, "image"), os.path.join(back, "sub")
    write(os.path.join(back, "f"), "text")
    os.chown(os.path.join(back, "f"), 1000, 1000)
    os.mkdir(sub)
    sh(f"truncate -s 8M {image}; mkfs.ext4 -q {image}; mount -o loop,nodev {image} {sub}")
    os.chmod(sub, 0o777)
    write(os.path.join(sub, "f"), "below")
    os.chown(os.path.join(sub, "f"), 1000, 1000)
    return sub


def unmount(*places):
    for place in places:
        sh(f"umount -R {place}")


def crossmnt():
    sub = disk_below()
    serve(sub)
    sh(f"mount -t nfs -o {NFS} 127.0.0.1:{back} {low}; "
       f"mount -t shiftfs -o {MAP} {low} {up}")
    to_all(seen_only, os.path.join(up, "sub"))
    sees_the_rest(["f", "sub"])
    # once the host has gone there the name is a mount point as well
    equal("below", read(os.path.join(low, "sub/f")), "what the host reads")
    to_all(seen_only, os.path.join(up, "sub"))
    sees_the_rest(["f", "sub"])
    with_recursive()
    equal(["f", "lost+found"], sorted(os.listdir(sub)), "what is stored")
    equal(1000, os.lstat(os.path.join(sub, "f")).st_uid, "its stored owner")
    unmount(up, low)


def with_recursive():
    """Where the host has walked there is a mount, which gets a shiftfs."""
    sh(f"mount -t shiftfs -o {MAP},recursive {low} {view}")
    equal("below", read(os.path.join(view, "sub/f")), "a file below the export")
    equal(101000, os.lstat(os.path.join(view, "sub/f")).st_uid, "its owner")
    if len({os.lstat(os.path.join(d, n)).st_dev
            for d in (low, view) for n in ("f", "sub/f")}) != 4:
        raise AssertionError("two filesystems have one device number")
    unmount(view)


def source_itself():
    """The source of a mount is walked to as mount --bind does."""
    sub = disk_below()
    serve(sub)
    sh(f"mount -t nfs -o {NFS},nosuid 127.0.0.1:{back} {low}; "
       f"mount -t shiftfs -o {MAP} {low}/sub {up}")
    equal("below", read(os.path.join(up, "f")), "content")
    equal((101000, 101000), os.lstat(os.path.join(up, "f"))[4:6], "owner")

    def user():
        write(os.path.join(up, "mine"), "x")
    as_user(101000, user)
    equal((1000, 1000), os.lstat(os.path.join(sub, "mine"))[4:6], "stored owner")
    unmount(up, low)


def pseudo_root():
    serve(disk_below())
    sh(f"mount -t nfs -o {NFS} 127.0.0.1:/ {low}; "
       f"mount -t shiftfs -o {MAP} {low} {up}")
    # the server shows the way to its exports, and each is a filesystem
    equal("EREMOTE", error_of(os.listdir, up + back), "ls of an export")
    equal("EREMOTE", error_of(read, up + back + "/f"), "a file of it")
    as_user(101000, lambda: equal("EREMOTE", error_of(read, up + back + "/f"),
                                  "a file of it"))
    equal("text", read(low + back + "/f"), "what the host reads")
    equal("EREMOTE", error_of(read, up + back + "/f"), "a file of it, walked to")
    unmount(up, low)


def end_nfs():
    if os.path.ismount("/proc/fs/nfsd"):
        sh(f"{NFS_SERVER} stop")


# SMB

def cannot_be_entered(link):
    seen_only(link)
    # the client shows it with mode 0711
    as_user(101000, lambda: equal("EACCES", error_of(os.listdir, link), "ls by a user"))
    as_user(101000, lambda: equal("EREMOTE", error_of(read, link + "/f"), "a file, by a user"))


def dfs():
    """A link of a share to another one."""
    conf, other = os.path.join(work, "smb.conf"), os.path.join(work, "other")
    write(conf, f"""[global]
        server role = standalone server
        map to guest = bad user
        guest account = root
        smb ports = 445
        disable netbios = yes
        interfaces = lo
        guest ok = yes
        read only = no
        force user = root
        host msdfs = yes
        [root]
        path = {back}
        msdfs root = yes
        [other]
        path = {other}
        """)
    os.mkdir(other)
    write(os.path.join(back, "f"), "text")
    write(os.path.join(other, "f"), "below")
    os.symlink("msdfs:127.0.0.1\\other", os.path.join(back, "link"))
    sh("mkdir -p /run/samba /var/log/samba /var/lib/samba/private /var/cache/samba; "
       f"ip link set lo up; modprobe cifs; smbd -D -s {conf}; "
       "for i in $(seq 30); do mount -t cifs -o guest,vers=3.1.1,actimeo=0,uid=0,gid=0,"
       f"file_mode=0644,dir_mode=0755 //127.0.0.1/root {low} && break; sleep 1; done; "
       f"mount -t shiftfs -o {MAP} {low} {up}")
    cannot_be_entered(os.path.join(up, "link"))
    sees_the_rest(["f", "link"], 100000)
    # once the host has gone there
    equal("below", read(os.path.join(low, "link/f")), "what the host reads")
    cannot_be_entered(os.path.join(up, "link"))
    sees_the_rest(["f", "link"], 100000)
    sh(f"mount -t shiftfs -o {MAP} {low}/link {view}")
    equal("below", read(os.path.join(view, "f")), "the link as a source")
    as_user(100000, lambda: write(os.path.join(view, "mine"), "x"))
    equal(["f", "mine"], sorted(os.listdir(other)), "what is stored")
    unmount(view, up, low)


# autofs

def automounter(ready, pipe, served):
    """The daemon: the names one and two get a tmpfs, others do not exist."""
    os.setpgid(0, 0)
    inner, outer = pipe
    sh("modprobe -q autofs4 || modprobe autofs")
    if libc.mount(b"test", low.encode(), b"autofs", 0,
                  f"fd={outer},pgrp={os.getpgrp()},minproto=5,maxproto=5,"
                  "indirect".encode()):
        os._exit(1)
    os.close(outer)
    root = os.open(low, os.O_RDONLY)
    os.mkdir(os.path.join(low, "two"))
    os.write(ready, b"x")
    while True:
        packet = os.read(inner, 400)
        token, length = struct.unpack_from("8xI28xI", packet)
        name = packet[44:44 + length].decode()
        os.write(served, name[:1].encode())
        place = os.path.join(low, name)
        os.makedirs(place, exist_ok=True)
        sh(f"mount -t tmpfs -o mode=755 none {place}")
        write(os.path.join(place, "f"), "mounted " + name)
        libc.ioctl(root, AUTOFS_IOC_READY, token)


def autofs():
    ready, served, pipe = os.pipe(), os.pipe(), os.pipe()
    os.set_blocking(served[0], False)
    sys.stdout.flush()
    daemon = os.fork()
    if not daemon:
        try:
            automounter(ready[1], pipe, served[1])
        finally:
            os._exit(1)
    os.close(ready[1])
    os.close(pipe[1])
    try:
        equal(b"x", os.read(ready[0], 1), "the daemon's word")
        sh(f"mount -t shiftfs -o {MAP} {low} {up}")
        # not there yet, and a directory that waits to be mounted on
        to_all(refused, os.path.join(up, "one"))
        to_all(seen_only, os.path.join(up, "two"))
        equal("EAGAIN", error_of(os.read, served[0], 9), "what the daemon was asked")
        for name in "one", "two":
            equal("mounted " + name, read(os.path.join(low, name, "f")),
                  "what the host reads")
            to_all(seen_only, os.path.join(up, name))
        equal(b"ot", os.read(served[0], 9), "what the daemon was asked")
        # the source itself
        sh(f"mount -t shiftfs -o {MAP} {low}/one {view}")
        equal("mounted one", read(os.path.join(view, "f")), "content")
        equal(100000, os.lstat(os.path.join(view, "f")).st_uid, "owner")
        unmount(view, up)
    finally:
        os.kill(daemon, signal.SIGKILL)
        os.waitpid(daemon, 0)
    unmount(low)


TESTS = {"crossmnt": ("a filesystem below an NFS export", crossmnt),
         "source": ("such a place is the source", source_itself),
         "pseudo-root": ("the pseudo-root of a server", pseudo_root),
         "autofs": ("autofs", autofs),
         "dfs": ("a DFS link", dfs)}
ALWAYS = ("crossmnt", "source", "pseudo-root", "autofs")


def main():
    print("TAP version 13")
    if libc.unshare(0x00020000):
        raise SystemExit("unshare")
    sh("mount --make-rprivate /; modprobe -q loop || true")
    os.umask(0)
    os.chmod(work, 0o755)
    for n, test in enumerate(sys.argv[1:] or ALWAYS, 1):
        name, test = TESTS[test]
        for place in back, low, up, view:
            os.mkdir(place, 0o755)
        good = False
        try:
            test()
            good = True
        except (AssertionError, OSError, subprocess.CalledProcessError) as e:
            tb = e.__traceback__
            while tb.tb_next:
                tb = tb.tb_next
            print(f"# line {tb.tb_lineno}: {e}")
        print(f"{'' if good else 'not '}ok {n} {name}", flush=True)
        results.append(good)
        sh("exportfs -ua 2>/dev/null || true; killall -q -w smbd || true")
        for place in view, up, low, os.path.join(back, "sub"):
            subprocess.run(f"mountpoint -q {place} && umount -R -l {place}",
                           shell=True, check=False)
        sh(f"rm -rf {work}/*")
    end_nfs()
    os.rmdir(work)
    print(f"1..{len(results)}")
    print(f"# totals: pass:{results.count(True)} fail:{results.count(False)} skip:0")
    return not all(results)


if __name__ == "__main__":
    sys.exit(main())
