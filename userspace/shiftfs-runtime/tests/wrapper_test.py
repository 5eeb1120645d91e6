#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The wrapper around a runtime that says what it was given.

wrapper_test.py DIR [TEST...]: DIR has shiftfs-runtime, plain (the same without sanitizers),
fake_runtime, killat and eio.so.  Everything happens
in a mount namespace of the test's own, which plays the host; its mounts are shared, as
systemd makes them.  Each test says what the runtime was given and what the host has.
"""
import ctypes
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time

HERE = os.path.abspath(sys.argv[1])
WRAPPER, PLAIN, FAKE, KILLAT, EIO = (
    f"{HERE}/{n}" for n in ("shiftfs-runtime", "plain", "fake_runtime", "killat", "eio.so"))
ETC, OUT, BUNDLE, PLACE = "/run/etc-shiftfs", "/run/out", "/run/bundle", "/run/shiftfs-runtime"
SOURCE = None
IDS = [{"containerID": 0, "hostID": 100000, "size": 65536}]
count = {"pass": 0, "fail": 0}


def sh(command):
    subprocess.run(command, shell=True, check=True, stdin=subprocess.DEVNULL)


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
        f.write(text)


def check(cond, text):
    if not cond:
        raise AssertionError(text)


def equal(got, want, what):
    if isinstance(got, list) and len(want) > 5:
        check(got == want, f"{what}: more: {[g for g in got if got.count(g) > want.count(g)]}, "
              f"less: {[w for w in want if want.count(w) > got.count(w)]}")
    check(got == want, f"{what} is {got!r}, wanted {want!r}")


def test(function):
    name = function.__name__.replace("_", " ")
    if len(sys.argv) > 2 and not any(a in function.__name__ for a in sys.argv[2:]):
        return
    begin = time.time()
    try:
        function()
        count["pass"] += 1
        print(f"ok {sum(count.values())} - {name} # {time.time() - begin:.1f} s", flush=True)
    except (AssertionError, OSError, subprocess.SubprocessError, KeyError, ValueError) as e:
        count["fail"] += 1
        print(f"not ok {sum(count.values())} - {name}\n# {type(e).__name__}: {e}", flush=True)


def settings(**keys):
    write(f"{ETC}/runtime.json", json.dumps({"runtime": FAKE, **keys}))


def config(options=("rbind", "idmap"), source=None, **more):
    mount = {"destination": "/data", "type": "bind", "source": source or SOURCE,
             "options": list(options), **more}
    return {"ociVersion": "1.0.2", "root": {"path": "rootfs"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, mount],
            "linux": {"uidMappings": IDS, "gidMappings": IDS,
                      "namespaces": [{"type": "mount"}, {"type": "user"}]}}


def bundle(value):
    write(f"{BUNDLE}/config.json", value if isinstance(value, str) else json.dumps(value))


def mounts(pid="self"):
    """What is mounted, without numbers, which another namespace has others of."""
    lines = read(f"/proc/{pid}/mountinfo").splitlines()
    return sorted(" ".join(l.split()[2:]) for l in lines)


def given():
    result = {n: read(f"{OUT}/{n}") for n in os.listdir(OUT)}
    result["argv"] = result["argv"].split("\0")[:-1]
    return result


def empty_out():
    shutil.rmtree(OUT, ignore_errors=True)
    os.mkdir(OUT)


def start(*args, wrapper=WRAPPER, env=None, **more):
    empty_out()
    environment = {"PATH": os.environ["PATH"], "FAKE_OUT": OUT,
                   "FAKE_CONFIG": f"{BUNDLE}/config.json", **(env or {})}
    return subprocess.Popen([wrapper, *args], env=environment, stdin=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, **more)


def run(*args, want=0, **more):
    """The exit status is @want, and the host's mounts and the bundle are what they were."""
    before, file = mounts(), None
    if stat.S_ISREG(os.stat(f"{BUNDLE}/config.json").st_mode):
        file = read(f"{BUNDLE}/config.json")
    p = start(*args, **more)
    err = p.communicate()[1].decode()
    equal(p.returncode, want, f"the status (stderr: {err})")
    equal(mounts(), before, "what is mounted on the host")
    if file is not None:
        equal(read(f"{BUNDLE}/config.json"), file, "the engine's config.json")
    check(not os.path.exists(PLACE) or not os.listdir(PLACE), f"{PLACE} is not empty")
    return err


