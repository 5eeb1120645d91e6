#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# imports_test: images in the forms in which other tools write them, each a line
# of a table: what is imported, under which names, and what is in the store then.
# Speaks KTAP; runs as root, natively or in the VM.
#
# imports_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2012,SC2016,SC2034,SC2086,SC2317 # names are ours; for the pod's shell; by name
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@

make_forms() {
	python3 - "$@" <<'FORMS'
#@PYTHON@
FORMS
}

serve_layout() {
	python3 -c "$(cat <<'SERVER'
#@SERVER@
SERVER
	)" "$@"
}

a=$work/forms
store=$work/store

image() {
	runner image --root "$store" "$@"
}

# Names of what is in all layers, as their bytes; of a whiteout nothing.
content() {
	(cd "$store/chains" && find . -path './*/tree/*' \( -type f -o -type l \) -printf '%P %l\n' |
		sed 's#^[0-9a-f]*/tree/##' | sort -u | python3 -c 'import sys; print(ascii(sys.stdin.buffer.read().decode("latin-1")).strip("\x27"))')
}

# good SOURCE NAMES FILES: it is imported, is called that, and has these files;
# NAMES and FILES joined by spaces; FILES "" for those of the usual two layers
good() {
	local files=${3:-etc/base etc/top srv/target}
	rm -rf "$store"
	image import "$a/$1"
	same "$1" 0 "$status$errors"
	same "$1: names" "$2" "$(cd "$store/names" 2>/dev/null && echo * | tr % /)"
	same "$1: files" "$files" "$(content | sed 's/ *\\n$//; s/ *\\n/ /g')"
	image verify
	same "$1: verify" 0 "$status"
	same "$1: left" '' "$(ls "$store/tmp")"
}

# bad SOURCE WORDS: it is refused, with these words, and leaves nothing
bad() {
	rm -rf "$store"
	image import "$a/$1"
	same "$1" 125 $status
	has "$1" "$errors" "$2"
	same "$1: left" '' "$(cd "$store" && find images names chains tmp objects -mindepth 1 -type f -o -mindepth 1 -path '*/*/*')"
}

test_docker() {
	good docker-old.tar "example/app:1.0"
	good docker-25.tar "example/app:1.0"
	good docker.tar.gz "example/app:1.0"
	good crane.tar "example/app:1.0"
	good kaniko.tar "example/app:1.0"
	good jib.tar "example/app:1.0"
	good nix.tar "example/app:1.0"
	good podman.tar "example/app:1.0"
	good tags.tar "example/app:1.0 example/app:latest other:2"
	good untagged.tar "untagged:latest"
	good two.tar:first:1 "first:1" "etc/base srv/target"
	good two.tar:second:2 "second:1 second:2"
	bad two.tar "first:1, second:1, second:2"
	bad two.tar:third "no image is called third"
	finish "archives of docker save and of what writes such"
}

test_transports() {
	local source
	rm -rf "$store"
	for source in docker-archive:$a/docker-old.tar oci:$a/oci:app:1 oci-archive:$a/oci.tar:app:1; do
		image import "$source" --name x
		same "$source" 0 "$status$errors"
	done
	# what skopeo calls dir: keeps the digests
	skopeo --insecure-policy copy "docker-archive:$a/docker-old.tar" "dir:$work/dir" >/dev/null 2>"$work/errors" ||
		problem "skopeo: $(cat "$work/errors")"
	for source in "$work/dir" "dir:$work/dir"; do
		image import "$source" --name x
		same "$source" 0 "$status$errors"
		has "no new layers" "$out" "2 layers, 0 of them new"
	done
	same "two images" 2 "$(ls "$store/images" | wc -l)"
	"$RUNNER" image --root "$store" import - --name stdin <"$a/docker.tar.gz" >"$work/out" 2>&1
	same "the standard input" 0 "$?"
	"$RUNNER" image --root "$store" import - --name pipe < <(cat "$a/oci.tar") >"$work/out" 2>&1
	same "a pipe" 0 "$?"
	has "a pipe" "$(cat "$work/out")" "0 of them new"
	mkfifo "$work/fifo"
	(sleep 1; cat "$a/docker-old.tar" >"$work/fifo") &
	image import "$work/fifo" --name fifo
	same "a FIFO" 0 "$status$errors"
	wait
	image import docker://127.0.0.1:1/none
	same "a registry that is not there" 125 $status
	has "it is skopeo's word" "$errors" "skopeo: "
	image pull 127.0.0.1:1/none
	same "pull" 125 $status
	has "it is the same" "$errors" "skopeo: "
	runner run --root "$store" --image "$work/dir" -- true
	same "run of a directory of skopeo's" 125 $status
	has "what to do" "$errors" "runner image import"
	same "nothing is left" '' "$(ls "$store/tmp")"
	finish "transports, pipes and the standard input"
}

