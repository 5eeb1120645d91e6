# SPDX-License-Identifier: GPL-2.0-or-later
"""A mount of shiftfs that nfsd exports again, with and without fsid=."""
import errno
import os
import subprocess
import time

OTHER = "idmap=b:0:300000:65536"


def export(path, options=""):
    """What exportfs(8) says about it; nothing if it has no complaint."""
    done = subprocess.run(["exportfs", "-o",
                           "rw,insecure,no_root_squash,no_subtree_check" + options,
                           f"127.0.0.1:{path}"], check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    return (done.stdout + done.stderr).strip()


def unexport(path):
    """nfsd lets go of what it has open when its export goes, but not at once."""
    subprocess.run(["exportfs", "-u", f"127.0.0.1:{path}"], check=False)
    subprocess.run(["exportfs", "-f"], check=True)
    for _ in range(100):
        if not subprocess.run(["umount", path], check=False,
                              stderr=subprocess.DEVNULL).returncode:
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} stays busy")


def client(path, at):
    os.makedirs(at, exist_ok=True)
    subprocess.run(["mount", "-t", "nfs", "-o",
                    "vers=4.2,sec=sys,actimeo=0,lookupcache=none,nosharecache",
                    f"127.0.0.1:{path}", at], check=True)


def work_there(lowers, at, stored):
    """A user of the second server's client; what it sees and what is stored last."""
    os.mkdir(f"{stored}/dir", 0o755)
    os.chown(f"{stored}/dir", 1000, 1000)
    lowers.as_user(lowers.seen(1000), lowers.seen(1000),
                   lambda: lowers.write(f"{at}/dir/file", "text"))
    lowers.equal((lowers.seen(1000),) * 2, lowers.owner(f"{at}/dir/file"), "the owner")
    lowers.equal((1000, 1000), lowers.owner(f"{stored}/dir/file"), "the stored owner")
    lowers.equal("text", lowers.read(f"{stored}/dir/file"), "what is stored")


def local(lowers):
    """f_fsid tells this mount from others, and is the same after the next mount: what
    a client holds stays good, and with another map it is stale."""
    at = os.path.join(lowers.work, "client")
    lowers.shift()
    lowers.equal("", export(lowers.up), "what exportfs says")
    client(lowers.up, at)
    work_there(lowers, at, lowers.back)
    held = os.open(f"{at}/dir", os.O_PATH | os.O_DIRECTORY)
    try:
        unexport(lowers.up)
        lowers.shift()
        export(lowers.up)
        lowers.equal(lowers.seen(1000), os.stat("file", dir_fd=held).st_uid,
                     "the owner after another mount")
        lowers.write(f"/proc/self/fd/{held}/file", "more", os.O_WRONLY)
        lowers.equal("more", lowers.read(f"{lowers.back}/dir/file"), "what is stored")
        unexport(lowers.up)
        lowers.shift(OTHER)
        export(lowers.up)
        lowers.fails(errno.ESTALE, os.stat, "file", dir_fd=held)
        lowers.equal((1000, 1000), lowers.owner(f"{lowers.back}/dir/file"),
                     "the stored owner")
    finally:
        os.close(held)
        subprocess.run(["umount", "-l", at], check=True)
        unexport(lowers.up)


def of_a_server(lowers):
    """NFS has no f_fsid, so two servers' mounts cannot be told apart by it: exportfs
    asks for fsid=. With that it works."""
    at = os.path.join(lowers.work, "client")
    lowers.shift()
    try:
        lowers.equal(0, os.statvfs(lowers.low).f_fsid, "f_fsid below")
        lowers.equal(0, os.statvfs(lowers.up).f_fsid, "f_fsid above")
        said = export(lowers.up)
        lowers.check("requires fsid=" in said, f"exportfs says {said!r}")
        subprocess.run(["exportfs", "-u", f"127.0.0.1:{lowers.up}"], check=False)
        lowers.equal("", export(lowers.up, ",fsid=5"), "what exportfs says with fsid=")
        client(lowers.up, at)
        work_there(lowers, at, lowers.back)
    finally:
        if os.path.ismount(at):
            subprocess.run(["umount", "-l", at], check=True)
        unexport(lowers.up)
