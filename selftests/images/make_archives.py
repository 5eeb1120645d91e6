#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make_archives.py OUT: archives of images, good and hostile, below OUT."""
import ctypes
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

out = sys.argv[1]
D, L, H = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def entry(name, kind=tarfile.REGTYPE, data=b"", mode=0o644, uid=0, gid=0,
          link="", size=None, headers=None):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = kind, mode, uid, gid
    info.size = len(data) if size is None else size
    info.linkname, info.mtime = link, 1700000000
    info.pax_headers.update(headers or {})
    return info, data


def tar(*entries):
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w", format=tarfile.PAX_FORMAT) as t:
        for info, data in entries:
            size, info.size = info.size, len(data)
            if size != len(data):
                # a header that lies: tarfile would not write it
                info.size = size
                t.fileobj.write(info.tobuf(tarfile.PAX_FORMAT))
                t.fileobj.write(data + b"\0" * (-len(data) % 512))
                t.offset = t.fileobj.tell()
            else:
                t.addfile(info, io.BytesIO(data))
    return buf.getvalue()


def put(name, data):
    with open(os.path.join(out, name), "wb") as f:
        f.write(data)


def put_compressed(name, data, how):
    """By libarchive, since the programs for it are not everywhere."""
    lib = ctypes.CDLL("libarchive.so.13")
    lib.archive_write_new.restype = lib.archive_entry_new.restype = ctypes.c_void_p
    a = ctypes.c_void_p(lib.archive_write_new())
    e = ctypes.c_void_p(lib.archive_entry_new())
    assert getattr(lib, "archive_write_add_filter_" + how)(a) == 0, how
    assert lib.archive_write_set_format_raw(a) == 0
    assert lib.archive_write_open_filename(a, os.path.join(out, name).encode()) == 0
    lib.archive_entry_set_filetype(e, 0o100000)
    assert lib.archive_write_header(a, e) == 0
    lib.archive_write_data.restype = ctypes.c_ssize_t
    assert lib.archive_write_data(a, data, ctypes.c_size_t(len(data))) == len(data)
    assert lib.archive_write_close(a) == 0


def sha(data):
    return hashlib.sha256(data).hexdigest()


same = bytes(range(256)) * 64
base = tar(
    entry("tmp", D, mode=0o1777),
    entry("etc", D, mode=0o755),
    entry("etc/cron.d", D, mode=0o755),
    entry("etc/cron.d/job", data=same),
    entry("lib", D, mode=0o755),
    entry("lib/same", data=same, mode=0o755),
    entry("lib/other-mode", data=same, mode=0o700),
    entry("lib/hard", H, link="lib/same"),
    entry("lib/empty", data=b""),
    entry("lib/odd name\n\\", data=b"odd"),
)
second = tar(
    entry("opt", D, mode=0o755),
    entry("opt/copy", data=same, mode=0o755),
    entry("opt/of-second", data=b"second", uid=7, gid=8),
    entry("tmp/left", data=b"x"),
    entry(".wh.lib", data=b""),
)


def config(*layers):
    return json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["/bin/true"], "Env": ["A=b"]},
        "rootfs": {"type": "layers",
                   "diff_ids": ["sha256:" + sha(x) for x in layers]},
    }).encode()


def docker(name, layers, tag="example/app:1.0", links=None):
    conf = config(*layers)
    members = [entry(sha(conf) + ".json", data=conf)]
    paths = []
    for i, data in enumerate(layers):
        folder = sha(data)
        paths.append(folder + "/layer.tar")
        members.append(entry(folder, D, mode=0o755))
        if links and i in links:
            members.append(entry(paths[-1], L, link=links[i]))
        else:
            members.append(entry(paths[-1], data=data))
    manifest = json.dumps([{"Config": sha(conf) + ".json", "RepoTags": [tag],
                            "Layers": paths}]).encode()
    members.append(entry("manifest.json", data=manifest))
    put(name, tar(*members))


