#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# volumes_test: what a pod sees of the host's directories, files and sockets, and
# what is stored there.  Speaks KTAP; runs as root, natively or in the VM.
#
# volumes_test [TEST]... or [-t TEST]
#
# The volumes are below SHIFTFS_TEST_DIR, a filesystem of the type
# SHIFTFS_TEST_LOWER, if given.
#
# shellcheck disable=SC2005,SC2046,SC2086,SC2116 # echo joins lines on purpose
# shellcheck disable=SC2010,SC2012,SC2016,SC2317 # names are ours; for the pod's shell; called by name
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@

# pod ARGUMENT...
pod() {
	runner run --rootfs "$work/root" --shift="$shift" --userns=300000 "$@"
}

# The case that all this is for: the host's user 15149 owns the data, the server
# is uid 184 in the pod, and neither knows of the other.
#
#	host		stored	pod
#	15149:998	<->	184:998
test_database() {
	local db=$volume/db map='idmap=u:15149:184:1;g:15149:998:1'
	mkdir "$db"
	echo old >"$db/old"
	chown -R 15149:15149 "$db"
	chmod 750 "$db"
	chmod 640 "$db/old"
	pod -v "$db:/data:$map" -- bash -c '
		stat -c "%u:%g %n" /data /data/old; touch /data/by-root 2>/dev/null && echo root wrote; exit 0'
	same "in the pod" "184:998 /data 184:998 /data/old" "$(echo $out$errors)"
	# as the server's user
	pod -v "$db:/data:$map" -- setpriv --reuid 184 --regid 998 --clear-groups bash -c '
		cat /data/old; echo new >/data/new; mkdir /data/dir; echo in >/data/dir/in
		echo more >>/data/old; mv /data/new /data/renamed; stat -c "%u:%g %n" /data/*'
	same "the server's user" "old 184:998 /data/dir 184:998 /data/old 184:998 /data/renamed" "$(echo $out$errors)"
	same "stored" "15149:15149" "$(echo $(find "$db" -printf '%U:%G\n' | sort -u))"
	same "readable by 15149 on the host" "old more in" \
		"$(echo $(setpriv --reuid 15149 --regid 15149 --clear-groups cat "$db/old" "$db/dir/in"))"
	same "contents" "new" "$(cat "$db/renamed")"
	# the same data from another range
	runner run --rootfs "$work/root" --shift="$shift" --userns=400000 -v "$db:/data:$map:ro" \
		-- bash -c 'stat -c %u:%g /data/renamed; touch /data/x 2>/dev/null || echo read-only'
	same "another range, read-only" "184:998 read-only" "$(echo $out$errors)"
	finish "$shift: a database's directory of another owner"
}

test_spellings() {
	local d=$volume/s t
	mkdir "$d"
	chown 15149:998 "$d"
	for t in "-v $d:/d:idmap=u:15149:184:1;g:998:7:1" \
		"-v $d:/d:idmap=uids=@15149-184-1;gids=@998-7-1" \
		"-v $d:/d:ro:idmap=uids=15149-300184-1;gids=998-300007-1" \
		"-v $d:/d:idmap=u:15149:184:1;g:998:7:1:noexec" \
		"--volume $d:/d:z,idmap=u:15149:184:1;g:998:7:1,ro" \
		"--mount type=bind,src=$d,dst=/d,idmap=u:15149:184:1;g:998:7:1" \
		"--mount type=bind,source=$d,target=/d,readonly,idmap=uids=@15149-184-1;gids=@998-7-1"; do
		pod $t -- stat -c %u:%g /d
		same "$t" 184:7 "$out$errors"
	done
	chown 5:6 "$d"
	pod -v "$d:/d:idmap" -- bash -c 'stat -c %u:%g /d; echo x >/d/made; stat -c %u:%g /d/made'
	same "idmap alone" "5:6 0:0" "$(echo $out$errors)"
	same "stored" 0:0 "$(stat -c %u:%g "$d/made")"
	pod -v "$d:/d" -- stat -c %u:%g /d
	same "no map: the host's ids, which the pod does not have" 65534:65534 "$out$errors"
	for t in "-v $d:relative" "-v $d/nosuch:/d" "-v .name:/d" "-v na:me:/d" "-v $d:/d:nosuch" \
		"-v $d:/d:idmap=u:1:2" "-v $d:/d:idmap=u:0:65535:2" "-v $d:/d:squash=1" \
		"--mount type=bind,dst=/d" "--mount type=nosuch,src=$d,dst=/d" "--tmpfs relative"; do
		pod $t -- true
		same "$t" 125 $status
		[ -n "$errors" ] || problem "$t: no message"
	done
	finish "$shift: spellings of volumes, good and bad"
}

test_kinds() {
	local d=$volume/k
	mkdir "$d"
	echo text >"$d/file"
	chown 15149:15149 "$d/file"
	python3 -c 'import socket,sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); c = s.accept()[0]; c.sendall(b"hello\n")' "$d/sock" &
	for _ in $(seq 200); do [ -S "$d/sock" ] && break; sleep 0.05; done
	chmod 666 "$d/sock"
	pod -v "$d/file:/etc/conf.d/one:ro:idmap=b:15149:3:1" -v "$d/sock:/run/service/sock:idmap" \
		--tmpfs /scratch:size=64k,mode=0700 --tmpfs /scratch/inner -- bash -c '
		stat -c "%u:%g %F" /etc/conf.d/one; cat /etc/conf.d/one
		echo no 2>/dev/null >/etc/conf.d/one || echo read-only
		[ -S /run/service/sock ] && echo socket
		stat -c "%a %u" /scratch; echo x >/scratch/inner/x && echo written
		head -c 100000 /dev/zero 2>/dev/null >/scratch/full || echo full'
	same "in the pod" "3:3 regular file text read-only socket 700 0 written full" "$(echo $out)"
	same "the file" text "$(cat "$d/file")"
	same "connected through the mount" hello "$(connect_in_pod "$d/sock")"
	wait
	# auto decides as mount.shiftfs does, and says the same
	runner run --rootfs "$work/root" --shift=auto -v /proc:/x:idmap -- true
	same "auto, where nothing can" 125 $status
	has "message" "$errors" "volume /proc: nothing can shift /proc, on proc mounted at /proc"
	has "message" "$errors" "idmap: proc has no idmapped mounts"
	finish "$shift: files, sockets, tmpfs"
}

# What the socket says to who connects from a pod.  The pod is entered from
# outside, so that the root filesystem needs no program for it.
connect_in_pod() {
	local init
	: >"$work/c.out"
	"$RUNNER" run --rootfs "$work/root" --shift="$shift" --userns=300000 -v "$1:/run/sock:idmap" \
		-- bash -c 'echo ready; sleep 600' >"$work/c.out" 2>"$work/c.err" &
	for _ in $(seq 600); do grep -q ready "$work/c.out" && break; sleep 0.05; done
	read -r init _ <"/proc/$!/task/$!/children"
	timeout 20 python3 -c 'import socket,sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(10).decode(), end="")' \
		"/proc/$init/root/run/sock" 2>&1
	kill -9 "$init"
}

# What the pod makes is stored as one id, whoever makes it; all is seen as that.
test_squash() {
	local d=$volume/q
	mkdir -m 777 "$d"
	echo old >"$d/old"
	chown 7:8 "$d/old"
	if ! grep -qw shiftfs /proc/filesystems; then
		pod -v "$d:/d:squash=15149:998" -- true
		same "without shiftfs" 125 $status
		has "message" "$errors" "squash= is shiftfs's"
		finish "$shift: squash= without shiftfs is refused"
		return
	fi
	pod -v "$d:/d:squash=15149:998" -- bash -c '
		mkdir /d/of-root && : >/d/of-root/file
		stat -c %u:%g /d /d/old /d/of-root /d/of-root/file'
	same "seen in the pod" "15149:998 15149:998 15149:998 15149:998" "$(echo $out$errors)"
	pod -u user -v "$d:/d:squash=15149:998" -- bash -c ': >/d/of-user; id -u; stat -c %u:%g /d/of-user'
	same "a user of the pod" "1000 15149:998" "$(echo $out$errors)"
	same "stored" "15149:998 15149:998 15149:998" "$(echo $(stat -c %u:%g "$d/of-root" "$d/of-root/file" "$d/of-user"))"
	same "what was there stays others'" 7:8 "$(stat -c %u:%g "$d/old")"
	rm -r "$d"
	finish "$shift: squash="
}

test_readonly() {
	local d=$volume/r
	mkdir -p "$d"
	pod --read-only -v "$d:/rw:idmap" --tmpfs /scratch -- bash -c '
		: 2>/dev/null >/new || echo root is read-only
		: >/rw/new && : >/scratch/new && : >/tmp/new && echo others are not'
	same "in the pod" "root is read-only others are not" "$(echo $out$errors)"
	same "stored" "new" "$(ls "$d")"
	same "nothing in the root" '' "$(ls "$work/root/new" 2>/dev/null)"
	finish "$shift: --read-only"
}

test_rootfs() {
	local r=$work/direct
	cp -a "$work/root" "$r"
	runner run --rootfs "$r" --shift="$shift" --userns=300000 -- bash -c 'echo x >/made; chown 5:6 /made; stat -c %u:%g /made /etc/passwd'
	same "in the pod" "5:6 0:0" "$(echo $out$errors)"
	same "stored" "5:6" "$(stat -c %u:%g "$r/made")"
	same "no pod folder" '' "$(ls /var/lib/runner/pods)"
	runner run --rootfs "$r" --shift="$shift" --userns=400000 -- stat -c %u:%g /made
	same "in another range" "5:6" "$out$errors"
	runner run --rootfs "$r" --shift="$shift" --userns=host -- bash -c 'stat -c %u:%g /made; read -r a b c </proc/self/uid_map; echo $a $b $c'
	same "in the host's user namespace" "5:6 0 0 4294967295" "$(echo $out$errors)"
	runner run --rootfs "$r/etc/passwd" --shift="$shift" -- true
	same "a file" 125 $status
	finish "$shift: --rootfs"
}

test_chown() {
	local i=$work/image
	cp -a "$work/root" "$i"
	echo x >"$i/etc/mine"
	chown 7:8 "$i/etc/mine"
	setfacl -m u:9:r "$i/etc/mine"
	cp "$i/bin/true" "$i/bin/capable"
	setcap cap_net_raw=ep "$i/bin/capable"
	runner image import "$i" --name i
	same "import" 0 "$status$errors"
	runner run --image i --shift=chown --userns=300000 --name c -- bash -c 'stat -c "%u:%g %h" /etc/mine; echo y >/etc/new; : >>/bin/true'
	same "in the pod" "7:8 1" "$(echo $out$errors)"
	local copy=/var/lib/runner/pods/c/layer/copy-300000
	same "stored" "300007:300008 300000:300000" "$(echo $(stat -c %u:%g $copy/etc/mine $copy/etc/new))"
	has "access control list" "$(getfacl -n -p $copy/etc/mine)" user:300009:r
	has "capability" "$(getcap -n $copy/bin/capable)" "rootid=300000"
	same "the image" "7:8" "$(stat -c %u:%g /var/lib/runner/chains/*/tree/etc/mine)"
	runner run --image i --shift=chown --name c -- cat /etc/new
	same "the same range again" y "$out$errors"
	runner run --image i --shift=chown --userns=400000 --name c -- true
	same "another range" 125 $status
	has "message" "$errors" --userns=300000
	runner run --image i --shift=chown --name c --rm -- true
	same "removed" '' "$(ls /var/lib/runner/pods)"
	finish "chown: a private copy"
}

