#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pods_test: the life of pods: create to rm, exec, attach, logs, cgroups,
# devices, what they may do, and what a killed runner leaves. Each test says
# what the pod sees and what the host has.
#
# pods_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2005,SC2046,SC2086,SC2116 # echo joins lines on purpose
# shellcheck disable=SC2012,SC2016,SC2317 # names are ours; for the pod's shell; called by name
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
own_ranges 400
real=$RUNNER monitor=${RUNNER%/*}/runner-monitor
[ -x "$monitor" ] || monitor=${RUNNER%/*/*}/libexec/runner/runner-monitor

# What no pod may leave behind.
terminal() {
	python3 - "$@" <<'TERMINAL'
#@TERMINAL@
TERMINAL
}

test_lifecycle() {
	runner create --image "$image" --name life -- sh -c 'echo begun >/made; echo "$$" >&2; trap "exit 5" TERM; while :; do sleep 0.1; done'
	same "create prints the name" "0life" "$status$out$errors"
	same "created" created "$(field status life)"
	same "not started" '' "$(ls /var/lib/runner/pods/life/layer/upper/made 2>/dev/null)"
	runner run --image "$image" --name life -- true
	same "a name in use" 125 $status
	has "message" "$errors" "life is running"
	runner start life
	same "start" 0 "$status$errors"
	same "running" running "$(field status life)"
	runner start life
	same "start of a running pod" 125 $status
	sleep 0.3
	same "on disk, owned by the pod's root" "0:0" "$(stat -c %u:%g /var/lib/runner/pods/life/layer/upper/made)"
	runner ps
	has "table" "$out" "life "
	has "table" "$out" "running"
	runner ps --json
	same "list" "life running" "$(python3 -c 'import json,sys; print(*[p["id"]+" "+p["status"] for p in json.load(sys.stdin)])' <"$work/out")"
	runner logs life
	same "stderr is kept" "1" "$errors"
	runner rm life
	same "rm of a running pod" 125 $status
	runner stop life
	same "stop" 0 "$status$errors"
	same "the handler's status" "exited 5" "$(field status life) $(field exitStatus life)"
	runner wait life
	same "wait" "5" "$out"
	runner ps
	hasnt "ps without -a" "$out" life
	runner start life
	same "started again" "0life" "$status$out$errors"
	runner kill life
	runner wait life
	same "killed" 137 "$out"
	runner kill life
	same "kill of an ended pod" 125 $status
	mv "$image" "$image.away"
	runner start life
	same "start without the image" 125 $status
	mv "$image.away" "$image"
	same "it is still known" exited "$(field status life)"
	runner rm life
	same "rm" 0 "$status$errors"
	runner inspect life
	same "gone" 125 $status
	has "message" "$errors" "there is no pod life"
	runner run -d --rm --image "$image" --name brief -- sh -c 'exit 9'
	for _ in $(seq 100); do
		[ -e /run/runner/pods/brief ] || break
		sleep 0.1
	done
	check_clean "after --rm"
	# the first pod after a boot of the host
	out=$(RUNNER=$RUNNER image=$image unshare -m sh -c 'mount -t tmpfs none /run && "$RUNNER" run --image "$image" -- stat -c %a /' 2>&1)
	same "in an empty /run" 755 "$out"
	# who has heard of the end may go on at once
	for _ in 1 2 3 4 5; do
		up soon -- true
		runner wait soon
		runner start soon
		same "start after wait" 0 "$status$errors"
		runner wait soon
		runner rm soon
		same "rm after wait" 0 "$status$errors"
	done
	runner run -d --image "$image" -- nosuch
	same "a detached pod without its command" 127 $status
	has "message" "$errors" "nosuch"
	runner create --image "$image" --name wrong -- nosuch
	same "create does not look for it" 0 "$status$errors"
	runner start wrong
	same "start does" 127 $status
	check_clean "at the end"
	finish "create, start, ps, inspect, logs, stop, wait, kill, rm"
}

test_spec() {
	runner spec --image "$image" --uid-base $ids --name it --memory 64m --cpus 1.5 --device /dev/null:/dev/other:r --cap-drop all --net host -u user -e A=b -- sh -c true
	same "status" 0 "$status$errors"
	same "config.json" "sh it $ids 67108864 150000 ['A=b'] [] user other" "$(python3 -c '
import json, sys
c = json.load(sys.stdin)
l = c["linux"]
types = [n["type"] for n in l["namespaces"]]
assert "network" not in types and "user" in types, types
print(c["process"]["args"][0], c["hostname"], l["uidMappings"][0]["hostID"],
      l["resources"]["memory"]["limit"], l["resources"]["cpu"]["quota"],
      [e for e in c["process"]["env"] if e[0:2] == "A="],
      c["process"]["capabilities"]["bounding"],
      c["annotations"]["runner.user"], l["devices"][-1]["path"][5:])' <"$work/out")"
	runner run --image "$image" --memory 12x -- true
	same "no size" 125 $status
	runner run --image "$image" --device /etc/passwd -- true
	same "no device" 125 $status
	runner run --image "$image" --device /dev/null:/etc/x -- true
	same "a device outside /dev" 125 $status
	runner run --image "$image" --restart sometimes -- true
	same "no policy" 125 $status
	runner run --image "$image" --cap-add nosuch -- true
	same "no capability" 125 $status
	check_clean "at the end"
	mknod "$work/disk" b 7 0
	mknod "$work/disk2" b 7 1
	runner spec --image "$image" --io-max "$work/disk:rbps=1,wbps=2" --io-max "$work/disk2:riops=3" --io-max "$work/disk:wbps=4" -- true
	same "io.max of two devices" "7:1 riops=3|7:0 wbps=4 rbps=1" \
		"$(python3 -c 'import json,sys; print(json.load(sys.stdin)["linux"]["resources"]["unified"]["io.max"].replace("\n", "|"))' <"$work/out")"
	finish "runner spec, and options that are wrong"
}

