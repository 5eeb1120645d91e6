#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# intercept_test: --intercept-mount.  Each test says what mount(8) of the pod gets
# and sees, and what the filesystem on the host's device stores.
#
# intercept_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2016,SC2086,SC2154,SC2317 # as in its relatives
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
own_ranges 100

# A loop device of the host in $dev, with an empty filesystem of the type $2.
loop() {
	truncate -s 320M "$work/$1.img"
	"mkfs.$2" -q "$work/$1.img" >/dev/null
	dev=$(losetup -f --show "$work/$1.img")
}

# in_pod OPTION... -- SCRIPT: output in $out
in_pod() {
	local script=${*: -1}
	runner run --rm --image "$image" --cap-add sys_admin "${@:1:$#-2}" -- sh -c "$script"
}

# gone: until the last mount of $dev is away
gone() {
	for _ in $(seq 100); do
		! python3 -c 'import os, sys; os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)' "$dev" 2>/dev/null || return 0
		sleep 0.05
	done
	problem "$dev is still in use"
}

# stored COMMAND...: on the host, in the filesystem of $dev
stored() {
	gone
	mkdir -p "$work/mnt"
	mount "$dev" "$work/mnt" && (cd "$work/mnt" && "$@")
	umount "$work/mnt"
}

mounts_type() {
	local type=$1
	if ! type "mkfs.$type" >/dev/null 2>&1; then
		skipped "$type" "$type: there is no mkfs.$type"
		return
	fi
	loop $type $type
	in_pod --device "$dev:/dev/sda" --intercept-mount ext4,xfs -- '
		mkdir /data && mount -t '$type' /dev/sda /data && echo mounted
		touch /data/file && chown 184:998 /data/file && stat -c "%u:%g %n" /data/file
		grep " /data " /proc/mounts
		cp /bin/sh /data/sh && mknod /data/null c 1 3 2>&1
		mount -o remount,bind,dev,suid /data 2>&1
		mount -t '$type' /dev/sda /data 2>&1
		umount /data && echo unmounted; ls /data
		mount -t '$type' -o ro,noatime /dev/sda /data && touch /data/x 2>&1; ls /data'
	same "$type: status" 0 "$status"
	has "$type" "$out" mounted
	has "$type: the owner in the pod" "$out" "184:998 /data/file"
	has "$type: its options" "$out" "/data $type rw,nosuid,nodev"
	has "$type: nodev and nosuid stay" "$out" "permission denied"
	has "$type: a second time" "$out" "already mounted"
	has "$type: umount" "$out" unmounted
	has "$type: read-only" "$out" "Read-only file system"
	same "$type: the owner that is stored" "184:998" "$(stored stat -c %u:%g file)"
	same "$type: the pod's root" "0:0" "$(stored stat -c %u:%g sh)"
	losetup -d "$dev"
	check_clean "at the end"
	finish "$type: mounted by the pod's own mount(8)"
}

test_ext4() {
	mounts_type ext4
}

test_xfs() {
	mounts_type xfs
}