def waiting(*args):
    p = start(*args, env={"FAKE_STATUS": "wait"})
    for _ in range(500):
        if os.path.exists(f"{OUT}/done") and read(f"{OUT}/done"):
            return p
        time.sleep(0.01)
    p.kill()
    raise AssertionError(f"the runtime does not run: {p.communicate()[1].decode()}")


CREATE = ("--root", "/run/r", "--log", "/run/log", "--log-format", "json",
          "create", "--bundle", BUNDLE, "--pid-file", "/run/pid", "ID")


def shifted(source):
    """The runtime has a mount of @source that shows its file, by a private place."""
    got = given()
    entry = json.loads(got["config"])["mounts"][1]
    equal(entry["source"], f"{PLACE}/0", "the source given")
    check("uidMappings" not in entry and "idmap" not in entry["options"], "mappings are left")
    here = [l for l in got["mountinfo"].splitlines() if f" {PLACE}" in l]
    equal(len(here), 2, f"mounts at {PLACE} ({here}, {source})")
    return got


def setup():
    global SOURCE
    libc = ctypes.CDLL(None, use_errno=True)
    check(libc.unshare(0x00020000) == 0, "unshare")
    sh("mount --make-rprivate / && mount -t tmpfs -o mode=755 none /run && mount --make-rshared /")
    for d in (ETC, OUT, BUNDLE, f"{BUNDLE}/rootfs", "/run/netns"):
        os.makedirs(d)
    # on a filesystem that can be idmapped
    SOURCE = f"{HERE}/source"
    shutil.rmtree(SOURCE, ignore_errors=True)
    os.makedirs(f"{SOURCE}/dir")
    write(f"{SOURCE}/file", "text")
    settings(idmap="wrapper")


def commands_go_through_unchanged():
    bundle(config())
    log = ["--root", "/r", "--log", "/l", "--log-format", "json"]
    for args in (["start", "ID"], ["state", "ID"], ["kill", "--all", "ID", "9"], ["delete", "--force", "ID"],
                 ["exec", "--process", "/p", "--detach", "--pid-file", "/f", "ID"], ["pause", "ID"],
                 ["resume", "ID"], ["ps", "--format", "json", "ID"], ["update", "--resources=-", "ID"],
                 ["events", "--stats", "ID"], ["list", "--format=json"], ["features"], ["spec"],
                 ["checkpoint", "ID"], ["exec", "ID", "create", "--bundle", BUNDLE], [],
                 ["--version"], ["an empty", "", "and\nnew line"]):
        for front in (log, ["--cgroup-manager", "disabled"]):
            run(*front, *args)
            got = given()
            equal(got["argv"], [FAKE, *front, *args], "argv")
            equal(got["mountinfo"], read("/proc/self/mountinfo"), "the namespace")


def create_without_maps_goes_through_unchanged():
    for value in (config(["rbind"]), config(["ro", "bind"], uidMappings=[]), {"mounts": []}, {}):
        bundle(value)
        run(*CREATE)
        got = given()
        equal(got["argv"], [FAKE, *CREATE], "argv")
        equal(got["mountinfo"], read("/proc/self/mountinfo"), "the namespace")
        equal(json.loads(got["config"]), value, "config.json")


