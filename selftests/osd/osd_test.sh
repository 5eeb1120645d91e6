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
	local what=$1 layout=$2 options="$3 --sys=devices"
	case $3 in *--intercept*) options=${3/--intercept/--sys=devices --intercept} ;; esac
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
	plans "raw, encrypted and closed" "encrypted bluestore" \
		"--device=/dev/mapper/osd-11111111-2222-3333-4444-555555555555:/dev/mapper/osd-11111111-2222-3333-4444-555555555555:rw" \
		raw --dmcrypt --data "$d3"
	runner osd run raw --dmcrypt --data "$d3" -- --rm --image "$image" -- true
	has "no key" "$errors" "--key-file FILE opens it"
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

test_run_udev() {
	local data
	truncate -s 64M "$work/1.img" "$work/2.img"
	attach 1 0
	attach 2 0
	bluestore "$d1"
	[ -d /run/udev/data ] || mkdir -p /run/udev/data
	mount -t tmpfs none /run/udev/data
	for each in "$d1" "$d2"; do
		echo "E:ID_SERIAL=${each##*/}" >"/run/udev/data/b$((0x$(stat -c %t "$each"))):$((0x$(stat -c %T "$each")))"
	done
	data=$(ls /run/udev/data/*:"$((0x$(stat -c %T "$d1")))")
	runner osd run raw --data "$d1" -- --rm --image "$image" -- sh -c '
		echo /run/udev/data/*; cat /run/udev/data/*; echo x >'"$data"' || echo read-only
		echo x >/sys/block/'"${d1##*/}"'/queue/nr_requests || echo read-only; ls -d /sys/block/'"${d1##*/}"
	same "that of its device" "$data
E:ID_SERIAL=${d1##*/}
read-only
read-only
/sys/block/${d1##*/}" "$out"
	same "below" "E:ID_SERIAL=${d1##*/}" "$(cat "$data")"
	# udev writes a new file in the old one's place whenever a device is closed
	(while cp "$data" "$data.new" && mv "$data.new" "$data"; do :; done) 2>/dev/null &
	for _ in 1 2 3 4 5 6; do
		runner osd run raw --data "$d1" -- --rm --image "$image" -- cat "$data"
		same "while udev writes" "E:ID_SERIAL=${d1##*/}" "$out$errors"
	done
	kill $!
	wait $! 2>/dev/null
	umount /run/udev/data
	detach
	check_clean "run udev"
	finish "run: what udev and sysfs know of the device, read-only"
}

test_run_sys() {
	local name find='cd /sys && echo block/* class/block/* && ls -l dev/block | sed -n "s,.*/,,p" | sort | paste -s -d " " &&
		find devices -path "*/block/*" -name dev | sed "s,/dev$,,; s,.*/,," | sort | paste -s -d " "'
	make_root "$work/sys-image" find sed sort paste ls cat lsblk mount
	disk 1 $data $journal
	disk 2 $data
	name=${d1##*/}
	runner run --rm --sys devices --device "$d1" --image "$work/sys-image" -- sh -c "$find"
	same "a disk, with its partitions" "block/$name class/block/$name class/block/${name}p1 class/block/${name}p2
$name ${name}p1 ${name}p2
$name ${name}p1 ${name}p2" "$out$errors"
	runner run --rm --sys devices --device "${d1}p2" --image "$work/sys-image" -- sh -c "$find; cat /sys/block/$name/queue/logical_block_size"
	same "a partition, its disk, but not the other partition" "block/$name class/block/$name class/block/${name}p2
$name ${name}p2
$name ${name}p2
512" "$out$errors"
	runner run --rm --net host --sys devices --device "${d1}p2" --device "$d1" --image "$work/sys-image" -- sh -c "$find; lsblk -rno NAME 2>&1"
	same "both, on the host's network; lsblk" "block/$name class/block/$name class/block/${name}p1 class/block/${name}p2
$name ${name}p1 ${name}p2
$name ${name}p1 ${name}p2
$name
${name}p1
${name}p2" "$out$errors"
	runner run --rm --sys devices --cap-add sys_admin --image "$work/sys-image" -- sh -c '
		find /sys -path "*/block/?*"; cat /proc/partitions /proc/diskstats
		mkdir /new; mount -t sysfs none /new 2>/dev/null && ls /new/block
		mount -o remount,rw /sys 2>/dev/null && echo writable; mkdir /sys/new 2>/dev/null && echo written
		umount /proc/partitions 2>/dev/null && cat /proc/partitions
		ls -d /sys/devices/system/cpu /sys/fs/cgroup/cgroup.procs'
	same "none" "/sys/devices/system/cpu
/sys/fs/cgroup/cgroup.procs" "$out$errors"
	runner run --rm --sys all --image "$work/sys-image" -- true
	has "another word" "$errors" "--sys all: it is host or devices"
	runner run --rm --device "${d1}p2" --image "$work/sys-image" -- sh -c 'echo /sys/class/block/*; cat /proc/partitions'
	has "without the option" "$out" "${d2##*/}"
	same "the stage below is gone" '' "$(grep -h 'stage/sys' /proc/self/mountinfo)"
	detach
	check_clean "run sys"
	finish "run: /sys and lists of /proc have the pod's disks and no others"
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
	# the kernel unmounts it when the last process of the pod is gone already
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		runner osd run osd_disk_activate --data "$d1" --host-mount /data -- -d --name osd-7 --image "$image" -- \
			sh -c 'echo more >/data/more; exec sleep 600'
		same "again, at once" 0 "$status$errors"
		runner rm -f osd-7
	done
	gone "${d1}p1"
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

# encrypt NODE TYPE KEY: a header that costs no time
encrypt() {
	cryptsetup luksFormat -q --type "$2" --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
		--key-file "$3" "$1" || problem "cryptsetup luksFormat $1"
}

# closed NODE: until nothing is mapped on it
closed() {
	local holders
	for _ in $(seq 100); do
		holders=$(ls /sys/class/block/"${1##*/}"/holders)
		[ -n "$holders" ] || return 0
		sleep 0.05
	done
	problem "$2: $1 is still open as $holders"
}

# has_dm TEST: whether this kernel has dm-crypt, else the test is skipped
has_dm() {
	modprobe -q dm-crypt 2>/dev/null
	[ -S /run/udev/control ] || export DM_DISABLE_UDEV=1
	if ! dmsetup version >/dev/null 2>&1 || ! type cryptsetup >/dev/null 2>&1; then
		skipped "$1" "$1: this kernel has no device mapper"
		return 1
	fi
	if [ ! -e "${RUNNER%/*}/runner-crypt.so" ] && [ ! -e "${RUNNER%/*}/../libexec/runner/runner-crypt.so" ]; then
		skipped "$1" "$1: runner was built without libcryptsetup"
		return 1
	fi
}

test_crypt_raw() {
	local type mapper pid
	has_dm "crypt_raw" || return
	printf 'a key\n\0of bytes' >"$work/key"
	echo other >"$work/other"
	truncate -s 64M "$work/1.img"
	attach 1 0
	for type in luks1 luks2; do
		encrypt "$d1" $type "$work/key"
		mapper=/dev/mapper/osd-$(cryptsetup luksUUID "$d1")
		runner osd run raw --dmcrypt --key-file "$work/other" --data "$d1" -- --rm --image "$image" -- true
		same "$type: another key: status" 125 "$status"
		has "$type: another key" "$errors" "the key does not open $d1"
		closed "$d1" "$type: another key"
		runner osd run raw --dmcrypt --key-file "$work/key" --data "$d1" -- -d --name osd-0 --image "$image" -- \
			sh -c "echo clear $type >$mapper && ls /dev/mapper/* /dev/loop*; echo ready; exec sleep 600"
		same "$type: start" 0 "$status$errors"
		said osd-0 ready
		has "$type: its devices" "$("$RUNNER" logs osd-0 2>&1)" "$mapper"
		hasnt "$type: its devices" "$("$RUNNER" logs osd-0 2>/dev/null)" "/dev/loop"$'\n'
		hasnt "$type: the encrypted side" "$("$RUNNER" logs osd-0 2>/dev/null)" "$d1"
		! flock -xn "$(readlink -f "$mapper")" true || problem "$type: $mapper can be locked while its pod runs"
		# all that started it has ended
		same "$type: holders" '' "$(pgrep -f runner-osd-hold)"
		runner stop -t 1 osd-0
		closed "$d1" "$type: stop"
		runner rm osd-0
		runner osd run raw --dmcrypt --key-file - --data "$d1" -- --rm --image "$image" -- true
		has "$type: an empty stdin" "$errors" "the key is empty"
		same "$type: stdin" mapped "$("$RUNNER" osd run raw --dmcrypt --key-file - --data "$d1" -- \
			--rm --image "$image" -- sh -c "[ -b $mapper ] && echo mapped" <"$work/key" 2>&1)"
		closed "$d1" "$type: stdin"
		cryptsetup open --key-file "$work/key" "$d1" look
		same "$type: below, with the key" "clear $type" "$(head -c $((6 + ${#type})) /dev/mapper/look)"
		cryptsetup close look
		! grep -q "clear $type" "$work/1.img" || problem "$type: the disk has it in clear"
	done
	# all ways to an end, ten starts
	for pid in $(seq 5); do
		runner osd run raw --dmcrypt --key-file "$work/key" --data "$d1" -- -d --name osd-0 --image "$image" -- sleep 600
		same "start $pid" 0 "$status$errors"
		kill -9 "$(field pid osd-0)"
		closed "$d1" "kill -9 of the OSD"
		runner rm -f osd-0
		runner osd run raw --dmcrypt --key-file "$work/key" --data "$d1" -- -d --name osd-0 --image "$image" -- sleep 600
		same "start $pid again" 0 "$status$errors"
		kill -9 "$(field monitor osd-0)"
		closed "$d1" "kill -9 of the monitor"
		runner rm -f osd-0
	done
	"$RUNNER" osd run raw --dmcrypt --key-file "$work/key" --data "$d1" -- --rm --name osd-0 --image "$image" -- \
		sh -c 'echo ready; exec sleep 600' >"$work/said" 2>&1 </dev/null &
	pid=$!
	for _ in $(seq 200); do grep -q ready "$work/said" && break; sleep 0.05; done
	has "in the foreground" "$(cat "$work/said")" ready
	kill -9 $pid
	wait $pid 2>/dev/null
	closed "$d1" "kill -9 of runner"
	runner run --rm --image "$image" -- true
	runner rm -f osd-0
	# a start that fails after the device is open
	runner osd run raw --dmcrypt --key-file "$work/key" --data "$d1" -- --rm --image "$work/nothing" -- true
	same "no image: status" 125 "$status"
	closed "$d1" "no image"
	# one that a killed runner left open, and one of the administrator's
	cryptsetup open --key-file "$work/key" "$d1" "${mapper##*/}"
	runner osd run raw --dmcrypt --data "$d1" -- --rm --image "$image" -- true
	same "the administrator's" 0 "$status$errors"
	[ -n "$(ls /sys/class/block/"${d1##*/}"/holders)" ] || problem "the administrator's mapping was closed"
	touch "/run/runner/crypt/${mapper##*/}"
	runner osd run raw --dmcrypt --data "$d1" -- --rm --image "$image" -- true
	same "what was left" 0 "$status$errors"
	closed "$d1" "what was left"
	same "marks" '' "$(ls /run/runner/crypt)"
	detach
	check_clean "crypt raw"
	finish "encrypted: LUKS1 and LUKS2, keys, closed on every way to an end"
}

test_crypt_disk() {
	local mount
	has_dm "crypt_disk" || return
	mkdir -p "$work/keys"
	disk 1 $data_luks $journal_luks $lockbox
	for n in 1 2; do
		echo "key $n" >"$work/keys/$(uuid 1 $n).luks.key"
		encrypt "${d1}p$n" luks1 "$work/keys/$(uuid 1 $n).luks.key"
	done
	cryptsetup open --key-file "$work/keys/$(uuid 1 1).luks.key" "${d1}p1" look
	mkfs.ext4 -q /dev/mapper/look
	cryptsetup close look
	closed "${d1}p1" "mkfs"
	for mount in pod host; do
		set -- --data "$d1"
		[ $mount = pod ] || set -- "$@" --host-mount /data
		runner osd run osd_disk_activate --dmcrypt --key-file "$work/keys" "$@" -- --rm --image "$image" -- sh -c '
			[ '$mount' = host ] || { mkdir /data && mount /dev/mapper/'"$(uuid 1 1)"' /data; }
			grep " /data " /proc/mounts; echo '$mount' >/data/'$mount'; chown 184:998 /data/'$mount'
			ls /dev/mapper/*; ls /data | cat'
		same "$mount: status" 0 "$status$errors"
		has "$mount: mounted" "$out" " /data ext4 rw,nosuid,nodev"
		has "$mount: the journal" "$out" "/dev/mapper/$(uuid 1 2)"
		closed "${d1}p1" "$mount"
		closed "${d1}p2" "$mount"
	done
	runner osd run osd_disk_activate --dmcrypt --key-file "$work/keys/$(uuid 1 1).luks.key" --data "$d1" -- --rm --image "$image" -- true
	has "one key for two" "$errors" "the key does not open ${d1}p2"
	closed "${d1}p1" "one key for two"
	# a lockbox has one key for an OSD's devices
	cryptsetup luksAddKey -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
		--key-file "$work/keys/$(uuid 1 2).luks.key" "${d1}p2" "$work/keys/$(uuid 1 1).luks.key" || problem "luksAddKey"
	same "one key for two, by stdin" "/dev/mapper/$(uuid 1 1)
/dev/mapper/$(uuid 1 2)" "$("$RUNNER" osd run osd_disk_activate --dmcrypt --key-file - --data "$d1" -- \
		--rm --image "$image" -- ls /dev/mapper/$(uuid 1 1) /dev/mapper/$(uuid 1 2) <"$work/keys/$(uuid 1 1).luks.key" 2>&1)"
	closed "${d1}p1" "one key for two, by stdin"
	closed "${d1}p2" "one key for two, by stdin"
	cryptsetup open --key-file "$work/keys/$(uuid 1 1).luks.key" "${d1}p1" look
	mount -o ro /dev/mapper/look "$work/mnt"
	same "below" "184:998 host 184:998 pod" "$(cd "$work/mnt" && stat -c '%u:%g %n' host pod | paste -sd ' ')"
	umount "$work/mnt"
	cryptsetup close look
	detach
	check_clean "crypt disk"
	finish "encrypted: a disk of ceph-disk, mounted by the pod and by the host"
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
mkdir -p "$work/mnt"
make_root "$image" mount umount grep chown
all="layouts raw prepare refusals run_raw run_udev run_sys run_intercept run_host_mount run_directory crypt_raw crypt_disk"
run_tests "$all" "$@"
