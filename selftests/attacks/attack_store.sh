# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2012,SC2013,SC2016,SC2034,SC2046,SC2086,SC2154
# Attacks by images on the store, on who imports, and on images of others.

attack store_chain - an image that was imported first decides owners in another
attack store_fifo - FIFOs, devices and links as documents and blobs of an image
attack store_lease - leases on the documents of an image, for each of which import waits 45 s
attack store_tables plain,exec FIFOs and devices as /etc/passwd and /etc/group
attack store_process - the process that unpacks: as the host sees it
attack store_skopeo - what skopeo is and can, which reads archives and directories of others
attack store_leavings - what a failed import leaves, and limits by the layer
attack store_links - hard links of a layer whose folder a later entry makes a link out of the image
attack store_deep - a layer with a tree deeper than a path can be

# layout OUT LAYER...: an OCI image layout of these tar archives
store_layout() {
	python3 - "$@" <<'EOF'
import hashlib, json, os, shutil, sys
out, layers = sys.argv[1], sys.argv[2:]
shutil.rmtree(out, ignore_errors=True)
os.makedirs(out + "/blobs/sha256")
def put(data):
    h = hashlib.sha256(data).hexdigest()
    open(f"{out}/blobs/sha256/{h}", "wb").write(data)
    return {"digest": "sha256:" + h, "size": len(data)}
descs = [put(open(l, "rb").read()) for l in layers]
conf = {"os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [d["digest"] for d in descs]}}
m = json.dumps({"schemaVersion": 2, "config": put(json.dumps(conf).encode()), "layers": descs}).encode()
json.dump({"schemaVersion": 2, "manifests": [put(m)]}, open(out + "/index.json", "w"))
open(out + "/oci-layout", "w").write('{"imageLayoutVersion": "1.0.0"}')
EOF
}

store_image() {
	status=0
	timeout -s KILL 30 "$RUNNER" image --root "$work/store" "$@" >"$work/o" 2>"$work/e" </dev/null || status=$?
	out=$(cat "$work/o") errors=$(cat "$work/e")
}

# store_empty: nothing of what failed is there
store_empty() {
	same "$1: what is left" '' "$(cd "$work/store" && find images names chains objects tmp -mindepth 1 \( -type f -o -path '*/*/*' \))"
}

attack_store_chain() {
	rm -rf "$work/store" "$work/l"
	mkdir -p "$work/l/"{good,evil,mid,top}/srv
	chmod 700 "$work/l/good/srv"
	chmod 777 "$work/l/evil/srv"
	chown 666:666 "$work/l/evil/srv"
	rmdir "$work/l/mid/srv"
	touch "$work/l/mid/m" "$work/l/top/srv/secret"
	for n in good evil mid; do tar -C "$work/l/$n" -cf "$work/l/$n.tar" .; done
	tar -C "$work/l/top" -cf "$work/l/top.tar" srv/secret
	store_layout "$work/evil" "$work/l/evil.tar" "$work/l/mid.tar" "$work/l/top.tar"
	store_layout "$work/good" "$work/l/good.tar" "$work/l/mid.tar" "$work/l/top.tar"
	store_image import "$work/evil" --name evil
	same "evil" 0 "$status$errors"
	store_image import "$work/good" --name good
	same "good" 0 "$status$errors"
	has "nothing is taken of the evil one" "$out" "3 of them new"
	same "directories in the store" "700 0:0
777 666:666" "$(for n in "$work"/store/chains/*/tree/srv/secret; do stat -c '%a %u:%g' "${n%/secret}"; done | sort)"
	store_image verify
	same "verify" 0 "$status"
}

attack_store_fifo() {
	local kind file says
	mkdir -p "$work/l/one"
	echo x >"$work/l/one/x"
	tar -C "$work/l/one" -cf "$work/l/one.tar" .
	for kind in fifo device terminal link; do
		for file in index.json oci-layout blobs/sha256; do
			rm -rf "$work/store"
			store_layout "$work/odd" "$work/l/one.tar"
			[ "$file" != blobs/sha256 ] || file=$(cd "$work/odd" && ls blobs/sha256/* | head -n 1)
			# what a link leads to is as good as what was there
			mv "$work/odd/$file" "$work/there"
			case $kind in
			fifo) mkfifo "$work/odd/$file"; says='is a FIFO' ;;
			# no driver has it: an open would say so
			device) mknod "$work/odd/$file" c 250 77; says='is a device' ;;
			terminal) mknod "$work/odd/$file" c 5 0; says='is a device' ;;
			link) ln -s "$work/there" "$work/odd/$file"; says='by a symbolic link' ;;
			esac
			store_image import "$work/odd" --name odd
			if [ "$file" = oci-layout ]; then
				[ "$status" != 137 ] || problem "a $kind as $file: it hangs"
			else
				same "a $kind as $file" 125 "$status"
				has "a $kind as $file" "$errors" "$says"
				store_empty "a $kind as $file"
			fi
			status=0
			timeout -s KILL 30 "$RUNNER" run --image "$work/odd" -- true >"$work/o" 2>"$work/e" </dev/null || status=$?
			[ "$status" != 137 ] || problem "run of a $kind as $file: it hangs"
		done
	done
}

attack_store_lease() {
	store_layout "$work/leased"
	"$image/bin/hostile" lease "$work/leased/index.json" "$work/leased/oci-layout" >"$work/lease.log" &
	wait_line "$work/lease.log" leased
	RUNNER_TIMEOUT=10 store_image import "$work/leased" --name leased
	kill -9 $!
	wait $! 2>/dev/null
	same "import" 125 "$status"
	has "it says why" "$errors" "has a lease on it"
}

attack_store_tables() {
	local root=$work/tables kind file
	for kind in fifo device; do
		for file in passwd group; do
			rm -rf "$root"
			cp -a "$image" "$root"
			mkdir -p "$root/etc"
			echo bob:x:5:6::/:/bin/sh >"$root/etc/passwd"
			echo staff:x:7: >"$root/etc/group"
			if [ "$1" = exec ]; then
				runner run -d --name tables --image "$root" -- sleep 100
				same "run" 0 "$status$errors"
				runner exec tables sh -c "rm -f /etc/$file; mkfifo /etc/$file"
				status=0
				timeout -s KILL 30 "$RUNNER" exec --user bob:staff tables true >"$work/o" 2>"$work/e" </dev/null || status=$?
				"$RUNNER" rm -f tables
			else
				rm -f "$root/etc/$file"
				case $kind in
				fifo) mkfifo "$root/etc/$file" ;;
				device) mknod "$root/etc/$file" c 250 77 ;;
				esac
				status=0
				timeout -s KILL 30 "$RUNNER" run --user bob:staff --image "$root" -- true >"$work/o" 2>"$work/e" </dev/null || status=$?
			fi
			same "a $kind as /etc/$file" 125 "$status"
			has "a $kind as /etc/$file" "$(cat "$work/e")" "/etc/$file is a"
		done
	done
}

# Each that has its filter is confined in every other way as well.
attack_store_process() {
	local pid found=0 n i space
	rm -rf "$work/store"
	mkdir -p "$work/many"
	for i in $(seq 3000); do echo "$i" >"$work/many/$i"; done
	for i in 1 2 3; do
		echo "$i" >"$work/many/again"
		"$RUNNER" image --root "$work/store" import "$work/many" --name many >"$work/o" 2>"$work/e" </dev/null &
		pid=$!
		while kill -0 $pid 2>/dev/null; do
			for n in $(grep -ls '^sandbox-' /proc/[0-9]*/comm); do
				n=${n%/comm}
				grep -qs '^Seccomp:	2' "$n/status" || continue
				for space in pid net ipc mnt uts cgroup; do
					[ "$(readlink "$n/ns/$space")" != "$(readlink "/proc/self/ns/$space")" ] || problem "the host's $space namespace"
				done
				case $(readlink "$n/fd/0") in /dev/null | /null | '') ;; *) problem "an input: $(readlink "$n/fd/0")" ;; esac
				! grep -s '^CapEff:' "$n/status" | grep -q '[2-79a-f]........$' || problem "capabilities: $(grep CapEff "$n/status")"
				found=$((found + 1))
			done
			# without a pause it starves an emulated machine
			sleep 0.02
		done
		wait $pid
		same "import" 0 "$?$(cat "$work/e")"
	done
	[ $found -gt 0 ] || problem "no process in a sandbox was seen"
}