def a_runtime_that_idmaps_is_left_to_it():
    bundle(config())
    for keys in ({"idmap": "runtime"}, {"runtime": "/run/crun"}):
        shutil.copy(FAKE, "/run/crun")
        settings(**keys)
        run(*CREATE)
        got = given()
        equal(got["mountinfo"], read("/proc/self/mountinfo"), "the namespace")
        equal(json.loads(got["config"]), config(), "config.json")
    # crun 1.8 ignores ridmap, and forgets the map if the source is a link
    os.symlink(SOURCE, "/run/link-to-source")
    for value in (config(["rbind", "ridmap"]), config(source="/run/link-to-source")):
        bundle(value)
        run(*CREATE)
        shifted(SOURCE)
    settings(idmap="wrapper")


def a_mapped_mount_is_at_a_private_place():
    for value in (config(), config(["bind", "ridmap", "ro"]), config(["rbind"], uidMappings=IDS, gidMappings=IDS),
                  config(["bind", "idmap=uids=0-100000-5;gids=0-100000-5"])):
        bundle(value)
        for args in (CREATE, (*CREATE[:6], "run", "-b", BUNDLE, "ID")):
            run(*args, env={"FAKE_READ": f"{PLACE}/0/file"})
            got = shifted(SOURCE)
            equal(got["argv"], [FAKE, *args], "argv")
            equal(got["read"], "text", "the file through the mount")
            expected = json.loads(json.dumps(value))
            expected["mounts"][1] = json.loads(got["config"])["mounts"][1]
            equal(json.loads(got["config"]), expected, "the rest of config.json")


def the_private_place_shows_the_map():
    os.chown(f"{SOURCE}/file", 7, 8)
    os.chmod(f"{SOURCE}/dir", 0o777)
    bundle(config())
    p = waiting(*CREATE)
    st = os.stat(f"/proc/{p.pid}/root{PLACE}/0/file")
    equal((st.st_uid, st.st_gid), (100007, 100008), "the owner seen")
    sh(f"nsenter -t {p.pid} -m setpriv --reuid=100005 --regid=100006 --clear-groups touch {PLACE}/0/dir/new")
    st = os.stat(f"{SOURCE}/dir/new")
    equal((st.st_uid, st.st_gid), (5, 6), "the owner stored")
    os.unlink(f"{SOURCE}/dir/new")
    p.kill()
    p.communicate()
    os.chown(f"{SOURCE}/file", 0, 0)


def words_that_are_spelled_with_escapes():
    for word, escaped in (("idmap", "\\u0069dmap"), ("options", "opt\\u0069ons")):
        bundle(json.dumps(config()).replace(f'"{word}"', f'"{escaped}"'))
        run(*CREATE)
        shifted(SOURCE)


def a_file_as_source():
    bundle(config(source=f"{SOURCE}/file"))
    run(*CREATE, env={"FAKE_READ": f"{PLACE}/0"})
    equal(given()["read"], "text", "the file through the mount")


def a_source_by_links_and_by_a_relative_path():
    for link, target in (("link", SOURCE), ("link2", "link")):
        os.symlink(target, f"{BUNDLE}/{link}")
        for name in (link, f"{BUNDLE}/{link}", f"../bundle/{link}"):
            bundle(config(source=name))
            run(*CREATE, env={"FAKE_READ": f"{PLACE}/0/file"})
            equal(given()["read"], "text", "the file through the mount")
    # crun's src-nofollow: what becomes of a link is the runtime's to say
    bundle(config(["bind", "idmap", "src-nofollow"], source=f"{BUNDLE}/link"))
    run(*CREATE)
    equal(given()["mountinfo"], read("/proc/self/mountinfo"), "the namespace")