test_exec() {
	up e -e FROM=pod -- sleep 600
	runner exec e sh -c 'echo $FROM $HOME $(id -u):$(id -g) $(hostname); readlink /proc/self/ns/pid /proc/1/ns/pid /proc/self/ns/net /proc/1/ns/net'
	set -- $out
	same "environment, ids, hostname" "pod /root 0:0 e" "$1 $2 $3 $4"
	same "pid namespace" "$6" "$5"
	same "network namespace" "$8" "$7"
	runner exec -u user -w /tmp -e NEW=x e sh -c 'echo $NEW $(id -u):$(id -g); pwd; exit 6'
	same "user, directory, environment, status" "x 1000:1001 /tmp 6" "$(echo $out $status)"
	runner exec e cat /proc/self/status
	has "capabilities" "$out" "CapBnd:	00000000a80425fb"
	has "no_new_privs" "$out" "NoNewPrivs:	1"
	runner exec e cat /proc/self/cgroup
	has "cgroup" "$out" "0::/"
	hasnt "cgroup, in its namespace" "$out" runner
	runner exec e nosuch
	same "no such command" 127 $status
	runner exec e /etc
	same "a directory" 126 $status
	runner exec nobody true
	same "no such pod" 125 $status
	"$RUNNER" exec e sleep 601 &
	local pid=$! inside
	sleep 0.5
	same "in the pod's cgroup, on the host" 2 "$(wc -l <"$(field cgroup e)/cgroup.procs")"
	inside=$(grep -s -l -a sleep.601 /proc/[0-9]*/cmdline | grep -v self | tail -n 1)
	kill -9 $pid
	wait $pid 2>/dev/null
	sleep 0.3
	[ ! -e "$inside" ] || problem "the command outlived the killed runner exec"
	runner rm -f e
	check_clean "at the end"
	finish "exec"
}

test_terminal() {
	out=$(terminal 'tty; echo $((6*7)); exit 9\n' "$RUNNER" run -it -e 'PS1=$ ' --image "$image" -- bash --norc)
	has "run -t" "$out" /dev/pts/0
	has "run -t" "$out" $'\n42\n'
	has "run -t" "$out" "status 9"
	up t -it -e 'PS1=$ ' -- bash --norc
	out=$(terminal 'tty; exit 8\n' "$RUNNER" exec -it t bash --norc)
	has "exec -t" "$out" /dev/pts/1
	has "exec -t" "$out" "status 8"
	runner exec t stat -c %t:%T /dev/console /dev/pts/0
	same "/dev/console is the terminal" 1 "$(sort -u "$work/out" | wc -l)"
	out=$(terminal --raw 'echo $((5*9))\n\x10\x11' "$RUNNER" attach t)
	has "leaving" "$out" "detached from t"
	has "leaving" "$out" "status 0"
	out=$(printf 'echo $((6*8)); exit 7\n' | "$RUNNER" attach t; echo "status $?")
	has "attach" "$out" 48
	has "attach" "$out" "status 7"
	runner logs t
	has "logs of a terminal" "$out" 48
	runner rm t
	up pipe -i -- sh -c 'read x; echo "got $x"; read x || echo end'
	out=$(echo hello | "$RUNNER" attach pipe)
	same "stdin of a detached pod" "got hello end" "$(echo $out)"
	runner rm -f pipe
	check_clean "at the end"
	finish "terminals, attach and stdin"
}

# Each step in the foreground, and of the same code in the background some:
# there it is the monitor that is killed, or who waits for it.
test_faults() {
	local n steps=0 stride=6 names=' '
	[ ! "$long" ] || stride=1
	for n in $(seq 1 $stride 100); do
		RUNNER_FAULT=$n runner run --image "$image" --name f --rm -- true 2>/dev/null
		[ $status != 0 ] || break
		same "step $n" 137 $status
		steps=$n
		names+="${errors##*, } "
		after_fault $n
		[ -z "$problems" ] || break
	done
	[ $steps -ge 30 ] || problem "only $steps steps"
	for n in $(seq 2 $((stride * 5)) $((steps + 1))); do
		RUNNER_FAULT=$n runner run -d --rm --image "$image" --name f -- sleep 0.1 2>/dev/null
		after_fault $n
	done
	# the steps of a pod that lives long enough for runner-monitor
	for n in $(seq $((steps - 5)) $((steps + 10))); do
		RUNNER_FAULT=$n runner run --rm --image "$image" --name f -- sleep 0.8 2>/dev/null
		[ $status != 0 ] || break
		same "step $n" 137 $status
		names+="${errors##*, } "
		after_fault $n
	done
	# there and back; a slow machine comes to it with the first walk as well
	has "steps of runner-monitor" "$names" " idle "
	has "steps of runner-monitor" "$names" " resumed "
	runner run --image "$image" --name f --rm -- true
	same "a pod of that name" 0 "$status$errors"
	check_clean "at the end"
	finish "runner killed at steps 1 to $steps of a start"
}

