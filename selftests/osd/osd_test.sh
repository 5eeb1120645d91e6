#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# osd_test: runner osd plan, on disks with the partition types of Ceph.  A table's
# line is a command line and what the plan has, or the refusal; below, nothing on
# the disks is changed.
#
# osd_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2005,SC2016,SC2046,SC2086,SC2116,SC2154,SC2317 # as in its relatives
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@

# Types as ceph-disk has them.
data=4fbd7e29-9d25-41b8-afd0-062c0ceff05d
data_luks=4fbd7e29-9d25-41b8-afd0-35865ceff05d
journal=45b0969e-9b03-4f30-b4c6-b4b80ceff106
journal_luks=45b0969e-9b03-4f30-b4c6-35865ceff106
block=cafecafe-9b03-4f30-b4c6-b4b80ceff106
db=30cd0809-c2b2-499c-8879-2d6b78529876
wal=5ce17fce-4087-4169-b7ff-056cc58473f9
lockbox=fb3aabf9-d25f-47cc-bf5e-721d1816496b
unready=89c57f98-2fe5-4dc0-89c1-f3ad0ceff2be
linux=0fc63daf-8483-4772-8e79-3d69d8477de4

# uuid DISK NUMBER: the PARTUUID that it gets
uuid() {
	printf '%08x-0000-4000-8000-%012x' "$1" "$2"
}

disks=()
# disk NUMBER TYPE...: a disk with partitions of 4 MiB; its node is in $dev and
# d$NUMBER.  A kernel that reads no GPT is told of them one by one.
disk() {
	local n=$1 i=0 type
	shift
	truncate -s 64M "$work/$n.img"
	{
		echo "label: gpt"
		for type; do
			i=$((i + 1))
			echo "size=4MiB, type=$type, uuid=$(uuid "$n" $i)"
		done
	} | sfdisk -q --no-reread --no-tell-kernel "$work/$n.img" >/dev/null || problem "sfdisk"
	attach "$n" $#
}

# attach NUMBER PARTITIONS
attach() {
	local i
	dev=$(losetup -P -f --show "$work/$1.img")
	disks+=("$dev")
	printf -v "d$1" %s "$dev"
	for i in $(seq "$2"); do
		[ -b "${dev}p$i" ] || addpart "$dev" $i $((2048 + (i - 1) * 8192)) 8192
	done
	udevadm settle 2>/dev/null
	for i in $(seq "$2"); do
		[ -b "${dev}p$i" ] || problem "no ${dev}p$i"
	done
}

sums() {
	local n
	for n in "$work"/[0-9]*.img; do sha256sum "$n"; done
}

detach() {
	local each
	for each in "${disks[@]}"; do losetup -d "$each"; done
	disks=()
	rm -f "$work"/[0-9]*.img
}

# luks NODE: the header of LUKS1, as far as libblkid looks
luks() {
	printf 'LUKS\xba\xbe\0\1aes\0' | dd of="$1" conv=notrunc,fsync status=none
	printf '11111111-2222-3333-4444-555555555555' | dd of="$1" bs=1 seek=168 conv=notrunc,fsync status=none
}

# bluestore NODE: the label by which libblkid knows one
bluestore() {
	printf 'bluestore block device\n11111111-2222-3333-4444-555555555555\n' |
		dd of="$1" conv=notrunc,fsync status=none
}

# plans WHAT LAYOUT OPTIONS ARGUMENT...: OPTIONS are those of runner run, in words
plans() {
	local what=$1 layout=$2 options=$3
	shift 3
	runner osd plan "$@"
	same "$what" 0 "$status$errors"
	has "$what: layout" "$out" ": $layout"$'\n'
	same "$what: options" "$(echo $options)" \
		"$(echo $(sed -n '/^runner run$/,/^podman/s/^  //p' "$work/out"))"
	runner osd plan "$@" --json
	same "$what: as JSON" "$(echo $options)" \
		"$(python3 -c 'import json, sys; print(*json.load(sys.stdin)["runner"])' <"$work/out")"
}

# refuses WHAT TEXT ARGUMENT...
refuses() {
	local what=$1 text=$2
	shift 2
	runner osd plan "$@"
	same "$what: status" 125 "$status"
	same "$what: no plan" '' "$out"
	has "$what" "$errors" "$text"
}