test_layouts() {
	good oci:app:1 "app:1 app:latest"
	good oci "app:1 app:latest"
	good oci.tar "app:1 app:latest"
	good oci.tar:app:latest "app:1 app:latest"
	good oci-containerd:app:1 "docker.io/library/app:1"
	good oci-containerd:docker.io/library/app:2 "docker.io/library/app:2" "etc/base srv/target"
	bad oci-containerd "docker.io/library/app:1, docker.io/library/app:2"
	# what is there as a whole is a path; else the first colon that has something before it
	mkdir "$a/with:colon" "$a/with:colon/x"
	cp -r "$a/oci" "$a/with:colon/oci"
	cp -r "$a/oci-containerd" "$a/oci:whole"
	good with:colon/oci "app:1 app:latest"
	good with:colon/oci:app:1 "app:1 app:latest"
	bad oci:whole "name one of them after a colon: docker.io/library/app:1, docker.io/library/app:2"
	bad oci:whole:app:1 "name one of them after a colon: app:1, app:latest"
	rm -r "$a/oci:whole"
	for n in oci:app:1 with:colon/oci:app:1; do
		runner spec --root "$store" --image "$a/$n" true
		same "--image $n" 0 "$status$errors"
	done
	bad oci:app:3 "app:1, app:latest"
	good oci-nested "nested:1"
	bad oci-loop "indexes within indexes"
	# the best that this machine runs, never one that it cannot
	good oci-variants "oci-variants:variants" "etc/base srv/target"
	image inspect oci-variants:variants
	case $(uname -m) in
	x86_64)
		if grep -qw sse4_2 /proc/cpuinfo && grep -qw popcnt /proc/cpuinfo && grep -qw cx16 /proc/cpuinfo; then
			has "variant" "$out" '"mark":"v2"'
		else
			has "variant" "$out" '"mark":"any"'
		fi
		;;
	aarch64) has "variant" "$out" '"mark":"v8"' ;;
	esac
	# what others read piece by piece is whole here, and its own two files are in the tree
	good estargz "lazy:1" ".no.prefetch.landmark etc/base etc/large etc/top stargz.index.json"
	same "estargz: a large file" 1048576 "$(stat -c %s "$store"/chains/*/tree/etc/large)"
	finish "OCI image layouts"
}

test_tolerated() {
	good zero "zero:latest"
	good zero-gzip "zero-gzip:latest"
	good unpadded "unpadded:latest" "etc/base etc/end srv/target"
	good no-trailer "no-trailer:latest" "etc/base etc/end srv/target"
	bad cut "ends in the middle"
	good dots "dots:latest" "etc/base etc/up srv/down srv/target"
	good link-below "link-below:latest" "etc/base etc/top opt/abs opt/hard srv/target"
	same "a link to a lower layer" "linked 640" "$(cat "$store"/chains/*/tree/opt/hard) $(stat -c %a "$store"/chains/*/tree/opt/hard)"
	bad link-nowhere "neither in the layer nor in those below"
	bad link-hidden "neither in the layer nor in those below"
	# a whiteout hides what is in the layers below, wherever it stands in its own
	while IFS='|' read -r n want opaque; do
		rm -rf "$store"
		image import "$a/whiteout-$n" --name hides
		same "whiteout-$n" 0 "$status$errors"
		same "whiteout-$n: in its layer" "$want" "$(cd "$store"/chains && cd "$(grep -l -r new --include=a --include=new . | sed 's#/tree/.*##' | head -n 1)/tree/d" && find . -mindepth 1 -printf '%P %y\n' | LC_ALL=C sort | paste -sd,)"
		same "whiteout-$n: opaque" "$opaque" "$(cd "$store"/chains && getfattr -R -d -m trusted.overlay.opaque . 2>/dev/null | sed -n 's/^# file: [^/]*\/tree\///p')"
	done <<<'same|a f,b c|
opaque|a f,c f|d
directory|s d,s/new f|d/s'
	finish "what Docker tolerates"
}

test_bytes() {
	local files='etc/caf\xc3\xa9 etc/cafe\xcc\x81 etc/lat\xe9 etc/link lat\xe9'
	for n in bytes-pax.tar bytes-gnu.tar bytes-dir; do
		rm -rf "$store"
		image import "$a/$n"
		same "$n" 0 "$status$errors"
		same "$n: files" "$(for f in $files; do echo "$f"; done | sort)" "$(content | sed 's/ *\\n$//; s/ *\\n/ /g' | tr ' ' '\n' | sort)"
		same "$n: contents" "1 2 3" "$(cd "$store"/chains/*/tree/etc && cat $'caf\xc3\xa9' && echo -n ' ' && cat $'cafe\xcc\x81' && echo -n ' ' && cat $'lat\xe9')"
		image verify
		same "$n: verify" 0 "$status"
	done
	bad empty-link.tar "symbolic link to nothing"
	bad cut.tar "cut.tar"
	finish "names are bytes, and entries are whole"
}