after_fault() {
	# one in the background may be at its own end
	[ ! -e /run/runner/pods/f/lock ] || flock -w 10 /run/runner/pods/f/lock true
	# the kernel takes the pod with it
	for _ in $(seq 200); do
		[ "$(own_processes)" ] || break
		sleep 0.05
	done
	runner ps -a
	same "ps after step $1" "0NAME" "$status$errors${out%% *}"
	hasnt "ps after step $1" "$out" 'f '
	# a file in there without a lock is no lease
	mv /run/runner/uids "$work/uids" 2>/dev/null
	check_clean "step $1"
	mv "$work/uids" /run/runner/uids 2>/dev/null
}

test_cgroup() {
	local dir
	up c --cgroupfs rw -- sh -c 'echo ready; read x; exit 1'
	runner rm -f c
	up c --cgroupfs rw -- sleep 600
	dir=$(field cgroup c)
	same "place" "$cgroups/runner/c" "$dir"
	same "the process is in it" "$(field pid c)" "$(cat "$dir/cgroup.procs")"
	# the OCI rule: the directory and what the kernel names, nothing else
	local base
	base=$(field hostBase c)
	same "owned by the pod's root" \
		"$(cd "$dir" && { echo .; cat /sys/kernel/cgroup/delegate; } | while read -r f; do [ ! -e "$f" ] || echo "$f"; done | sort | xargs)" \
		"$(cd "$dir" && find . -maxdepth 1 -uid "$base" | sed 's/^\.\///' | sort | xargs)"
	runner exec c sh -c 'mkdir /sys/fs/cgroup/sub && rmdir /sys/fs/cgroup/sub && echo made; echo 1 2>/dev/null >/sys/fs/cgroup/cgroup.freeze || echo refused'
	same "in the pod" "made refused" "$(echo $(grep -v denied "$work/out"))"
	runner pause c
	same "pause" 0 "$status$errors"
	has "frozen" "$(cat "$dir/cgroup.events")" "frozen 1"
	runner unpause c
	has "thawed" "$(cat "$dir/cgroup.events")" "frozen 0"
	runner pause c
	runner stop -t 0 c
	same "stop of a frozen pod" 0 "$status$errors"
	same "removed" '' "$(ls -d "$dir" 2>/dev/null)"
	runner rm c
	up c -- sleep 600
	dir=$(field cgroup c)
	same "read-only: nothing is given away" '' "$(find "$dir" -maxdepth 1 -not -uid 0)"
	runner exec c sh -c 'mkdir /sys/fs/cgroup/sub 2>/dev/null || echo refused'
	same "read-only in the pod" refused "$out"
	runner rm -f c
	runner run -d --image "$image" --name c --cgroup-path other/place -- sleep 600
	same "--cgroup-path" "$cgroups/other/place" "$(field cgroup c)"
	runner rm -f c
	rmdir "$cgroups/other"
	check_clean "at the end"
	finish "cgroup: place, owners, freeze, stop"
}

test_limits() {
	local dir
	if ! grep -qw memory "$cgroups/cgroup.controllers"; then
		runner run --image "$image" --memory 64m -- true
		same "a limit without its controller" 125 $status
		has "message" "$errors" "memory controller"
		check_clean "at the end"
		finish "limits (this host's version 2 has no controllers: refused)"
		return
	fi
	up l --memory 64m --memory-swap 64m --cpus 1.5 --pids-limit 40 --cpu-shares 1024 -- sleep 600
	dir=$(field cgroup l)
	same "memory.max" 67108864 "$(cat "$dir/memory.max")"
	same "memory.swap.max" 0 "$(cat "$dir/memory.swap.max" 2>/dev/null || echo 0)"
	same "cpu.max" "150000 100000" "$(cat "$dir/cpu.max")"
	same "cpu.weight" 39 "$(cat "$dir/cpu.weight")"
	same "pids.max" 40 "$(cat "$dir/pids.max")"
	runner update l --memory 32m --pids-limit 20
	same "update" 0 "$status$errors"
	same "memory.max" 33554432 "$(cat "$dir/memory.max")"
	same "pids.max" 20 "$(cat "$dir/pids.max")"
	runner exec l sh -c 'for i in $(seq 60 2>/dev/null || echo 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25); do sleep 5 & done 2>&1 | grep -c fork; true'
	has "pids.events" "$(cat "$dir/pids.events")" "max "
	local one two
	truncate -s 16M "$work/one" "$work/two"
	one=$(losetup -f --show "$work/one") two=$(losetup -f --show "$work/two")
	runner update l --io-max "$one:rbps=1048576" --io-max "$two:wiops=9"
	same "update of io.max" 0 "$status$errors"
	same "io.max" "$(stat -c %Hr:%Lr $one) rbps=1048576 wbps=max riops=max wiops=max $(stat -c %Hr:%Lr $two) rbps=max wbps=max riops=max wiops=9" "$(echo $(sort "$dir/io.max"))"
	losetup -d $one
	losetup -d $two
	runner rm -f l
	runner run --image "$image" --name o --memory 24m --memory-swap 24m -- sh -c 'x=$(tail /dev/zero)'
	same "out of memory" true "$(field oomKilled o)"
	runner ps -a
	has "ps says so" "$out" oom
	runner rm o
	check_clean "at the end"
	finish "limits, update, out of memory"
}

