#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What real work needs of a server: creation in one step, removal, its price.

Each test says what is seen through the mount and what the server has stored.
KTAP out; SERVER... names some of the servers instead of all.
"""
import errno
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import dies  # noqa: E402
import prices  # noqa: E402
import reexport  # noqa: E402
import targets  # noqa: E402


def load_lowers():
    path = os.path.join(here, "../lowers/lowers_test")
    loader = importlib.machinery.SourceFileLoader("lowers", path)
    spec = importlib.util.spec_from_loader("lowers", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


lowers = load_lowers()
back, low, up, work = lowers.back, lowers.low, lowers.up, lowers.work
check, equal, fails, sh = lowers.check, lowers.equal, lowers.fails, lowers.sh
as_user, seen, owner, mode = lowers.as_user, lowers.seen, lowers.owner, lowers.mode


# Creation

def make_dir(name, perm=0o755, uid=1000):
    """A directory of the user's on the server; its path there, below and above."""
    paths = [os.path.join(top, name) for top in (back, low, up)]
    os.mkdir(paths[0])
    os.chown(paths[0], uid, uid)
    os.chmod(paths[0], perm)
    return paths


def create_unwritable():
    """Who makes a file may write to it, whatever mode he gives it."""
    stored, _, above = make_dir("unwritable")

    def user():
        for flags in 0, os.O_EXCL:
            for perm in 0o444, 0o000, 0o400:
                path = f"{above}/{flags}-{perm}"
                fd = os.open(path, os.O_CREAT | os.O_RDWR | flags, perm)
                os.write(fd, b"text")
                equal(b"text", os.pread(fd, 10, 0), "content")
                os.close(fd)
                fails(errno.EACCES, os.open, path, os.O_WRONLY)
                fails(errno.EEXIST, os.open, path,
                      os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    as_user(seen(1000), seen(1000), user)
    for flags in 0, os.O_EXCL:
        for perm in 0o444, 0o000, 0o400:
            path = f"{stored}/{flags}-{perm}"
            equal("text", lowers.read(path), "stored")
            equal(perm, mode(path), "stored mode")
            equal((1000, 1000), owner(path), "stored owner")


def plant(stored):
    """What another client may have made in place of a name."""
    for name, uid, perm in (("mine", 1000, 0o600), ("other", 1001, 0o644),
                            ("locked", 1001, 0o600), ("empty", 1001, 0o644),
                            ("foreign", 0, 0o644)):
        lowers.write(f"{stored}/{name}", "" if name == "empty" else "content")
        os.chown(f"{stored}/{name}", uid, uid)
        os.chmod(f"{stored}/{name}", perm)
    os.symlink("mine", f"{stored}/link")
    os.symlink("made", f"{stored}/dangling")
    os.symlink("/nowhere/at/all", f"{stored}/out")
    os.mkfifo(f"{stored}/fifo", 0o666)
    os.mknod(f"{stored}/null", 0o666 | 0o020000, os.makedev(1, 3))
    for name in "fifo", "null":
        os.chmod(f"{stored}/{name}", 0o666)
    os.mkdir(f"{stored}/dir")


def outcome(path, flags):
    """What comes of an open, and whose file it is."""
    try:
        fd = os.open(path, flags, 0o666)
    except OSError as e:
        return errno.errorcode[e.errno]
    try:
        status = os.fstat(fd)
        return f"{status.st_mode:o} of {status.st_uid % 100000}, {status.st_size}"
    finally:
        os.close(fd)


def create_what_is_there(vers, caller):
    """O_CREAT of what another client has made: as natively, by its own rules."""
    for key in "regular", "fifos", "symlinks":
        with open(f"/proc/sys/fs/protected_{key}", "w", encoding="ascii") as f:
            f.write("0")
    names = ("mine", "other", "locked", "empty", "foreign", "link", "dangling",
             "out", "fifo", "null", "dir", "absent")
    kinds = {"": 0, "trunc": os.O_TRUNC, "excl": os.O_EXCL,
             "nofollow": os.O_NOFOLLOW}
    results = []
    for uid, where in (1000, 1), (seen(1000), 2):
        got = {}
        for kind, flags in kinds.items():
            for perm in 0o777, 0o755:
                paths = make_dir(f"there-{uid}-{kind}-{perm:o}", perm, 1001)
                plant(paths[0])

                def user(top=paths[where], kind=kind, flags=flags, perm=perm):
                    with open(f"{work}/outcome", "a", encoding="ascii") as f:
                        for name in names:
                            f.write(f"{kind} {perm:o} {name}: " + outcome(
                                f"{top}/{name}", os.O_CREAT | os.O_NONBLOCK |
                                os.O_WRONLY | flags) + "\n")
                os.close(os.open(f"{work}/outcome", os.O_CREAT | os.O_WRONLY, 0o666))
                as_user(uid, uid, user)
                for name in "other", "locked", "foreign":
                    equal("content", lowers.read(f"{paths[0]}/{name}"), "stored")
        with open(f"{work}/outcome", encoding="ascii") as f:
            got = dict(line.rstrip().split(": ") for line in f)
        os.unlink(f"{work}/outcome")
        results.append(got)
    native, shifted = results
    bad = []
    for key in native:
        if native[key] == shifted[key]:
            continue
        # the client of NFS 3 takes what is there for made by it, the server then
        # refuses to write; of an empty file creds=caller does not know either
        if vers == "3" and (shifted[key] == "EACCES" or
                            (caller and key.endswith("empty"))):
            continue
        # the client of NFS 4 has no better error for these; of 6.1 with O_NOFOLLOW
        if key.split()[-1] in ("fifo", "null") and native[key] in ("EIO", "ELOOP"):
            continue
        bad.append(f"{key}: {native[key]} natively, {shifted[key]} here")
    check(not bad, "; ".join(bad))


def open_exclusively():
    """O_EXCL without O_CREAT means nothing, whether the name is cached or not."""
    stored, _, above = make_dir("exclusively")
    for name in "cached", "uncached":
        lowers.write(f"{stored}/{name}", name)

    def user():
        os.lstat(f"{above}/cached")
        for name in "cached", "uncached":
            fd = os.open(f"{above}/{name}", os.O_RDONLY | os.O_EXCL)
            equal(name.encode(), os.read(fd, 20), "content")
            os.close(fd)
        fails(errno.ENOENT, os.open, f"{above}/absent", os.O_WRONLY | os.O_EXCL)
    as_user(seen(1000), seen(1000), user)
    equal(["cached", "uncached"], sorted(os.listdir(stored)), "stored names")


def create_odd_names():
    """Names that a path could not have in one component do not come this far."""
    stored, _, above = make_dir("odd")
    odd = [b"...", b" ", b"-", b"\n", b"\xff\xfe", b"a\\b", b"%s%n", b"~",
           b".x", b"..x", b"x" * 255]

    def user():
        for name in odd:
            lowers.write(above.encode() + b"/" + name, "text", perm=0o444)
        fails(errno.ENAMETOOLONG, os.open, above.encode() + b"/" + b"x" * 256,
              os.O_CREAT | os.O_WRONLY, 0o444)
    as_user(seen(1000), seen(1000), user)
    equal(sorted(odd), sorted(os.listdir(stored.encode())), "stored names")


def create_umask():
    """The umask is taken off once, and a default ACL's directory does not do it."""
    stored, _, above = make_dir("umask")

    def user():
        os.umask(0o027)
        os.close(os.open(f"{above}/f", os.O_CREAT | os.O_WRONLY, 0o666))
        os.close(os.open(f"{above}/g", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o777))
    as_user(seen(1000), seen(1000), user)
    equal([0o640, 0o750], [mode(f"{stored}/{n}") for n in "fg"], "stored modes")
    equal([0o640, 0o750], [mode(f"{above}/{n}") for n in "fg"], "modes")


def create_unmapped():
    """Who has no id below makes nothing, and opens what is there."""
    stored, _, above = make_dir("unmapped", 0o777)
    lowers.write(f"{stored}/there", "content")
    os.chmod(f"{stored}/there", 0o666)

    def user():
        fails(errno.EOVERFLOW, os.open, f"{above}/new", os.O_CREAT | os.O_RDWR,
              0o644)
        fd = os.open(f"{above}/there", os.O_CREAT | os.O_RDWR, 0o644)
        equal(b"content", os.pread(fd, 10, 0), "content")
        os.close(fd)
    as_user(5, 5, user)
    equal(["there"], os.listdir(stored), "stored names")


def create_mapped():
    """A file that was just made can be mapped, and shows its name here."""
    stored, _, above = make_dir("mapped")

    def user():
        import mmap
        for perm in 0o644, 0o444:
            path = f"{above}/{perm}"
            fd = os.open(path, os.O_CREAT | os.O_RDWR, perm)
            os.ftruncate(fd, 4096)
            m = mmap.mmap(fd, 4096)
            m[0:4] = b"text"
            with open("/proc/self/maps", encoding="ascii") as f:
                maps = f.read()
            if not os.uname().release.startswith("6.1.") and perm == 0o644:
                check(path in maps, "the path is not in /proc/self/maps")
            m.flush()
            m.close()
            equal(b"text", os.pread(fd, 4, 0), "content")
            os.close(fd)
    as_user(seen(1000), seen(1000), user)
    for perm in 0o644, 0o444:
        equal("text", lowers.read(f"{stored}/{perm}")[:4], "stored")


def create_tests(test, vers, caller):
    test("creation of what may not be written", create_unwritable)
    test("creation of what is there", lambda: create_what_is_there(vers, caller))
    test("O_EXCL without O_CREAT", open_exclusively)
    test("creation of odd names", create_odd_names)
    test("creation and the umask", create_umask)
    test("creation by who is not mapped", create_unmapped)
    test("creation and mmap", create_mapped)
    # its client has no ->atomic_open, by which a server is known: design/create.rst
    looks_first = vers == "3" and os.uname().release.startswith("6.1.")
    test("errors of creations", lambda: lowers.creation_errors(looks_first=looks_first))


# Removal

def silly(top):
    return [n for _, _, f in os.walk(top) for n in f if ".nfs" in n]


def removed_by_the_host():
    """What was only looked at here goes at once, and its directory with it."""
    stored, below, above = make_dir("looked-at", 0o777)
    for name in "stat", "read", "made":
        lowers.write(f"{below}/{name}", "text")

    def user():
        os.stat(f"{above}/stat")
        lowers.read(f"{above}/read")
        equal(3, len(list(os.scandir(above))), "names")
        for name in "missing", "later":
            check(not os.path.exists(f"{above}/{name}"), "a name is there")
        lowers.write(f"{above}/new", "text")
    as_user(seen(1000), seen(1000), user)
    lowers.write(f"{below}/later", "text")
    for name in sorted(os.listdir(below)):
        os.unlink(f"{below}/{name}")
        equal([], silly(stored), f"silly names after {name}")
    os.rmdir(below)
    check(not os.path.exists(above), "the directory is seen")


def removed_by_another():
    """The same through a second mount, and what is open stays for its user."""
    second = os.path.join(work, "second")
    os.makedirs(second, exist_ok=True)
    stored, _, above = make_dir("two", 0o777)
    sh(f"mount -t shiftfs -o idmap=b:0:300000:65536 {low} {second}")
    other = os.path.join(second, "two")

    def by_another(function, *args):
        as_user(301000, 301000, lambda: function(*args))
    try:
        for name in "a", "b", "c":
            lowers.write(f"{stored}/{name}", name)
            os.stat(f"{other}/{name}")
            os.stat(f"{above}/{name}")
        by_another(os.unlink, f"{other}/a")
        by_another(os.rename, f"{other}/b", f"{other}/c")
        equal([], silly(stored), "silly names")
        equal("b", lowers.read(f"{above}/c"), "content")
        fd = os.open(f"{above}/c", os.O_RDONLY)
        by_another(os.unlink, f"{other}/c")
        equal(b"b", os.read(fd, 10), "what is open")
        os.close(fd)
        for _ in range(50):
            if not os.listdir(stored):
                break
            time.sleep(0.1)
        os.rmdir(os.path.join(low, "two"))
        check(not os.path.exists(stored), "the directory is stored")
    finally:
        sh(f"umount {second}")


def removal_tests(test):
    test("removal by the host", removed_by_the_host)
    test("removal through another mount", removed_by_another)


# Times

def times_of(path):
    s = os.stat(path)
    return s.st_atime_ns, s.st_mtime_ns


def set_times():
    """The owner sets them, and nobody else; the server has them. Without delegations:
    when one ends the server of 7.3 takes the time of that moment, natively as well."""
    stored, below, above = make_dir("times", 0o777)
    wanted = 1001 * 10**9, 2002 * 10**9

    def user(place):
        lowers.write(f"{place}/{os.getuid()}", "text")
        os.utime(f"{place}/{os.getuid()}", ns=wanted)
        equal(wanted, times_of(f"{place}/{os.getuid()}"), "times")
    lowers.write("/proc/sys/fs/leases-enable", "0")
    try:
        for place, uid in (below, 1000), (above, seen(1000)):
            as_user(uid, uid, lambda place=place: user(place))
            as_user(uid + 1, uid + 1,
                    lambda f=f"{place}/{uid}": fails(errno.EPERM, os.utime, f, (5, 5)))
            equal(wanted, times_of(f"{stored}/{uid}"), "stored times")
            equal((1000, 1000), owner(f"{stored}/{uid}"), "stored owner")
    finally:
        lowers.write("/proc/sys/fs/leases-enable", "1")


# A dead server

def forced_umount():
    """umount -f ends what waits for a server that does not answer."""
    lowers.write(f"{back}/waits", "text" * 1000)
    os.chmod(f"{back}/waits", 0o644)
    lowers.read(f"{up}/waits")
    threads = "/proc/fs/nfsd/threads"
    sh(f"echo 0 > {threads}")
    try:
        reader = subprocess.Popen(["stat", f"{up}/waits"],
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        time.sleep(3)
        check(reader.poll() is None, "stat did not wait for the server")
        for _ in range(20):
            subprocess.run(["umount", "-f", up], check=False,
                           stderr=subprocess.DEVNULL)
            time.sleep(0.5)
            if reader.poll() is not None:
                break
        check(reader.poll() is not None, "stat waits still")
        check(reader.returncode != 0, "stat has succeeded")
    finally:
        # nobody has a file open or locked
        sh("rpc.nfsd -G 10 -L 10 2 && { (echo Y >/proc/fs/nfsd/v4_end_grace) 2>/dev/null || :; }")
        reader.wait()
    if not os.path.ismount(up):
        lowers.shift()
    equal("text" * 1000, lowers.read(f"{up}/waits"), "content afterwards")


# Prices

def exceptions(vers):
    """{operation: how many requests more each file may cost, for a reason that
    Documentation/design/create.rst gives}"""
    more = {"cold overwrite": 1}
    if vers == "3":
        more.update({"cold open and read": 1, "cold overwrite": 2})
    if os.uname().release.startswith("6."):
        more.update({"create and write": 1, "cold open and read": 1,
                     "cold overwrite": 2})
    # there its client has no ->atomic_open by which it is known as a server
    if vers == "3" and os.uname().release.startswith("6.1."):
        more.update({"create, O_EXCL and 0444": 1, "link": 1, "symlink": 1,
                     "mkdir": 1})
    return more


def price(vers, caller):
    def body():
        rows, bad = [], []
        # who gets a delegation, and when it is given back, varies
        lowers.write("/proc/sys/fs/leases-enable", "0")
        for top, uid in (low, 1000), (up, seen(1000)):
            name = f"price-{vers}-{caller}-{uid}"
            make_dir(name)
            rows.append(prices.measure(low, os.path.join(top, name), as_user,
                                       (uid, uid)))
        lowers.write("/proc/sys/fs/leases-enable", "1")
        for (what, native), (_, shifted) in zip(*rows):
            n, s = sum(native.values()), sum(shifted.values())
            print(f"# {what}: {n} natively, {s} here" +
                  (f": {native}, {shifted}" if s > n + 1 else ""))
            # two for the directory
            if s > n + 2 + prices.COUNT * exceptions(vers).get(what, 0):
                bad.append(what)
        check(not bad, f"dearer than natively: {', '.join(bad)}")
    return body


# Servers

def nfs_start(vers, export="no_root_squash", options="", threads=2):
    sh(f"{lowers.NFS_SERVER} start -3 -t {threads}; "
       f"exportfs -o rw,insecure,fsid=77,no_subtree_check,{export} "
       f"127.0.0.1:{back}; "
       f"mount -t nfs -o vers={vers},nolock,sec=sys{options} 127.0.0.1:{back} {low}")


def nfs_end():
    # rpcbind would stay in this mount namespace, and keep its disks busy
    sh(f"umount {low}; {lowers.NFS_SERVER} stop")


def nfs(vers):
    def run(test):
        nfs_start(vers)
        for options in lowers.MAP, lowers.MAP + ",creds=caller":
            lowers.shift(options)
            test("prices " + options, price(vers, options))
            lowers.unshift()
        sh(f"umount {low}; mount -t nfs -o vers={vers},nolock,actimeo=0 "
           f"127.0.0.1:{back} {low}")
        for options in lowers.MAP, lowers.MAP + ",creds=caller":
            lowers.shift(options)
            create_tests(lambda what, body, o=options: test(f"{what}, {o}", body),
                         vers, "caller" in options)
            removal_tests(lambda what, body, o=options: test(f"{what}, {o}", body))
            test(f"times, {options}", set_times)
            for what, body in targets.TESTS.items():
                test(f"{what}, {options}", lambda body=body: body(lowers, make_dir))
            lowers.unshift()
            sh(f"rm -rf {back}/*")
        sh(f"umount {low}; mount -t nfs -o vers={vers},nolock,actimeo=0,timeo=10 "
           f"127.0.0.1:{back} {low}")
        lowers.shift()
        test("umount -f", forced_umount)
        lowers.unshift()
        if vers == "3":
            sh(f"umount {low}; mount -t nfs -o vers=3,nolock,noacl,actimeo=0 "
               f"127.0.0.1:{back} {low}")
            for options in lowers.MAP, lowers.MAP + ",creds=caller":
                lowers.shift(options)
                test("noacl, " + options, no_acls)
                lowers.unshift()
        nfs_end()
    return run


def no_acls():
    """The client knows nothing of ACLs: the mode decides."""
    stored, f = f"{back}/no-acls/f", f"{up}/no-acls/f"
    os.mkdir(f"{back}/no-acls")
    os.chown(f"{back}/no-acls", 1000, 1000)
    as_user(seen(1000), seen(1000), lambda: lowers.write(f, "text"))
    os.chmod(stored, 0o640)
    equal((seen(1000), seen(1000)), owner(f), "owner")
    equal((1000, 1000), owner(stored), "stored owner")
    as_user(seen(1000), seen(1000),
            lambda: equal("text", lowers.read(f), "contents"))
    equal("text", lowers.read(stored), "stored contents")
    as_user(seen(1001), seen(1001), lambda: fails(errno.EACCES, lowers.read, f))
    sh(f"rm -r {back}/no-acls")


def small_disk(image):
    """A disk of 8 MiB, with quotas, as what is exported."""
    sh(f"truncate -s 8M {image}; mkfs.ext4 -q -m 0 -O quota -E quotatype=usrquota {image}; "
       f"modprobe -q quota_v2 || true; mount -o loop,usrquota {image} {back}")
    with open("/proc/self/mounts", encoding="ascii") as f:
        return [line.split()[0] for line in f if line.split()[1] == back][0]


def with_both(test, what, body):
    """With two mounts at the same time, creds=mounter and creds=caller."""
    second = os.path.join(work, "caller")
    os.makedirs(second, exist_ok=True)
    lowers.shift()
    sh(f"mount -t shiftfs -o {lowers.MAP},creds=caller {low} {second}")
    test(what, lambda: body(lowers))
    sh(f"umount {second}")
    lowers.unshift()
    sh(f"rm -rf {back}/*")


def nfs_dies(test):
    def run(what, body):
        with_both(test, what, body)
    nfs_start("4.2", options=",actimeo=0")
    run("a server restarts under load", dies.restart)
    run("a server has lost files", dies.stale)
    # the client of NFS 4 waits for its state longer than a soft mount says
    sh(f"umount {low}; mount -t nfs -o vers=3,nolock,actimeo=0,soft,timeo=5,retrans=1 "
       f"127.0.0.1:{back} {low}")
    run("a server is away, soft", dies.soft)
    nfs_end()


def failing_disk():
    """A disk on device mapper as what is exported; a function that makes all of it but
    the filesystem's own tables fail, and mends it."""
    image, name = os.path.join(work, "failing"), f"remote-{os.getpid()}"
    # without a journal, which would be among the data
    sh(f"truncate -s 32M {image}; modprobe dm-mod; "
       f"mkfs.ext4 -q -b 4096 -N 128 -O ^has_journal,^resize_inode {image}")
    groups = subprocess.run(["dumpe2fs", image], check=True, capture_output=True,
                            text=True).stdout
    # the first block that is free, in sectors
    tables = int(groups.rsplit("  Free blocks: ", 1)[1].split("-")[0]) * 8
    device = subprocess.run(["losetup", "-f", "--show", image], check=True,
                            capture_output=True, text=True).stdout.strip()
    good = f"0 65536 linear {device} 0"
    bad = f"0 {tables} linear {device} 0\\n{tables} {65536 - tables} error"

    def broken(yes):
        sh(f"printf '{bad if yes else good}\\n' | dmsetup load {name} && "
           f"dmsetup resume --noflush --nolockfs {name}")

    def end():
        sh(f"umount {back}; dmsetup remove {name}; losetup -d {device}; rm {image}")
    # no udev makes the node here
    os.environ["DM_DISABLE_UDEV"] = "1"
    sh(f"dmsetup create {name} --table '{good}'; mount /dev/mapper/{name} {back}")
    return broken, end


def nfs_bad_disk(test):
    broken, end = failing_disk()
    nfs_start("4.2")
    with_both(test, "a disk that fails", lambda lowers: dies.bad_disk(lowers, broken))
    nfs_end()
    end()


def nfs_no_room(test):
    device = small_disk(os.path.join(work, "disk"))
    free = os.statvfs(back).f_bfree
    nfs_start("4.2")
    for options in lowers.MAP, lowers.MAP + ",creds=caller":
        lowers.shift(options)
        test("a full disk, " + options,
             lambda: dies.no_room(lowers, 10 << 20, "ENOSPC", free))
        lowers.unshift()
        sh(f"rm -rf {back}/*")
    # with creds=mounter it is the mounter who writes
    dies.quota(device, 1000, 1024)
    lowers.shift(lowers.MAP + ",creds=caller")
    test("a quota, creds=caller", lambda: dies.no_room(lowers, 3 << 20, "EDQUOT", free))
    lowers.unshift()
    nfs_end()
    sh(f"umount {back}")


def nfs_reexport(test):
    """The first mount of the server is there for its daemons, and to be shifted."""
    # a thread that serves the second export waits for another that serves the first:
    # two would be enough for one call at a time only
    nfs_start("4.2", options=",actimeo=0,lookupcache=none", threads=8)
    lowers.write("/proc/sys/fs/leases-enable", "0")
    test("exported with fsid= only", lambda: reexport.of_a_server(lowers))
    sh(f"rm -rf {back}/*; mount --bind {back} {low}")
    test("exported without fsid=", lambda: reexport.local(lowers))
    sh(f"umount {low}")
    lowers.write("/proc/sys/fs/leases-enable", "1")
    nfs_end()


SERVERS = {"nfs4.2": nfs("4.2"), "nfs3": nfs("3"), "nfs dies": nfs_dies,
           "nfs bad disk": nfs_bad_disk, "nfs no room": nfs_no_room,
           "nfs re-exported": nfs_reexport}
lowers.MORE.update(SERVERS)
lowers.NEEDS.update({name: ("nfs", "nfsd") for name in SERVERS})
# On 6.1 the server keeps what was removed from a full disk for longer than the tests
# wait.  The client of 6.12 goes on writing after its umount, natively too, to a file
# that the server has removed; once the server has ended, no sync(2) comes back.  There
# the test of re-exports hung in four of ten runs, for a reason that is not known yet.
# On these kernels they run when named, and so does a disk that fails, which was seen on
# 7.3 only.
NEWER = ("nfs bad disk", "nfs no room", "nfs re-exported")
lowers.LOWERS = {name: run for name, run in SERVERS.items()
                 if name not in NEWER or not os.uname().release.startswith("6.")}

if __name__ == "__main__":
    sys.exit(lowers.main())