test_plainly() {
	bad no-manifest.tar "docker before 1.10"
	bad folder.tar "in a folder of the archive"
	bad unpacked "unpacked archive of docker save"
	bad no-layout "no oci-layout"
	good like "like:latest" "etc/base manifest.json"
	finish "an image is not taken for a root filesystem"
}

test_config() {
	rm -rf "$store"
	image import "$a/empty-words" --name words
	same "import" 0 "$status$errors"
	runner run --root "$store" --shift="$shift" --image words --dry-run
	has "an empty entrypoint is none" "$out" "/bin/echo"
	for n in none nulls env ports; do
		rm -rf "$store"
		image import "$a/config-$n" --name words
		same "config-$n" 0 "$status$errors"
	done
	rm -rf "$store"
	image import "$a/config-env" --name words
	runner run --root "$store" --shift="$shift" --image words --dry-run
	same "a variable without a value" 0 "$status$errors"
	runner spec --root "$store" --image words
	has "a variable without a value is an empty one" "$out" '"ALONE="'
	has "of two the last counts" "$out" '"A=2"'
	hasnt "of two the last counts" "$out" '"A=b=c"'
	bad config-env-bad "instead of NAME=VALUE"
	bad artifact "is no image but an artifact: its config is of the type application/vnd.oci.empty.v1+json"
	rm -rf "$store"
	image import "$a/empty-words" --name words
	image inspect words
	for n in '"StopSignal":"SIGUSR1"' '"Healthcheck"' '"mark":"kept"' '"Volumes"'; do
		has "inspect" "$out" "$n"
	done
	# what a start makes of User, WorkingDir and the host's name
	make_root "$work/user" pwd env
	"$RUNNER" image --root "$store" import "$work/user" --name user >/dev/null
	local words want
	runner run --root "$store" --shift="$shift" --rm -h named user env
	has "a variable, of no shell's making" "$out" HOSTNAME=named
	while IFS='|' read -r words want; do
		runner run --root "$store" --shift="$shift" --rm -h named $words user sh -c 'echo $(id -u):$(id -G) $HOME $HOSTNAME $(stat -c "%u:%g %a" .)'
		same "run $words" "$want" "$out$errors"
	done <<<'-u user:|1000:1001 /home named 0:0 755
-u :mongodb|0:998 /root named 0:0 755
-u 4321:user|4321:1001 / named 0:0 755
-u user -w /new/dir|1000:1001 /home named 1000:1001 755
-u user -w /tmp|1000:1001 /home named 0:0 1777
-e HOSTNAME=own -u user:mongodb|1000:998 /home own 0:0 755'
	runner run --root "$store" --shift="$shift" -d --name work -u user -w /one/two user sleep 600
	same "on the host" "0:0 1000:1001" "$(cd "/var/lib/runner/pods/work/layer/upper" 2>/dev/null || cd "$store"/pods/work/layer/upper && stat -c %u:%g one one/two | paste -sd' ')"
	# exec makes none: in a pod that runs, others could put something else there
	runner --root "$store" exec -w /one/three work true
	same "of exec" 127 "$status"
	same "on the host, of exec" two "$(ls "$store"/pods/work/layer/upper/one)"
	runner --root "$store" rm -f work
	# its stop signal, unless the administrator has another
	make_root "$work/stopping" sleep
	python3 - "$a/empty-words" "$work/stopping" "$work/stop" <<'EOF'
import hashlib, io, json, os, sys, tarfile
words, root, out = sys.argv[1:4]
buf = io.BytesIO()
with tarfile.open(fileobj=buf, mode="w") as t:
    t.add(root, ".")
os.makedirs(out + "/blobs/sha256")
def put(data):
    h = hashlib.sha256(data).hexdigest()
    open(f"{out}/blobs/sha256/{h}", "wb").write(data)
    return {"digest": "sha256:" + h, "size": len(data)}
layer = put(buf.getvalue())
conf = {"os": "linux", "config": {"StopSignal": "SIGUSR1"}, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
m = json.dumps({"schemaVersion": 2, "config": put(json.dumps(conf).encode()), "layers": [layer]}).encode()
json.dump({"schemaVersion": 2, "manifests": [put(m)]}, open(out + "/index.json", "w"))
open(out + "/oci-layout", "w").write('{"imageLayoutVersion": "1.0.0"}')
EOF
	image import "$work/stop" --name stop
	same "import" 0 "$status$errors"
	for n in USR1 USR2; do
		options=()
		[ $n = USR1 ] || options=(--stop-signal SIGUSR2)
		runner run --root "$store" --shift="$shift" -d --name stops "${options[@]}" --image stop -- \
			sh -c 'trap "echo got USR1; exit 0" USR1; trap "echo got USR2; exit 0" USR2; echo up; while :; do sleep 0.1; done'
		same "run" 0 "$status$errors"
		for _ in $(seq 100); do
			runner --root "$store" logs stops
			[ "$out" != up ] || break
			sleep 0.1
		done
		runner --root "$store" stop stops
		same "stop" 0 "$status$errors"
		runner --root "$store" logs stops
		has "the signal" "$out" "got $n"
		runner --root "$store" rm stops
	done
	finish "what an image says of itself"
}

# serve LAYOUT [USER:PASSWORD]: as a registry at $at, until the descriptor $served is closed
serve() {
	rm -f "$work/port"
	exec {served}> >(serve_layout "$1" "$work/port" "${@:2}")
	for _ in $(seq 100); do
		[ ! -e "$work/port" ] || break
		sleep 0.1
	done
	at=127.0.0.1:$(cat "$work/port")
}

# pulled WHAT STATUS TEXT ARGUMENT...: what a pull says; one that fails stores nothing
pulled() {
	local what=$1 want=$2 text=$3
	shift 3
	rm -rf "$store"
	image pull "$@"
	same "$what" "$want" "$status"
	has "$what" "$out$errors" "$text"
	[ "$(wc -l <<<"$errors")" -le 2 ] || problem "$what: more than the mistake and a line: $errors"
	[ "$want" = 0 ] || same "$what: left" '' "$(cd "$store" 2>/dev/null && find . -type f ! -name store.lock -o -path './*/*/*')"
}

test_registry() {
	local at served digest
	# no file of the machine's decides, but for containers-policy.json(5)'s own
	mkdir -p "$work/home/.config/containers"
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$work/home/.config/containers/policy.json"
	local -x HOME=$work/home REGISTRY_AUTH_FILE=
	unset REGISTRY_AUTH_FILE XDG_RUNTIME_DIR XDG_CONFIG_HOME
	serve "$a/oci-variants"
	pulled "http" 125 "speaks plain http: pull with --tls-verify=false" "$at/app:variants"
	pulled "http by name" 0 "$at/app:variants" --tls-verify=false "$at/app:variants"
	# as from a folder: amd64's v2, where the processor has it, and not skopeo's choice
	image inspect "$at/app:variants"
	digest=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["config"]["config"]["Labels"]["mark"])' <<<"$out")
	image import "$a/oci-variants" --name folder
	image inspect folder
	has "the choice" "$out" "\"$digest\""
	same "the same image" 1 "$(image ls -q --no-trunc && sort -u <<<"$out" | wc -l)"
	digest=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["manifests"][0]["digest"])' "$a/oci-variants/index.json")
	pulled "by digest" 0 "$at/app@$digest" --tls-verify=false "$at/app@$digest"
	pulled "tag and digest" 0 "$at/app@$digest" --tls-verify=false "$at/app:other@$digest"
	same "its name" "$at/app@$digest" "$(cd "$store/names" && echo * | tr % /)"
	pulled "no such tag" 125 "manifest unknown" --tls-verify=false "$at/app:nosuch"
	digest=sha256:$(printf '1%.0s' $(seq 64))
	pulled "no such digest" 125 "manifest unknown" --tls-verify=false "$at/app@$digest"
	pulled "another index than asked for" 125 "not the ${digest#sha256:}" --tls-verify=false "$at/liar@$digest"
	pulled "no digest" 125 "is not a sha256 digest" --tls-verify=false "$at/app@sha256:1"
	exec {served}>&-
	mkdir "$work/home/auth"
	serve "$a/oci" user:secret
	python3 - "$at" "$work/home/auth" <<'EOF'
