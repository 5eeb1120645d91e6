#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""shiftfs-runtime around Debian's crun and runc, on sources that can have idmapped mounts
and on sources that cannot, with their real servers.

Each test says what the container sees, what is stored below, and what the host has.
KTAP out; NAME... runs only the tests whose names have one of them.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PLACE = "/run/shiftfs-runtime"
IDS = [{"containerID": 0, "hostID": 100000, "size": 65536}]
work = tempfile.mkdtemp(prefix="runtime.", dir="/var/tmp")
os.chmod(work, 0o755)
back, low, bundle = (os.path.join(work, d) for d in ("back", "low", "bundle"))
count = {"pass": 0, "fail": 0}
numbers = iter(range(1000))


def sh(command):
    return subprocess.run(command, shell=True, check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE).stdout.decode()


def check(cond, text):
    if not cond:
        raise AssertionError(text)


def equal(got, want, what):
    check(got == want, f"{what} is {got!r}, wanted {want!r}")


def owner(path):
    s = os.lstat(path)
    return f"{s.st_uid}:{s.st_gid}"


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def test(name, function):
    if len(sys.argv) > 1 and not any(a in name for a in sys.argv[1:]):
        return
    begin = time.time()
    before = mounted()
    try:
        function()
        equal(mounted(), before, "what is mounted on the host")
        check(not os.path.exists(PLACE) or not os.listdir(PLACE), f"{PLACE} is not empty")
        count["pass"] += 1
        print(f"ok {sum(count.values())} runtime.{name} # {time.time() - begin:.1f} s", flush=True)
    except (AssertionError, OSError, subprocess.SubprocessError, ValueError, KeyError) as e:
        count["fail"] += 1
        print(f"# {type(e).__name__}: {e}\nnot ok {sum(count.values())} runtime.{name}", flush=True)
        subprocess.run("for r in crun runc; do for c in $($r list -q 2>/dev/null); do $r delete -f $c; done; done",
                       shell=True, check=False, stderr=subprocess.DEVNULL)


def mounted():
    return sorted(l.split(" ", 3)[3] for l in read("/proc/self/mountinfo").splitlines())


def settings(**keys):
    os.makedirs("/etc/shiftfs", exist_ok=True)
    write("/etc/shiftfs/runtime.json", json.dumps(keys))


def config(script, mount=None, **more):
    mounts = [{"destination": "/proc", "type": "proc", "source": "proc"},
              {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}]
    if mount:
        mounts.append({"destination": "/data", "type": "bind", "source": low, **mount})
    value = {
        "ociVersion": "1.0.2", "root": {"path": "rootfs"}, "mounts": mounts,
        "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": ["PATH=/bin"],
                    "args": ["/bin/busybox", "sh", "-ec", script],
                    "capabilities": {k: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"] for k in
                                     ("bounding", "effective", "permitted")}},
        "linux": {"uidMappings": IDS, "gidMappings": IDS,
                  "namespaces": [{"type": t} for t in ("pid", "mount", "user", "ipc")]}, **more}
    write(f"{bundle}/config.json", json.dumps(value))