test_ranges() {
	local init
	runner run --rootfs "$work/root" --shift="$shift" --userns=auto:size=1000 -- cat /proc/self/uid_map
	same "size" "0 1000" "$(echo $out$errors | cut -d' ' -f1,3)"
	"$RUNNER" run --rootfs "$work/root" --shift="$shift" --userns=300000 --name first -- bash -c 'echo ready; sleep 600' >"$work/ready" 2>&1 &
	for _ in $(seq 600); do grep -q ready "$work/ready" && break; sleep 0.05; done
	read -r init _ <"/proc/$!/task/$!/children"
	runner uidmap ls
	same "uidmap ls" "300000 65536 $! first" "$(echo $(tail -n 1 <<<"$out"))"
	runner uidmap ls --json
	same "JSON" "300000 first" "$(python3 -c 'import json,sys
l = json.load(sys.stdin); print(l[0]["base"], l[0]["pod"])' <<<"$out")"
	runner run --rootfs "$work/root" --shift="$shift" --userns=pod:first -- cat /proc/self/uid_map
	same "another pod's" "0 300000 65536" "$(echo $out$errors)"
	same "still held" "300000-65536" "$(ls /run/runner/uids)"
	runner run --rootfs "$work/root" --shift="$shift" --userns=pod:nosuch -- true
	same "no such pod" 125 $status
	kill -9 "$init"
	wait
	same "released" '' "$(ls /run/runner/uids)"
	runner run --rootfs "$work/root" --shift="$shift" --name again -- cat /proc/self/uid_map
	first=$(echo $out | cut -d' ' -f2)
	runner run --rootfs "$work/root" --shift="$shift" -- cat /proc/self/uid_map
	[ "$(echo $out | cut -d' ' -f2)" != "$first" ] || problem "the range of a pod that has ended went to another"
	# but by its number another has it
	"$RUNNER" run --rootfs "$work/root" --shift="$shift" --userns="$first" -- bash -c 'echo ready; sleep 600' >"$work/ready2" 2>&1 &
	for _ in $(seq 600); do grep -q ready "$work/ready2" && break; sleep 0.05; done
	read -r init _ <"/proc/$!/task/$!/children"
	same "the free range" "$first" "$(echo $(cat /proc/$init/uid_map) | cut -d' ' -f2)"
	runner run --rootfs "$work/root" --shift="$shift" --name again -- cat /proc/self/uid_map
	second=$(echo $out | cut -d' ' -f2)
	[ "$second" != "$first" ] || problem "a range was given out twice"
	kill -9 "$init"
	wait
	runner run --rootfs "$work/root" --shift="$shift" --name again -- cat /proc/self/uid_map
	same "the range it had" "$second" "$(echo $out$errors | cut -d' ' -f2)"
	for n in auto:size=0 auto:size=x nosuch 0 pod: -1; do
		runner run --rootfs "$work/root" --shift="$shift" --userns=$n -- true
		same "--userns=$n" 125 $status
	done
	finish "$shift: ranges"
}