def bundles_by_other_names():
    bundle(config())
    os.symlink(BUNDLE, "/run/to-bundle")
    for args, cwd in (((), BUNDLE), (("-b", "bundle"), "/run"), (("--bundle=/run/to-bundle",), "/"),
                      (("-b.",), BUNDLE)):
        run("create", *args, "ID", cwd=cwd)
        shifted(SOURCE)
    # a config.json elsewhere, as crun's -f names it, or a link
    write("/run/elsewhere.json", json.dumps(config()))
    for args in (("-f", "../elsewhere.json"), ("--config", "/run/elsewhere.json")):
        run("create", "-b", BUNDLE, *args, "ID", env={"FAKE_CONFIG": "/run/elsewhere.json"})
        shifted(SOURCE)
    os.unlink(f"{BUNDLE}/config.json")
    os.symlink("../elsewhere.json", f"{BUNDLE}/config.json")
    run(*CREATE)
    shifted(SOURCE)
    os.unlink(f"{BUNDLE}/config.json")


def mounts_propagate_as_if_nothing_was_there():
    bundle(config())
    p = waiting(*CREATE)
    try:
        equal([l for l in mounts() if PLACE in l], [], "the host's mounts at the place")
        check(any(PLACE in l for l in mounts(p.pid)), "the runtime has no mount at the place")
        sh("mkdir -p /run/from-host /run/from-hook && mount -t tmpfs none /run/from-host")
        check(any(" /run/from-host " in l for l in mounts(p.pid)), "the host's new mount is not seen")
        sh("umount /run/from-host")
        check(not any(" /run/from-host " in l for l in mounts(p.pid)), "it is still seen after umount")
        sh(f"nsenter -t {p.pid} -m mount -t tmpfs none /run/from-hook")
        check(any(" /run/from-hook " in l for l in mounts()), "a hook's mount does not reach the host")
        sh("umount /run/from-hook")
        # a container that binds /run has neither the place nor the copy of config.json
        sh(f"nsenter -t {p.pid} -m sh -ec 'mkdir /run/bound; mount --rbind /run /run/bound;"
           "! grep -q /run/bound/shiftfs /proc/self/mountinfo; grep -q idmap /run/bound/bundle/config.json;"
           "umount -R /run/bound; rmdir /run/bound'")
    finally:
        p.kill()
        p.communicate()
    equal([l for l in mounts() if PLACE in l], [], "the host's mounts at the place")


def private_and_slave_mounts_stay_so():
    bundle(config())
    # a peer, without which a slave would be private
    sh("mkdir -p /var/tmp/peer-of-run && mount --bind /run /var/tmp/peer-of-run")
    for kind, optional in (("slave", "master:"), ("private", "")):
        sh(f"mount --make-{kind} /run")
        p = waiting(*CREATE)
        lines = [l.split(" - ")[0].split() for l in read(f"/proc/{p.pid}/mountinfo").splitlines()]
        p.kill()
        p.communicate()
        fields = [l[6:] for l in lines if l[4] == "/run"]
        check("".join(fields[-1]).startswith(optional) and "shared" not in "".join(fields[-1]),
              f"of a {kind} /run the runtime has {fields}")
    sh("umount /var/tmp/peer-of-run && rmdir /var/tmp/peer-of-run && mount --make-shared /run")


def the_engine_has_the_runtimes_process():
    bundle(config())
    for value in (config(), config(["bind"])):
        bundle(value)
        for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP):
            p = waiting(*CREATE)
            equal(int(read(f"{OUT}/done")), p.pid, "the runtime's pid")
            p.send_signal(sig)
            p.communicate()
            equal(p.returncode, -sig, "the status")
        for status in (0, 1, 127, 255):
            run(*CREATE, env={"FAKE_STATUS": str(status)}, want=status)


def signals_and_descriptors_are_inherited():
    def prepare():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
    pipes = os.pipe() + os.pipe()
    for value in (config(), config(["bind"])):
        bundle(value)
        seen = []
        for wrapper in (FAKE, WRAPPER):
            empty_out()
            run(*CREATE, wrapper=wrapper, preexec_fn=prepare, pass_fds=pipes)
            got = given()
            seen.append([l for l in got["signals"].splitlines() if l[:3] in ("Sig", "Cap", "NoN", "Uid") and l[:4] != "SigQ"] +
                        [got["fds"], sorted(got["environ"].split("\0"))])
        equal(seen[1], seen[0], "signals, capabilities, descriptors and environment")
    for fd in pipes:
        os.close(fd)


