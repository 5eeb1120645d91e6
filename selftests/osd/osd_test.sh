#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# osd_test: runner osd plan and run, on disks with the partition types of Ceph.  A
# table's line is a command line and what the plan has, or the refusal; below, nothing
# on the disks is changed.  The tests of run say what the pod has of them, and what
# is on them and who has them on the host.
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

# what a pod needs to mount its data partition
mounts="--intercept-mount=xfs,ext4 --cap-add=sys_admin"

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
	plans "collocated" "collocated journal" "$(given ${d1}p1 1 1) $(given ${d1}p2 1 2) $mounts" \
		osd_disk_activate --data "$d1"
	has "the file system" "$(runner osd plan osd_disk_activate --data "$d1"; echo "$out")" "ext4"
	plans "by the partition" "collocated journal" "$(given ${d1}p1 1 1) $(given ${d1}p2 1 2) $mounts" \
		osd_disk_activate --data "${d1}p1"
	plans "dedicated" "dedicated journal" "$(given ${d2}p1 2 1) $(given ${d3}p2 3 2) $mounts" \
		osd_disk_activate --data "$d2" --journal "${d3}p2"
	plans "encrypted collocated" "encrypted, collocated journal" \
		"--device=/dev/mapper/$(uuid 4 1):/dev/mapper/$(uuid 4 1):rw --device=/dev/mapper/$(uuid 4 2):/dev/mapper/$(uuid 4 2):rw $mounts" \
		osd_disk_activate --dmcrypt --data "$d4"
	runner osd plan osd_disk_activate --dmcrypt --data "$d4"
	has "what the host does first" "$out" "cryptsetup open ${d4}p1 $(uuid 4 1)"
	plans "encrypted dedicated" "encrypted, dedicated journal" \
		"--device=/dev/mapper/$(uuid 5 1):/dev/mapper/$(uuid 5 1):rw --device=/dev/mapper/$(uuid 6 1):/dev/mapper/$(uuid 6 1):rw $mounts" \
		osd_disk_activate --dmcrypt --data "$d5" --journal "$d6"
	plans "bluestore" "bluestore" \
		"$(given ${d7}p1 7 1) $(given ${d7}p2 7 2) $(given ${d7}p3 7 3) $(given ${d7}p4 7 4) $mounts" \
		osd_disk_activate --data "$d7"
	plans "several" "collocated journal" \
		"$(given ${d1}p1 1 1) $(given ${d1}p2 1 2) $(given ${d2}p1 2 1) $(given ${d3}p1 3 1) $mounts" \
		osd_disks --data "$d1" --data "$d2" --journal "${d3}p1"
	mkdir -p "$work/ceph-0"
	mount -o ro,noload "${d1}p1" "$work/ceph-0"
	plans "a directory" "collocated journal" "--volume=$work/ceph-0:$work/ceph-0:idmap $(given ${d1}p2 1 2)" \
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
		"--device=$d1:$d1:rw --device-wait=${d1}p1:rw --device-wait=${d1}p2:rw --device=$d2:$d2:rw --device-wait=${d2}p1:rw $mounts" \
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

# gone NODE: until nobody has it any more
gone() {
	for _ in $(seq 100); do
		! python3 -c 'import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)' "$1" 2>/dev/null || return 0
		sleep 0.05
	done
	problem "$1 is still in use"
}

# data_disk NUMBER TYPE: a disk with a filesystem for data, and a journal
data_disk() {
	disk "$1" $data $journal
	"mkfs.$2" -q "${dev}p1"
	mkdir -p "$work/mnt"
	mount "${dev}p1" "$work/mnt"
	echo 7 >"$work/mnt/whoami"
	chown -R 184:998 "$work/mnt"
	umount "$work/mnt"
}

# stored NODE COMMAND...: on the host, in its filesystem
stored() {
	gone "$1"
	mount -o ro "$1" "$work/mnt" && (cd "$work/mnt" && "${@:2}")
	umount "$work/mnt"
}

test_run_raw() {
	truncate -s 64M "$work/1.img"
	attach 1 0
	bluestore "$d1"
	runner osd run raw --data "$d1" -- -d --name osd-0 --image "$image" -- sh -c '
		grep -c . /proc/self/uid_map; echo /dev/loop*; exec sleep 600'
	same "start" 0 "$status$errors"
	said osd-0 "$d1"
	hasnt "other disks" "$("$RUNNER" logs osd-0)" "$d1 "
	! flock -xn "$d1" true || problem "$d1 can be locked on the host while its pod runs"
	runner osd run raw --data "$d1" -- --rm --image "$image" -- true
	same "a second one: status" 125 "$status"
	has "a second one" "$errors" "has a lock on $d1"
	runner rm -f osd-0
	gone "$d1"
	# a bind of the words: options of run are run's alone
	runner osd run raw --data "$d1"
	has "no image" "$errors" "an IMAGE are missing"
	runner osd run raw --data "$d1" -- --nonsense "$image"
	has "an option of run's" "$errors" "unknown option '--nonsense'"
	runner osd plan raw --data "$d1" -- "$image"
	has "plan takes none" "$errors" "is too much"
	runner osd run raw --data "$d1" --host-mount /data -- "$image"
	has "nothing to mount" "$errors" "--host-mount is of osd_disk_activate"
	detach
	check_clean "run raw"
	finish "run: a raw device, its lock, a second pod"
}