test_devices() {
	local pid base
	mknod -m 600 "$work/node" c 1 5
	up d --device "$work/node:/dev/own/zero:r" -- sleep 600
	pid=$(field pid d) base=$(field hostBase d)
	runner exec d sh -c 'stat -c "%u:%g %a %t:%T" /dev/own/zero; dd if=/dev/own/zero bs=1 count=3 2>/dev/null | cat -A; echo'
	same "in the pod" "0:0 600 1:5 ^@^@^@" "$(echo $out)"
	same "on the host" "$base:$base" "$(stat -c %u:%g "/proc/$pid/root/dev/own/zero")"
	runner rm -f d
	# a device of the host that the pod has no right to, put where it can see it
	up d -- sleep 600
	pid=$(field pid d) base=$(field hostBase d)
	mknod -m 666 "/proc/$pid/root/dev/stray" c 10 237
	runner exec d sh -c '(: </dev/stray) 2>&1; mknod /tmp/n c 1 3 2>&1; echo x >/dev/null && echo fine'
	has "not in the list" "$out" "Operation not permitted"
	has "the usual ones" "$out" fine
	rm "/proc/$pid/root/dev/stray"
	runner device add d /dev/loop-control:/dev/log/kernel:r
	same "device add" 0 "$status$errors"
	same "owner on the host" "$base:$base" "$(stat -c %u:%g "/proc/$pid/root/dev/log/kernel")"
	runner exec d sh -c '(: </dev/log/kernel) && echo reads; (: >/dev/log/kernel) 2>&1'
	has "added for reading" "$out" reads
	has "and not for writing" "$out" "Operation not permitted"
	runner device rm d /dev/log/kernel
	same "device rm" 0 "$status$errors"
	runner exec d ls /dev/log
	same "gone" '' "$out"
	mknod -m 666 "/proc/$pid/root/dev/stray" c 10 237
	runner exec d sh -c '(: </dev/stray) 2>&1'
	has "and off the list" "$out" "Operation not permitted"
	# the pod puts a link in the way
	runner exec d sh -c 'rm -r /dev/log; ln -s /tmp /dev/log'
	runner device add d /dev/loop-control:/dev/log/kernel
	same "through a link" 125 $status
	same "nothing there" '' "$(ls "/proc/$pid/root/tmp")"
	runner rm -f d
	check_clean "at the end"
	finish "devices: denied, given, taken"
}

# loop_ioctl REQUEST NUMBER: on /dev/loop-control
loop_ioctl() {
	python3 -c 'import fcntl, os, sys
fcntl.ioctl(os.open("/dev/loop-control", os.O_RDWR), int(sys.argv[1], 0), int(sys.argv[2]))' "$@"
}

# locked NODE: 1 if somebody has a lock on it.  flock(1) would make a file of a node
# that is missing, which then is in the device's place.
locked() {
	[ -b "$1" ] || { echo "no device"; return; }
	flock -n "$1" true
	echo $?
}

# waits_for WHAT NUMBER: the pod w has that node, or none
waits_for() {
	for _ in $(seq 50); do
		runner exec w stat -c %t:%T /dev/disk/later
		[ "$out" != "$2" ] || break
		sleep 0.1
	done
	same "$1" "$2" "$out"
}