def last_log():
    line = read("/run/log").splitlines()[-1]
    entry = json.loads(line)
    equal(sorted(entry), ["level", "msg", "time"], "the members of a line in the log")
    equal(entry["level"], "error", "the level")
    check(time.strptime(entry["time"], "%Y-%m-%dT%H:%M:%SZ"), "the time")
    return entry["msg"]


def refused(text, *args):
    """The runtime is not run; the log says @text."""
    if os.path.exists("/run/log"):
        os.unlink("/run/log")
    err = run(*(args or CREATE), want=1)
    equal(os.listdir(OUT), [], "what the runtime said")
    check(text in last_log(), f"the log says {last_log()!r}, wanted {text!r}")
    check(text in err, f"stderr says {err!r}, wanted {text!r}")


def what_cannot_be_shifted_is_an_error_in_the_log():
    bundle(config(source="/proc/sys"))
    refused("the mount at /data: nothing can shift /proc/sys, on proc")
    # text, and a log by crun's name for a file
    os.unlink("/run/log")
    run("--log", "file:/run/log", "create", "-b", BUNDLE, "ID", want=1)
    check('level=error msg="the mount at /data' in read("/run/log"), "the log in text")
    os.unlink("/run/log")
    run("--log", "/nowhere/log", "create", "-b", BUNDLE, "ID", want=1)


def an_idmapped_mount_that_makes_no_files():
    """As CephFS with old servers: the mount is made, and then creating fails with EIO."""
    for keys in ({"idmap": "runtime"}, {"idmap": "wrapper"}):
        settings(**keys)
        for options in (["bind", "idmap"], ["bind", "ridmap"]):
            bundle(config(options))
            err = run(*CREATE, wrapper=PLAIN, env={"LD_PRELOAD": EIO}, want=1)
            check("makes no files: Input/output error" in err, err)
        # what is not written to needs no files
        bundle(config(["bind", "idmap", "ro"]))
        run(*CREATE, wrapper=PLAIN, env={"LD_PRELOAD": EIO})
        # nor is a lack of rights, or a quota, the map's fault
        bundle(config(["bind", "idmap"]))
        run(*CREATE, wrapper=PLAIN, env={"LD_PRELOAD": EIO, "EIO_ERRNO": "122"})
        # filesystems without O_TMPFILE
        run(*CREATE, wrapper=PLAIN, env={"LD_PRELOAD": EIO, "EIO_ERRNO": "95"})
        equal(sorted(os.listdir(SOURCE)), ["dir", "file"], "what is in the source")
    settings(idmap="wrapper")


def contradictions_are_errors():
    value = config()
    value["linux"]["namespaces"] = [{"type": "user"}]
    bundle(value)
    refused("new mount namespace")
    value["linux"]["namespaces"] = [{"type": "mount", "path": "/proc/1/ns/mnt"}, {"type": "user"}]
    bundle(value)
    refused("new mount namespace")
    bundle(config(["bind", "idmap=uids=0"]))
    refused("idmap=uids=0: it must be")
    value = config()
    value["annotations"] = {"org.shiftfs.squash": "/data=0:0"}
    bundle(value)
    refused("annotation org.shiftfs.squash: Operation not permitted")