import base64, json, sys
for name, word in ("good", "secret"), ("wrong", "guessed"):
    auth = base64.b64encode(("user:" + word).encode()).decode()
    json.dump({"auths": {sys.argv[1]: {"auth": auth}}}, open(f"{sys.argv[2]}/{name}.json", "w"))
EOF
	for n in "" "--authfile $work/home/auth/wrong.json"; do
		pulled "password: ${n:-none}" 125 "log in by skopeo login HOST" --tls-verify=false $n "$at/app:1"
		has "password: ${n:-none}" "$errors" "unauthorized"
	done
	pulled "password" 0 "$at/app:1" --tls-verify=false --authfile "$work/home/auth/good.json" "$at/app:1"
	image verify
	same "password: verify" 0 "$status"
	REGISTRY_AUTH_FILE=$work/home/auth/good.json pulled "the environment" 0 "$at/app:latest" --tls-verify=false "$at/app"
	pulled "no file" 125 "cannot read $work/home/auth/none.json" --tls-verify=false --authfile "$work/home/auth/none.json" "$at/app:1"
	pulled "in ps" 125 "skopeo login HOST" --creds user:secret "$at/app:1"
	exec {served}>&-
	finish "a registry: names, digests, machines, passwords, plain http"
}

# More layers than names of them fit into fsconfig(2)'s 255 bytes.
test_many() {
	local root=$work/many
	rm -rf "$store"
	bad too-many "of which overlayfs takes"
	image import "$a/many" --name many
	same "130 layers" 0 "$status$errors"
	make_root "$root" ls
	# its own layer below them all
	python3 - "$a/many" "$root" "$work/stacked" <<'EOF'
import hashlib, io, json, os, sys, tarfile
many, root, out = sys.argv[1:4]
buf = io.BytesIO()
with tarfile.open(fileobj=buf, mode="w") as t:
    t.add(root, ".")
base = buf.getvalue()
os.makedirs(out + "/blobs/sha256")
def put(data):
    h = hashlib.sha256(data).hexdigest()
    open(f"{out}/blobs/sha256/{h}", "wb").write(data)
    return {"digest": "sha256:" + h, "size": len(data)}
def read(d):
    return open(f"{many}/blobs/" + d["digest"].replace(":", "/"), "rb").read()
index = json.load(open(many + "/index.json"))
manifest = json.loads(read(index["manifests"][0]))
conf = json.loads(read(manifest["config"]))
conf["rootfs"]["diff_ids"].insert(0, put(base)["digest"])
layers = [put(base)] + [put(read(l)) for l in manifest["layers"]]
m = json.dumps({"schemaVersion": 2, "config": put(json.dumps(conf).encode()), "layers": layers}).encode()
json.dump({"schemaVersion": 2, "manifests": [put(m)]}, open(out + "/index.json", "w"))
open(out + "/oci-layout", "w").write('{"imageLayoutVersion": "1.0.0"}')
EOF
	for n in auto "$shift" chown; do
		runner run --root "$store" --shift="$n" --image "$work/stacked" -- ls /n
		same "131 layers, --shift=$n" 0 "$status$errors"
		same "their files" 130 "$(wc -w <<<"$out")"
	done
	runner run --root "$store" --userns=host --image "$work/stacked" -- ls /n
	same "131 layers, --userns=host" 0 "$status$errors"
	same "their files" 130 "$(wc -w <<<"$out")"
	finish "an image of 131 layers"
}

