#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make_forms.py OUT: images in the forms in which others write them, below OUT."""
import gzip
import hashlib
import io
import json
import os
import struct
import sys
import tarfile

out = sys.argv[1]
D, L, H = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
MACHINE = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}.get(os.uname().machine, os.uname().machine)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def entry(name, kind=tarfile.REGTYPE, data=b"", mode=0o644, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname, info.mtime = kind, mode, len(data), link, 1700000000
    return info, data


def tar(*entries, form=tarfile.PAX_FORMAT):
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w", format=form) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data))
    return buf.getvalue()


def pax(records, info, data=b""):
    """An entry with these pax records as they are, as Go writes them."""
    text = b""
    for key, value in records:
        size = len(key) + len(value) + 3
        size = len(str(size + len(str(size)))) + size
        text += b"%d %s=%s\n" % (size, key, value)
    head = tarfile.TarInfo("PaxHeaders.0/x")
    head.type, head.size = tarfile.XHDTYPE, len(text)
    pad = lambda d: d + b"\0" * (-len(d) % 512)
    return head.tobuf(tarfile.USTAR_FORMAT) + pad(text) + info.tobuf(tarfile.USTAR_FORMAT) + pad(data)


def put(name, data):
    path = os.path.join(out, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


base = tar(entry("etc", D, mode=0o755), entry("etc/base", data=b"base"), entry("srv", D, mode=0o700),
           entry("srv/target", data=b"linked", mode=0o640), entry("bin", D, mode=0o755))
top = tar(entry("etc/top", data=b"top"))


def config(layers, arch=MACHINE, **more):
    return json.dumps({"architecture": arch, "os": "linux", "config": more,
                       "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(x) for x in layers]}}).encode()


# --- archives of docker save and its likes -------------------------------
def docker(name, conf_name, layer_name, squeeze=lambda x: x, tags=("example/app:1.0",), extra=(),
           last=False, links=False, layers=(base, top), images=None):
    members, manifest = [], []
    for tags_of, stack in images or [(list(tags), list(layers))]:
        conf = config(stack, Cmd=["/bin/true"])
        files = [squeeze(x) for x in stack]
        members.append(entry(conf_name.format(sha(conf)), data=conf))
        paths = []
        for plain, data in zip(stack, files):
            paths.append(layer_name.format(sha(data)))
            if links:
                members.append(entry(sha(plain) + ".tar", data=data))
                members.append(entry(sha(plain) + "/layer.tar", L, link="../" + sha(plain) + ".tar"))
                paths[-1] = sha(plain) + ".tar"
            else:
                members.append(entry(paths[-1], data=data))
        manifest.append({"Config": conf_name.format(sha(conf)), "RepoTags": tags_of, "Layers": paths})
    text = entry("manifest.json", data=json.dumps(manifest).encode())
    members = [*members, *extra, text] if last else [text, *extra, *members]
    put(name, tar(*members))


repositories = entry("repositories", data=b'{"example/app": {"1.0": "x"}}')
oci_files = (entry("oci-layout", data=b'{"imageLayoutVersion": "1.0.0"}'),
             entry("index.json", data=b'{"schemaVersion": 2, "manifests": []}'))
docker("docker-old.tar", "{}.json", "{}/layer.tar", extra=(repositories,), last=True)
docker("docker-25.tar", "blobs/sha256/{}", "blobs/sha256/{}", extra=oci_files, last=True)
docker("crane.tar", "sha256:{}", "{}.tar.gz", squeeze=gzip.compress)
docker("kaniko.tar", "sha256:{}", "sha256:{}.tar.gz", squeeze=gzip.compress, last=True)
docker("jib.tar", "config.json", "{}.tar.gz", squeeze=gzip.compress, last=True)
docker("nix.tar", "{}.json", "{}/layer.tar", extra=(repositories,))
docker("podman.tar", "{}.json", "{}.tar", extra=(repositories,), links=True, last=True)
docker("tags.tar", "{}.json", "{}.tar", tags=("example/app:1.0", "example/app:latest", "other:2"))
docker("untagged.tar", "{}.json", "{}.tar", tags=())
docker("two.tar", "{}.json", "{}.tar", images=[(["first:1"], [base]), (["second:1", "second:2"], [base, top])])
with open(os.path.join(out, "docker-old.tar"), "rb") as f:
    put("docker.tar.gz", gzip.compress(f.read()))


# --- OCI image layouts ----------------------------------------------------
class Layout:
    def __init__(self, name):
        self.name = name

    def blob(self, data, media, **more):
        put(self.name + "/blobs/sha256/" + sha(data), data)
        return {"mediaType": media, "digest": "sha256:" + sha(data), "size": len(data), **more}

    def manifest(self, layers, arch=MACHINE, squeeze=gzip.compress, platform=None, names=None, mark=None, **more):
        o = "application/vnd.oci.image."
        text = json.dumps({
            "schemaVersion": 2, "mediaType": o + "manifest.v1+json",
            "config": self.blob(config(layers, arch, **({"Labels": {"mark": mark}} if mark else {}), **more), o + "config.v1+json"),
            "layers": [self.blob(squeeze(x), o + "layer.v1.tar") for x in layers]}).encode()
        d = self.blob(text, o + "manifest.v1+json")
        if platform:
            d["platform"] = dict(zip(("os", "architecture", "variant"), platform))
        if names:
            d["annotations"] = names
        return d

    def index(self, *manifests, **more):
        text = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        return self.blob(text, "application/vnd.oci.image.index.v1+json", **more)

    def write(self, *manifests):
        put(self.name + "/index.json", json.dumps({"schemaVersion": 2, "manifests": manifests}).encode())
        put(self.name + "/oci-layout", b'{"imageLayoutVersion": "1.0.0"}')


REF, FULL = "org.opencontainers.image.ref.name", "io.containerd.image.name"
x = Layout("oci")
x.write(x.manifest([base, top], names={REF: "app:1"}), x.manifest([base, top], names={REF: "app:latest"}))
x = Layout("oci-containerd")
x.write(x.manifest([base, top], names={REF: "1", FULL: "docker.io/library/app:1"}),
        x.manifest([base], names={REF: "2", FULL: "docker.io/library/app:2"}))
x = Layout("oci-nested")
x.write(x.index(x.index(x.manifest([base, top], platform=("linux", MACHINE), mark="inner"),
                        x.manifest([top], platform=("unknown", "unknown"), mark="attestation")),
                annotations={REF: "nested:1"}))
x = Layout("oci-variants")
x.write(x.index(x.manifest([base], platform=("linux", "amd64", "v9"), mark="future"),
                x.manifest([base], platform=("linux", "amd64"), mark="any"),
                x.manifest([base], platform=("linux", "amd64", "v2"), mark="v2"),
                x.manifest([base], "arm", platform=("linux", "arm", "v7"), mark="v7"),
                x.manifest([base], "arm", platform=("linux", "arm", "v6"), mark="v6"),
                x.manifest([base], "arm64", platform=("linux", "arm64", "v8"), mark="v8"),
                x.manifest([base], platform=("windows", "amd64"), mark="windows"),
                annotations={REF: "variants"}))
x = Layout("oci-loop")
x.write(x.index(x.index(x.index(x.index(x.index(x.index(x.manifest([base]))))))))

# eStargz: a member of gzip for each header and each file, then a table of contents as
# the last entry, and a footer with its place, which is an empty member
def estargz(entries):
    plain, squeezed, toc = b"", b"", []

    def member(data):
        nonlocal plain, squeezed
        plain += data
        squeezed += gzip.compress(data, mtime=0)

    for info, data in entries:
        member(info.tobuf(tarfile.USTAR_FORMAT))
        toc.append({"name": info.name, "type": "dir" if info.isdir() else "reg", "size": len(data),
                    "mode": info.mode, "offset": len(squeezed), "digest": "sha256:" + sha(data)})
        if data:
            member(data)
            member(b"\0" * (-len(data) % 512))
    at = len(squeezed)
    member(tar(entry("stargz.index.json", data=json.dumps({"version": 1, "entries": toc}).encode())))
    return plain, squeezed + b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H2sH", 26, b"SG", 22) + \
        b"%016xSTARGZ" % at + b"\x01\0\0\xff\xff" + b"\0" * 8


lazy = dict(estargz(entries) for entries in (
    [entry(".no.prefetch.landmark", data=b"\x0f"), entry("etc", D, mode=0o755), entry("etc/base", data=b"base")],
    [entry("etc/top", data=b"top"), entry("etc/.wh.base"), entry("etc/large", data=os.urandom(1 << 20))]))
x = Layout("estargz")
x.write(x.manifest(list(lazy), squeeze=lambda d: lazy[d], names={REF: "lazy:1"}))

# what Docker takes
x = Layout("zero")
x.write(x.manifest([base, b"", top], squeeze=lambda d: d))
x = Layout("zero-gzip")
x.write(x.manifest([base, b"", top]))
x = Layout("unpadded")
x.write(x.manifest([base, tar(entry("etc/end", data=b"end"))[:515]]))
x = Layout("no-trailer")
x.write(x.manifest([base, tar(entry("etc/end", data=b"e" * 512))[:1024]]))
x = Layout("cut")
x.write(x.manifest([base, tar(entry("etc/end", data=b"end"))[:514]]))
x = Layout("dots")
x.write(x.manifest([base, tar(entry("./etc/./up", data=b"1"), entry("etc/../srv/./down", data=b"2"), entry("./", D, mode=0o755))]))
x = Layout("link-below")
x.write(x.manifest([base, top, tar(entry("opt", D, mode=0o755), entry("opt/hard", H, link="srv/target"),
                                   entry("opt/abs", H, link="/etc/top"))]))
x = Layout("link-nowhere")
x.write(x.manifest([base, tar(entry("hard", H, link="no/such"))]))
x = Layout("link-hidden")
x.write(x.manifest([base, tar(entry(".wh.srv")), tar(entry("hard", H, link="srv/target"))]))
x = Layout("empty-words")
x.write(x.manifest([base], Entrypoint=[""], Cmd=["/bin/echo", "said"], WorkingDir="srv", StopSignal="SIGUSR1",
                   Volumes={"/srv": {}}, Healthcheck={"Test": ["CMD", "true"]}, mark="kept"))
for kind, words in (("none", None), ("nulls", {"Cmd": None, "Entrypoint": None, "Env": None, "Volumes": None, "Labels": None}),
                    ("env", {"Env": ["ALONE", "A=b=c", "A=2"], "Cmd": ["/bin/true"]}), ("env-bad", {"Env": ["=x"]}),
                    ("ports", {"ExposedPorts": {"80/tcp": {}, "x": {}, "99999/udp": {}}, "OnBuild": ["RUN x"], "Shell": ["/x"]})):
    x = Layout("config-" + kind)
    text = {"os": "linux", "config": words, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(base)]}}
    if words is None:
        del text["config"]
    m = {"schemaVersion": 2, "config": x.blob(json.dumps(text).encode(), "application/octet-stream"), "layers": [x.blob(base, "layer")]}
    x.write(x.blob(json.dumps(m).encode(), "application/vnd.oci.image.manifest.v1+json"))
x = Layout("artifact")
x.write(x.blob(json.dumps({"schemaVersion": 2, "config": x.blob(b"{}", "application/vnd.oci.empty.v1+json"),
                           "layers": [x.blob(b"chart", "application/tar")]}).encode(), "application/vnd.oci.image.manifest.v1+json"))
# files that are removed and made in the same layer: what is removed is of those below
files = tar(entry("d", D, mode=0o755), entry("d/a", data=b"old"), entry("d/b"), entry("d/s", D, mode=0o755), entry("d/s/old"))
for kind, more in (("same", [entry("d/a", data=b"new"), entry("d/.wh.a"), entry("d/.wh.b")]),
                   ("opaque", [entry("d/a", data=b"new"), entry("d/.wh..wh..opq"), entry("d/c")]),
                   ("directory", [entry("d/.wh.s"), entry("d/s", D, mode=0o755), entry("d/s/new", data=b"new")])):
    x = Layout("whiteout-" + kind)
    x.write(x.manifest([base, files, tar(*more)]))
many = [tar(entry("n", D, mode=0o755), entry("n/%d" % i, data=b"%d" % i)) for i in range(130)]
x = Layout("many")
x.write(x.manifest(many))
x = Layout("too-many")
x.write(x.manifest([tar(entry("n%d" % i)) for i in range(510)], squeeze=lambda d: d))

# --- inputs of public bug reports: layers over the usual one -----------------
def over(name, *layers, types=None, squeeze=lambda d: d, **config_of):
    x = Layout("odd-" + name)
    m = x.manifest([base, *layers], squeeze=squeeze, **config_of)
    if types:
        with open(os.path.join(out, x.name, "blobs/sha256", m["digest"][7:]), "rb") as f:
            text = json.load(f)
        for layer, kind in zip(text["layers"], types):
            layer["mediaType"] = kind
        m = x.blob(json.dumps(text).encode(), m["mediaType"])
    x.write(m)


def with_records(name, data=b"", kind=tarfile.REGTYPE, **records):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mode = len(data), kind, 0o755
    return pax([(k.replace("__", ".").encode(), v if isinstance(v, bytes) else v.encode()) for k, v in records.items()], info, data)


over("root-mode", tar(entry("./", D, mode=0o2750), entry("x")), tar(entry("y")))
over("root-opaque", tar(entry(".wh..wh..opq"), entry("only", data=b"1")), tar(entry("more")))
over("whiteout-none", tar(entry("etc/.wh.nosuch"), entry(".wh.nodir"), entry("no/.wh.file")))
over("opaque-whiteout", tar(entry("etc/.wh..wh..opq"), entry("etc/.wh.base"), entry("etc/new")))
over("aufs", tar(entry(".wh..wh.plnk", D), entry(".wh..wh.plnk/1.2", data=b"z"), entry(".wh..wh.aufs"), entry("c")))
over("dir-to-link", tar(entry("etc", L, link="srv")))
over("link-to-dir", tar(entry("l", L, link="srv")), tar(entry("l", D, mode=0o700), entry("l/n")))
over("through-link", tar(entry("l", L, link="srv"), entry("l2", L, link="srv")), tar(entry("l/d/n"), entry("l2/.wh.target")))
over("dir-to-file", tar(entry("etc", data=b"1")))
over("file-to-dir", tar(entry("etc/base", D, mode=0o755), entry("etc/base/n")))
over("case", tar(entry("F", data=b"1"), entry("f", data=b"22")))
over("same-layers", tar(), tar(), tar(entry("n")), tar(entry("n")))
over("replaced-link", tar(entry("x", data=b"one"), entry("y", H, link="x"), entry("x", data=b"three")))
over("itself-below", tar(entry("etc/base", H, link="etc/base")))
over("itself", tar(entry("h", H, link="h")))
over("link-to-dir-hard", tar(entry("h", H, link="etc")))
over("capability-3", with_records("cap", b"1", SCHILY__xattr__security__capability=struct.pack("<6I", 0x03000001, 1 << 13, 0, 0, 0, 100000)) + b"\0" * 1024)
over("attributes", with_records("a", SCHILY__xattr__user__a=b"b\0=c", SCHILY__xattr__trusted__overlay__opaque="y", SCHILY__xattr__security__selinux="s", SCHILY__xattr__com__apple__q="x") + b"\0" * 1024)
over("owner-large", with_records("a", uid="70000", gid="4294967294") + b"\0" * 1024)
def owned(name, uid, gid, kind=tarfile.REGTYPE):
    info, data = entry(name, kind, mode=0o755 if kind == D else 0o644)
    info.uid, info.gid = uid, gid
    return info, data


stray = tar(owned("one", 70000, 3), owned("gone", 70000, 3), owned("d", 0, 80000, D), owned("d/x", 70000, 3),
            owned("o", 0, 0, D), owned("o/x", 70000, 3), owned("to-link", 0, 0, D), owned("to-link/x", 70000, 3),
            owned("caf\u00e9 x", 5, 65536))
over("owner-stray", stray)
over("owner-hidden", stray, tar(owned("one", 1, 2), entry(".wh.gone"), entry(".wh.d"), entry("o", D, mode=0o755),
                                entry("o/.wh..wh..opq"), entry("to-link", L, link="srv"), owned("caf\u00e9 x", 1, 1)))
over("owner-none", with_records("a", uid="4294967295") + b"\0" * 1024)
over("group-none", with_records("a", gid="-1") + b"\0" * 1024)
over("owner-cut", with_records("a", uid="4294967297") + b"\0" * 1024)
over("label", tar(entry("label", b"V"), entry("n")))
over("contiguous", tar(entry("n", tarfile.CONTTYPE, data=b"1")))
over("unknown-kind", tar(entry("n", b"Z", data=b"1")))
over("name-255", tar(entry("n" * 255)))
over("name-256", tar(entry("n" * 256)))
over("deep", tar(entry("/".join(["p" * 200] * 30))))
over("mtimes", with_records("a", mtime="8589934592") + with_records("b", mtime="0.999999999") + b"\0" * 1024)
over("two-members", squeeze=lambda d: gzip.compress(d[:1000]) + gzip.compress(d[1000:]))
over("zeros-after", squeeze=lambda d: gzip.compress(d) + b"\0" * 512)
over("plain-as-gzip", types=["application/vnd.oci.image.layer.v1.tar+gzip"])
over("gzip-as-plain", squeeze=gzip.compress, types=["application/vnd.oci.image.layer.v1.tar"])
over("docker-types", tar(entry("n")), squeeze=gzip.compress, types=["application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip"])
over("encrypted", types=["application/vnd.oci.image.layer.v1.tar+gzip+encrypted"])
x = Layout("odd-signature")
m = x.blob(json.dumps({"schemaVersion": 2, "config": x.blob(config([b"{}"]), "application/vnd.oci.image.config.v1+json"),
                       "layers": [x.blob(b"{}", "application/vnd.dev.cosign.simplesigning.v1+json")]}).encode(), "application/vnd.oci.image.manifest.v1+json")
x.write(m)
x = Layout("odd-old")
x.write(x.blob(json.dumps({"schemaVersion": 1, "fsLayers": [{"blobSum": "sha256:" + sha(base)}]}).encode(), "application/vnd.docker.distribution.manifest.v1+prettyjws"))
x = Layout("odd-others")
x.write(x.index(x.manifest([base], "s390x", platform=("linux", "s390x")), x.manifest([base], platform=("windows", "amd64")),
                x.manifest([top], platform=("unknown", "unknown"))))
x = Layout("odd-another")
x.write(x.manifest([base], "s390x"))
x = Layout("odd-empty")
x.write()
x = Layout("odd-sha512")
x.write({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha512:" + "0" * 128, "size": 1})
for key, value in (("User", 1000), ("WorkingDir", ["/"]), ("Env", {"A": "b"}), ("Volumes", ["/v"]), ("Labels", ["a=b"]),
                   ("Cmd", {"a": "b"}), ("StopSignal", 15)):
    over("type-" + key, **{key: value})
over("string", Entrypoint="/bin/one", Cmd="two words")

# --- no root filesystems, though they have one ------------------------------
for kind, file in (("bundle", "config.json"), ("lxd", "metadata.yaml")):
    put(kind + "/" + file, b"{}")
    put(kind + "/rootfs/bin/true", b"")
    with tarfile.open(os.path.join(out, kind + ".tar"), "w") as t:
        t.add(os.path.join(out, kind), ".")
put("disk.qcow2", b"QFI\xfb\0\0\0\3" + b"\0" * 4000)
put("sif.tar", b"#!/usr/bin/env run-singularity\n\0SIF_MAGIC\0" + b"\0" * 4000)
put("page.tar", b"<!DOCTYPE html><html><body>404</body></html>" * 20)

# --- root filesystems -----------------------------------------------------
nfc, nfd, latin = "caf\u00e9".encode(), "cafe\u0301".encode(), b"lat\xe9"
file, link = tarfile.TarInfo("x"), tarfile.TarInfo("y")
file.size, link.type = 1, L
tail = b"\0" * 1024
put("bytes-pax.tar", pax([(b"path", b"etc/" + nfc)], file, b"1") + pax([(b"path", b"etc/" + nfd)], file, b"2") +
    pax([(b"path", b"etc/" + latin)], file, b"3") + pax([(b"path", b"etc/link"), (b"linkpath", latin)], link) + tail)
with tarfile.open(os.path.join(out, "bytes-gnu.tar"), "w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as t:
    for name, data in ((nfc, b"1"), (nfd, b"2"), (latin, b"3")):
        i, d = entry("etc/" + name.decode("utf-8", "surrogateescape"), data=data)
        t.addfile(i, io.BytesIO(d))
    i, d = entry("etc/link", L, link=latin.decode("utf-8", "surrogateescape"))
    t.addfile(i)
os.makedirs(os.path.join(os.fsencode(out), b"bytes-dir/etc"))
for name, data in ((nfc, b"1"), (nfd, b"2"), (latin, b"3")):
    with open(os.path.join(os.fsencode(out), b"bytes-dir/etc", name), "wb") as f:
        f.write(data)
os.symlink(latin, os.path.join(os.fsencode(out), b"bytes-dir/etc/link"))
put("empty-link.tar", tar(entry("etc", D), entry("etc/link", L, link="")))
whole = tar(entry("etc", D), entry("etc/long", data=b"x" * 2000))
put("cut.tar", whole[:1024 + 1500])

# --- plainly images, but not whole, or in another form ---------------------
put("no-manifest.tar", tar(repositories, entry("0" * 64, D, mode=0o755), entry("0" * 64 + "/layer.tar", data=base)))
with tarfile.open(os.path.join(out, "folder.tar"), "w") as t:
    t.add(os.path.join(out, "oci"), "folder")
with tarfile.open(os.path.join(out, "oci.tar"), "w") as t:
    t.add(os.path.join(out, "oci"), ".")
with tarfile.open(os.path.join(out, "docker-old.tar")) as t:
    t.extractall(os.path.join(out, "unpacked"))
put("no-layout/index.json", b'{"schemaVersion": 2, "manifests": []}')
os.mkdir(os.path.join(out, "no-layout/blobs"))
os.makedirs(os.path.join(out, "like/etc"))
put("like/manifest.json", b'{"name": "a program of the browser"}')
put("like/etc/base", b"base")
