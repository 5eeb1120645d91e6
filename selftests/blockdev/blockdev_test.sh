#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# blockdev_test: a block device has one master.  Each test says what the pod can
# do with its device and what another pod and the host's own programs then cannot.
#
# blockdev_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2016,SC2086,SC2154,SC2317 # as in its relatives
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
own_ranges 100

# A loop device of the host in $dev, of 8 MiB, with room for partitions.
loop() {
	truncate -s 8M "$work/$1.img"
	dev=$(losetup -P -f --show "$work/$1.img")
}

# ofd NODE [SECONDS]: what a program that locks as Ceph's OSD does gets on the
# node.  With SECONDS it waits for the lock, and keeps it for so long.
ofd() {
	python3 -c 'import fcntl, os, struct, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
try:
	fcntl.fcntl(fd, fcntl.F_OFD_SETLKW if sys.argv[2:] else fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
except OSError as e:
	sys.exit(os.strerror(e.errno))
print("locked", flush=True)
time.sleep(int(sys.argv[2]) if sys.argv[2:] else 0)' "$@" 2>&1
}

# held NODE: until somebody has a lock on it
held() {
	for _ in $(seq 100); do
		[ "$(ofd "$1")" = locked ] || return 0
		sleep 0.05
	done
	problem "nobody has a lock on $1"
}

# free WHAT NODE: both kinds of lock are to be had
free() {
	same "$1: an OFD lock on $2" locked "$(ofd "$2")"
	same "$1: flock on $2" 0 "$(flock -n "$2" true; echo $?)"
}

# taken WHAT NODE: neither kind is
taken() {
	same "$1: an OFD lock on $2" "Resource temporarily unavailable" "$(ofd "$2")"
	same "$1: flock on $2" 1 "$(flock -n "$2" true; echo $?)"
}

# refuses WHAT TEXT ARGUMENT...: no pod comes of it
refuses() {
	local what=$1 text=$2
	shift 2
	runner run --name refused --image "$image" "$@" -- true
	same "$what: status" 125 "$status"
	has "$what" "$errors" "$text"
	hasnt "$what: pods" "$(ls /run/runner/pods)" refused
}

test_pods() {
	local monitor
	loop a
	free "before" "$dev"
	up one --device "$dev:/dev/sda" -- sleep 600
	runner exec one sh -c 'dd if=/bin/sh of=/dev/sda bs=512 count=1 2>&1; dd if=/dev/sda bs=512 count=1 2>/dev/null | cmp -n 512 - /bin/sh && echo same'
	has "the pod writes and reads" "$out" same
	sync "$dev"
	same "on the host" 0 "$(cmp -n 512 "$work/a.img" "$image/bin/sh" >/dev/null; echo $?)"
	taken "beside a pod" "$dev"
	runner exec one sh -c 'ls -l /proc/self/fd /proc/1/fd'
	hasnt "descriptors of the pod" "$out" "$dev"
	# udev looks at disks with a shared lock
	same "a shared flock" 0 "$(flock -s -n "$dev" true; echo $?)"
	refuses "another pod" "the pod one has it" --device "$dev:/dev/sdb"
	has "with the node" "$errors" "$dev"
	refuses "another pod that reads" "the pod one has it" --device "$dev:/dev/sdb:r"
	# by a node of another name
	mknod "$work/node" b $((0x$(stat -c %t "$dev"))) $((0x$(stat -c %T "$dev")))
	refuses "by another node" "the pod one has it" --device "$work/node:/dev/sdb"
	rm "$work/node"
	up two --device "$dev:/dev/sdb:rw,shared" -- sleep 600
	runner exec two sh -c 'dd if=/dev/sdb bs=512 count=1 2>/dev/null | cmp -n 512 - /bin/sh && echo same'
	same "a pod that shares" same "$out"
	runner rm -f two
	taken "after the one that shares" "$dev"
	# Its monitor is the smaller program by now, or becomes it.
	sleep 0.7
	taken "later" "$dev"
	monitor=$(field monitor one)
	kill -9 "$monitor"
	for _ in $(seq 100); do
		[ -n "$(own_processes)" ] || break
		sleep 0.05
	done
	free "after kill -9 of the monitor" "$dev"
	up three --device "$dev:/dev/sda" -- sleep 600
	taken "the next pod" "$dev"
	runner stop -t 0 three
	free "stopped" "$dev"
	runner start three
	taken "started again" "$dev"
	runner rm -f one three
	free "at the end" "$dev"
	losetup -d "$dev"
	check_clean "at the end"
	finish "a device of a pod is nobody else's"
}

test_readers() {
	loop r
	up one --device "$dev:/dev/sda:r" -- sleep 600
	up two --device "$dev:/dev/sda:r" -- sleep 600
	refuses "a writer" "has it" --device "$dev:/dev/sda:rw"
	same "a writer of the host" "Resource temporarily unavailable" "$(ofd "$dev")"
	runner rm -f one two
	losetup -d "$dev"
	check_clean "at the end"
	finish "two pods that read have it together"
}

test_host() {
	local pid
	loop h
	ofd "$dev" 600 >"$work/ofd" &
	pid=$!
	held "$dev"
	refuses "a program with an OFD lock" "python3" --device "$dev:/dev/sda"
	has "the text of an OFD lock" "$errors" "has a lock on $dev"
	pkill -P $pid
	wait $pid 2>/dev/null
	flock "$dev" sleep 600 &
	pid=$!
	held_by_flock "$dev"
	refuses "a program with flock" "has a lock on $dev" --device "$dev:/dev/sda"
	pkill -P $pid
	wait $pid 2>/dev/null
	mkfs.ext4 -q "$dev"
	mkdir -p "$work/mnt"
	mount "$dev" "$work/mnt"
	refuses "a mount" "$dev is mounted at $work/mnt" --device "$dev:/dev/sda"
	refuses "a mount, and a pod that reads" "$dev is mounted at $work/mnt" --device "$dev:/dev/sda:r"
	umount "$work/mnt"
	unshare -m --propagation private sh -c 'mount "$1" "$2" && echo there >"$3"; sleep 600' - "$dev" "$work/mnt" "$work/ns" &
	pid=$!
	for _ in $(seq 100); do
		[ ! -e "$work/ns" ] || break
		sleep 0.05
	done
	refuses "a mount elsewhere" "$dev is mounted at $work/mnt in the mount namespace of process" --device "$dev:/dev/sda"
	pkill -P $pid
	wait $pid 2>/dev/null
	mkswap -q "$dev" >/dev/null 2>&1
	if swapon "$dev" 2>/dev/null; then
		refuses "swap" "$dev is swap" --device "$dev:/dev/sda"
		swapoff "$dev"
	fi
	python3 -c 'import os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)
open(sys.argv[2], "w")
time.sleep(600)' "$dev" "$work/excl" &
	pid=$!
	for _ in $(seq 100); do
		[ ! -e "$work/excl" ] || break
		sleep 0.05
	done
	refuses "O_EXCL" "process $pid (python3)" --device "$dev:/dev/sda"
	kill $pid
	wait $pid 2>/dev/null
	up one --device "$dev:/dev/sda" -- true
	runner rm -f one
	losetup -d "$dev"
	check_clean "at the end"
	finish "a device that the host uses is refused, with its user"
}

# held_by_flock NODE: until somebody has it
held_by_flock() {
	for _ in $(seq 100); do
		flock -n "$1" true || return 0
		sleep 0.05
	done
	problem "nobody has flock on $1"
}

test_partitions() {
	loop p
	if ! { addpart "$dev" 1 2048 4096 && addpart "$dev" 2 8192 4096; }; then
		losetup -d "$dev"
		skipped "partitions" "partitions: this kernel adds none to a loop device"
		return
	fi
	up one --device "${dev}p1:/dev/sda1" -- sleep 600
	up two --device "${dev}p2:/dev/sda2" -- sleep 600
	taken "a partition" "${dev}p1"
	taken "the disk of it" "$dev"
	refuses "the disk" "has it" --device "$dev:/dev/sda"
	runner rm -f one
	free "given back" "${dev}p1"
	refuses "the disk, with the other" "the pod two has it" --device "$dev:/dev/sda"
	runner rm -f two
	up three --device "$dev:/dev/sda" -- sleep 600
	taken "a partition of a disk" "${dev}p2"
	refuses "a partition of it" "the pod three has it" --device "${dev}p2:/dev/sda2"
	runner rm -f three
	# one pod may have both, in any order
	up four --device "${dev}p1:/dev/sda1" --device "$dev:/dev/sda:r" --device "${dev}p1:/dev/again" -- sleep 600
	taken "both" "${dev}p1"
	runner rm -f four
	mkfs.ext4 -q "${dev}p1"
	mkdir -p "$work/mnt"
	mount "${dev}p1" "$work/mnt"
	refuses "the disk of a mounted partition" "${dev}p1 is mounted at $work/mnt" --device "$dev:/dev/sda"
	up five --device "${dev}p2:/dev/sda2" -- true
	umount "$work/mnt"
	runner rm -f five
	free "at the end" "$dev"
	losetup -d "$dev"
	check_clean "at the end"
	finish "a disk and its partitions"
}

test_add() {
	loop d
	up one -- sleep 600
	sleep 0.7
	free "before" "$dev"
	runner device add one "$dev:/dev/sda"
	same "device add" 0 "$status$errors"
	taken "added" "$dev"
	refuses "another pod" "the pod one has it" --device "$dev:/dev/sdb"
	up two -- sleep 600
	runner device add two "$dev:/dev/sdb"
	same "device add to another" 125 $status
	has "device add to another" "$errors" "the pod one has it"
	runner exec two ls /dev/sdb
	same "not there" 2 $status
	runner device add two "$dev:/dev/sdb:r,shared"
	same "device add, shared" 0 "$status$errors"
	runner device rm two /dev/sdb
	taken "the shared one is removed" "$dev"
	runner device rm one /dev/sda
	same "device rm" 0 "$status$errors"
	free "removed" "$dev"
	runner device add two "$dev:/dev/sdb"
	same "device add after rm" 0 "$status$errors"
	runner rm -f one two
	losetup -d "$dev"
	check_clean "at the end"
	finish "device add and device rm"
}

test_dm() {
	modprobe -q dm-mod 2>/dev/null
	# without udev libdevmapper has to make the node below /dev/mapper
	[ -S /run/udev/control ] || export DM_DISABLE_UDEV=1
	loop m
	if ! echo "0 8192 linear $dev 0" | dmsetup create runner-test-$$ 2>/dev/null; then
		losetup -d "$dev"
		skipped "dm" "dm: this kernel has no device mapper"
		return
	fi
	local mapper=/dev/mapper/runner-test-$$ name
	name=$(readlink -f $mapper)
	refuses "what a mapping is made of" "$dev is in use by dm-" --device "$dev:/dev/sda"
	has "and its name" "$errors" "runner-test-$$"
	up one --device "$mapper:$mapper" --device "$dev:/dev/sda:rw,shared" -- sleep 600
	taken "the mapping" "$name"
	taken "its other node" "$mapper"
	same "its removal" 1 "$(dmsetup remove runner-test-$$ >/dev/null 2>&1; echo $?)"
	runner rm -f one
	free "at the end" "$name"
	dmsetup remove runner-test-$$
	# one that is opened later, as a dm-crypt one is
	up late --device-wait "$mapper:$mapper:rw" -- sleep 600
	echo "0 8192 linear $dev 0" | dmsetup create runner-test-$$ || problem "dmsetup create"
	name=$(readlink -f $mapper)
	for _ in $(seq 50); do
		runner exec late stat -c %t:%T $mapper
		[ "$status" != 0 ] || break
		sleep 0.1
	done
	same "it comes" "$(stat -c %t:%T "$name")" "$out"
	taken "one that came later" "$name"
	runner device rm late $mapper
	same "device rm" 0 "$status$errors"
	same "its removal then" 0 "$(dmsetup remove runner-test-$$ >/dev/null 2>&1; echo $?)"
	runner rm -f late
	losetup -d "$dev"
	check_clean "at the end"
	finish "device mapper"
}

modprobe -q loop 2>/dev/null
modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
all="pods readers host partitions add dm"
make_root "$image" cmp dd
run_tests "$all" "$@"