# given NODE NUMBER PARTITION: how a partition is given
given() {
	echo "--device=$1:$1:rw --device=$1:/dev/disk/by-partuuid/$(uuid "$2" "$3"):rw"
}

test_layouts() {
	local before
	disk 1 $data $journal
	disk 2 $data
	disk 3 $journal $journal
	disk 4 $data_luks $journal_luks $lockbox
	disk 5 $data_luks $lockbox
	disk 6 $journal_luks
	disk 7 $data $block $db $wal
	luks "${d4}p1"
	luks "${d4}p2"
	luks "${d5}p1"
	luks "${d6}p1"
	mkfs.ext4 -q "${d1}p1"
	sync
	before=$(sums)
	plans "collocated" "collocated journal" "$(given ${d1}p1 1 1) $(given ${d1}p2 1 2)" \
		osd_disk_activate --data "$d1"
	has "the file system" "$(runner osd plan osd_disk_activate --data "$d1"; echo "$out")" "ext4"
	plans "by the partition" "collocated journal" "$(given ${d1}p1 1 1) $(given ${d1}p2 1 2)" \
		osd_disk_activate --data "${d1}p1"
	plans "dedicated" "dedicated journal" "$(given ${d2}p1 2 1) $(given ${d3}p2 3 2)" \
		osd_disk_activate --data "$d2" --journal "${d3}p2"
	plans "encrypted collocated" "encrypted, collocated journal" \
		"--device=/dev/mapper/$(uuid 4 1):/dev/mapper/$(uuid 4 1):rw --device=/dev/mapper/$(uuid 4 2):/dev/mapper/$(uuid 4 2):rw" \
		osd_disk_activate --dmcrypt --data "$d4"
	runner osd plan osd_disk_activate --dmcrypt --data "$d4"
	has "what the host does first" "$out" "cryptsetup open ${d4}p1 $(uuid 4 1)"
	plans "encrypted dedicated" "encrypted, dedicated journal" \
		"--device=/dev/mapper/$(uuid 5 1):/dev/mapper/$(uuid 5 1):rw --device=/dev/mapper/$(uuid 6 1):/dev/mapper/$(uuid 6 1):rw" \
		osd_disk_activate --dmcrypt --data "$d5" --journal "$d6"
	plans "bluestore" "bluestore" \
		"$(given ${d7}p1 7 1) $(given ${d7}p2 7 2) $(given ${d7}p3 7 3) $(given ${d7}p4 7 4)" \
		osd_disk_activate --data "$d7"
	plans "several" "collocated journal" \
		"$(given ${d1}p1 1 1) $(given ${d1}p2 1 2) $(given ${d2}p1 2 1) $(given ${d3}p1 3 1)" \
		osd_disks --data "$d1" --data "$d2" --journal "${d3}p1"
	mkdir -p "$work/ceph-0"
	mount -o ro,noload "${d1}p1" "$work/ceph-0"
	plans "a directory" "collocated journal" "--volume=$work/ceph-0:$work/ceph-0 $(given ${d1}p2 1 2)" \
		osd_directory_single --data "$d1"
	umount "$work/ceph-0"
	same "the disks" "$before" "$(sums)"
	# podman's are the same but for what it does not have
	runner osd plan osd_disk_activate --data "$d1" --json
	same "podman" "$(given ${d1}p1 1 1) $(given ${d1}p2 1 2)" \
		"$(python3 -c 'import json, sys; print(*json.load(sys.stdin)["podman"])' <"$work/out")"
	detach
	finish "the four layouts, bluestore, a directory, several"
}

test_raw() {
	truncate -s 64M "$work/1.img" "$work/2.img" "$work/3.img"
	attach 1 0
	attach 2 0
	attach 3 0
	bluestore "$d1"
	bluestore "$d2"
	plans "raw" bluestore "--device=$d1:$d1:rw --device=$d2:$d2:rw" raw --data "$d1" --db "$d2"
	refuses "raw, empty" "it contains nothing known" raw --data "$d3"
	refuses "raw, with a journal" "has no journal" raw --data "$d1" --journal "$d2"
	refuses "lvm" "$d1 is no logical volume" lvm --data "$d1"
	luks "$d3"
	refuses "raw, encrypted" "say --dmcrypt" raw --data "$d3"
	refuses "raw, encrypted and closed" "cryptsetup open $d3 NAME" raw --dmcrypt --data "$d3"
	refuses "raw, not encrypted" "is not encrypted" raw --dmcrypt --data "$d1"
	detach
	finish "raw and lvm"
}