test_device_wait() {
	local n=77 pid links=/dev/disk/runner-test-$$
	loop_ioctl 0x4C81 $n 2>/dev/null
	up w --device-wait /dev/loop$n:/dev/disk/later:r,shared -- sleep 600
	pid=$(field pid w)
	runner exec w ls /dev/disk
	same "not there yet" 2 $status
	loop_ioctl 0x4C80 $n || problem "no new loop device"
	for _ in $(seq 50); do
		[ ! -e "/proc/$pid/root/dev/disk/later" ] || break
		sleep 0.1
	done
	runner exec w sh -c 'stat -c "%F %u:%g %t:%T" /dev/disk/later; (: </dev/disk/later) && echo reads; (: >>/dev/disk/later) 2>&1'
	has "node" "$out" "block special file 0:0 7:$(printf %x $n)"
	has "reading" "$out" reads
	has "not writing" "$out" "Operation not permitted"
	loop_ioctl 0x4C81 $n
	for _ in $(seq 50); do
		[ -e "/proc/$pid/root/dev/disk/later" ] || break
		sleep 0.1
	done
	same "gone with the device" '' "$(ls "/proc/$pid/root/dev/disk")"
	runner rm -f w
	# one that is the pod's alone stays until the pod gives it back
	up w --device-wait /dev/loop$n:/dev/disk/later -- sleep 600
	pid=$(field pid w)
	loop_ioctl 0x4C80 $n || problem "no new loop device"
	for _ in $(seq 50); do
		[ ! -e "/proc/$pid/root/dev/disk/later" ] || break
		sleep 0.1
	done
	same "flock on the host's node" 1 "$(locked /dev/loop$n)"
	loop_ioctl 0x4C81 $n 2>/dev/null && problem "removed under the pod"
	runner device rm w /dev/disk/later
	same "device rm" 0 "$status$errors"
	same "flock after that" 0 "$(locked /dev/loop$n)"
	loop_ioctl 0x4C81 $n || problem "not removed after the pod gave it back"
	runner rm -f w
	# a link, as udev makes them, in a folder that is not there yet
	loop_ioctl 0x4C80 $n || problem "no new loop device"
	loop_ioctl 0x4C80 $((n + 1)) || problem "no new loop device"
	up w --device-wait "$links/by-name/x:/dev/disk/later:r,shared" -- sleep 600
	mkdir -p "$links/by-name"
	ln -s ../../../loop$n "$links/by-name/x"
	waits_for "a link" "7:$(printf %x $n)"
	ln -s ../../../loop$((n + 1)) "$links/by-name/y"
	mv -T "$links/by-name/y" "$links/by-name/x"
	waits_for "a link to another device" "7:$(printf %x $((n + 1)))"
	runner exec w sh -c 'mknod /tmp/old b 7 '$n'; : </tmp/old'
	has "no right to the first one" "$errors" "not permitted"
	rm -r "$links"
	waits_for "no link" ''
	mkdir -p "$links/by-name"
	ln -s ../../../loop$n "$links/by-name/x"
	waits_for "a link in a new folder" "7:$(printf %x $n)"
	rm -r "$links"
	runner rm -f w
	loop_ioctl 0x4C81 $n
	loop_ioctl 0x4C81 $((n + 1))
	check_clean "at the end"
	finish "--device-wait"
}

test_notify() {
	local log=$work/notify.log manager
	echo secret >"$work/secret"
	python3 -uc 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True: print(s.recv(4096).decode())' "$work/notify" >>"$log" &
	manager=$!
	for _ in $(seq 100); do
		[ ! -S "$work/notify" ] || break
		sleep 0.1
	done
	NOTIFY_SOCKET=$work/notify runner run --rm --image "$image" -- true
	has "runner says it" "$(cat "$log")" READY=1
	truncate -s 0 "$log"
	NOTIFY_SOCKET=$work/notify up n --sdnotify pod --credential "my.cred:$work/secret" -- sleep 600
	runner exec n sh -c 'cat /run/host/credentials/my.cred; stat -c "%u:%g %a" /run/host/credentials/my.cred /run/host/notify; cat /run/host/container-manager; echo "$CREDENTIALS_DIRECTORY"'
	same "in the pod" "secret 0:0 400 65534:65534 666 runner /run/host/credentials" "$(echo $out)"
	sleep 0.3
	hasnt "not before the pod says so" "$(cat "$log")" READY=1
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"READY=1\nMAINPID=1\nSTATUS=fine", sys.argv[1])' "/proc/$(field pid n)/root/run/host/notify"
	sleep 0.3
	has "handed on" "$(cat "$log")" READY=1
	has "handed on" "$(cat "$log")" STATUS=fine
	hasnt "kept back" "$(cat "$log")" MAINPID=1
	runner rm -f n
	kill $manager
	wait $manager 2>/dev/null
	rm -f "$work/notify"
	check_clean "at the end"
	finish "readiness and credentials"
}

