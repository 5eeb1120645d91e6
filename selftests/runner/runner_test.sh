#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# runner_test: pods as `runner run` starts them, with every shift backend that
# this kernel has.  Each test says what the pod sees, what the host sees and
# what is stored.
#
# runner_test [TEST]... or [-t TEST]
#
# On ext4 everything is tested, on others what depends on the filesystem.
# SHIFTFS_TEST_BACKEND=idmap leaves shiftfs out.
#
# shellcheck disable=SC2005,SC2046,SC2086,SC2116 # echo joins lines on purpose
# shellcheck disable=SC2012,SC2016,SC2317 # names are ours; for the pod's shell; called by name
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
image=$volume
own_ranges 100
other=$((ids + 100000))

# pod ARGUMENT...: output in $out, errors in $errors, status in $status
pod() {
	runner run --shift="$shift" "$@"
}

# start NAME ARGUMENT...: in the background; the pod writes to $work/NAME.out.
# $runner is runner's pid, $init that of the pod's first process.
start() {
	local name=$1
	shift
	: >"$work/$name.out"
	"$RUNNER" run --shift="$shift" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
	runner=$!
	for _ in $(seq 600); do
		grep -q ready "$work/$name.out" && break
		kill -0 "$runner" 2>/dev/null || break
		sleep 0.05
	done
	grep -q ready "$work/$name.out" || problem "$name did not start: $(cat "$work/$name.err")"
	# no number that kill(1) could take for a process group
	init=none
	read -r init _ 2>/dev/null <"/proc/$runner/task/$runner/children" || true
}

# Names, types, modes, owners, times and contents of a tree.
listing() {
	(cd "$1" && find . -printf '%p %y %m %U:%G %s %T@ %C@ %l\n' | sort &&
		find . -type f -print0 | sort -z | xargs -0r sha256sum)
}

# What a pod may not leave behind.
check_clean() {
	same "leases" '' "$(ls /run/runner/uids 2>/dev/null)"
	same "pod folders" '' "$(ls /var/lib/runner/pods 2>/dev/null)"
	same "mounts" '' "$(grep -e /run/runner/ -e overlay /proc/self/mountinfo | grep -F "$work" || :)"
	same "processes" '' "$(own_processes)"
}

# image_root ROOT: with what the tests look at
image_root() {
	local root=$1
	make_root "$root" chown cp env getfattr hostname mknod mv readlink setfattr
	echo of root >"$root/etc/of-root"
	echo of user >"$root/etc/of-user"
	chown 1000:1001 "$root/etc/of-user"
	printf '#!/nosuch\n' >"$root/bin/no-interpreter"
	chmod 755 "$root/bin/no-interpreter"
	echo text >"$root/bin/not-executable"
	mknod -m 666 "$root/image-node" c 1 3
}

make_layouts() {
	python3 - "$@" <<'LAYOUTS'
#@LAYOUTS@
LAYOUTS
}

test_status() {
	pod --image "$image" -- true
	same "true" 0 $status
	pod --image "$image" -- sh -c 'exit 7'
	same "exit 7" 7 $status
	pod --image "$image" -- nosuch
	same "no such command in PATH" 127 $status
	pod --image "$image" -- /bin/nosuch
	same "no such file" 127 $status
	has "message" "$errors" /bin/nosuch
	pod --image "$image" -- /bin/not-executable
	same "not executable" 126 $status
	pod --image "$image" -- /etc
	same "directory" 126 $status
	pod --image "$image" -- /bin/no-interpreter
	same "interpreter missing" 126 $status
	has "message" "$errors" interpreter
	pod --image "$image" --no-such-option -- true
	same "unknown option" 125 $status
	pod --image "$work/nosuch" -- true
	same "no such image" 125 $status
	has "message" "$errors" "$work/nosuch"
	pod --image "$image"
	same "no command" 125 $status
	pod --image "$image" -- ''
	same "empty command" 125 $status
	start signal --image "$image" -- sh -c 'echo ready; sleep 600'
	kill -9 "$init"
	wait "$runner"
	same "killed command" 137 $?
	check_clean "at the end"
	finish "$shift: exit statuses"
}