test_prepare() {
	truncate -s 64M "$work/1.img"
	attach 1 0
	disk 2 $journal
	plans "prepare" "dedicated journal" \
		"--device=$d1:$d1:rw --device-wait=${d1}p1:rw --device-wait=${d1}p2:rw --device=$d2:$d2:rw --device-wait=${d2}p1:rw" \
		osd_disk_prepare --data "$d1" --journal "$d2"
	refuses "a disk with a table" "is not empty: it contains gpt" osd_disk_prepare --data "$d2"
	mkfs.ext4 -q "$d1"
	refuses "a disk with a filesystem" "is not empty: it contains ext4" osd_disk_prepare --data "$d1"
	wipefs -q -a "$d1"
	refuses "a partition" "is a partition" osd_disk_prepare --data "$d1" --journal "${d2}p1"
	refuses "encrypted" "does not make encrypted" osd_disk_prepare --dmcrypt --data "$d1"
	detach
	finish "an empty disk"
}

test_refusals() {
	local pid
	disk 1 $data $journal $linux
	disk 2 $data
	disk 3 $journal $journal
	disk 4 $unready
	disk 5 $data_luks $journal_luks
	refuses "no scenario" "there is no scenario 'osd'" osd --data "$d1"
	refuses "no device" "--data DEV is missing" osd_disks
	refuses "a journal first" "each OSD is a --data" osd_disks --journal "$d3" --data "$d1"
	refuses "two of one" "is of one OSD" osd_disk_activate --data "$d1" --data "$d2"
	refuses "missing" "/dev/nothing: No such file" osd_disk_activate --data /dev/nothing
	refuses "a file" "is no block device" osd_disk_activate --data "$work/1.img"
	refuses "a directory's data" "is not mounted" osd_directory_single --data "$d1"
	refuses "foreign" "${d1}p3 is not Ceph's data: its partition type is $linux" osd_disk_activate --data "${d1}p3"
	refuses "the wrong one" "${d1}p2 is not Ceph's data: its partition type is $journal, Ceph's journal" osd_disk_activate --data "${d1}p2"
	refuses "not finished" "ceph-disk has not finished it" osd_disk_activate --data "${d4}p1"
	refuses "no journal" "--journal DEV names one" osd_disk_activate --data "$d2"
	refuses "two journals" "has several journal partitions" osd_disk_activate --data "$d2" --journal "$d3"
	refuses "encrypted" "say --dmcrypt" osd_disk_activate --data "$d5"
	refuses "not LUKS" "should be LUKS" osd_disk_activate --dmcrypt --data "$d5"
	refuses "not encrypted" "is not encrypted" osd_disk_activate --dmcrypt --data "$d1"
	mkfs.ext4 -q "${d1}p1"
	mkdir -p "$work/mnt"
	mount "${d1}p1" "$work/mnt"
	refuses "mounted" "${d1}p1 is mounted at $work/mnt" osd_disk_activate --data "$d1"
	umount "$work/mnt"
	flock -n "${d1}p2" sleep 600 &
	pid=$!
	for _ in $(seq 100); do
		flock -n "${d1}p2" true || break
		sleep 0.05
	done
	refuses "busy" "has a lock on ${d1}p2" osd_disk_activate --data "$d1"
	pkill -P $pid
	wait $pid 2>/dev/null
	# a table that the kernel has not read
	printf 'label: gpt\nsize=8MiB, type=%s\nsize=4MiB, type=%s\n' $data $journal |
		sfdisk -q --no-reread --no-tell-kernel --force "$d1" >/dev/null
	refuses "another table" "the kernel does not have partition 2 of $d1" osd_disk_activate --data "$d1"
	# what a stranger wrote is read in a sandbox, and damage is no crash
	for n in $(seq 12); do
		dd if=/dev/urandom of="$d3" bs=512 count=1 seek=$((n % 4)) conv=notrunc status=none
		runner osd plan osd_disk_activate --data "$d2" --journal "$d3"
		case $status in 0 | 125) ;; *) problem "status $status with damage in sector $n" ;; esac
	done
	detach
	finish "wrong, missing, mounted, foreign and busy devices"
}

modprobe -q loop 2>/dev/null
all="layouts raw prepare refusals"
run_tests "$all" "$@"
