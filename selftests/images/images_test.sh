#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# images_test: the image store of runner.  What is in the store is looked at as
# files, not only as runner tells it.  Speaks KTAP; runs as root, natively or in
# the VM.
#
# images_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2005,SC2046,SC2086,SC2116 # echo joins lines on purpose
# shellcheck disable=SC2010,SC2012,SC2016,SC2317 # names are ours; for the pod's shell; called by name
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@

make_archives() {
	python3 - "$@" <<'ARCHIVES'
#@PYTHON@
ARCHIVES
}

a=$work/archives
store=$work/store

image() {
	runner image --root "$store" "$@"
}

# tree_of FILE: the tree of a layer in which FILE is
tree_of() {
	local found
	found=$(ls -d "$store"/chains/*/tree/"$1" 2>/dev/null | head -n 1)
	echo "${found%/"$1"}"
}

fresh() {
	rm -rf "$store"
}

# Nothing half done, nothing that no image needs.
check_store() {
	same "unfinished work" '' "$(ls "$store/tmp")"
	image verify
	same "verify" 0 "$status"
}

test_formats() {
	fresh
	image import "$a/docker.tar"
	same "docker-archive" 0 "$status$errors"
	has "its own name" "$out" example/app:1.0
	image import "$a/oci.tar"
	same "OCI archive" 0 "$status$errors"
	has "no new layer" "$out" "2 layers, 0 of them new"
	mkdir -p "$work/layout"
	tar -C "$work/layout" -xf "$a/oci.tar"
	image import "$work/layout:app:2" --name from/dir
	same "OCI layout" 0 "$status$errors"
	same "one image by three ways" 1 "$(ls "$store/images" | wc -l)"
	image import "$a/base.tar" --name base
	same "root filesystem, tar" 0 "$status$errors"
	for c in gzip bzip2 compress lz4 lzma xz zstd; do
		cmp -s "$a/base.tar" "$a/base.$c" && problem "$c: not compressed"
		image import "$a/base.$c" --name "base:$c"
		same "tar with $c" 0 "$status$errors"
		has "tar with $c is the same layer" "$out" "1 layers, 0 of them new"
	done
	mkdir "$work/dir"
	tar -C "$work/dir" -xf "$a/base.tar"
	setfattr -n user.note -v kept "$work/dir/lib/other-mode"
	setcap cap_net_raw=ep "$work/dir/lib/same"
	setfacl -m u:1234:r "$work/dir/lib/other-mode"
	image import "$work/dir"
	same "directory" 0 "$status$errors"
	tree=$(dirname "$(dirname "$(grep -l cap_net_raw <(getcap -r "$store/chains") >/dev/null; getcap -r "$store/chains" | sed 's/ cap_.*//;q')")")
	same "attribute" kept "$(getfattr --absolute-names --only-values -n user.note "$tree/lib/other-mode")"
	has "capability" "$(getcap "$tree/lib/same")" cap_net_raw=ep
	has "access control list" "$(getfacl -n -p "$tree/lib/other-mode")" "user:1234:r--"
	same "hard link" "$(stat -c %i "$tree/lib/same")" "$(stat -c %i "$tree/lib/hard")"
	image ls
	for n in example/app:1.0 app:2 from/dir base:latest dir:latest; do
		has "names" "$out" "${n%:latest}"
	done
	image ls --json
	same "JSON" "$(ls "$store/images" | wc -l)" "$(python3 -c 'import json,sys; print(len(json.load(sys.stdin)))' <<<"$out")"
	image inspect example/app:1.0
	same "inspect" "/bin/true 2" "$(python3 -c 'import json,sys; i = json.load(sys.stdin)
print(i["config"]["config"]["Cmd"][0], len(i["layers"]))' <<<"$out")"
	check_store
	finish "formats that are imported"
}

test_shared() {
	local one two three
	fresh
	image import "$a/docker.tar"
	image import "$a/other.tar.gz"
	one=$(tree_of lib/same) two=$(tree_of opt/copy) three=$(tree_of usr/copy)
	same "one inode in three layers" 1 "$(stat -c %i "$one/lib/same" "$two/opt/copy" "$three/usr/copy" | sort -u | wc -l)"
	[ "$(stat -c %i "$one/lib/same")" != "$(stat -c %i "$one/lib/other-mode")" ] || problem "another mode, the same inode"
	same "modes" "755 700" "$(echo $(stat -c %a "$one/lib/same" "$one/lib/other-mode"))"
	same "a crontab has one name" 1 "$(stat -c %h "$one/etc/cron.d/job")"
	same "an empty file has one name" 1 "$(stat -c %h "$one/lib/empty")"
	# read by the name in one layer, cached by that in another
	python3 -c 'import os,sys; os.posix_fadvise(os.open(sys.argv[1], os.O_RDONLY), 0, 0, os.POSIX_FADV_DONTNEED)' "$one/lib/same"
	same "pages before" 0 "$(fincore -nro PAGES "$three/usr/copy")"
	cat "$one/lib/same" >/dev/null
	same "pages after" 4 "$(fincore -nro PAGES "$three/usr/copy")"
	has "what was shared" "$out" "in files that were there"
	check_store
	image rm example/app:1.0
	same "rm" 0 "$status$errors"
	same "the other image keeps the file" 16384 "$(stat -c %s "$three/usr/copy")"
	same "layers" 1 "$(ls "$store/chains" | wc -l)"
	same "files that nobody needs" '' "$(find "$store/objects" -type f -links 1)"
	check_store
	finish "files that are the same in two images are one"
}

# Equal files are one inode in the store, and a pod that writes one has written one;
# also on a host where overlays have an index by default.
test_twins() {
	local index=/sys/module/overlay/parameters/index was
	was=$(cat $index 2>/dev/null)
	make_root "$work/twins"
	echo equal >"$work/twins/twin"
	cp -a "$work/twins/twin" "$work/twins/other"
	runner image import "$work/twins" --name twins
	same "import" 0 "$status$errors"
	same "one inode below" 1 "$(stat -c %i /var/lib/runner/chains/*/tree/{twin,other} | sort -u | wc -l)"
	[ ! -w "$index" ] || echo Y >"$index"
	runner run --rm twins sh -c 'echo more >>/twin; cat /other; echo /; cat /twin'
	[ ! -w "$index" ] || echo "$was" >"$index"
	same "in the pod" "equal / equal more" "$(echo $out$errors)"
	same "in the store" equal "$(cat /var/lib/runner/chains/*/tree/twin)"
	runner image rm -f twins
	rm -r "$work/twins"
	finish "equal files: a write to one is no write to another"
}

test_layers() {
	fresh
	make_root "$work/base" chown getcap mv
	mkdir -p "$work/base/lib2"
	image import "$a/docker.tar" --name app
	image import "$work/base" --name base
	runner run --root "$store" --shift="$shift" --image base -- sh -c 'ls -d /tmp; stat -c %a /tmp'
	same "run by name" "/tmp 1777" "$(echo $out$errors)"
	# of the second layer, which says nothing of /tmp but has a file in it
	runner run --root "$store" --shift="$shift" --image app --dry-run
	has "both layers" "$out" "lower="
	same "mode from below" "1777 0:0" "$(stat -c '%a %u:%g' "$(tree_of tmp/left)/tmp")"
	same "stored ids are the image's" "7:8" "$(stat -c %u:%g "$(tree_of opt/of-second)/opt/of-second")"
	same "whiteout" "0:0" "$(stat -c %t:%T "$(tree_of opt/copy)/lib")"
	check_store
	finish "layers, stacked"
}

# What an image of others said of a layer's directories is not taken for another.
test_chain() {
	local id tree
	fresh
	image import "$a/chain-evil.tar" --name evil
	same "import" 0 "$status$errors"
	same "modes in the evil one" "777 666:666" "$(stat -c '%a %u:%g' "$(tree_of srv/of-top)/srv")"
	image import "$a/chain-good.tar" --name good
	same "import" 0 "$status$errors"
	has "no layer of the evil one" "$out" "3 layers, 3 of them new"
	tree=$(tree_of srv/of-first)
	same "the lowest layer" "750 0:5" "$(stat -c '%a %u:%g' "$tree/srv")"
	id=$(cat "$store"/names/good)
	tree=$store/chains/$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["layers"][-1]["chain"])' "$store/images/$id/record")/tree
	same "the same directory in the topmost" "750 0:5" "$(stat -c '%a %u:%g' "$tree/srv")"
	same "keys are ChainIDs" '' "$(python3 - "$store/images/$id" <<'EOF'
import hashlib, json, sys
chain = None
ids = json.load(open(sys.argv[1] + "/config"))["rootfs"]["diff_ids"]
for got, diff in zip(json.load(open(sys.argv[1] + "/record"))["layers"], ids):
    chain = diff if chain is None else "sha256:" + hashlib.sha256(f"{chain} {diff}".encode()).hexdigest()
    if "sha256:" + got["chain"] != chain:
        print("wanted", chain, "got", got)
EOF
)"
	check_store
	# a record that takes a layer of another chain
	sed -i "s/$(basename "$(dirname "$tree")")/$(basename "$(dirname "$(tree_of opt/of-middle)")")/" "$store/images/$id/record"
	image verify good
	same "verify" 1 $status
	has "what verify says" "$out" "another chain"
	# as older runners left it: kept, never reused, told by verify
	fresh
	image import "$a/chain-good.tar" --name good
	id=$(cat "$store"/names/good)
	sed -i 's/"chain"/"key"/' "$store/images/$id/record"
	mv "$store/chains" "$store/layers"
	image verify
	same "verify of an old image" 1 $status
	has "what it says" "$out" "import it again"
	image import "$a/chain-good.tar" --name good
	same "import over it" 125 $status
	has "what to do" "$errors" "runner image rm"
	image prune
	same "prune leaves it" 3 "$(ls "$store/layers" | wc -l)"
	image rm good
	same "rm" 0 "$status$errors"
	same "its layers" '' "$(ls "$store/layers")"
	image import "$a/chain-good.tar" --name good
	same "import after that" 0 "$status$errors"
	check_store
	finish "a layer belongs to the layers below it"
}

