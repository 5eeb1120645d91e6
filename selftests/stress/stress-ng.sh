#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# stress-ng.sh [SECONDS] [LOWER]: stress-ng's filesystem class for SECONDS (60)
# on a shiftfs mount over LOWER (ext4 by default; on a spare disk, else on a
# looped file); then umount and rmmod must succeed. The stressors run in four
# batches side by side, each for a quarter of the time. The map exchanges the
# ids 0 and 1, so that root has a stored id and every privileged call is made.
set -euo pipefail

seconds=${1:-60}
lower=${2:-ext4}
work=$(mktemp -d /var/tmp/shiftfs-stress.XXXXXX)
mkdir "$work/lower" "$work/mnt"
# shellcheck disable=SC2317 # it is called, by the trap
finish() {
	umount -l "$work/mnt" 2>/dev/null || true
	umount -l "$work/lower" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

if [ "${SHIFTFS_TEST_BACKEND:-shiftfs}" = shiftfs ]; then
	grep -qw shiftfs /proc/filesystems || modprobe shiftfs
fi
case $lower in
tmpfs) mount -t tmpfs -o size=512M tmpfs "$work/lower" ;;
*)
	device=${SPARE:-/dev/spare0}
	options=()
	if [ ! -b "$device" ]; then
		device=$work/image
		truncate -s 2G "$device"
		options=(-o loop)
	fi
	case $lower in
	ext4) mkfs.ext4 -q -F -E lazy_itable_init=1 "$device" ;;
	*) "mkfs.$lower" -q -f "$device" ;;
	esac
	mount -t "$lower" "${options[@]}" "$device" "$work/lower"
	;;
esac
chmod 755 "$work"
chmod 777 "$work/lower"
map='b:0:1:1 b:1:0:1 b:2:2:65534'
if [ "${SHIFTFS_TEST_BACKEND:-shiftfs}" = shiftfs ]; then
	mount -i -t shiftfs -o "idmap=$map" "$work/lower" "$work/mnt"
else
	# to try the script itself where there is no module
	mount --bind "$work/lower" "$work/mnt"
fi

mapfile -t stressors < <(stress-ng --class 'filesystem?' 2>&1 |
	sed -n 's/^class .*stressors: //p' | tr ' ' '\n' | sed '/^$/d')
[ ${#stressors[@]} -gt 10 ] || {
	echo "stress-ng.sh: no list of stressors from stress-ng" >&2
	exit 1
}
batches=4
each=$((seconds / batches))
size=$(((${#stressors[@]} + batches - 1) / batches))
small=(--hdd-bytes 32M --iomix-bytes 16M --fallocate-bytes 32M --fiemap-bytes 16M
	--readahead-bytes 16M --revio-bytes 16M --seek-size 16M --sync-file-bytes 16M
	--copy-file-bytes 128M)
# those that this version knows
options=()
help=$(stress-ng --help 2>&1)
for ((i = 0; i < ${#small[@]}; i += 2)); do
	if [[ $help = *"${small[i]} "* ]]; then
		options+=("${small[i]}" "${small[i + 1]}")
	fi
done
echo "# ${#stressors[@]} stressors for $seconds s over $lower"

status=0
for ((i = 0; i < ${#stressors[@]}; i += size)); do
	run=()
	for stressor in "${stressors[@]:i:size}"; do
		run+=("--$stressor" 1)
	done
	# 3: a stressor had no resources, 4: not made for this machine
	result=0
	timeout -k 30 $((each + 120)) stress-ng --temp-path "$work/mnt" \
		"${run[@]}" "${options[@]}" --timeout "$each" --oomable \
		>"$work/log" 2>&1 || result=$?
	echo "# ${stressors[*]:i:size}: status $result"
	sed -n 's/^stress-ng: warn: *\[[0-9]*\] /#   /p' "$work/log"
	case $result in
	0 | 3 | 4) ;;
	*) status=1 ;;
	esac
	[ $status = 0 ] || sed 's/^/# /' "$work/log"
done

umount "$work/mnt" || { echo "# umount failed"; status=1; }
umount "$work/lower" || { echo "# umount of the lower failed"; status=1; }
if [ -e /sys/module/shiftfs/refcnt ]; then
	rmmod shiftfs || { echo "# rmmod failed"; status=1; }
fi
[ $status = 0 ] && echo "ok 1 stress-ng $lower" || echo "not ok 1 stress-ng $lower"
exit $status
