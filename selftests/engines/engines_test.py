#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""podman and containerd of Debian 12 with shiftfs-runtime, on an NFS volume.  podman is
configured by the snippet of Documentation/engines.rst.

Each test says what the container sees, what the server stores, and what the host has.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(sys.argv[0]))
WORK = "/var/tmp/engines"
BACK, LOW = f"{WORK}/back", f"{WORK}/low"
NFS_SERVER = os.path.join(os.path.dirname(HERE), "nfs-server")
count = {"pass": 0, "fail": 0}


def sh(command, want=0):
    p = subprocess.run(command, shell=True, check=False, stdin=subprocess.DEVNULL, timeout=600,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = p.stdout.decode(), p.stderr.decode()
    if (p.returncode == 0) != (want == 0):
        raise AssertionError(f"{command}: status {p.returncode}: {out}{err}")
    return out if want == 0 else out + err


def check(cond, text):
    if not cond:
        raise AssertionError(text)


def equal(got, want, what):
    check(got == want, f"{what} is {got!r}, wanted {want!r}")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def owner(path):
    s = os.lstat(path)
    return f"{s.st_uid}:{s.st_gid}"


def shiftfs_mounts():
    return [l for l in read("/proc/self/mountinfo").splitlines() if " - shiftfs " in l or "/run/shiftfs-runtime" in l]


def test(function):
    begin = time.time()
    name = function.__name__
    try:
        function()
        equal(shiftfs_mounts(), [], "mounts of ours on the host")
        count["pass"] += 1
        print(f"ok {sum(count.values())} engines.{name} # {time.time() - begin:.0f} s", flush=True)
    except (AssertionError, OSError, subprocess.SubprocessError) as e:
        count["fail"] += 1
        print(f"# {type(e).__name__}: {e}\nnot ok {sum(count.values())} engines.{name}", flush=True)


def snippet(name):
    """The block behind the marker of that name in engines.rst, without its indentation."""
    text = read(f"{HERE}/engines.rst").split(f".. snippet: {name}\n", 1)[1].split("::\n", 1)[1]
    lines = []
    for line in text.splitlines():
        if line and not line.startswith("  "):
            break
        lines.append(line[2:])
    return "\n".join(lines).strip() + "\n"


def setup():
    for d in (BACK, LOW, "/var/lib/containers", "/etc/containers"):
        os.makedirs(d, exist_ok=True)
    # overlay does not stand on the guest's root, whose image is mounted for all
    sh("mkfs.ext4 -q -F /dev/spare0 && mount /dev/spare0 /var/lib/containers && modprobe overlay")
    sh("mount -t tmpfs tmpfs /run/user 2>/dev/null; id containers 2>/dev/null || true")
    write("/etc/subuid", "containers:200000:1000000\n")
    write("/etc/subgid", "containers:200000:1000000\n")
    if not os.path.exists("/etc/containers/policy.json"):
        write("/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}')
    write("/etc/containers/containers.conf",
          '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[containers]\nlog_driver = "k8s-file"\n')
    # an image of one program
    root = f"{WORK}/image"
    os.makedirs(f"{root}/bin")
    os.makedirs(f"{root}/data")
    os.makedirs(f"{root}/etc")
    shutil.copy("/lab/busybox", f"{root}/bin/busybox")
    for name in ("sh", "stat", "touch", "cat", "sleep", "chown", "grep"):
        os.symlink("busybox", f"{root}/bin/{name}")
    write(f"{root}/etc/passwd", "root:x:0:0::/:/bin/sh\n")
    sh(f"tar -C {root} -c . | podman import - busybox")
    sh(f"{NFS_SERVER} start; "
       f"mkfs.ext4 -q -F /dev/spare1 && mount /dev/spare1 {BACK}; "
       f"exportfs -o rw,insecure,fsid=79,no_subtree_check,no_root_squash 127.0.0.1:{BACK}; "
       f"mount -t nfs -o vers=4.2,actimeo=0,sec=sys 127.0.0.1:{BACK} {LOW}")
    write(f"{BACK}/f", "stored\n")


RUN = f"podman run --network=none --userns=auto:size=1000 -v {LOW}:/data:idmap"
USE = "sh -c 'stat -c %u:%g /data/f; cat /data/f; touch /data/new; chown 5:6 /data/new; grep \" /data \" /proc/self/mountinfo'"


def without_the_wrapper_it_fails():
    text = sh(f"{RUN} --rm busybox {USE}", want=1)
    print(f"# podman with crun alone says: {text.strip().splitlines()[-1]}")
    check("nvalid argument" in text, f"podman says {text}")


def run_with_the_snippet():
    write("/etc/containers/containers.conf.d/50-shiftfs.conf", snippet("podman"))
    lines = sh(f"{RUN} --rm busybox {USE}").splitlines()
    equal(lines[:2], ["0:0", "stored"], "what the container sees")
    check(" - shiftfs " in lines[2], f"the mount is {lines[2]}")
    equal(owner(f"{BACK}/new"), "5:6", "the owner stored")
    os.unlink(f"{BACK}/new")


def run_by_the_option():
    os.unlink("/etc/containers/containers.conf.d/50-shiftfs.conf")
    try:
        lines = sh(f"{RUN.replace('podman', 'podman --runtime /usr/bin/shiftfs-crun', 1)} --rm busybox {USE}").splitlines()
    finally:
        write("/etc/containers/containers.conf.d/50-shiftfs.conf", snippet("podman"))
    equal(lines[:2], ["0:0", "stored"], "what the container sees")
    equal(owner(f"{BACK}/new"), "5:6", "the owner stored")


def a_container_in_the_background():
    sh(f"{RUN} -d --name bg busybox sh -c 'echo begun; while :; do sleep 1; done'")
    equal(shiftfs_mounts(), [], "mounts of ours on the host")
    equal(sh("podman inspect -f '{{.State.Status}} {{.OCIRuntime}}' bg").split(), ["running", "shiftfs-crun"], "inspect")
    sh("podman exec bg sh -c 'echo from-exec >/data/by-exec'")
    equal((owner(f"{BACK}/by-exec"), read(f"{BACK}/by-exec")), ("0:0", "from-exec\n"), "what exec stored")
    equal(sh("podman logs bg"), "begun\n", "the log")
    sh("podman stop -t 0 bg && podman start bg && podman kill bg && podman wait bg")
    # with crun alone as well, podman's own cleanup is often in the way of its first rm
    sh("podman rm -f bg || { sleep 2; podman rm -f bg; }")
    equal(sh("podman ps -aq"), "", "containers left")


def errors_are_the_runtimes():
    text = sh("podman run --network=none --rm busybox /nowhere", want=1)
    check(re.search("no such file or directory", text, re.I), f"podman says {text}")
    text = sh("podman run --network=none --rm --annotation org.shiftfs.squash=/data=0:0 busybox sh -c :", want=1)
    check("annotation org.shiftfs.squash: Operation not permitted" in text, f"podman says {text}")
    equal(sh("podman ps -aq"), "", "containers left")


def containerd_by_ctr():
    ids = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    root = f"{WORK}/ctr-root"
    shutil.copytree(f"{WORK}/image", root, symlinks=True)
    os.mkdir(f"{root}/proc")
    sh(f"chown -Rh 100000:100000 {root}")

    def run(source, want=0):
        write(f"{WORK}/ctr.json", json.dumps({
            "ociVersion": "1.0.2", "root": {"path": root},
            "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": ["PATH=/bin"],
                        "args": ["sh", "-c", "stat -c %u:%g /data/f; touch /data/ctr; grep ' /data ' /proc/self/mountinfo"]},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                       {"destination": "/data", "type": "bind", "source": source, "options": ["rbind"],
                        "uidMappings": ids, "gidMappings": ids}],
            "linux": {"uidMappings": ids, "gidMappings": ids, "cgroupsPath": "/ctr",
                      "namespaces": [{"type": t} for t in ("pid", "mount", "user", "ipc")]}}))
        return sh(f"ctr run --rm --config {WORK}/ctr.json --runc-binary /usr/bin/shiftfs-runc t1", want)
    write("/etc/containerd/config.toml", 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    with open(f"{WORK}/containerd.log", "wb") as log, subprocess.Popen("containerd", stdout=log, stderr=log) as daemon:
        try:
            for _ in range(200):
                if os.path.exists("/run/containerd/containerd.sock"):
                    break
                time.sleep(0.3)
            lines = run(LOW).splitlines()
            equal(lines[0], "0:0", "what the container sees")
            check(" - shiftfs " in lines[1], f"the mount is {lines[1]}")
            equal(owner(f"{BACK}/ctr"), "0:0", "the owner stored")
            text = run("/proc/sys", want=1)
            check("the mount at /data: nothing can shift /proc/sys" in text or "shiftfs" in text, f"ctr says {text}")
            equal(sh("ctr containers list -q"), "", "containers left")
        finally:
            daemon.terminate()


def main():
    print("TAP version 13", flush=True)
    setup()
    for function in (without_the_wrapper_it_fails, run_with_the_snippet, run_by_the_option,
                     a_container_in_the_background, errors_are_the_runtimes, containerd_by_ctr):
        test(function)
    sh(f"umount {LOW}; {NFS_SERVER} stop; umount {BACK}")
    print(f"1..{sum(count.values())}\n# totals: pass:{count['pass']} fail:{count['fail']} skip:0")
    sys.exit(bool(count["fail"]))


main()