# FORM|WHAT IS IN THE STORE: name, type, mode, size, target of a link, sorted
odd_tars='
directory-after|d d 2500 -,d/f f 644 1,d/g f 644 1
duplicate|a f 600 3
file-then-directory|a d 755 -,a/b f 644 1
directory-then-file|a f 644 1
hard-to-symlink|h l 777 nowhere,l l 777 nowhere
hard-before|b f 640 4,c f 640 4
global|a f 644 1
long|LONG/x f 644 4,LONG d 755 -
dot-slash|a d 755 -,a/b f 644 1
inner-dotdot|y f 644 1
absolute|etc d 755 -,etc/abs f 644 3
devices|a f 644 1
set-ids|a f 6755 1
sparse|sparse f 644 1048576
sparse-gnu|sparse f 644 1048576
sparse-0.0|sparse f 644 1048576
sparse-0.1|sparse f 644 1048576
negative|a f 644 1
nanoseconds|a f 644 1
by-name|a f 644 1
old-gnu|a f 644 1
ustar|a f 644 1
no-padding|a f 644 1
'

make_odd() {
	python3 - "$1" <<-'EOF'
		import io, os, subprocess, sys, tarfile
		out = sys.argv[1]
		os.makedirs(out)
		D, L, H, C = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
		def e(name, kind=tarfile.REGTYPE, data=b"", mode=0o644, link="", **more):
		    info = tarfile.TarInfo(name)
		    info.type, info.size, info.mode, info.linkname, info.mtime = kind, len(data), mode, link, 1
		    for key, value in more.items():
		        setattr(info, key, value)
		    return info, data
		def tar(name, *entries, form=tarfile.PAX_FORMAT, **more):
		    with tarfile.open(f"{out}/{name}.tar", "w", format=form, **more) as t:
		        for info, data in entries:
		            t.addfile(info, io.BytesIO(data))
		a = e("a", data=b"1")
		tar("directory-after", e("d/f", data=b"x"), e("d", D, mode=0o2500), e("d/g", data=b"y"))
		tar("duplicate", a, e("a", data=b"22"), e("./a", data=b"333", mode=0o600))
		tar("file-then-directory", a, e("a", D, mode=0o755), e("a/b", data=b"1"))
		tar("directory-then-file", e("a", D, mode=0o755), e("a/b", data=b"1"), a)
		tar("hard-to-symlink", e("l", L, link="nowhere"), e("h", H, link="l"))
		tar("hard-before", e("b", data=b"text", mode=0o640), e("c", H, link="./b"))
		tar("global", a, pax_headers={"comment": "of git archive", "mtime": "7"})
		long = "/".join(["n" * 90] * 4)
		tar("long", e(long, D, mode=0o755), e(long + "/x", data=b"long"), form=tarfile.GNU_FORMAT)
		tar("dot-slash", e("./", D, mode=0o755), e("./a/", D, mode=0o755), e("./a/./b", data=b"1"))
		tar("inner-dotdot", e("x/../y", data=b"1"))
		tar("absolute", e("/etc", D, mode=0o755), e("/etc/abs", data=b"abs"))
		tar("devices", a, e("null", C))
		tar("set-ids", e("a", data=b"1", mode=0o6755))
		tar("old-gnu", a, form=tarfile.GNU_FORMAT)
		tar("ustar", a, form=tarfile.USTAR_FORMAT)
		with open(out + "/no-padding.tar", "wb") as f:
		    f.write(open(out + "/ustar.tar", "rb").read()[:1024])
		with open(out + "/sparse", "wb") as f:
		    f.truncate(1 << 20)
		    f.seek(500000)
		    f.write(b"middle")
		os.chmod(out + "/sparse", 0o644)
		tar("negative", e("a", data=b"1", mtime=-5))
		tar("nanoseconds", e("a", data=b"1", pax_headers={"mtime": "1.123456789", "SCHILY.xattr.user.note": "text"}))
		tar("by-name", e("a", data=b"1", uid=7, gid=8, uname="root", gname="nosuchgroup"))
		tar("hard-forward", e("c", H, link="b"), e("b", data=b"text"))
		for version in "0.0", "0.1":
		    subprocess.run(["tar", "-S", "--format=pax", "--sparse-version=" + version, "-C", out,
		                    "-cf", f"{out}/sparse-{version}.tar", "sparse"], check=True)
		subprocess.run(["tar", "-S", "--format=gnu", "-C", out, "-cf", out + "/sparse-gnu.tar", "sparse"], check=True)
		subprocess.run(["tar", "-S", "--format=pax", "-C", out, "-cf", out + "/sparse.tar", "sparse"], check=True)
	EOF
}

