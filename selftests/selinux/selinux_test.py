#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SELinux: its mount options, and stored labels, on shiftfs.

For a kernel booted with security=selinux and without a policy: it loads two of
its own, which allow everything. KTAP out.
"""
import errno
import os
import re
import shutil
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
WORK = "/var/tmp/selinux"
LOWER, UPPER = WORK + "/lower", WORK + "/upper"
MAP = "idmap=b:0:100000:65536"
LABEL = "security.selinux"
count = [0, 0]


def sh(command):
    subprocess.run("set -e; " + command, shell=True, check=True)


def context(name):
    return f"system_u:object_r:{name}:s0"


def label(path):
    return os.getxattr(path, LABEL, follow_symlinks=False).decode().strip("\0")


def relabel(path, name):
    os.setxattr(path, LABEL, context(name).encode() + b"\0")


def same(want, path):
    got = label(path)
    assert got == context(want), f"{path} is {got}, wanted {want}"


def load_policy(*statements):
    """A policy is written in one write(2)."""
    subprocess.run([here + "/make-policy", WORK + "/policy", *statements],
                   check=True)
    with open(WORK + "/policy", "rb") as f:
        policy = f.read()
    fd = os.open("/sys/fs/selinux/load", os.O_WRONLY)
    assert os.write(fd, policy) == len(policy)
    os.close(fd)


def mount(options):
    sh(f"mount -t shiftfs -o '{MAP},{options}' {LOWER} {UPPER}")


def umount():
    sh(f"umount {UPPER}")


def mount_options():
    with open("/proc/self/mountinfo", encoding="ascii") as f:
        return [line for line in f if f" {UPPER} " in line][-1].split()[-1]


def one_context():
    """All is labelled by the mount; what is stored stays as it is."""
    mount("context=" + context("ctx_t"))
    same("ctx_t", UPPER + "/a")
    same("ctx_t", UPPER)
    same("a_t", LOWER + "/a")
    assert "context=" + context("ctx_t") in mount_options(), mount_options()
    os.setegid(100000)
    os.seteuid(100000)
    os.close(os.open(UPPER + "/new", os.O_CREAT | os.O_WRONLY, 0o600))
    os.seteuid(0)
    os.setegid(0)
    same("ctx_t", UPPER + "/new")
    # made by the lower filesystem's own rules: as in its directory
    same("b_t", LOWER + "/new")
    try:
        relabel(UPPER + "/a", "b_t")
    except OSError as e:
        assert e.errno == errno.EOPNOTSUPP, e
    else:
        raise AssertionError("relabelled under context=")
    same("a_t", LOWER + "/a")
    os.unlink(LOWER + "/new")
    umount()


def other_contexts():
    mount("rootcontext=" + context("ctx_t") + ",fscontext=" + context("b_t"))
    same("ctx_t", UPPER)
    options = mount_options()
    assert "fscontext=" + context("b_t") in options, options
    umount()
    # a default needs labels that are stored, for any filesystem
    try:
        mount("defcontext=" + context("ctx_t"))
    except subprocess.CalledProcessError:
        pass
    else:
        raise AssertionError("mounted with defcontext=")


def shown_again():
    """What mountinfo shows can be given again, quotes or not."""
    mount("context=" + context("ctx_t"))
    options = ",".join(o for o in mount_options().split(",")
                       if o not in ("rw", "seclabel"))
    umount()
    sh(f"mount -t shiftfs -o '{options}' {LOWER} {UPPER}")
    same("ctx_t", UPPER + "/a")
    sh(f"mount -o remount,ro {UPPER}")
    umount()


def stored_labels():
    """With fs_use_xattr shiftfs the labels are the lower files'."""
    mount("ro")
    same("a_t", UPPER + "/a")
    umount()
    mount("rw")
    assert "seclabel" in mount_options(), mount_options()
    same("a_t", UPPER + "/a")
    same("b_t", UPPER)
    relabel(UPPER + "/a", "b_t")
    same("b_t", UPPER + "/a")
    same("b_t", LOWER + "/a")
    relabel(UPPER + "/a", "a_t")
    os.setegid(100000)
    os.seteuid(100000)
    os.close(os.open(UPPER + "/new", os.O_CREAT | os.O_WRONLY, 0o600))
    os.mkdir(UPPER + "/dir")
    os.seteuid(0)
    os.setegid(0)
    for name in ("/new", "/dir"):
        same("b_t", UPPER + name)
        same("b_t", LOWER + name)
    umount()


def default_context():
    """For files without a label; those that have one keep it."""
    mount("defcontext=" + context("ctx_t"))
    assert "defcontext=" + context("ctx_t") in mount_options(), mount_options()
    same("a_t", UPPER + "/a")
    umount()


def unknown_to_the_policy():
    """Without it SELinux has no labels there, and stored ones are kept."""
    mount("rw")
    same("unlabeled_t", UPPER + "/a")
    same("a_t", LOWER + "/a")
    umount()


def make_root(root):
    """The machine's own shell, cat and stat."""
    for d in ("bin", "etc", "lib", "tmp", "v"):
        os.makedirs(f"{root}/{d}")
    for name in ("bash", "cat", "stat", "touch"):
        program = f"{root}/bin/{name}"
        shutil.copy(os.path.realpath(shutil.which(name)), program)
        libs = subprocess.run(["ldd", program], stdout=subprocess.PIPE, check=True)
        for lib in re.findall(r"(/\S+) \(", libs.stdout.decode()):
            os.makedirs(os.path.dirname(root + lib), exist_ok=True)
            shutil.copy(os.path.realpath(lib), root + lib)