test_signals() {
	start trap --image "$image" -- sh -c 'trap "exit 42" TERM; echo ready; while :; do sleep 0.1; done'
	kill -TERM "$runner"
	wait "$runner"
	same "SIGTERM to runner, handled in the pod" 42 $?
	start rt --image "$image" -- sh -c 'trap "exit 43" RTMIN+3; echo ready; while :; do sleep 0.1; done'
	kill -s RTMIN+3 "$runner"
	wait "$runner"
	same "SIGRTMIN+3 to runner, handled in the pod" 43 $?
	pod --image "$image" -- cat /proc/self/status
	same "signals of the command" "SigBlk: 0000000000000000 SigIgn: 0000000000000000" "$(echo $(grep -e SigBlk -e SigIgn <<<"$out"))"
	check_clean "at the end"
	finish "$shift: signals are forwarded"
}

test_owners() {
	start owners --image "$image" --name own --uid-base $ids -- sh -c '
		stat -c "%u:%g %n" /etc/of-root /etc/of-user
		echo new >/etc/new; touch /etc/given; chown 1000:1001 /etc/given
		echo more >>/etc/of-user
		stat -c "%u:%g %n" /etc/new /etc/given /etc/of-user
		echo ready; sleep 600'
	same "in the pod" "0:0 /etc/of-root 1000:1001 /etc/of-user 0:0 /etc/new 1000:1001 /etc/given 1000:1001 /etc/of-user ready" \
		"$(echo $(cat "$work/owners.out"))"
	same "from the host" "$ids:$ids $((ids + 1000)):$((ids + 1001)) $((ids + 1000)):$((ids + 1001))" \
		"$(cd "/proc/$init/root/etc" && echo $(stat -c %u:%g new given of-user))"
	same "on disk" "0:0 1000:1001 1000:1001" \
		"$(cd /var/lib/runner/pods/own/layer/upper/etc && echo $(stat -c %u:%g new given of-user))"
	same "image" "of user" "$(cat "$image/etc/of-user")"
	same "filesystem of the root" "${root_type[$shift]}" \
		"$(sed -n 's/^.* \/ \/ .* - \([a-z]*\) .*/\1/p' "/proc/$init/mountinfo")"
	same "map" "0 $ids 65536" "$(echo $(cat "/proc/$init/uid_map"))"
	same "map" "0 $ids 65536" "$(echo $(cat "/proc/$init/gid_map"))"
	same "state is closed to others" 700 "$(stat -c %a /var/lib/runner/pods)"
	# so that runner keeps no filesystem of the host busy
	for _ in $(seq 40); do
		[ "$(readlink "/proc/$runner/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] || break
		sleep 0.05
	done
	same "runner's mount namespace" "$(readlink /proc/self/ns/mnt)" "$(readlink "/proc/$runner/ns/mnt")"
	kill -9 "$init"
	wait "$runner"
	# the same changes seen from another range
	pod --image "$image" --name own --uid-base $other --rm -- stat -c '%u:%g' /etc/new /etc/given /etc/of-user
	same "in another range" "0:0 1000:1001 1000:1001" "$(echo $out)"
	check_clean "at the end"
	finish "$shift: owners in the pod, on the host, on disk; changes come back in another range"
}

# An overlay, the pod's overlay on it and shiftfs on that are one too many for
# the kernel, and an idmapped mount of an overlay is refused before 7.3.
test_too_deep() {
	pod --image "$image" -- true
	if [ $status = 0 ] && [ "$shift" = idmap ]; then
		pod --image "$image" -- cat /proc/self/mountinfo
		has "root" "$out" " - overlay "
	else
		same "status" 125 $status
		has "message names the image" "$errors" "$image"
	fi
	check_clean "at the end"
	finish "$shift: an image on an overlay"
}

