#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make_layouts.py ROOT OUT: OCI image layouts, good and hostile, below OUT.

ROOT is a small root filesystem that becomes the lowest layer of each.
"""
import hashlib
import io
import json
import os
import struct
import sys
import tarfile

root, out = sys.argv[1:3]


def blob(layout, data):
    digest = hashlib.sha256(data).hexdigest()
    folder = os.path.join(layout, "blobs", "sha256")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, digest), "wb") as f:
        f.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def entry(name, kind=tarfile.REGTYPE, data=b"", mode=0o644, uid=0, gid=0,
          link="", xattrs=None, acl=None, dev=(0, 0)):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = kind, mode, uid, gid
    info.size, info.linkname, info.mtime = len(data), link, 1700000000
    info.devmajor, info.devminor = dev
    for key, value in (xattrs or {}).items():
        info.pax_headers["SCHILY.xattr." + key] = value.decode("utf-8", "surrogateescape")
    if acl:
        info.pax_headers["SCHILY.acl.access"] = acl
    return info, data


def layer(*entries):
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return buf.getvalue()


def base():
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(root, ".")
    return buf.getvalue()


def layout(name, layers, config=None):
    path = os.path.join(out, name)
    os.makedirs(path)
    layers = [dict(blob(path, data),
                   mediaType="application/vnd.oci.image.layer.v1.tar")
              for data in layers]
    config = blob(path, json.dumps({
        "architecture": "amd64", "os": "linux", "config": config or {},
        "rootfs": {"type": "layers",
                   "diff_ids": [each["digest"] for each in layers]},
    }).encode())
    config["mediaType"] = "application/vnd.oci.image.config.v1+json"
    manifest = blob(path, json.dumps({
        "schemaVersion": 2, "config": config, "layers": layers,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
    }).encode())
    manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    with open(os.path.join(path, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
    with open(os.path.join(path, "oci-layout"), "w") as f:
        json.dump({"imageLayoutVersion": "1.0.0"}, f)
    return layers


# cap_net_bind_service=ep as the kernel stores it, revision 2
CAPS = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
D, L, H = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE

below = layer(
    entry("srv", D, mode=0o755),
    entry("srv/keep", data=b"keep\n", uid=1000, gid=1001, mode=0o640),
    entry("srv/hard", H, link="srv/keep"),
    entry("srv/gone", data=b"gone\n"),
    entry("srv/set", data=b"#!/bin/sh\n", mode=0o6755, uid=5, gid=6),
    entry("srv/attr", data=b"x", xattrs={"user.note": b"as packed",
                                         "security.capability": CAPS,
                                         "trusted.overlay.opaque": b"y"},
          acl="user::rw-,user:1234:r--,group::r--,mask::r--,other::---"),
    entry("srv/opaque", D, mode=0o755),
    entry("srv/opaque/old", data=b"old\n"),
    entry("srv/file-then-dir", data=b"f\n"),
    entry("srv/dir-then-file", D, mode=0o755),
    entry("srv/dir-then-file/child", data=b"c\n"),
    entry("srv/link-then-dir", L, link="/etc"),
)
above = layer(
    entry("srv/opaque/new", data=b"new\n"),
    entry("srv/opaque/.wh..wh..opq"),
    entry("srv/.wh.gone"),
    entry("srv/.wh.never-there"),
    entry("srv/file-then-dir", D, mode=0o750),
    entry("srv/dir-then-file", data=b"now a file\n"),
    entry("srv/link-then-dir", D, mode=0o755),
    entry("srv/link-then-dir/inside", data=b"inside\n"),
    entry("etc/passwd", data=b"root:x:0:0::/root:/bin/sh\n"
                             b"app:x:1000:1001::/home/app:/bin/sh\n"),
    entry("etc/group", data=b"root:x:0:\napp:x:1001:\nextra:x:44:app\n"),
    entry("tmp/of-image", data=b"its directory is described below only\n"),
)
layout("good", [base(), below, above], {
    "Env": ["COLOUR=blue", "PATH=/bin:/usr/bin"],
    "Entrypoint": ["/bin/sh", "-c"],
    "Cmd": ["echo default; pwd; id -u; id -g; id -G; echo $COLOUR; echo $HOME"],
    "WorkingDir": "/srv/work",
    "User": "app",
})

layout("dotdot", [base(), layer(entry("srv/../../escaped", data=b"out\n"))])
layout("hardlink", [base(), layer(entry("leak", H, link="../../../../../../etc/passwd"))])
layout("whiteout", [base(), layer(entry("../../.wh.victim"))])
layout("through", [base(), layer(
    entry("door", L, link="/"),
    entry("door/etc/through-absolute", data=b"out\n"),
)])
layout("through-relative", [base(), layer(
    entry("up", L, link="../../../../../../../.."),
    entry("up/etc/through-relative", data=b"out\n"),
)])
layout("slash", [base(), layer(
    entry("/etc/through-slash", data=b"in the tree\n"),
    entry("etc/.wh..", data=b""),
    entry("etc/.wh...", data=b""),
)])
layout("device", [base(), layer(
    entry("disk", tarfile.BLKTYPE, mode=0o666, dev=(254, 0)),
    entry("null", tarfile.CHRTYPE, mode=0o666, dev=(1, 3)),
    entry("white", tarfile.CHRTYPE, mode=0o666, dev=(0, 0)),
)])
layout("truncated", [base(), below[:700]])

bad = layout("flipped", [base(), layer(entry("flip", data=b"f" * 4096))])
path = os.path.join(out, "flipped", "blobs", "sha256",
                    bad[1]["digest"].split(":")[1])
with open(path, "r+b") as f:
    f.seek(600)
    f.write(b"X")
with open(os.path.join(out, "flipped.name"), "w") as f:
    f.write(path)

for name, index in (("notjson", "{"), ("nopath", json.dumps({"manifests": [
        {"digest": "sha256:../../../../etc/passwd"}]}))):
    layout(name, [])
    with open(os.path.join(out, name, "index.json"), "w") as f:
        f.write(index)