# A program in its place tells of itself.
attack_store_skopeo() {
	local skopeo from each
	skopeo=$(type -P skopeo) || {
		skip_reason='there is no skopeo'
		return
	}
	skopeo=$(readlink -f "$skopeo")
	mkdir -p "$work/l/dir"
	echo 'Directory Transport Version: 1.1' >"$work/l/dir/version"
	echo '{"schemaVersion": 2, "config": {}, "layers": []}' >"$work/l/dir/manifest.json"
	echo '[{"Config": "x.json", "RepoTags": ["a:1"], "Layers": []}]' >"$work/l/manifest.json"
	tar -C "$work/l" -cf "$work/l/docker.tar" manifest.json
	mount --bind "$here/attacker" "$skopeo"
	for from in docker.tar dir; do
		SECRET=topsecret store_image import "$work/l/$from"
		same "$from" 125 "$status"
		has "$from: it ran" "$errors" "skopeo:  pid:["
		for each in pid net ipc mnt uts cgroup user; do
			hasnt "$from: the host's $each namespace" "$errors" "$(readlink "/proc/self/ns/$each")"
		done
		# DAC_READ_SEARCH, to read what belongs to others
		has "$from: capabilities" "$errors" " CapEff:4 CapBnd:4 Seccomp:2 NoNewPrivs:1 number:1 uid:0 "
		has "$from: descriptors" "$errors" " fds:0:1:2:3 "
		has "$from: its root" "$(xargs -n 1 <<<"$errors" | grep ^root: | tr : '\n' | sort | xargs)" "etc in"
		for each in var run home root dev sys tmp; do
			case $(xargs -n 1 <<<"$errors" | grep ^root:): in root*":$each:"*) problem "$from: it sees the host's /$each" ;; esac
		done
		has "$from: what it can" "$errors" " etc:ld.so.cache terminal:no network:no process:no process3:no mount:no write:no out:yes env:PATH env:TMPDIR env:HOME"
		hasnt "$from: more of the environment" "$errors" SECRET
		store_empty "$from"
	done
	# of a registry it is the administrator's, but for his terminal
	store_image import docker://localhost/x
	has "a registry" "$errors" "NoNewPrivs:1"
	has "a registry: no terminal" "$errors" "terminal:no"
	has "a registry: descriptors" "$errors" " fds:0:1:2 "
	umount "$skopeo"
}