test_two_pods() {
	local before after runner1 init1 script
	before=$(listing "$image")
	script='echo "$1" >/etc/of-root; rm /etc/of-user; chmod 700 /etc; chown 5:6 /home; mkdir /made; echo ready; sleep 600'
	start one --image "$image" --uid-base $ids -- sh -c "$script" sh one
	runner1=$runner init1=$init
	start two --image "$image" --uid-base $other -- sh -c "$script" sh two
	same "first pod's file" one "$(cat "/proc/$init1/root/etc/of-root")"
	same "second pod's file" two "$(cat "/proc/$init/root/etc/of-root")"
	same "first pod's owners" "$ids:$ids $((ids + 5)):$((ids + 6))" \
		"$(echo $(stat -c %u:%g "/proc/$init1/root/etc/of-root" "/proc/$init1/root/home"))"
	same "second pod's owners" "$other:$other $((other + 5)):$((other + 6))" \
		"$(echo $(stat -c %u:%g "/proc/$init/root/etc/of-root" "/proc/$init/root/home"))"
	same "process owners" "$ids $other" "$(echo $(stat -c %u "/proc/$init1" "/proc/$init"))"
	same "of-user is gone in the pods" '' "$(ls "/proc/$init1/root/etc/of-user" "/proc/$init/root/etc/of-user" 2>/dev/null)"
	kill -9 "$init1" "$init"
	wait "$runner1" "$runner"
	after=$(listing "$image")
	same "image" "$before" "$after"
	check_clean "at the end"
	finish "$shift: two pods on one image at once, the image stays as it was"
}

test_leases() {
	start held --image "$image" --uid-base $ids -- sh -c 'echo ready; sleep 600'
	local runner1=$runner init1=$init
	pod --image "$image" --uid-base $ids -- true
	same "the same base" 125 $status
	has "message" "$errors" "lease"
	pod --image "$image" --uid-base $((ids + 4096)) -- true
	same "a base within" 125 $status
	pod --image "$image" --uid-base $((ids + 65535)) -- true
	same "a range that begins with its last id" 125 $status
	pod --image "$image" --uid-base $((ids + 65536)) -- true
	same "a range that begins one id later" 0 "$status$errors"
	pod --image "$image" -- cat /proc/self/uid_map
	same "a free range" 0 $status
	[ "$(echo $out | cut -d' ' -f2)" != $ids ] || problem "the range of another pod was given out"
	# a lease without its file, the namespace is still alive
	rm /run/runner/uids/$ids-65536
	pod --image "$image" --uid-base $ids -- true
	same "a live user namespace" 125 $status
	has "message" "$errors" "uses $ids"
	kill -9 "$init1"
	wait "$runner1"
	pod --image "$image" --uid-base $ids -- true
	same "free again" 0 "$status$errors"
	: >/run/runner/uids/$other-65536
	pod --image "$image" --uid-base $other -- true
	same "a file without a lock is no lease" 0 "$status$errors"

	pod --image "$image" --uid-base 0 -- true
	same "base 0" 125 $status
	pod --image "$image" --uid-base 4294910000 -- true
	same "beyond the last id" 125 $status
	pod --image "$image" --uid-base -1 -- true
	same "negative" 125 $status
	pod --image "$image" --uid-base 60000 -- true
	same "host user nobody" 125 $status
	has "message" "$errors" nobody
	printf 'somebody:%d:65536\n' $((ids + 300000)) >"$work/subuid"
	: >"$work/subgid"
	mount --bind "$work/subuid" /etc/subuid
	mount --bind "$work/subgid" /etc/subgid
	pod --image "$image" --uid-base $((ids + 300000)) -- true
	same "subordinate ids of somebody" 125 $status
	has "message" "$errors" somebody
	printf 'runner:%d:131072\n' $((ids + 400000)) >"$work/subuid"
	pod --image "$image" -- cat /proc/self/uid_map
	same "subordinate uids without gids" 125 $status
	has "message" "$errors" /etc/subgid
	cat "$work/subuid" >"$work/subgid"
	pod --image "$image" -- cat /proc/self/uid_map
	same "runner's own subordinate ids" "0 $((ids + 400000)) 65536" "$(echo $out$errors)"
	umount /etc/subuid /etc/subgid
	check_clean "at the end"
	finish "$shift: leases of ranges"
}

