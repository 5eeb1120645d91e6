#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make_image.py ROOT LAYOUT CONFIG: an OCI image layout of the directory ROOT,
with the JSON object CONFIG as what the image says of its process."""
import hashlib
import io
import json
import os
import sys
import tarfile

root, out, config = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


def blob(data, kind):
    digest = hashlib.sha256(data).hexdigest()
    folder = os.path.join(out, "blobs", "sha256")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, digest), "wb") as f:
        f.write(data)
    return {"digest": "sha256:" + digest, "size": len(data),
            "mediaType": "application/vnd.oci.image." + kind}


buf = io.BytesIO()
with tarfile.open(fileobj=buf, mode="w", format=tarfile.PAX_FORMAT) as tar:
    tar.add(root, ".")
layer = blob(buf.getvalue(), "layer.v1.tar")
image = blob(json.dumps({
    "architecture": "amd64", "os": "linux", "config": config,
    "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
}).encode(), "config.v1+json")
manifest = blob(json.dumps({
    "schemaVersion": 2, "config": image, "layers": [layer],
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
}).encode(), "manifest.v1+json")
with open(os.path.join(out, "index.json"), "w") as f:
    json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
with open(os.path.join(out, "oci-layout"), "w") as f:
    json.dump({"imageLayoutVersion": "1.0.0"}, f)