test_odd() {
	local odd=$work/odd form want long got
	make_odd "$odd"
	long=$(printf 'n%.0s' $(seq 90))
	long=$long/$long/$long/$long
	while IFS='|' read -r form want; do
		[ -n "$form" ] || continue
		rm -rf "$store"
		image import "$odd/$form.tar" --name odd
		same "$form" 0 "$status$errors"
		got=$(cd "$store"/chains/*/tree 2>/dev/null && find . -mindepth 1 \( -type d -printf '%P %y %m -\n' -o -type l -printf '%P %y %m %l\n' -o -printf '%P %y %m %s\n' \) |
			grep -v -E '^n+(/n+){0,2} d' | LC_ALL=C sort | paste -sd,)
		same "$form: below" "$(tr , '\n' <<<"${want//LONG/$long}" | LC_ALL=C sort | paste -sd,)" "$got"
		image verify odd
		same "$form: verify" 0 "$status"
		case $form in
		sparse*) same "$form: the text" middle "$(dd if="$(echo "$store"/chains/*/tree/sparse)" bs=1 skip=500000 count=6 2>/dev/null)" ;;
		negative) same "$form: mtime" -5 "$(stat -c %Y "$store"/chains/*/tree/a)" ;;
		nanoseconds) same "$form: mtime, attribute" "1.123456789 text" "$(stat -c %.9Y "$store"/chains/*/tree/a) $(getfattr --only-values -n user.note "$store"/chains/*/tree/a 2>/dev/null)" ;;
		by-name) same "$form: the numbers count" 7:8 "$(stat -c %u:%g "$store"/chains/*/tree/a)" ;;
		esac
	done <<<"$odd_tars"
	rm -rf "$store"
	image import "$odd/hard-forward.tar" --name odd
	same "a hard link before its target" 125 "$status"
	has "a hard link before its target" "$errors" "'c' is a hard link to 'b', which is neither in the layer nor in those below"
	same "holes: the text" middle "$(dd if="$odd/sparse" bs=1 skip=500000 count=6 2>/dev/null)"
	rm -rf "$store"
	finish "odd forms of tar archives"
}