test_many() {
	local i pids=() ranges
	for i in 1 2 3 4 5 6; do
		"$RUNNER" run --shift="$shift" --image "$image" -- sh -c 'cat /proc/self/uid_map; sleep 3' \
			>"$work/many.$i" 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
	ranges=$(cat "$work"/many.? | sort -u | grep -c ' 65536$')
	same "different ranges of pods started at once" 6 "$ranges"
	check_clean "at the end"
	finish "$shift: six pods started at once"
}

test_isolation() {
	pod --image "$image" --name iso --rm -- sh -c '
		echo host=$(hostname) pid=$$ ns=$(readlink /proc/self/ns/user | cat)
		while read -r k v; do case $k in CapBnd:|CapEff:|NoNewPrivs:) echo $k$v;; esac; done </proc/self/status
		while read -r a b c d point rest; do echo "mount $point"; done </proc/self/mountinfo
		echo x >/dev/null && echo null works
		(echo x >/image-node) 2>/dev/null && echo image node opened
		mknod /made c 1 3 2>/dev/null && (echo x >/made) 2>/dev/null && echo made node opened
		mknod /dev/made c 1 3 2>/dev/null && echo node in dev
		(echo 1 >/proc/sys/kernel/hostname) 2>/dev/null && echo sysctl written
		(echo 1 >/sys/kernel/uevent_seqnum) 2>/dev/null
		ls /proc/1/root/ >/dev/null && echo pid 1 is ours
		ls -d /run/runner /.. /proc/acpi/* 2>/dev/null
		ls /proc/self/fd | cat
		ls /sys/class/net | cat
		exit 0'
	same "status" 0 "$status$errors"
	has "hostname and pid" "$out" "host=iso pid=1"
	has "capabilities" "$out" "CapEff:00000000a80425fb"
	has "bounding set" "$out" "CapBnd:00000000a80425fb"
	has "no_new_privs" "$out" "NoNewPrivs:1"
	has "device" "$out" "null works"
	has "sysfs shows the pod's network" "$out" $'\nlo'
	for i in "image node opened" "made node opened" "node in dev" "sysctl written" "/run/runner"; do
		case $out in *"$i"*) problem "$i" ;; esac
	done
	same "mounts of the host in the pod" '' "$(grep '^mount ' <<<"$out" |
		grep -v -E '^mount /($|proc|sys|dev|run$|tmp$|etc/(hosts|hostname|resolv.conf)$)' || :)"
	# only 0 1 2 and the descriptor of ls itself
	same "descriptors" "0 1 2 3" "$(echo $(grep -E '^[0-9]+$' <<<"$out"))"
	exec 7</etc/passwd
	pod --image "$image" -- sh -c 'ls /proc/self/fd'
	same "a descriptor of the caller does not go along" "0 1 2 3" "$(echo $out)"
	exec 7<&-
	check_clean "at the end"
	finish "$shift: what a pod sees and may do"
}

test_leftovers() {
	start killed --image "$image" --uid-base $ids -- sh -c 'sleep 601 & sleep 602 & echo ready; wait'
	kill -9 "$init"
	wait "$runner"
	check_clean "at the end"
	pod --image "$image" --uid-base $ids -- nosuch
	check_clean "at the end"
	pod --image "$work/empty" --uid-base $ids -- true
	same "empty image" 127 $status
	check_clean "at the end"
	: >"$work/etc-only"
	pod --image "$work/etc-only" --uid-base $ids -- true
	same "a file as image" 125 $status
	check_clean "at the end"
	# an image in which /dev and /proc are no directories
	pod --image "$work/odd" --uid-base $ids -- true
	same "odd image" 125 $status
	has "message" "$errors" /dev
	check_clean "at the end"
	# runner itself killed: the pod ends, and the next start clears its folder
	start orphan --image "$image" --uid-base $ids -- sh -c 'echo ready; sleep 600'
	kill -9 "$runner"
	wait "$runner" 2>/dev/null
	for _ in $(seq 100); do
		kill -0 "$init" 2>/dev/null || break
		sleep 0.05
	done
	kill -0 "$init" 2>/dev/null && problem "the pod outlived runner"
	same "mounts" '' "$(grep -F "$work/run/" /proc/self/mountinfo | grep -v ' /run/runner ' || :)"
	pod --image "$image" --uid-base $ids -- true
	same "the range is free" 0 "$status$errors"
	check_clean "at the end"
	finish "$shift: nothing is left behind"
}

test_names() {
	start named --image "$image" --name db -- sh -c 'echo ready; sleep 600'
	pod --image "$image" --name db -- true
	same "name in use" 125 $status
	has "message" "$errors" "db is running"
	kill -9 "$init"
	wait "$runner"
	pod --image "$work/empty" --name db -- true
	same "another image" 125 $status
	has "message" "$errors" "$image"
	pod --image "$image" --name db --rm -- true
	same "removed with --rm" 0 "$status$errors"
	pod --image "$image" --name ../up -- true
	same "a name with a slash" 125 $status
	pod --image "$image" --name -- true
	same "an option as name" 125 $status
	check_clean "at the end"
	finish "$shift: names"
}

test_dry_run() {
	pod --image "$image" --uid-base $ids --dry-run -- sh -c 'echo ran'
	same "status" 0 "$status$errors"
	has "plan" "$out" "map=0:$ids:65536 shift=$shift"
	has "plan" "$out" "attach proc /proc"
	has "plan" "$out" "exec sh -c echo ran"
	check_clean "at the end"
	pod --image "$work/layouts/good" --dry-run
	same "status with a layout" 0 "$status$errors"
	has "plan" "$out" "user app, directory /srv/work"
	same "nothing unpacked" '' "$(find /var/lib/runner/images /var/lib/runner/chains -mindepth 1)"
	finish "$shift: --dry-run"
}

test_layout() {
	local below above
	pod --image "$work/layouts/good"
	same "status" 0 "$status$errors"
	same "the image's user, groups, directory, environment" \
		"default /srv/work 1000 1001 1001 44 blue /home/app" "$(echo $out)"
	pod --image "$work/layouts/good:latest" -- 'stat -c "%u:%g %a %n" /srv/keep /srv/set; cat /srv/hard 2>&1; exit 3'
	same "own command to the image's entrypoint" 3 $status
	same "owners in the pod" "1000:1001 640 /srv/keep 5:6 6755 /srv/set keep" "$(echo $out)"
	# below is the layer with the files, above the one that changes them
	below=$(dirname "$(ls -d /var/lib/runner/chains/*/tree/srv/hard)")
	above=$(dirname "$(ls -d /var/lib/runner/chains/*/tree/srv/opaque/new)")/..
	same "owners on disk" "1000:1001 640 5:6 6755" "$(echo $(stat -c '%u:%g %a' "$below/keep" "$below/set"))"
	same "hard link" "$(stat -c %i "$below/keep")" "$(stat -c %i "$below/hard")"
	same "attribute" "as packed" "$(getfattr --absolute-names --only-values -n user.note "$below/attr")"
	same "file capability" "$below/attr cap_net_bind_service=ep" "$(getcap "$below/attr")"
	has "access control list" "$(getfacl -n -p "$below/attr")" "user:1234:r--"
	same "attributes of overlayfs in a layer" '' "$(getfattr -m 'trusted\.' "$below/attr" 2>&1)"
	same "whiteout" "character special file 0:0" "$(stat -c '%F %t:%T' "$above/gone")"
	same "opaque directory" y "$(getfattr --absolute-names --only-values -n trusted.overlay.opaque "$above/opaque")"
	same "markers" '' "$(find /var/lib/runner/chains -name '.wh.*')"
	pod --image "$work/layouts/good" -- 'cd /srv; ls -d gone never-there 2>/dev/null; ls opaque
		stat -c "%F %a" file-then-dir; cat dir-then-file link-then-dir/inside; ls /etc/inside 2>/dev/null
		stat -c "%u:%g %a" . /tmp'
	same "in the pod" "new directory 750 now a file inside 0:0 755 0:0 1777" "$(echo $out$errors)"
	pod --image "$work/layouts/good:nosuch"
	same "no such name" 125 $status
	check_clean "at the end"
	finish "$shift: an OCI layout"
}