attack_store_leavings() {
	rm -rf "$work/store"
	mkdir -p "$work/l/"{a,b}
	head -c 700000 /dev/urandom >"$work/l/a/a"
	head -c 700000 /dev/urandom >"$work/l/b/b"
	tar -C "$work/l/a" -cf "$work/l/a.tar" .
	tar -C "$work/l/b" -cf "$work/l/b.tar" .
	head -c 300000 "$work/l/b.tar" >"$work/l/cut.tar"
	store_layout "$work/two" "$work/l/a.tar" "$work/l/b.tar"
	store_image import "$work/two" --name two --max-size 1M
	same "each layer is small enough, both are not" 125 "$status"
	store_empty "limits"
	store_layout "$work/two" "$work/l/a.tar" "$work/l/cut.tar"
	store_image import "$work/two" --name two
	same "the second layer is damaged" 125 "$status"
	store_empty "damaged"
}

# store_layer FILE ENTRY...: a tar archive; NAME is a directory, NAME=TEXT a file,
# NAME>TARGET a link, NAME+TARGET a hard link
store_layer() {
	python3 - "$@" <<'EOF'
import io, re, sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as t:
    for entry in sys.argv[2:]:
        name, kind, what = re.match(r"([^=>+]*)([=>+]?)(.*)", entry).groups()
        i = tarfile.TarInfo(name)
        i.mode, i.mtime = 0o4755, 1
        i.type = {"": tarfile.DIRTYPE, "=": tarfile.REGTYPE, ">": tarfile.SYMTYPE, "+": tarfile.LNKTYPE}[kind]
        if kind == "=":
            i.size = len(what)
        elif kind:
            i.linkname = what
        t.addfile(i, io.BytesIO(what.encode()))
EOF
}