test_names() {
	local id
	fresh
	image import "$a/base.tar" --name one
	id=$(ls "$store/images")
	image import "$a/base.tar" --name two:latest
	image rm one
	same "rm of one name of two" 0 "$status$errors"
	same "the image stays" "$id" "$(ls "$store/images")"
	image inspect two
	same ":latest may be left out" 0 "$status"
	image inspect "${id:0:10}"
	same "by the beginning of the id" 0 "$status$errors"
	image inspect nosuch
	same "no such image" 125 $status
	has "message" "$errors" nosuch
	for n in ../up '' -x a%b 'a b'; do
		image import "$a/base.tar" --name "$n"
		if [ -n "$n" ]; then
			same "name '$n'" 125 $status
		else
			same "no name at all" 0 "$status$errors"
		fi
	done
	image import "$a/other.tar.gz" --name two:latest
	image prune
	same "prune removes what lost its name" 1 "$(ls "$store/images" | wc -l)"
	has "prune says so" "$out" "1 images"
	check_store
	mkdir -p "$work/r"
	make_root "$work/r" chown getcap mv
	image import "$work/r" --name busy
	runner run --root "$store" --shift="$shift" --image busy -- true
	same "run" 0 "$status$errors"
	"$RUNNER" run --root "$store" --shift="$shift" --image busy -- sh -c 'echo ready; sleep 600' >"$work/ready" &
	for _ in $(seq 400); do grep -q ready "$work/ready" && break; sleep 0.05; done
	image rm busy
	same "rm of an image in use" 125 $status
	has "message" "$errors" "in use"
	image prune
	has "prune leaves it" "$(ls "$store/names")" busy
	kill %1
	kill -9 $(pgrep -P $!) 2>/dev/null
	wait
	image rm busy
	same "rm after the pod" 0 "$status$errors"
	finish "names, rm, prune"
}