def run(program, want=0, options=()):
    p = subprocess.run([program, *options, "run", "--bundle", bundle, f"t{next(numbers)}"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       check=False, timeout=300)
    err = p.stderr.decode()
    check((p.returncode == 0) == (want == 0), f"the status is {p.returncode} (stderr: {err})")
    return p.stdout.decode() if want == 0 else err


USE = ("busybox stat -c %u:%g /data/of7; busybox touch /data/new; busybox chown 5:6 /data/new;"
       "busybox mkdir /data/d; busybox cat /data/of7; busybox grep ' /data ' /proc/self/mountinfo")


def clear():
    for name in os.listdir(back):
        path = os.path.join(back, name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    os.chmod(back, 0o755)
    write(f"{back}/of7", "text\n")
    os.chown(f"{back}/of7", 7, 8)


def seen_and_stored(program, mount, kind):
    clear()
    config(USE, mount)
    file = read(f"{bundle}/config.json")
    lines = run(program).splitlines()
    equal(lines[:2], ["7:8", "text"], "what the container sees")
    check(f" - {kind} " in lines[2], f"the container's mount is {lines[2]}")
    equal("idmapped" in lines[2], kind == "ext4", "idmapped")
    equal(owner(f"{back}/new"), "5:6", "the owner stored")
    equal(owner(f"{back}/d"), "0:0", "the owner stored of a directory")
    equal(read(f"{bundle}/config.json"), file, "the engine's config.json")


MAPPED = ({"options": ["rbind", "idmap"]}, {"options": ["bind", "ridmap"]},
          {"options": ["rbind"], "uidMappings": IDS, "gidMappings": IDS},
          {"options": ["bind", "idmap=uids=@0-0-1000;gids=0-100000-1000"]})


def local():
    for i, mount in enumerate(MAPPED):
        test(f"ext4: crun, form {i}", lambda m=mount: seen_and_stored("shiftfs-crun", m, "ext4"))
    test("ext4: runc", lambda: seen_and_stored("shiftfs-runc", MAPPED[0], "ext4"))

    def out_of_the_way():
        clear()
        config("busybox sleep 100", MAPPED[0])
        sh(f"shiftfs-crun create --bundle {bundle} way >/dev/null 2>&1")
        stored = json.loads(read("/run/crun/way/config.json"))
        sh("crun delete --force way")
        equal(stored["mounts"][2]["source"], low, "the source that crun was given")
        check("idmap" in stored["mounts"][2]["options"], "crun was not asked for the map")
    test("ext4: crun makes the idmapped mount itself", out_of_the_way)


def without():
    """What these tests are for: without the wrapper it fails, or shows nobody's files."""
    clear()
    config(USE, MAPPED[0])
    err = run("crun", want=1)
    check("idmap" in err or "Invalid argument" in err, f"crun says {err}")
    config("busybox stat -c %u:%g /data/of7", MAPPED[0])
    equal(run("runc").strip(), "65534:65534", "what runc shows")


def life(program, root):
    """create, state, start, exec, kill, delete, as an engine calls them."""
    clear()
    config("busybox touch /data/begun; while :; do busybox sleep 1; done", MAPPED[0])
    sh(f"rm -rf {work}/log; mkdir -p {work}/state")
    call = f"{program} --root {work}/state --log {work}/log --log-format json"
    before = mounted()
    sh(f"{call} create --bundle {bundle} --pid-file {work}/pid life >/dev/null 2>&1")
    equal(mounted(), before, "what is mounted on the host after create")
    state = json.loads(sh(f"{call} state life"))
    equal((state["status"], state["bundle"]), ("created", bundle), "state and bundle")
    pid = int(read(f"{work}/pid"))
    equal(state["pid"], pid, "the pid in the state")
    inside = read(f"/proc/{pid}/mountinfo")
    check(PLACE not in inside, f"the container has {PLACE}")
    check(" /data " in inside and " - shiftfs " in inside, f"the container's mounts: {inside}")
    check(not os.path.exists(f"{back}/begun"), "it runs before start")
    sh(f"{call} start life")
    for _ in range(100):
        if os.path.exists(f"{back}/begun"):
            break
        time.sleep(0.1)
    sh(f"{call} exec life /bin/busybox sh -c 'busybox touch /data/by-exec; busybox chown 9:9 /data/by-exec'")
    equal(owner(f"{back}/by-exec"), "9:9", "the owner stored by exec")
    sh(f"{call} kill life KILL")
    for _ in range(100):
        if json.loads(sh(f"{call} state life"))["status"] == "stopped":
            break
        time.sleep(0.1)
    sh(f"{call} delete life")
    equal(os.listdir(f"{work}/state"), [], "what the runtime keeps")
    check(root in sh(f"findmnt -no TARGET --mountpoint {root}"), "the source is not mounted")
    os.rmdir(f"{work}/state")


def squash():
    clear()
    # the server decides by the owner of what is made
    os.chown(back, 1000, 2000)
    settings(annotations=["org.shiftfs.squash", "org.shiftfs.root"])
    config("busybox stat -c %u:%g /data/of7; busybox touch /data/new; busybox stat -c %u:%g /data/new",
           {"options": ["rbind"]}, annotations={"org.shiftfs.squash": "/data=1000:2000"})
    equal(run("shiftfs-crun").split(), ["1000:2000"] * 2, "the owners seen")
    equal(owner(f"{back}/new"), "1000:2000", "the owner stored")
    equal(owner(f"{back}/of7"), "7:8", "the owner of what was there")
    settings()
    err = run("shiftfs-crun", want=1)
    check("annotation org.shiftfs.squash" in err, f"not allowed, it says {err}")
    os.chown(back, 0, 0)


def root_on_server():
    """A root filesystem on the server, stored as 0:0, is the container's root's."""
    clear()
    settings(annotations=["org.shiftfs.root"])
    for d in ("bin", "proc", "dev", "data"):
        os.mkdir(f"{back}/{d}")
    shutil.copy("/lab/busybox", f"{back}/bin/busybox")
    config("busybox stat -c %u:%g /bin/busybox; busybox touch /made; busybox grep ' / / ' /proc/self/mountinfo",
           root={"path": low}, annotations={"org.shiftfs.root": "container"})
    for program in ("shiftfs-crun", "shiftfs-runc"):
        lines = run(program).splitlines()
        equal(lines[0], "0:0", "the owner seen")
        check(" - shiftfs " in lines[1], f"the root is {lines[1]}")
        equal(owner(f"{back}/made"), "0:0", "the owner stored")
        os.unlink(f"{back}/made")
    settings()


def read_only_and_files():
    clear()
    config("busybox touch /data/new && exit 1; busybox cat /data/of7", {"options": ["rbind", "idmap", "ro"]})
    equal(run("shiftfs-crun"), "text\n", "what is read")
    check(not os.path.exists(f"{back}/new"), "a file was made on a read-only mount")
    config("busybox stat -c %u:%g /one; echo more >>/one",
           {"options": ["bind", "idmap"], "source": f"{low}/of7", "destination": "/one"})
    equal(run("shiftfs-crun"), "7:8\n", "the owner of the file")
    equal(read(f"{back}/of7"), "text\nmore\n", "what is stored in the file")


def links():
    """A destination that is a link of the image's ends in the image; a source is followed."""
    clear()
    outside = os.path.join(work, "outside")
    os.mkdir(outside)
    os.rmdir(f"{bundle}/rootfs/data")
    os.makedirs(f"{bundle}/rootfs{outside}")
    os.symlink(f"../../../../../../..{outside}", f"{bundle}/rootfs/data")
    os.symlink(low, f"{work}/to-low")
    config("busybox ls /data/; busybox touch /data/new", {"options": ["rbind", "idmap"], "source": f"{work}/to-low"})
    for program in ("shiftfs-crun", "shiftfs-runc"):
        check("of7" in run(program), "the source is not there")
        equal(owner(f"{back}/new"), "0:0", "the owner stored")
        equal(os.listdir(outside), [], "what is outside")
        os.unlink(f"{back}/new")
    os.unlink(f"{bundle}/rootfs/data")
    os.unlink(f"{work}/to-low")
    os.mkdir(f"{bundle}/rootfs/data")
    os.removedirs(f"{bundle}/rootfs{outside}")
    os.rmdir(outside)


def nfs():
    server = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "nfs-server")
    sh(f"{server} start; "
       f"exportfs -o rw,insecure,fsid=78,no_subtree_check,no_root_squash 127.0.0.1:{back}; "
       f"mount -t nfs -o vers=4.2,actimeo=0,sec=sys 127.0.0.1:{back} {low}")
    test("nfs: without the wrapper", without)
    for i, mount in enumerate(MAPPED):
        test(f"nfs: crun, form {i}", lambda m=mount: seen_and_stored("shiftfs-crun", m, "shiftfs"))
    test("nfs: runc", lambda: seen_and_stored("shiftfs-runc", MAPPED[0], "shiftfs"))
    for program in ("shiftfs-crun", "shiftfs-runc"):
        test(f"nfs: a container's life, {program}", lambda p=program: life(p, low))
    test("nfs: squash", squash)
    test("nfs: the root", root_on_server)
    test("nfs: read-only, and a file", read_only_and_files)
    test("nfs: links", links)
    # nothing of the containers holds the server's mount
    test("nfs: umount", lambda: sh(f"umount {low}; mount -t nfs -o vers=4.2,actimeo=0,sec=sys 127.0.0.1:{back} {low}"))
    sh(f"umount {low}; {server} stop")


def sshfs():
    a, b = os.path.join(work, "a"), os.path.join(work, "b")
    os.mkfifo(a)
    os.mkfifo(b)
    sh("modprobe fuse")
    with subprocess.Popen(f"exec /usr/lib/openssh/sftp-server <{a} >{b}", shell=True) as server, \
         subprocess.Popen(f"exec sshfs -f -o passive,allow_other x:{back} {low} >{a} <{b}", shell=True):
        for _ in range(100):
            if " fuse.sshfs " in read("/proc/self/mountinfo"):
                break
            time.sleep(0.3)
        test("sshfs: crun", lambda: seen_and_stored("shiftfs-crun", MAPPED[0], "shiftfs"))
        sh(f"umount {low}")
        server.send_signal(signal.SIGTERM)


def main():
    for d in (back, low, bundle, f"{bundle}/rootfs"):
        os.mkdir(d)
    for d in ("bin", "proc", "dev", "data"):
        os.mkdir(f"{bundle}/rootfs/{d}")
    shutil.copy("/lab/busybox", f"{bundle}/rootfs/bin/busybox")
    for top, dirs, files in os.walk(f"{bundle}/rootfs"):
        for name in [""] + dirs + files:
            os.chown(os.path.join(top, name), 100000, 100000)
    settings()
    print("TAP version 13", flush=True)
    disk = os.path.join(work, "disk")
    os.mkdir(disk)
    # containers want a source on a filesystem of its own, whose umount says that it is free
    sh(f"modprobe -q loop; truncate -s 64M {work}/image && mkfs.ext4 -q -F {work}/image && mount -o loop {work}/image {disk}")
    globals()["back"] = os.path.join(disk, "back")
    os.mkdir(back)
    sh(f"mount --bind {back} {low}")
    local()
    sh(f"umount {low}")
    nfs()
    sshfs()
    test("the disk is free", lambda: sh(f"umount {disk}; mount -o loop {work}/image {disk}"))
    sh(f"umount {disk}")
    shutil.rmtree(work)
    print(f"1..{sum(count.values())}\n# totals: pass:{count['pass']} fail:{count['fail']} skip:0")
    sys.exit(bool(count["fail"]))


main()