test_not_given() {
	local mine
	loop g ext4
	mine=$dev
	truncate -s 16M "$work/other.img"
	mkfs.ext4 -q "$work/other.img"
	dev=$(losetup -f --show "$work/other.img")
	# the errors are those of a pod without interception
	cat >"$image/try" <<'EOF'
mkdir /data
mknod /tmp/other b $1 $2 2>/dev/null
for source in /dev/other /tmp/other /tmp/nothing /dev/sda/../other; do
	mount -t ext4 $source /data 2>&1
done
mount -t btrfs /dev/sda /data 2>&1
mount -t tmpfs none /data 2>&1 && echo tmpfs && umount /data
mount --bind /tmp /data && echo bind && umount /data
ln -s /dev/sda /tmp/link; ln -s /proc/1/root/dev/sda /tmp/magic
unshare -m mount -t ext4 /dev/sda /data 2>&1
grep -c ext4 /proc/mounts
EOF
	in_pod --device "$mine:/dev/sda" -- "sh /try 7 ${dev#/dev/loop}"
	cp "$work/out" "$work/plain"
	has "a tmpfs, without" "$out" tmpfs
	in_pod --device "$mine:/dev/sda" --intercept-mount ext4 -- "sh /try 7 ${dev#/dev/loop}"
	same "as without interception" "$(cat "$work/plain")" "$out"
	# without the capability, without a type, for writing
	runner run --rm --image "$image" --device "$mine:/dev/sda" --intercept-mount ext4 -- true
	same "no CAP_SYS_ADMIN" 125 $status
	has "no CAP_SYS_ADMIN" "$errors" "--cap-add sys_admin"
	runner run --rm --image "$image" --intercept-mount vfat -- true
	has "another type" "$errors" "'vfat' is not ext4"
	in_pod --device "$mine:/dev/sda:r" --intercept-mount ext4 -- 'mkdir /data; mount -t ext4 -o rw /dev/sda /data 2>&1; grep /data /proc/mounts; touch /data/x 2>&1'
	hasnt "a device for reading" "$out" "ext4 rw"
	in_pod --device "$mine:/dev/sda" --intercept-mount ext4 -- 'mkdir /data; mount -t ext4 -o usrjquota=/etc/passwd /dev/sda /data 2>&1; mount -t ext4 -o journal_path=/dev/null /dev/sda /data 2>&1; mount -t ext4 /dev/sda /bin/sh 2>&1; mount -t ext4 /dev/sda /nowhere 2>&1; grep -c ext4 /proc/mounts'
	has "options, a file, nothing" "$out" $'\n0'
	rm "$image/try"
	losetup -d "$mine" "$dev"
	check_clean "at the end"
	finish "what was not given, and all else, has the kernel's answer"
}

test_damaged() {
	loop b ext4
	# an inode table of random bytes
	dd if=/dev/urandom of="$dev" bs=4096 seek=20 count=60 conv=notrunc status=none
	sync "$dev"
	in_pod --device "$dev:/dev/sda" --intercept-mount ext4 -- 'mkdir /data; mount -t ext4 /dev/sda /data 2>&1; grep -c ext4 /proc/mounts'
	has "a damaged filesystem" "$out" "Structure needs cleaning"
	has "is not mounted" "$out" $'\n0'
	has "is told to who started the pod" "$errors" "cannot mount /dev/sda at /data"
	losetup -d "$dev"
	loop c ext4
	in_pod --device "$dev:/dev/sda" --intercept-mount ext4,unchecked -- 'mkdir /data; mount -t ext4 /dev/sda /data && echo mounted'
	same "unchecked" mounted "$out"
	gone
	losetup -d "$dev"
	check_clean "at the end"
	finish "a filesystem is checked first"
}

test_many() {
	local n=60
	loop m ext4
	# Arguments that change while they are read; the pod that ends in the middle.
	cp /usr/bin/python3 "$image/bin/python3" 2>/dev/null
	in_pod --device "$dev:/dev/sda" --intercept-mount ext4,unchecked -- '
		mkdir /data; i=0; while [ $i -lt '$n' ]; do
			mount -t ext4 /dev/sda /data && umount /data || echo failed $i; i=$((i + 1)); done
		i=0; while [ $i -lt 20 ]; do mkdir -p /m/$i; mount -t ext4 /dev/sda /m/$i 2>/dev/null & i=$((i + 1)); done; wait
		grep -c ext4 /proc/mounts'
	same "$n mounts, then 20 at once" 1 "$out"
	gone
	up half --cap-add sys_admin --device "$dev:/dev/sda" --intercept-mount ext4 -- sh -c 'mkdir /data; while :; do mount -t ext4 /dev/sda /data; umount /data; done'
	sleep 1
	runner rm -f half
	same "removed in the middle" 0 "$status$errors"
	gone
	losetup -d "$dev"
	check_clean "at the end"
	finish "many mounts, and a pod that ends in one"
}

modprobe -q loop 2>/dev/null
modprobe -q xfs 2>/dev/null
modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
all="ext4 xfs not_given damaged many"
make_root "$image" chown cp grep mknod mount umount unshare
# mount(8) is setuid
chmod 755 "$image/bin/mount" "$image/bin/umount"
run_tests "$all" "$@"