def oci(name, layers, tag="app:2", diff_ids=None, squeeze=gzip.compress):
    blobs = {}

    def blob(data, kind):
        blobs[sha(data)] = data
        return {"digest": "sha256:" + sha(data), "size": len(data),
                "mediaType": "application/vnd.oci.image." + kind}

    conf = config(*(diff_ids or layers))
    manifest = json.dumps({
        "schemaVersion": 2, "config": blob(conf, "config.v1+json"),
        "layers": [blob(squeeze(x), "layer.v1.tar+gzip") for x in layers],
    }).encode()
    index = blob(manifest, "manifest.v1+json")
    index["annotations"] = {"org.opencontainers.image.ref.name": tag}
    members = [
        entry("blobs", D, mode=0o755), entry("blobs/sha256", D, mode=0o755),
        *[entry("blobs/sha256/" + k, data=v) for k, v in blobs.items()],
        entry("oci-layout", data=b'{"imageLayoutVersion": "1.0.0"}'),
        entry("index.json", data=json.dumps({
            "schemaVersion": 2, "manifests": [index]}).encode()),
    ]
    put(name, tar(*members))


docker("docker.tar", [base, second])
oci("oci.tar", [base, second])
put("base.tar", base)
for method in ("gzip", "bzip2", "compress", "lz4", "lzma", "xz", "zstd"):
    put_compressed("base." + method, base, method)
put("other.tar.gz", gzip.compress(tar(
    entry("usr", D, mode=0o755),
    entry("usr/copy", data=same, mode=0o755),
    entry("usr/same-but-younger", data=same, mode=0o755),
)))

# the topmost layer has a file in a directory that only the lowest describes
chain = [
    tar(entry("srv", D, mode=0o750, gid=5), entry("srv/of-first", data=b"1")),
    tar(entry("opt", D, mode=0o755), entry("opt/of-middle", data=b"2")),
    tar(entry("srv/of-top", data=b"3")),
]
oci("chain-good.tar", chain, tag="good")
oci("chain-evil.tar", [tar(entry("srv", D, mode=0o777, uid=666, gid=666)), *chain[1:]],
    tag="evil")

# hostile
put("dotdot.tar", tar(entry("x/../../escaped", data=b"out")))
put("absolute.tar", tar(entry("/escaped-absolute", data=b"in")))
put("hardlink.tar", tar(entry("leak", H, link="../../../../../../../../etc/passwd")))
put("hardlink-absolute.tar", tar(entry("leak", H, link="/etc/passwd")))
put("swap.tar", tar(
    entry("d", D, mode=0o755), entry("d", L, link=os.path.join(out, "victims")),
    entry("d/escaped", data=b"out")))
put("swap-hardlink.tar", tar(
    entry("l", L, link=os.path.join(out, "victims/keep")),
    entry("h", H, link="l"), entry("h", data=b"overwritten")))
put("through-file.tar", tar(entry("f", L, link=os.path.join(out, "victims/keep")),
                            entry("f", data=b"overwritten")))
put("chmod-link.tar", tar(entry("f", L, link=os.path.join(out, "victims/keep"),
                                mode=0o777, uid=12345, gid=12345)))
put("device.tar", tar(entry("disk", tarfile.BLKTYPE, mode=0o666),
                      entry("null", tarfile.CHRTYPE, mode=0o666),
                      entry("white", tarfile.CHRTYPE)))
put("huge-entry.tar", tar(entry("huge", data=b"x", size=1 << 50)))
sparse = tar(entry("sparse", data=b"1\n1125899906842624\n0\n".ljust(512, b"\0"), headers={
    "GNU.sparse.major": "1", "GNU.sparse.minor": "0",
    "GNU.sparse.name": "sparse", "GNU.sparse.realsize": str(1 << 50)}))
put("huge-sparse.tar", sparse)
put("bomb.tar.gz", gzip.compress(tar(entry("zeros", data=b"\0" * (64 << 20)))))
put("truncated.tar", base[:3000])
put("garbage.tar", b"\x1f\x8b" + os.urandom(4096))
put("text.tar", b"not an archive\n" * 100)
put("empty.tar", b"")
docker("docker-link.tar", [base, second], links={1: "../" + sha(base) + "/layer.tar"})
docker("docker-escape.tar", [base, second], links={1: "/etc/passwd"})
docker("docker-parent.tar", [base, second], links={1: "../../victims/keep"})
oci("oci-diffid.tar", [base, second], diff_ids=[base, b"another"])
oci("oci-count.tar", [base, second], diff_ids=[base])
with open(os.path.join(out, "oci.tar"), "rb") as f:
    whole = bytearray(f.read())
at = whole.index(gzip.compress(second)[20:60])
whole[at] ^= 1
put("oci-flipped.tar", whole)
os.mkdir(os.path.join(out, "victims"))
put("victims/keep", b"keep")