# Where nobody leased anything: what user namespaces of others map.
test_live() {
	local base other ns=$work/ns
	runner run --rootfs "$work/root" --shift="$shift" -- cat /proc/self/uid_map
	base=$(echo $out$errors | cut -d' ' -f2)
	unshare -U sleep 600 &
	other=$!
	for _ in $(seq 600); do
		[ "$(readlink /proc/$other/ns/user)" = "$(readlink /proc/self/ns/user)" ] || break
		sleep 0.05
	done
	# not from the start of the range
	echo "0 $((base + 65000)) 1000" >/proc/$other/uid_map
	for _ in 1 2; do
		runner run --rootfs "$work/root" --shift="$shift" -- cat /proc/self/uid_map
		same "a range beside it, run $_" 0 "$status$errors"
		same "the map in the pod" "0 $((base + 65536 * 2)) 65536" "$(echo $out)"
	done
	runner run --rootfs "$work/root" --shift="$shift" --userns="$base" -- true
	same "the range itself" 125 $status
	has "message" "$errors" "process $other uses $((base + 65000))+1000"
	# one that is kept without a process: only a list of namespaces has it
	if [ -e /run/runner/uid-maps ]; then
		: >"$ns"
		mount --bind /proc/$other/ns/user "$ns"
		kill $other
		wait $other
		rm /run/runner/uid-maps
		runner run --rootfs "$work/root" --shift="$shift" --userns="$base" -- true
		same "without a process" 125 $status
		has "message" "$errors" "a live user namespace maps them"
		umount "$ns"
	else
		kill $other
		wait $other
	fi
	runner run --rootfs "$work/root" --shift="$shift" -- cat /proc/self/uid_map
	same "when it has gone" "$base" "$(echo $out$errors | cut -d' ' -f2)"
	# more dead leases than a start looks at
	for n in $(seq 0 39); do : >"/run/runner/uids/$((base + n * 65536))-65536"; done
	runner run --rootfs "$work/root" --shift="$shift" --userns=$((base + 5 * 65536)) -- true
	same "a dead lease in the way" "0" "$status$errors"
	for n in $(seq 30); do
		[ "$(ls /run/runner/uids)" ] || break
		runner run --rootfs "$work/root" --shift="$shift" -- true
		same "beside dead leases" 0 "$status$errors"
	done
	same "dead leases" '' "$(ls /run/runner/uids)"
	finish "$shift: ranges of others"
}