test_verify() {
	local file
	fresh
	image import "$a/docker.tar"
	image import "$a/other.tar.gz" --name other
	image verify
	same "good" 0 "$status$errors"
	file=$(tree_of opt/copy)/opt/copy
	printf X | dd of="$file" bs=1 seek=5000 conv=notrunc 2>/dev/null
	touch -d @1700000000 "$file"
	image verify
	same "a flipped byte" 1 $status
	has "where" "$out" "opt/copy: content changed"
	has "in every image that shares it" "$out" "usr/copy: content changed"
	image verify other
	same "one image" 1 $status
	fresh
	image import "$a/docker.tar"
	tree=$(tree_of lib/same)
	chmod 4755 "$tree/lib/other-mode"
	chown 5:6 "$tree/tmp"
	rm "$tree/lib/empty"
	echo new >"$tree/etc/added"
	setfattr -n user.x -v y "$tree/etc"
	image verify
	same "differences" 1 $status
	for n in "lib/other-mode: mode changed" "tmp: owner, group changed" "lib/empty is missing" \
		"etc/added is not of the image" "etc: time, attributes changed"; do
		has "difference" "$out" "$n"
	done
	fresh
	image import "$a/docker.tar"
	file=$(echo "$store"/images/*/config)
	sed -i 's/true/fals/' "$file"
	image verify
	same "config" 1 $status
	has "where" "$out" "$file"
	fresh
	image import "$a/docker.tar"
	file=$(ls "$store"/chains/*/index | head -n 1)
	sed -i '1s/0/1/' "$file"
	image verify
	same "index" 1 $status
	has "where" "$out" "$file"
	finish "verify finds what was changed and says where"
}