test_security() {
	printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat","nosuchcall"],"action":"SCMP_ACT_ERRNO","errnoRet":95},{"names":["sethostname"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_SYS_ADMIN"]}}]}' >"$work/profile"
	runner run --image "$image" --security-opt "seccomp=$work/profile" -- sh -c 'mkdir /x 2>&1; grep Seccomp: /proc/self/status'
	has "seccomp" "$out" "Operation not supported"
	has "seccomp" "$out" "Seccomp:	2"
	runner run --image "$image" --security-opt no-new-privileges=false --security-opt "seccomp=$work/profile" -- sh -c 'mkdir /x 2>&1; grep NoNew /proc/self/status'
	has "without no_new_privs" "$out" "Operation not supported"
	has "without no_new_privs" "$out" "NoNewPrivs:	0"
	up s --security-opt "seccomp=$work/profile" -- sleep 600
	runner exec s sh -c 'mkdir /x 2>&1'
	has "exec has the filter too" "$out" "Operation not supported"
	runner rm -f s
	runner run --image "$image" --security-opt "seccomp=$work/profile" --cap-add sys_admin -- hostname other
	same "a rule for who has not a capability that is given later" "0" "$status$errors"
	echo '{}' >"$work/profile"
	runner run --image "$image" --security-opt "seccomp=$work/profile" -- true
	same "no profile" 125 $status
	# the default profile, the administrator's, and none
	runner run --image "$image" -- sh -c 'grep Seccomp: /proc/self/status; unshare -U true 2>&1; hostname other 2>&1; chroot / true && echo chroot'
	same "the default" "Seccomp: 2 unshare: unshare failed: Operation not permitted hostname: you must be root to change the host name chroot" "$(echo $out)"
	runner run --image "$image" --cap-add sys_admin -- sh -c 'unshare -U true && hostname other && hostname'
	same "with CAP_SYS_ADMIN" "0other" "$status$out"
	runner run --image "$image" --security-opt seccomp=unconfined -- sh -c 'grep Seccomp: /proc/self/status; unshare -U true && echo allowed'
	same "unconfined" "Seccomp: 0 allowed" "$(echo $out)"
	local etc=
	[ -d /etc/runner ] || { etc=1; mkdir /etc/runner; }
	mount -t tmpfs none /etc/runner
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":95}]}' >/etc/runner/seccomp.json
	runner run --image "$image" -- sh -c 'mkdir /x 2>&1; unshare -U true && echo allowed'
	has "/etc/runner/seccomp.json" "$out" "Operation not supported"
	has "/etc/runner/seccomp.json" "$out" allowed
	umount /etc/runner
	[ ! "$etc" ] || rmdir /etc/runner
	runner run --image "$image" --cap-drop all --cap-add chown --cap-add CAP_KILL -- cat /proc/self/status
	has "capabilities" "$out" "CapEff:	0000000000000021"
	has "capabilities" "$out" "CapBnd:	0000000000000021"
	runner run --image "$image" -u user -- cat /proc/self/status
	has "of a user" "$out" "CapEff:	0000000000000000"
	runner run --image "$image" -- sh -c 'cat /proc/kcore; cat /proc/keys; (echo 1 >/proc/sys/kernel/hostname) 2>&1; ls /sys/firmware'
	same "masked" '' "$(ls "$work/nosuch" 2>/dev/null)$(grep -v -i -e read-only -e denied "$work/out")"
	if [ ! -e /sys/fs/selinux/enforce ]; then
		runner run --image "$image" --security-opt label=type:some_t -- true
		same "a label without SELinux" 125 $status
		has "message" "$errors" SELinux
	fi
	check_clean "at the end"
	finish "seccomp, capabilities, masks, labels"
}

test_network() {
	local pid
	runner run --image "$image" -- ls /sys/class/net
	same "none" lo "$out"
	runner run --image "$image" --net host -- ls /sys/class/net
	same "host" "$(ls /sys/class/net)" "$out"
	unshare -n --net="$work/netns" true 2>/dev/null || { : >"$work/netns"; unshare --net="$work/netns" true; }
	nsenter --net="$work/netns" ip link add name made type dummy 2>/dev/null ||
		nsenter --net="$work/netns" ip tuntap add made mode tap
	runner run --image "$image" --net "ns:$work/netns" -- ls /sys/class/net
	has "ns:" "$out" made
	umount "$work/netns"
	runner run --image "$image" --net ns:/etc/passwd -- true
	same "no namespace" 125 $status
	up first -- sleep 600
	pid=$(field pid first)
	runner run --image "$image" --net pod:first -- readlink /proc/self/ns/net /proc/self/ns/user
	same "pod:" "$(readlink "/proc/$pid/ns/net")" "$(head -n 1 "$work/out")"
	[ "$(readlink "/proc/$pid/ns/user")" != "$(tail -n 1 "$work/out")" ] || problem "pod: shares the user namespace"
	runner run --image "$image" --pod first -- sh -c 'readlink /proc/self/ns/net /proc/self/ns/user /proc/self/ns/ipc /proc/self/ns/uts; cat /proc/self/uid_map; hostname; echo $$'
	same "--pod" "$(echo $(readlink "/proc/$pid/ns/"{net,user,ipc,uts}) $(cat "/proc/$pid/uid_map") first 1)" "$(echo $out$errors)"
	runner run --image "$image" --pod first --memory 1g -- true
	same "limits of one in a pod" 125 $status
	has "message" "$errors" "limits are the whole pod's"
	up second --pod first -- sleep 600
	if [ -n "$cgroups" ]; then
		local parent
		parent=$(field cgroup first)
		same "its cgroup" "$parent/app-second" "$(field cgroup second)"
		same "its process" "$(field pid second)" "$(cat "$parent/app-second/cgroup.procs")"
		runner pause first
		has "paused with its pod" "$(cat "$parent/app-second/cgroup.events")" "frozen 1"
		runner unpause first
	fi
	runner stop -t 0 second
	same "ended by itself" "0exited" "$status$(field status second)"
	same "the pod goes on" running "$(field status first)"
	runner start second
	same "started again" 0 "$status$errors"
	same "in the pod" "$(readlink "/proc/$pid/ns/user")" "$(readlink "/proc/$(field pid second)/ns/user")"
	runner rm -f first
	if [ -n "$cgroups" ]; then
		runner wait second
		same "ends with its pod" "137" "$out"
	fi
	runner start second
	same "start without the pod" 125 $status
	has "message" "$errors" "there is no pod first"
	runner rm -f second
	runner run --image "$image" --pod first -- true
	same "no such pod" 125 $status
	check_clean "at the end"
	finish "network namespaces and --pod"
}