def what_the_runtime_refuses_is_left_to_it():
    settings(idmap="wrapper")
    for text in ("", "{", "{\"mounts\": [", "[]", "nonsense", json.dumps(config())[:-1]):
        bundle(text)
        run(*CREATE, want=0)
        equal(given()["config"], text, "config.json")
    bundle(config(source="/nowhere"))
    run(*CREATE)
    equal(json.loads(given()["config"]), config(source="/nowhere"), "config.json")
    run("create", "--bundle", "/nowhere", "ID")
    equal(given()["argv"][0], FAKE, "argv[0]")
    os.unlink(f"{BUNDLE}/config.json")
    os.mkfifo(f"{BUNDLE}/config.json")
    empty_out()
    run(*CREATE, env={"FAKE_CONFIG": "/nowhere"})
    equal(given()["argv"][0], FAKE, "argv[0]")
    os.unlink(f"{BUNDLE}/config.json")


def huge_and_deep_are_errors():
    bundle("{\"idmap\":" + "[" * 100000 + "]" * 100000 + "}")
    refused("nesting too deep")
    bundle(json.dumps(config())[:-1] + " " * (4 << 20) + "}")
    refused("File too large")
    # many mounts
    value = config()
    value["mounts"] += [dict(value["mounts"][1], destination=f"/d{i}") for i in range(50)]
    bundle(value)
    run(*CREATE)
    equal(len([l for l in given()["mountinfo"].splitlines() if f" {PLACE}/" in l]), 51, "mounts")


def a_full_run_is_an_error():
    os.rmdir(PLACE)
    bundle(config())
    sh("mount -o remount,nr_inodes=1 /run 2>/dev/null || mount -o remount,ro /run")
    try:
        before = mounts()
        p = subprocess.Popen(
            [WRAPPER, *CREATE], stderr=subprocess.PIPE, env={"FAKE_OUT": OUT})
        err = p.communicate()[1].decode()
        equal(p.returncode, 1, "the status")
        check(f"making the directory {PLACE}" in err, f"stderr says {err!r}")
        equal(mounts(), before, "what is mounted on the host")
    finally:
        sh("mount -o remount,rw,nr_inodes=100000 /run")


def the_runtime_is_found():
    bundle(config(["bind"]))
    sh("mount -t tmpfs none /usr/local/sbin")
    shutil.copy(FAKE, "/usr/local/sbin/fake")
    os.symlink(WRAPPER, "/run/shiftfs-fake")
    run("state", "ID", wrapper="/run/shiftfs-fake")
    equal(given()["argv"][0], "/usr/local/sbin/fake", "argv[0]")
    settings(runtime="fake")
    run("state", "ID")
    equal(given()["argv"][0], "/usr/local/sbin/fake", "argv[0]")
    # not by $PATH
    settings(runtime="fake2")
    shutil.copy(FAKE, "/run/fake2")
    err = run("state", "ID", env={"PATH": "/run"}, want=1)
    check("OCI runtime fake2: No such file" in err, err)
    # a broken file stops no container from being stopped, if the name says the runtime
    write(f"{ETC}/runtime.json", "{")
    run("kill", "ID", "9", wrapper="/run/shiftfs-fake")
    equal(given()["argv"][0], "/usr/local/sbin/fake", "argv[0]")
    for wrapper, args in ((WRAPPER, ("kill", "ID", "9")), ("/run/shiftfs-fake", CREATE)):
        err = run(*args, wrapper=wrapper, want=1)
        check("runtime.json: not JSON" in err, err)
    sh("umount /usr/local/sbin")
    settings(idmap="wrapper")