test_hostile() {
	local name
	rm -rf /var/lib/runner/{images,chains,objects,names}
	mkdir -p /var/lib/runner/images
	echo keep >/var/lib/runner/images/victim
	echo keep >"$work/victim"
	for name in dotdot hardlink whiteout truncated; do
		pod --image "$work/layouts/$name" -- true
		same "$name" 125 $status
		has "$name names the layer" "$errors" "the layout $work/layouts/$name: the layer sha256:"
	done
	has "message" "$errors" "$work/layouts"
	same "victims" "keep keep" "$(echo $(cat /var/lib/runner/images/victim "$work/victim"))"
	same "escaped" '' "$(find "$work" / -maxdepth 4 -name escaped -xdev 2>/dev/null)"
	rm /var/lib/runner/images/victim

	for name in through through-relative; do
		pod --image "$work/layouts/$name" -- true
		same "entries that go through a link: $name" 125 $status
		has "message" "$errors" "goes through the symbolic link"
	done
	pod --image "$work/layouts/slash" -- cat /etc/through-slash
	same "a name from the root" "in the tree" "$(echo $out$errors)"
	same "nothing on the host" '' "$(ls -d /etc/through-* 2>/dev/null)"
	pod --image "$work/layouts/device" -- ls /
	same "devices" 0 "$status$errors"
	same "nodes in the store" '' "$(find /var/lib/runner/chains -type b -o -type c)"

	pod --image "$work/layouts/flipped" -- true
	same "a flipped byte" 125 $status
	has "message names the layer" "$errors" "the layout $work/layouts/flipped: the layer sha256:$(basename "$(cat "$work/layouts/flipped.name")")"
	for name in notjson nopath; do
		pod --image "$work/layouts/$name" -- true
		same "$name" 125 $status
		has "$name names the file" "$errors" "the layout $work/layouts/$name: index.json"
	done
	same "unfinished trees" '' "$(ls /var/lib/runner/tmp)"
	same "images" "2" "$(ls /var/lib/runner/images | wc -l)"
	check_clean "at the end"
	rm -rf /var/lib/runner/{images,chains,objects,names}
	finish "$shift: hostile and damaged layouts"
}

modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
declare -A root_type=([shiftfs]=shiftfs [idmap]=overlay)
of_lower="owners two_pods"
[ "$lower" != overlay ] || of_lower=too_deep
of_backend="$of_lower isolation leftovers"
all="status signals $of_backend leases many names dry_run layout hostile"
backends="shiftfs idmap"
[ "${SHIFTFS_TEST_BACKEND:-shiftfs}" != idmap ] || backends=idmap

plan=()
wanted=$*
wanted=" ${wanted#-t } "
# plan_add BACKEND TEST...: those of them that were asked for
plan_add() {
	local t backend=$1
	shift
	for t; do
		case $wanted in
		"  " | *" $t "*) plan+=("$backend $t") ;;
		esac
	done
}
if [ "$lower" != ext4 ]; then
	plan_add "${backends%% *}" $of_lower
elif [ "$backends" = idmap ]; then
	plan_add idmap $of_backend
elif grep -qw shiftfs /proc/filesystems; then
	# what does not depend on the backend is tested with one
	plan_add shiftfs $all
	plan_add idmap $of_backend
else
	plan_add none $of_backend
	plan_add idmap $all
fi

mkdir -p "$work/empty" "$work/odd" "$work/layouts"
: >"$work/odd/dev"
: >"$work/odd/proc"
image_root "$image"
case "${plan[*]}" in
*layout* | *hostile* | *dry_run*)
	make_layouts "$image" "$work/layouts" || {
		echo "Bail out! cannot make the layouts"
		exit 1
	}
	;;
esac

echo "KTAP version 1"
echo "1..${#plan[@]}"
for each in "${plan[@]}"; do
	shift=${each% *}
	t=${each#* }
	if [ "$shift" = none ]; then
		skipped "shiftfs: $t" "this kernel has no shiftfs module"
	else
		"test_$t"
	fi
done
totals
