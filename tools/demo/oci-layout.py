#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""oci-layout.py TAR LAYOUT NAME: an OCI image layout with TAR as its one layer."""
import hashlib
import json
import os
import sys

tar, layout, name = sys.argv[1:4]
blobs = os.path.join(layout, "blobs", "sha256")
os.makedirs(blobs)

OCI = "application/vnd.oci.image."
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def document(kind, content):
    data = json.dumps(content, indent=1).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as f:
        f.write(data)
    return {"mediaType": OCI + kind + ".v1+json",
            "digest": "sha256:" + digest, "size": len(data)}


sha = hashlib.sha256()
with open(tar, "rb") as f:
    while chunk := f.read(1 << 20):
        sha.update(chunk)
digest = "sha256:" + sha.hexdigest()
try:
    os.link(tar, os.path.join(blobs, sha.hexdigest()))
except OSError:
    os.symlink(os.path.abspath(tar), os.path.join(blobs, sha.hexdigest()))

config = document("config", {
    "architecture": os.popen("dpkg --print-architecture").read().strip(),
    "os": "linux",
    "config": {"Env": ["PATH=" + PATH], "Cmd": ["/bin/bash"]},
    "rootfs": {"type": "layers", "diff_ids": [digest]},
})
manifest = document("manifest", {
    "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
    "config": config,
    "layers": [{"mediaType": OCI + "layer.v1.tar", "digest": digest,
                "size": os.path.getsize(tar)}],
})
manifest["annotations"] = {"org.opencontainers.image.ref.name": name}
with open(os.path.join(layout, "index.json"), "w") as f:
    json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
with open(os.path.join(layout, "oci-layout"), "w") as f:
    json.dump({"imageLayoutVersion": "1.0.0"}, f)