def mounts_below_the_source():
    sh(f"mount -t tmpfs -o mode=755 none {SOURCE}/dir && mkdir -p {SOURCE}/dir/deep {SOURCE}/dir/hidden {SOURCE}/later"
       f" && mkdir -p {HERE}/deep && touch {HERE}/deep/f {SOURCE}/dir/f"
       f" && mount --bind {HERE}/deep {SOURCE}/dir/deep"
       f" && mount -t tmpfs none {SOURCE}/dir/hidden && mount --make-unbindable {SOURCE}/dir/hidden")
    try:
        for options, names, uid in ((["rbind", "idmap"], ["dir", "dir/deep"], 0),
                                    (["rbind", "ridmap"], None, 100000), (["bind", "ridmap"], [], None)):
            if names is None:
                sh(f"umount {SOURCE}/dir/hidden")
                names = ["dir", "dir/deep"]
            bundle(config(options))
            before = mounts()
            p = waiting(*CREATE)
            try:
                equal(mounts(), before, "what is mounted on the host")
                inside = [l.split()[4] for l in read(f"/proc/{p.pid}/mountinfo").splitlines()]
                equal([m[len(PLACE) + 3:] for m in inside if m.startswith(f"{PLACE}/0/")], names,
                      f"the mounts below with {options}")
                for name in names:
                    equal(os.stat(f"/proc/{p.pid}/root{PLACE}/0/{name}/f").st_uid, uid, f"the owner in {name}")
                # the host mounts, and umounts, while the container is there
                for place in ("later", "dir/later") if names else ():
                    os.makedirs(f"{SOURCE}/{place}", exist_ok=True)
                    sh(f"mount -t tmpfs none {SOURCE}/{place}")
                    check(any(f" {PLACE}/0/{place} " in l for l in mounts(p.pid)), f"{place} does not arrive")
                    sh(f"umount {SOURCE}/{place}")
                    check(not any(f" {PLACE}/0/{place} " in l for l in mounts(p.pid)), f"{place} stays")
            finally:
                p.kill()
                p.communicate()
            equal(mounts(), before, "what is mounted on the host")
    finally:
        sh(f"umount -R {SOURCE}/dir; rmdir {SOURCE}/later || umount {SOURCE}/later; rm -r {HERE}/deep")


def annotations_that_are_allowed():
    settings(idmap="runtime", annotations=["org.shiftfs.map", "org.shiftfs.root"])
    value = config(["bind"])
    value["annotations"] = {"org.shiftfs.map": "/data=b:0:300000:10"}
    bundle(value)
    p = waiting(*CREATE)
    st = os.stat(f"/proc/{p.pid}/root{PLACE}/0/file")
    p.kill()
    p.communicate()
    equal((st.st_uid, st.st_gid), (300000, 300000), "the owner seen")
    # the root, at its own path; on a filesystem that can be idmapped
    root = f"{SOURCE}/dir"
    write(f"{root}/of-root", "x")
    value = config(["bind"])
    value["annotations"] = {"org.shiftfs.root": "container"}
    value["root"]["path"] = root
    bundle(value)
    p = waiting(*CREATE)
    st = os.stat(f"/proc/{p.pid}/root{root}/of-root")
    equal((st.st_uid, st.st_gid), (100000, 100000), "the owner seen by the runtime")
    st = os.stat(f"{root}/of-root")
    equal((st.st_uid, st.st_gid), (0, 0), "the owner on the host")
    p.kill()
    p.communicate()
    check(not any(root in l for l in mounts()), "the root's mount is on the host")
    settings(idmap="wrapper")


def without_privilege_everything_goes_through():
    value = config()
    bundle(value)
    os.chmod(OUT, 0o777)
    before = mounts()
    empty_out()
    os.chmod(OUT, 0o777)
    for prefix in (["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"], ["unshare", "-Ur"]):
        sh(f"rm -f {OUT}/*")
        copy = "/run/copy-of-wrapper"
        shutil.copy(WRAPPER, copy)
        shutil.copy(FAKE, "/run/copy-of-fake")
        settings(runtime="/run/copy-of-fake")
        p = subprocess.run([*prefix, copy, *CREATE], stderr=subprocess.PIPE, check=False,
                           env={"FAKE_OUT": OUT, "FAKE_CONFIG": f"{BUNDLE}/config.json", "PATH": os.environ["PATH"]})
        equal(p.returncode, 0, f"the status ({p.stderr})")
        equal(json.loads(given()["config"]), value, "config.json")
    equal(mounts(), before, "what is mounted on the host")
    settings(idmap="wrapper")