test_restart() {
	up again --restart on-failure:2 -- sh -c 'echo tried; exit 3'
	runner wait again
	same "the last status" 3 "$out"
	runner logs again
	same "runs" "tried tried tried" "$(echo $out)"
	runner rm again
	up again --restart always -- sh -c 'echo tried; sleep 0.2'
	sleep 1.5
	runner stop again
	same "stop" 0 "$status$errors"
	runner logs again
	[ "$(grep -c tried "$work/out")" -ge 2 ] || problem "not started again: $out"
	same "ended" exited "$(field status again)"
	runner rm again
	check_clean "at the end"
	finish "--restart"
}

# monitor_is POD NAME: waits until the pod's supervisor is the program NAME
monitor_is() {
	local comm _
	for _ in $(seq 100); do
		comm=$(cat "/proc/$(field monitor "$1")/comm" 2>/dev/null)
		[ "$comm" != "$2" ] || return 0
		sleep 0.1
	done
	problem "the supervisor of $1: wanted '$2', got '$comm'"
}

test_monitor() {
	local pid rss copy=$work/copy
	# a pod that ends when it is told to, and begins to run again if so
	local flag=$work/flag until='until [ -e /flag/end ]; do sleep 0.1; done'
	mkdir "$flag"
	up m -i -- sh -c 'echo begun; while read x; do echo "got $x"; done; exit 6'
	pid=$(field monitor m)
	monitor_is m runner-monitor
	rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
	[ "$rss" -lt 1024 ] || problem "the supervisor has $rss kB resident, 1024 are too many"
	echo "# the supervisor: VmRSS $rss kB, $(grep -s ^Pss: "/proc/$pid/smaps_rollup" | tr -s ' ')"
	out=$(printf 'one\ntwo\n' | "$RUNNER" attach m; echo "status $?")
	same "attach" "got one got two status 6" "$(echo $out)"
	same "the same process to the end" "exited 6" "$(field status m) $(field exitStatus m)"
	runner logs m
	same "logs" "begun got one got two" "$(echo $out)"
	runner rm m

	runner create --image "$image" --name m -v "$flag:/flag" -- sh -c "$until; exit 7"
	monitor_is m runner-monitor
	runner start m
	same "start of a created pod that waited" 0 "$status$errors"
	touch "$flag/end"
	runner wait m
	same "its status" 7 "$out"
	runner rm m

	up m --restart always -- sleep 3
	monitor_is m runner-monitor
	for _ in $(seq 300); do [ "$(field restarts m)" -lt 1 ] || break; sleep 0.1; done
	[ "$(field restarts m)" -ge 1 ] || problem "not started again"
	monitor_is m runner-monitor
	runner stop m
	same "stop of one that is started again" 0 "$status$errors"
	runner rm m

	# killed, it takes the pod along
	up m -- sleep 600
	monitor_is m runner-monitor
	pid=$(field pid m)
	kill -9 "$(field monitor m)"
	for _ in $(seq 100); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
	runner ps -a
	has "killed" "$out" "exited 137"
	runner rm m
	rm -f /run/runner/uids/*
	check_clean "after a kill"

	# in the foreground: streams, signals, the status
	out=$( (sleep 1; echo late) | "$RUNNER" run -i --image "$image" -- sh -c 'read x; echo "$x"; exit 3'; echo "status $?")
	same "in the foreground" "late status 3" "$(echo $out)"
	"$RUNNER" run --name m --rm --image "$image" -- sh -c 'trap "echo end; exit 8" TERM; while :; do sleep 0.1; done' >"$work/out" &
	pid=$!
	for _ in $(seq 100); do [ ! -e /run/runner/pods/m/config.json ] || break; sleep 0.1; done
	monitor_is m runner-monitor
	same "the process that was started" "$pid" "$(field monitor m)"
	kill -TERM $pid
	wait $pid
	same "a signal" "8 end" "$? $(cat "$work/out")"

	# another version's, and none: runner waits itself
	mkdir "$copy"
	cp "$RUNNER" "$copy/runner"
	RUNNER=$copy/runner
	rm "$flag/end"
	up m -v "$flag:/flag" -- sh -c "$until; exit 4"
	sleep 2
	same "without runner-monitor" runner "$(cat "/proc/$(field monitor m)/comm")"
	touch "$flag/end"
	runner wait m
	same "its status" 4 "$out"
	runner rm m
	sed 's/runner \([0-9.]*\)\x00/RUNNER \1\x00/' "$monitor" >"$copy/runner-monitor"
	chmod 755 "$copy/runner-monitor"
	rm "$flag/end"
	up m -v "$flag:/flag" -- sh -c "$until; exit 5"
	sleep 2
	same "another version's" runner "$(cat "/proc/$(field monitor m)/comm")"
	touch "$flag/end"
	runner wait m
	same "its status" 5 "$out"
	runner rm m
	# replaced while a pod runs
	cp "$monitor" "$copy/runner-monitor"
	rm "$flag/end"
	up m --restart on-failure:1 -v "$flag:/flag" -- sh -c "$until; exit 6"
	monitor_is m runner-monitor
	rm "$copy/runner" "$copy/runner-monitor"
	RUNNER=$real
	touch "$flag/end"
	runner wait m
	same "replaced: its status" "6 1" "$out $(field restarts m)"
	runner rm m
	check_clean "at the end"
	finish "the supervisor: less than 1 MiB, and back to runner at the end"
}

test_root() {
	local other=$work/other pods
	up same -- sleep 600
	runner --root "$other" run -d --image "$image" --name same -- sh -c 'echo other; sleep 600'
	same "a pod of that name in another root" 0 "$status$errors"
	[ "$(field hostBase same)" != "$(RUNNER_ROOT=$other field hostBase same)" ] || problem "both have one range"
	same "its folder" same "$(ls "$other/pods")"
	runner uidmap ls
	same "leases are the host's" 2 "$(grep -c '[ :]same$' "$work/out")"
	if [ -n "$cgroups" ]; then
		[ "$(field cgroup same)" != "$(RUNNER_ROOT=$other field cgroup same)" ] || problem "both have one cgroup"
	fi
	RUNNER_ROOT=$other runner exec same cat /proc/self/uid_map
	has "exec" "$out" "$(RUNNER_ROOT=$other field hostBase same)"
	RUNNER_ROOT=$other monitor_is same runner-monitor
	runner rm -f same
	runner ps -a
	same "one is gone" 1 "$(wc -l <"$work/out")"
	runner --root "$other" ps
	has "the other is there" "$out" "same "
	runner --root "$other" stop -t 0 same
	same "stop" 0 "$status$errors"
	runner --root "$other" logs same
	same "logs" other "$out"
	runner run --root "$other" --rm --image "$image" --name kept --userns pod:same -- true
	same "a range of another root" 125 $status
	runner --root "$other" rm same
	same "rm" 0 "$status$errors"
	pods=$(find "$other/pods" /run/runner/roots/*/pods -mindepth 1)
	same "nothing is left there" '' "$pods"
	rm -rf "$other" /run/runner/roots
	check_clean "at the end"
	finish "--root"
}