test_hostile() {
	local name before
	fresh
	before=$(cd "$a/victims" && stat -c '%n %a %u:%g %s' ./* && cat ./*)
	for name in dotdot hardlink swap truncated garbage text empty huge-entry huge-sparse \
		docker-escape docker-parent oci-diffid oci-count oci-flipped; do
		image import "$a/$name.tar"
		same "$name" 125 $status
		has "$name is named" "$errors" "$name"
	done
	image import "$a/hardlink-absolute.tar"
	same "an absolute hard link" 125 $status
	image import "$a/bomb.tar.gz" --max-size 1M
	same "a bomb" 125 $status
	has "message" "$errors" --max-size
	image prune
	same "nothing in the store" '' "$(ls "$store/images" "$store/chains" | grep -v : | grep .)"
	same "no file either" '' "$(find "$store/objects" -type f)"

	image import "$a/absolute.tar" --name absolute
	same "an absolute name is inside" 0 "$status$errors"
	same "inside" in "$(cat "$(tree_of escaped-absolute)/escaped-absolute")"
	for name in swap-hardlink through-file chmod-link device; do
		image import "$a/$name.tar" --name "$name"
		same "$name" 0 "$status$errors"
	done
	same "devices" '' "$(find "$store/chains" -type b -o -type c)"
	image import "$a/docker-link.tar"
	same "an archive that links one layer to another" 125 $status
	same "victims" "$before" "$(cd "$a/victims" && stat -c '%n %a %u:%g %s' ./* && cat ./*)"
	same "escaped" '' "$(find "$work" / -xdev -maxdepth 4 -name 'escaped*' 2>/dev/null | grep -v "$store/chains" || :)"
	check_store
	finish "hostile and damaged archives"
}

# odd KIND FILE: something that is no regular file in the place of FILE
odd() {
	rm -f "$2"
	case $1 in
	fifo) mkfifo "$2" ;;
	device) mknod "$2" c 1 5 ;;
	terminal) mknod "$2" c 5 0 ;;
	socket) python3 -c 'import os,socket,sys; os.chdir(os.path.dirname(sys.argv[1])); socket.socket(socket.AF_UNIX).bind(os.path.basename(sys.argv[1]))' "$2" ;;
	link) ln -s "$a/victims/keep" "$2" ;;
	directory) mkdir "$2" ;;
	sparse) truncate -s 64G "$2" ;;
	esac
}

# What is no regular file is told at once, whoever put it there.
test_odd() {
	local kind file
	fresh
	for kind in fifo device terminal socket link directory sparse; do
		for file in index.json manifest config layer; do
			rm -rf "$work/odd"
			mkdir "$work/odd"
			tar -C "$work/odd" -xf "$a/oci.tar"
			case $file in
			index.json) odd $kind "$work/odd/$file" ;;
			*) odd $kind "$work/odd/$(python3 - "$work/odd" $file <<'EOF'
import json, sys
def blob(d): return "blobs/" + d["digest"].replace(":", "/")
manifest = blob(json.load(open(sys.argv[1] + "/index.json"))["manifests"][0])
m = json.load(open(sys.argv[1] + "/" + manifest))
print({"manifest": manifest, "config": blob(m["config"]), "layer": blob(m["layers"][0])}[sys.argv[2]])
EOF
			)" ;;
			esac
			for n in "import $work/odd" "import $work/odd:app:2 --max-size 1M"; do
				timeout -s KILL 20 "$RUNNER" image --root "$store" $n >"$work/out" 2>"$work/errors" </dev/null
				same "a $kind as $file, $n" 125 $?
				has "a $kind as $file" "$(cat "$work/errors")" "$work/odd"
			done
		done
		rm -rf "$work/odd"
		mkdir "$work/odd"
		odd $kind "$work/odd/archive"
		[ $kind != directory ] || continue
		timeout -s KILL 20 "$RUNNER" image --root "$store" import "$work/odd/archive" --max-size 1M >"$work/out" 2>"$work/errors" </dev/null
		same "a $kind as archive" 125 $?
	done
	image prune
	same "nothing in the store" '' "$(ls "$store/images" "$store/chains" | grep -v : | grep .)"
	make_root "$work/tables" chown
	mkdir -p "$work/tables/etc"
	for kind in fifo device socket directory sparse; do
		for file in passwd group; do
			rm -rf "$work/tables/etc/"{passwd,group}
			echo bob:x:5:6::/home/bob:/bin/sh >"$work/tables/etc/passwd"
			echo staff:x:7: >"$work/tables/etc/group"
			odd $kind "$work/tables/etc/$file"
			timeout -s KILL 20 "$RUNNER" run --root "$store" --shift="$shift" --user bob:staff --image "$work/tables" -- true >"$work/out" 2>"$work/errors" </dev/null
			status=$?
			same "a $kind as $file" 125 $status
			has "a $kind as $file" "$(cat "$work/errors")" "/etc/$file"
			timeout -s KILL 20 "$RUNNER" run --root "$store" --shift="$shift" --user 5:6 --image "$work/tables" -- id -u >"$work/out" 2>"$work/errors" </dev/null
			same "by number beside a $kind as $file" 0 "$?$(cat "$work/errors")"
		done
	done
	rm -rf "$work/tables/etc/passwd"
	rm -rf "$work/tables/etc/group"
	ln -s /../../../etc/passwd.real "$work/tables/etc/passwd"
	echo bob:x:5:6::/home/bob:/bin/sh >"$work/tables/etc/passwd.real"
	runner run --root "$store" --shift="$shift" --user bob --image "$work/tables" -- true
	same "a link that stays in the pod's root" 0 "$status$errors"
	finish "FIFOs, devices and other things in the place of files"
}

test_killed() {
	local n took pid rounds=16
	fresh
	make_root "$work/big" chown getcap mv
	took=$(date +%s%N)
	image import "$work/big" --name big
	took=$((($(date +%s%N) - took) / 1000000))
	same "import" 0 "$status$errors"
	fresh
	[ "$long" ] || rounds=4
	for n in $(seq 1 $rounds); do
		"$RUNNER" image --root "$store" import "$work/big" --name big >/dev/null 2>&1 &
		pid=$!
		sleep "$(printf '%d.%03d' $((took * n / rounds / 1000)) $((took * n / rounds % 1000)))"
		kill -9 $pid 2>/dev/null
		wait $pid 2>/dev/null
		image ls
		same "ls after a kill" 0 "$status$errors"
		image verify
		same "verify after a kill ($n): $out" 0 "$status$errors"
	done
	image prune
	same "prune" 0 "$status$errors"
	image import "$work/big" --name big
	same "import after all" 0 "$status$errors"
	for n in $(seq 1 $((rounds / 2))); do
		"$RUNNER" image --root "$store" rm big >/dev/null 2>&1 &
		pid=$!
		sleep "$(printf '0.%03d' $((n * took / 40 % 1000)))"
		kill -9 $pid 2>/dev/null
		wait $pid 2>/dev/null
		image verify
		same "verify after a killed rm ($n): $out" 0 "$status$errors"
		image import "$work/big" --name big
		same "import after a killed rm" 0 "$status$errors"
	done
	check_store
	finish "kill -9 of import and rm"
}

test_together() {
	local i pids=()
	fresh
	for i in 1 2 3 4 5 6; do
		"$RUNNER" image --root "$store" import "$a/docker.tar" --name "app:$i" >"$work/t.$i" 2>&1 &
		pids+=($!)
		"$RUNNER" image --root "$store" import "$a/other.tar.gz" --name "other:$i" >"$work/u.$i" 2>&1 &
		pids+=($!)
		"$RUNNER" image --root "$store" prune >/dev/null 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || problem "one of them failed: $(cat "$work"/[tu].*)"
	done
	same "names" 12 "$(ls "$store/names" | wc -l)"
	same "images" 2 "$(ls "$store/images" | wc -l)"
	same "layers" 3 "$(ls "$store/chains" | wc -l)"
	check_store
	finish "imports and prunes at once"
}

# What takes long is done when nobody waits for it.
test_trash() {
	local pid i free='' seen=''
	fresh
	mkdir "$work/wide"
	for i in $(seq 100); do mkdir "$work/wide/$i"; done
	for i in $(seq 100); do touch "$work/wide/$i/"{1..150}; done
	image import "$work/wide" --name wide
	same "import" 0 "$status$errors"
	"$RUNNER" image --root "$store" rm wide >"$work/out" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		[ "$(ls "$store/tmp")" ] || continue
		seen=1
		! flock -n -s "$store/store.lock" true || [ -z "$(ls "$store/tmp")" ] || free=1
	done
	wait $pid
	same "rm" 0 "$?$(cat "$work/out")"
	same "the files were seen while they went" 1 "$seen"
	same "the store's lock was free meanwhile" 1 "$free"
	check_store
	# one that is killed leaves it to the next
	image import "$work/wide" --name wide
	"$RUNNER" image --root "$store" rm wide >"$work/out" 2>&1 &
	pid=$!
	until [ "$(ls "$store/tmp")" ] || ! kill -0 $pid 2>/dev/null; do :; done
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	image prune
	same "prune" 0 "$status$errors"
	check_store
	finish "files are removed without the lock"
}

# What the documented way to get an image writes is read, whichever form it has.
test_skopeo() {
	local from id
	fresh
	image import "$a/oci.tar" --name direct
	same "import" 0 "$status$errors"
	id=$(ls "$store/images")
	mkdir "$work/skopeo"
	tar -C "$work/skopeo" -xf "$a/oci.tar"
	for from in oci:one:app:2 oci-archive:two.tar:app:2 docker-archive:three.tar:app:2; do
		(cd "$work/skopeo" && skopeo --insecure-policy copy "oci:.:app:2" "$from") >"$work/out" 2>&1 ||
			problem "skopeo to $from: $(tail -n 1 "$work/out")"
	done
	for from in one:app:2 two.tar three.tar; do
		image import "$work/skopeo/$from" --name "by/$from"
		same "import of $from" 0 "$status$errors"
		has "layers of $from" "$out" "2 layers, 0 of them new"
	done
	same "one image" "$id" "$(ls "$store/images")"
	check_store
	finish "what skopeo copies"
}

test_terminal() {
	fresh
	python3 - "$RUNNER" "$store" "$a/docker.tar" >"$work/tty" <<'EOF'
import os, pty, sys
pty.spawn([sys.argv[1], "image", "--root", sys.argv[2], "import", sys.argv[3]])
EOF
	has "progress on a terminal" "$(cat "$work/tty")" "unpacking layer 1"
	fresh
	image import "$a/docker.tar"
	same "silent without one" '' "$errors"
	finish "progress bar"
}

shift=${SHIFTFS_TEST_BACKEND:-shiftfs}
modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
grep -qw shiftfs /proc/filesystems || shift=idmap
mkdir -p "$a"
make_archives "$a" || {
	echo "Bail out! cannot make the archives"
	exit 1
}
run_tests "formats skopeo shared twins layers chain names verify hostile odd killed trash together terminal" "$@"