def a_bundle_that_changes_while_it_is_read():
    states = [json.dumps(config()), json.dumps(config(["bind"])) + " " * 20000]
    stop = False

    def change():
        i = 0
        while not stop:
            i += 1
            if i % 3:
                bundle(states[i % 2])
            else:
                write("/run/next.json", states[i % 2])
                os.rename("/run/next.json", f"{BUNDLE}/config.json")
    bundle(states[0])
    before = mounts()
    thread = threading.Thread(target=change)
    thread.start()
    ways = set()
    try:
        for _ in range(25):
            p = start(*CREATE)
            err = p.communicate()[1].decode()
            if p.returncode == 0:
                # a file that takes config.json's name takes the mount over it away
                got = given()["config"]
                ours = f"{PLACE}/0" in got
                ways.add("shifted" if ours else "the engine's")
                if ours:
                    shifted(SOURCE)
                else:
                    check(any(s.startswith(got) for s in states), f"config.json is {got!r}")
            else:
                # config.json was moved away between the look and the mount
                ways.add("refused")
                check("config.json" in err, err)
            equal(mounts(), before, "what is mounted on the host")
    finally:
        stop = True
        thread.join()
    print(f"# ways it went: {sorted(ways)}")


def killed_at_every_step_it_leaves_nothing():
    bundle(config())
    empty_out()
    environment = {"FAKE_OUT": OUT}
    before, inside = mounts(), set(os.listdir("/run"))
    steps = 0
    for n in range(1, 5000):
        r = subprocess.run([KILLAT, str(n), PLAIN, *CREATE], env=environment, check=False,
                           stderr=subprocess.DEVNULL).returncode
        equal(mounts(), before, f"what is mounted on the host after a kill at call {n}")
        check(not os.path.exists(PLACE) or not os.listdir(PLACE), f"{PLACE} is not empty, call {n}")
        equal(set(os.listdir("/run")) - inside - {"shiftfs-runtime"}, set(), f"new in /run, call {n}")
        equal(sorted(os.listdir(SOURCE)), ["dir", "file"], f"the source, call {n}")
        if r:
            equal(r, 1, "the end of killat")
            break
        steps = n
    check(steps > 50, f"only {steps} system calls were seen")
    print(f"# killed at {steps} system calls")
    time.sleep(0.2)
    left = subprocess.run(["pgrep", "-fx", f"{PLAIN} .*"], stdout=subprocess.PIPE, check=False).stdout
    equal(left, b"", "processes that are left")


def main():
    setup()
    for function in (
            commands_go_through_unchanged, create_without_maps_goes_through_unchanged,
            a_runtime_that_idmaps_is_left_to_it, a_mapped_mount_is_at_a_private_place,
            the_private_place_shows_the_map, a_file_as_source,
            words_that_are_spelled_with_escapes,
            a_source_by_links_and_by_a_relative_path, bundles_by_other_names,
            mounts_propagate_as_if_nothing_was_there, private_and_slave_mounts_stay_so,
            the_engine_has_the_runtimes_process, signals_and_descriptors_are_inherited,
            what_cannot_be_shifted_is_an_error_in_the_log, contradictions_are_errors,
            an_idmapped_mount_that_makes_no_files,
            what_the_runtime_refuses_is_left_to_it, huge_and_deep_are_errors,
            a_full_run_is_an_error, the_runtime_is_found, annotations_that_are_allowed, mounts_below_the_source,
            without_privilege_everything_goes_through,
            a_bundle_that_changes_while_it_is_read,
            killed_at_every_step_it_leaves_nothing):
        test(function)
    shutil.rmtree(SOURCE, ignore_errors=True)
    print(f"1..{sum(count.values())}\n# totals: pass:{count['pass']} fail:{count['fail']} skip:0")
    sys.exit(bool(count["fail"]))


main()