# What the description of a pod keeps, which start, and start again, read.
test_again() {
	local d=$volume/again options map='idmap=u:15149:184:1;g:15149:998:1'
	mkdir "$d"
	chown 15149:15149 "$d"
	cp -a "$work/root" "$work/again"
	runner image import "$work/again" --name again
	same "import" 0 "$status$errors"
	RUNNER_ROOT=$work/elsewhere runner --root /var/lib/runner image ls
	has "the store that was named" "$out" again
	options=(--image again --shift="$shift" --userns=300000 --read-only -u 184:998 -v "$d:/data:$map")
	runner spec "${options[@]}" -- true
	same "spec" 0 "$status$errors"
	same "what it says" "$map True 1" "$(python3 -c 'import json,sys
s = json.load(sys.stdin)
print(*next(m for m in s["mounts"] if m["destination"] == "/data")["options"], s["root"]["readonly"],
	len(json.loads(s["annotations"]["runner.layers"])))' <<<"$out")"
	runner create "${options[@]}" --name kept -- bash -c 'stat -c %u:%g /data >>/data/log
		: 2>/dev/null >/new || echo read-only >>/data/log
		read -r _ b _ </proc/self/uid_map; echo $b >>/data/log'
	same "create" "0kept" "$status$errors$out"
	runner image rm again
	same "the image of a created pod" 125 $status
	has "message" "$errors" "running pod"
	runner start kept
	runner wait kept
	same "its end" 0 "$out$errors"
	same "in the pod" "184:998 read-only 300000" "$(echo $(cat "$d/log"))"
	same "stored" "15149:15149" "$(stat -c %u:%g "$d/log")"
	runner image rm again
	same "the image of an ended pod" 125 $status
	has "message" "$errors" "changes over"
	rm "$d/log"
	runner start kept
	same "start again" "0" "$status$errors"
	runner wait kept
	same "in the pod again" "184:998 read-only 300000" "$(echo $(cat "$d/log"))"
	same "nothing in its layer" '' "$(ls /var/lib/runner/pods/kept/layer/upper/new 2>/dev/null)"
	runner image rm --force again
	same "forced" 0 "$status$errors"
	runner start kept
	same "without its image" 125 $status
	has "message" "$errors" "cannot use the image"
	runner rm kept
	# a root of its own: store and pods
	runner image --root "$work/other" import "$work/again" --name again
	runner run --root "$work/other" --image again --shift="$shift" --userns=300000 --name kept -- bash -c ': >/tmp/x'
	same "an image of another store" 0 "$status$errors"
	runner image --root "$work/other" rm again
	same "the image of an ended pod in another store" 125 $status
	has "message" "$errors" "the pod kept has changes over"
	runner --root "$work/other" rm kept
	runner image --root "$work/other" rm again
	same "after the pod" 0 "$status$errors"
	runner run -d --rootfs "$work/again" --userns=host --name kept -- bash -c 'cat /proc/self/uid_map; : >/made'
	runner wait kept
	rm "$work/again/made"
	runner start kept
	runner wait kept
	same "the host's ids, the directory itself" 0 "$out$errors"
	same "stored" 0:0 "$(stat -c %u:%g "$work/again/made")"
	runner rm kept
	same "left" '' "$(ls -d /run/runner/pods/kept /run/runner/uids/* /var/lib/runner/pods/kept 2>/dev/null)"
	finish "$shift: described, ended, started again"
}

shift=${SHIFTFS_TEST_BACKEND:-shiftfs}
modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
grep -qw shiftfs /proc/filesystems || shift=idmap
make_root "$work/root" chown mv
for p in head setpriv; do
	cp "$(type -P $p)" "$work/root/bin/"
done
for l in $(ldd "$(type -P setpriv)" | sed -n 's/.* \(\/[^ ]*\) (.*/\1/p'); do
	mkdir -p "$work/root${l%/*}"
	cp "$(readlink -f "$l")" "$work/root$l"
done
all="database spellings kinds squash"
[ "${SHIFTFS_TEST_LOWER:-ext4}" != ext4 ] || all+=" readonly rootfs chown ranges live again"
run_tests "$all" "$@"