# The links to files of lower layers are made when all has been unpacked, by the
# host's root: where the archive says, and what it has made of that since.
attack_store_links() {
	local canary=$work/canary up=../../../../../../../../../../../..$work/canary entries
	rm -rf "$work/store" "$canary"
	mkdir -p "$work/l" "$canary/sub"
	echo precious >"$canary/precious"
	chmod 600 "$canary/precious"
	touch -d '2020-01-02 03:04:05' "$canary/precious" "$canary/sub" "$canary"
	manifest "$canary" >"$work/before"
	store_layer "$work/l/below.tar" evil=evil "soft>evil" "out>$canary" "dir" "dir/evil=evil"
	for entries in "d/x+evil d>$canary" "d/x+soft d>$canary" "d/x+evil d>$up" \
		"a/b/x+evil a/b>$canary" "a/sub/x+evil a>$canary" "a/sub/x+evil a>$up" \
		"d/precious+evil d>$canary" "d/x+evil d>$work/nowhere" "d/x+evil d>." \
		"d/x+evil d=file" "x+out/precious" "d/x+out/precious d>$canary" \
		"d/.wh.precious= d>$canary" "d/.wh..wh..opq= d>$canary" "d/new/x=x d>$canary" \
		"d>$canary d/.wh.precious=" "d>$canary d/x+evil" "../x+evil" "d/../../x+evil" \
		"x+../../../../../../../../..$canary/precious"; do
		store_layer "$work/l/top.tar" $entries
		store_layout "$work/links" "$work/l/below.tar" "$work/l/top.tar"
		store_image import "$work/links" --name links
		case $status in 0 | 125) ;; *) problem "$entries: status $status $errors" ;; esac
		same "$entries: what is outside" '' "$(manifest "$canary" | diff "$work/before" -)"
		same "$entries: what was read there" '' "$(grep -rls precious "$work/store/chains")"
		same "$entries: what is outside of trees" '' "$(find "$work/store" -name x -not -path '*/tree/*')"
	done
	# what such entries mean where nothing leads out
	rm -rf "$work/store"
	store_layer "$work/l/top.tar" "d/x+evil" "d/y+dir/evil" "s+soft"
	store_layout "$work/links" "$work/l/below.tar" "$work/l/top.tar"
	store_image import "$work/links" --name links
	same "links to files below" "0" "$status$errors"
	same "are there" "evilevil evil 4755 4755" "$(cd "$work"/store/chains/*/tree/d && echo $(cat x y; echo; readlink ../s; stat -c %a x y))"
}

attack_store_deep() {
	rm -rf "$work/store"
	mkdir -p "$work/l"
	python3 - "$work/l/deep.tar" <<'EOF'
import io, sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as t:
    for n in (10, 340):
        i = tarfile.TarInfo("/".join(["d" * 200] * n))
        i.type = tarfile.DIRTYPE
        t.addfile(i)
EOF
	store_image import "$work/l/deep.tar" --name deep
	same "a path of 68,000 bytes" 125 "$status"
	store_empty "deep"
}