def in_pod(command, *options):
    return subprocess.run(
        ["runner", "run", "--image", WORK + "/image.d", *options, "--",
         "/bin/bash", "-c", command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False)


def said(want, *args):
    got = in_pod(*args)
    text = got.stdout.decode().replace("\0", "").strip()
    assert (got.returncode, text) == (0, want), f"{args}: {got.returncode}: {text}"


def mounted_for_a_pod():
    """What is the pod's alone has its label, a command of exec its process's."""
    want = context("container_file_t") + ":c0,c1"
    places = ["/", "/bin/bash", "/tmp/made", "/home-made", "/dev", "/dev/null",
              "/dev/pts", "/run", "/t"]
    stored = label(WORK + "/image.d/bin/bash")
    for shift in "shiftfs", "idmap":
        said("\n".join([want] * len(places)),
             "touch /tmp/made /home-made; stat -c %C " + " ".join(places),
             "--shift", shift, "--tmpfs", "/t", "--name", "labelled",
             "--security-opt", "label=level:s0:c0,c1")
        assert label(WORK + "/image.d/bin/bash") == stored
        made = "/var/lib/runner/pods/labelled/layer/upper/home-made"
        assert os.stat(made).st_uid == 0
        # made through an overlay with that label: stored with it
        assert label(made) == want, label(made)
        sh("runner rm labelled")
    # without a label nothing gets one
    got = in_pod("stat -c %C /tmp /run")
    assert b"container" not in got.stdout and got.returncode == 0, got
    sh(f"runner run -d --name labelled --image {WORK}/image.d "
       "--security-opt label=type:a_t -- /bin/bash -c 'read x </dev/pts/ptmx'")
    got = subprocess.run(["runner", "exec", "labelled", "cat", "/proc/self/attr/current",
                          "/proc/1/attr/current"],
                         stdout=subprocess.PIPE, check=True).stdout
    sh("runner rm -f labelled")
    assert got.count(b"system_u:system_r:a_t:s0") == 2, got


def pods():
    """--security-opt label= is the process's, z and Z are the volume's."""
    make_root(WORK + "/image.d")
    attr = "cat /proc/self/attr/current"
    said("system_u:system_r:container_t:s0", attr,
         "--security-opt", "label=level:s0")
    said("system_u:system_r:a_t:s0:c0", attr, "--security-opt", "label=type:a_t",
         "--security-opt", "label=level:s0:c0")
    mounted_for_a_pod()
    see = "stat -c %C:%u:%g /v/a; touch /v/made"
    for option, level in (":z", "s0"), (":Z", "s0:c0"), ("", None):
        want = context("container_file_t")[:-2] + level if level else context("a_t")
        sh(f"rm -f {LOWER}/made; chown 1000:1001 {LOWER}/a; chmod 777 {LOWER}")
        # host ids are nobody's in the pod, whatever the label
        said(want + ":65534:65534", see, "-v", f"{LOWER}:/v{option}",
             "--security-opt", "label=level:s0:c0")
        same("a_t", LOWER + "/a")
        assert os.stat(LOWER + "/a").st_uid == 1000
        made = os.stat(LOWER + "/made")
        assert made.st_uid == made.st_gid >= 65536, made
        if option:
            sh(f"rm -f {LOWER}/made")
            said(want + ":1000:1001", see, "-v", f"{LOWER}:/v:idmap:unsafe-setuid{option}",
                 "--security-opt", "label=level:s0:c0")
            same("a_t", LOWER + "/a")
            made = os.stat(LOWER + "/made")
            assert (made.st_uid, made.st_gid) == (0, 0), made
    got = in_pod("true", "--shift", "idmap", "-v", f"{LOWER}:/v:idmap:unsafe-setuid:z")
    assert got.returncode == 125 and b"--shift=shiftfs" in got.stdout, got
    sh(f"rm -f {LOWER}/made")


def run(test):
    n = sum(count) + 1
    try:
        test()
    except (AssertionError, OSError, subprocess.CalledProcessError) as e:
        tb = e.__traceback__
        while tb.tb_next:
            tb = tb.tb_next
        print(f"# line {tb.tb_lineno}: {e}\nnot ok {n} {test.__name__}")
        count[1] += 1
        subprocess.run(f"umount {UPPER}", shell=True, check=False)
    else:
        print(f"ok {n} {test.__name__}")
        count[0] += 1
    sys.stdout.flush()


def main():
    print("TAP version 13")
    for d in (WORK, LOWER, UPPER):
        os.mkdir(d)
    sh("modprobe loop; modprobe shiftfs; mountpoint -q /sys/fs/selinux || "
       "mount -t selinuxfs selinuxfs /sys/fs/selinux")
    # without it libselinux takes SELinux for disabled, and mount(8) leaves context= out
    os.makedirs("/etc/selinux", exist_ok=True)
    with open("/etc/selinux/config", "a", encoding="ascii"):
        pass
    load_policy()
    sh(f"truncate -s 64M {WORK}/image; mkfs.ext4 -q {WORK}/image; "
       f"mount -o loop {WORK}/image {LOWER}; chmod 777 {LOWER}")
    relabel(LOWER, "b_t")
    with open(LOWER + "/a", "w", encoding="ascii") as f:
        f.write("a")
    relabel(LOWER + "/a", "a_t")
    run(one_context)
    run(other_contexts)
    run(shown_again)
    run(unknown_to_the_policy)
    run(pods)
    load_policy("(fsuse xattr shiftfs (system_u object_r fs_t ((s0) (s0))))")
    run(stored_labels)
    run(default_context)
    sh(f"umount {LOWER}; rmmod shiftfs")
    print(f"1..{sum(count)}\n# totals: pass:{count[0]} fail:{count[1]} skip:0")
    return count[1] != 0


if __name__ == "__main__":
    sys.exit(main())