# FORM|WHAT THE POD SEES beside the usual: name, type, mode, owner, size, sorted; or
# !WHAT IS SAID of what is refused.  The usual: bin, etc with base, srv with target.
odd_layers='
root-mode|. d 2750 0:0,x f 644 0:0 0,y f 644 0:0 0
root-opaque|-bin,-etc/base,-srv,-srv/target,more f 644 0:0 0,only f 644 0:0 1
whiteout-none|no d 755 0:0
aufs|c f 644 0:0 0
opaque-whiteout|-etc/base,etc/new f 644 0:0 0
dir-to-link|-etc,-etc/base,etc l 777 0:0 srv
link-to-dir|l d 700 0:0,l/n f 644 0:0 0
through-link|l d 755 0:0,l/d d 755 0:0,l/d/n f 644 0:0 0,l2 d 755 0:0
dir-to-file|-etc,-etc/base,etc f 644 0:0 1
file-to-dir|-etc/base,etc/base d 755 0:0,etc/base/n f 644 0:0 0
case|F f 644 0:0 1,f f 644 0:0 2
same-layers|n f 644 0:0 0
replaced-link|x f 644 0:0 5,y f 644 0:0 3
itself-below|
itself|!is a hard link to '"'h'"', which is neither in the layer nor in those below
link-to-dir-hard|!hard link to
capability-3|cap f 755 0:0 1
attributes|a f 755 0:0 0
owner-large|a f 755 70000:4294967294 0
owner-none|!the owner 4294967295 of the entry '"'a'"' is not a number from 0 to 4294967294
group-none|!the group -1 of the entry '"'a'"'
owner-cut|!the owner 4294967297 of the entry
label|n f 644 0:0 0
contiguous|n f 644 0:0 1
unknown-kind|n f 644 0:0 1
name-255|NNN f 644 0:0 0
name-256|!nnnn
deep|!File name too long
mtimes|a f 755 0:0 0,b f 755 0:0 0
two-members|
zeros-after|
plain-as-gzip|
gzip-as-plain|
docker-types|n f 644 0:0 0
encrypted|!is encrypted
signature|!of the type application/vnd.dev.cosign.simplesigning.v1+json: this may be an artifact
old|!a manifest without layers
others|!it is for linux/s390x, windows/amd64
another|
empty|!no image for linux/
sha512|!is not a sha256 digest
type-User|!User is of the type int instead of string
type-WorkingDir|!WorkingDir is of the type array instead of string
type-Env|!Env is of the type object instead of array
type-Volumes|!Volumes is of the type array instead of object
type-Labels|!Labels is of the type array instead of object
type-Cmd|!Cmd is of the type object instead of array
type-StopSignal|!StopSignal is of the type int instead of string
'

# What an image is with all its layers, by what a pod with the host's ids sees.
shown() {
	local pid
	"$RUNNER" run --root "$store" --shift="$shift" --userns=host -d --name shown --no-hosts \
		-v "$work/sleeper:/sleeper:ro,unsafe-setuid" odd "/sleeper/$loader" --library-path "/sleeper/$libraries" \
		/sleeper/bin/sleep 600 >"$work/out" 2>&1 || {
		cat "$work/out"
		return
	}
	pid=$("$RUNNER" --root "$store" inspect shown | sed -n 's/^ *"pid": *\([0-9]*\).*/\1/p')
	(cd "/proc/$pid/root" && find . -xdev \( -path ./dev -o -path ./proc -o -path ./sys -o -path ./run -o -path ./tmp -o -path ./sleeper -o -path ./lib -o -path ./lib64 -o -path ./usr -o -name hostname \) -prune \
		-o -type d -printf '%P %y %m %U:%G\n' -o -type l -printf '%P %y %m %U:%G %l\n' -o -printf '%P %y %m %U:%G %s\n' 2>&1 |
		sed 's/^ d/. d/; s/^n\{255\} /NNN /' | LC_ALL=C sort)
	"$RUNNER" --root "$store" rm -f shown >/dev/null 2>&1
}

usual='. d 755 0:0
bin d 755 0:0
etc d 755 0:0
etc/base f 644 0:0 4
srv d 700 0:0
srv/target f 640 0:0 6'

test_reports() {
	local form want line wanted got tree
	while IFS='|' read -r form want; do
		[ -n "$form" ] || continue
		if [ "${want#!}" != "$want" ]; then
			bad "odd-$form" "${want#!}"
			continue
		fi
		rm -rf "$store"
		image import "$a/odd-$form" --name odd
		case $form in
		another) has "$form: said" "$errors" "this image is for linux/s390x and may not run here" ;;
		through-link) same "$form: said" "runner: /l is a symbolic link in the layers below, and a layer has files in it without describing it: it becomes a directory that hides the link, as with docker and podman