# Three in four end by themselves, all at the same time, with a status each; the
# fourth is stopped then, by a runner each.
test_many() {
	local n=6 i pids=() stops=() script wanted
	[ ! "$long" ] || n=200
	mkfifo "$work/hold"
	for i in $(seq $n); do
		script="read x; cat /proc/self/uid_map; exit $((i % 100))"
		[ $((i % 4)) != 0 ] || script='sleep 3600'
		"$RUNNER" run --image "$image" --name "many$i" --rm -- sh -c "cat /proc/self/uid_map; $script" >"$work/many.$i" 2>&1 <"$work/hold" &
		pids[i]=$!
	done
	exec 8>"$work/hold"
	for i in $(seq 600); do
		[ "$(cat "$work"/many.* | grep -c ' 65536$')" -lt $n ] || break
		sleep 1
	done
	runner ps
	same "all are up" $n "$(grep -c '^many[0-9]* *running' "$work/out")"
	same "ranges that begin where another has not ended" '' "$(cat "$work"/many.* | sort -n -k2 |
		awk 'NR > 1 && $2 < end { print } { end = $2 + $3 }')"
	exec 8>&-
	for i in $(seq 4 4 $n); do
		"$RUNNER" stop -t 0 "many$i" 2>"$work/stop.$i" &
		stops[i]=$!
	done
	for i in "${!stops[@]}"; do
		wait "${stops[i]}" || problem "stop of $i: $? $(cat "$work/stop.$i")"
	done
	for i in "${!pids[@]}"; do
		wanted=$((i % 100))
		[ $((i % 4)) != 0 ] || wanted=137
		wait "${pids[i]}"
		same "status of $i" $wanted $?
		same "its range, at the beginning and the end" "$((i % 4 ? 2 : 1)) 1" \
			"$(grep -c ' 65536$' "$work/many.$i") $(sort -u "$work/many.$i" | wc -l)"
	done
	check_clean "at the end"
	finish "$n pods started and stopped at once"
}

modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
modprobe -q dummy 2>/dev/null
modprobe -q loop 2>/dev/null
all="lifecycle spec exec terminal faults cgroup limits devices device_wait notify security network restart monitor root many"
of_cgroup=" cgroup limits devices device_wait "
mapfile -t plan < <(chosen "$all" "$@")
make_root "$image" chroot cp dd env grep hostname mknod readlink rmdir tail tee tty unshare

echo "KTAP version 1"
echo "1..${#plan[@]}"
for t in "${plan[@]}"; do
	case $of_cgroup in
	*" $t "*)
		if [ -z "$cgroups" ]; then
			skipped "$t" "$t: this host has no cgroup version 2"
			continue
		fi
		;;
	esac
	"test_$t"
done
totals