test_run_intercept() {
	data_disk 1 ext4
	runner osd run osd_disk_activate --data "$d1" -- --rm --image "$image" -- sh -c '
		mkdir /data && mount "'"${d1}"'p1" /data && grep " /data " /proc/mounts
		cat /data/whoami; stat -c %u:%g /data/whoami; echo new >/data/new; chown 184:998 /data/new
		[ -b "'"${d1}"'p2" ] && echo journal; ls /dev/disk/by-partuuid | cat; umount /data'
	same "status" 0 "$status$errors"
	has "mounted" "$out" " /data ext4 rw,nosuid,nodev"
	has "the data" "$out" "7
184:998
journal
$(uuid 1 1)
$(uuid 1 2)"
	same "below" "184:998 new" "$(stored "${d1}p1" sh -c 'stat -c %u:%g new; cat new' | paste -sd ' ')"
	detach
	check_clean "run with interception"
	finish "run: the pod mounts its data"
}

test_run_host_mount() {
	local pid
	data_disk 1 ext4
	runner osd run osd_disk_activate --data "$d1" --host-mount /var/lib/ceph/osd/ceph-7 -- \
		-d --name osd-7 --image "$image" -- sh -c '
		cd /var/lib/ceph/osd/ceph-7 && grep " $PWD " /proc/mounts
		cat whoami; stat -c %u:%g whoami; echo new >new; chown 184:998 new
		[ -b "'"${d1}"'p1" ] || echo no node; [ -b "'"${d1}"'p2" ] && echo journal
		chmod 4755 new; echo ready; exec sleep 600'
	same "start" 0 "$status$errors"
	said osd-7 ready
	out=$("$RUNNER" logs osd-7)
	has "mounted" "$out" "nosuid,nodev"
	has "the data" "$out" "7
184:998
no node
journal"
	hasnt "mounts of the host" "$(cat /proc/self/mountinfo)" "/osd/"
	same "places on the host" '' "$(ls /run/runner/osd)"
	runner osd run osd_disk_activate --data "$d1" -- --rm --image "$image" -- true
	same "while it is mounted: status" 125 "$status"
	has "while it is mounted" "$errors" "${d1}p"
	# the monitor's end is the end of the mount, of the pod and of the locks
	pid=$(field monitor osd-7)
	kill -9 "$pid"
	gone "${d1}p1"
	gone "${d1}p2"
	runner rm -f osd-7
	# what a killed monitor left goes with the next start
	runner run --rm --image "$image" -- true
	same "below" "184:998 new" "$(stored "${d1}p1" sh -c 'stat -c %u:%g new; cat new' | paste -sd ' ')"
	# a filesystem that is damaged is not mounted
	dd if=/dev/urandom of="${d1}p1" bs=1k seek=$((1 + 3)) count=64 conv=notrunc,fsync status=none
	runner osd run osd_disk_activate --data "$d1" --host-mount /data -- --rm --image "$image" -- true
	same "damaged: status" 125 "$status"
	has "damaged" "$errors" "is damaged: the kernel is not asked"
	gone "${d1}p1"
	mkswap -q "${d1}p1" 2>/dev/null || mkswap "${d1}p1" >/dev/null 2>&1
	runner osd run osd_disk_activate --data "$d1" --host-mount /data -- --rm --image "$image" -- true
	has "another kind" "$errors" "has to be xfs or ext4"
	runner osd run osd_disk_activate --data "$d1" --host-mount data -- --rm --image "$image" -- true
	has "no path" "$errors" "no absolute path"
	detach
	check_clean "run with a mount of the host's"
	finish "run: the host mounts the data; kill -9 of the monitor"
}

test_run_directory() {
	data_disk 1 ext4
	data_disk 2 ext4
	mkdir -p "$work/ceph-1" "$work/ceph-2"
	# a setuid program that the pod stores there is not to be one on the host
	mount -o nosuid "${d1}p1" "$work/ceph-1"
	mount -o nosuid "${d2}p1" "$work/ceph-2"
	runner osd run osd_directory --data "$d1" --data "$d2" -- --rm --image "$image" -- sh -c '
		cat "'"$work"'"/ceph-[12]/whoami; stat -c %u:%g "'"$work"'"/ceph-1/whoami; echo /dev/loop*
		echo x >"'"$work"'/ceph-2/x"'
	same "status" 0 "$status$errors"
	has "the data" "$out" "7
7
184:998
${d1}p2 ${d2}p2"
	same "below" 0:0 "$(stat -c %u:%g "$work/ceph-2/x")"
	umount "$work/ceph-1" "$work/ceph-2"
	detach
	check_clean "run of directories"
	finish "run: two OSDs whose data the host has mounted"
}

modprobe -q loop 2>/dev/null
own_ranges 20
make_root "$image" mount umount grep chown
all="layouts raw prepare refusals run_raw run_intercept run_host_mount run_directory"
run_tests "$all" "$@"