runner: /l2 is a symbolic link in the layers below, and a layer has files in it without describing it: it becomes a directory that hides the link, as with docker and podman" "$(sort <<<"$errors")" ;;
		*) same "$form" 0 "$status$errors" ;;
		esac
		image verify odd
		same "$form: verify" 0 "$status"
		tree=$store/chains
		case $form in
		capability-3) same "$form: below" "cap_net_raw=ep" "$(getcap -n "$tree"/*/tree/cap | sed 's/^[^ ]* //; s/ \[.*//')" ;;
		attributes) same "$form: below" "user.a=0x62003d63" "$(getfattr -d -m - -e hex "$tree"/*/tree/a 2>/dev/null | grep -v -e '^#' -e '^$' -e selinux)" ;;
		mtimes) same "$form: below" "8589934592.000000000 0.999999999" "$(stat -c %.9Y "$tree"/*/tree/a "$tree"/*/tree/b | paste -sd" ")" ;;
		replaced-link) same "$form: below" "three one" "$(cat "$tree"/*/tree/x) $(cat "$tree"/*/tree/y)" ;;
		esac
		wanted=$usual
		while read -rd, line; do
			case $line in
			'') ;;
			-*) wanted=$(grep -v "^${line#-} " <<<"$wanted") ;;
			'. '*) wanted=${wanted/$'. d 755 0:0'/"$line"} ;;
			*) wanted+=$'\n'$line ;;
			esac
		done <<<"$want,"
		got=$(shown)
		same "$form: in a pod" "$(LC_ALL=C sort <<<"$wanted" | grep .)" "$got"
	done <<<"$odd_layers"
	rm -rf "$store"
	image import "$a/odd-string" --name odd
	same "a string for a list" 0 "$status$errors"
	runner spec --root "$store" --image odd
	same "a string is a list of one word" "['/bin/one', 'two words']" "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["process"]["args"])' <<<"$out")"
	for form in bundle bundle.tar lxd lxd.tar; do
		bad $form "no root filesystem: that is in its folder rootfs"
	done
	for form in disk.qcow2 sif.tar page.tar; do
		bad $form "Unrecognized archive format"
	done
	finish "inputs of public bug reports: layers, documents, what is no image"
}

# FORM|OPTIONS|WHAT IS SAID AT THE START
stray='
stray||runner: 7 files of the image belong to ids outside of the pod'"'"'s 0 to 65535, the first, /café x, to 5:65536: no user of the pod can change them; --userns=auto:size=80001 has room for all
stray|--userns=auto:size=80000|runner: 1 file of the image belongs to ids outside of the pod'"'"'s 0 to 79999, the first, /d, to 0:80000: no user of the pod can change it; --userns=auto:size=80001 has room for all
stray|--userns=auto:size=80001|
stray|--userns=host|
hidden||
large||runner: 1 file of the image belongs to ids outside of the pod'"'"'s 0 to 65535, the first, /a, to 70000:4294967294: no user of the pod can change it; change the owner in the image
'

# An owner that the pod has no id for: the start says so, and the pod sees nobody's.
test_owners() {
	local form options want
	rm -rf "$store"
	own_ranges 400
	for form in stray hidden large; do
		image import "$a/odd-owner-$form" --name $form
		same "$form" 0 "$status$errors"
	done
	while IFS='|' read -r form options want; do
		[ -n "$form" ] || continue
		runner run --root "$store" --shift="$shift" $options -d --name owned -v "$work/sleeper:/sleeper:ro,unsafe-setuid" \
			"$form" "/sleeper/$loader" --library-path "/sleeper/$libraries" /sleeper/bin/sleep 600
		same "$form $options: status" 0 "$status"
		same "$form $options: said" "$want" "$errors"
		runner --root "$store" rm -f owned
	done <<<"$stray"
	same "below" 70000:4294967294 "$(stat -c %u:%g "$store"/chains/*/tree/a)"
	runner run --root "$store" --shift="$shift" --name kept -v "$work/sleeper:/sleeper:ro,unsafe-setuid" stray \
		"/sleeper/$loader" --library-path "/sleeper/$libraries" /sleeper/bin/stat -c %u:%g /one /d /o
	same "in the pod" "65534:3 0:65534 0:0" "$(paste -sd' ' <<<"$out")"
	runner --root "$store" start -a kept
	has "another start" "$errors" "7 files of the image"
	runner --root "$store" rm kept
	finish "owners that a pod has no ids for"
}

shift=${SHIFTFS_TEST_BACKEND:-shiftfs}
modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
grep -qw shiftfs /proc/filesystems || shift=idmap
mkdir -p "$a"
make_root "$work/sleeper" sleep
# the images have no program, and no library for one
loader=$(cd "$work/sleeper" && find . -name 'ld-linux*' | head -n 1)
libraries=$(cd "$work/sleeper" && find . -name 'libc.so.*' -printf '%h\n' | head -n 1)
make_forms "$a" || {
	echo "Bail out! cannot make the images"
	exit 1
}
run_tests "docker transports layouts registry tolerated bytes odd reports owners plainly config many" "$@"
