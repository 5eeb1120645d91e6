#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# stress-ng.sh [SECONDS] [LOWER]: stress-ng's filesystem class for SECONDS (60)
# on a shiftfs mount over LOWER (ext4, a spare disk or a looped file, or tmpfs);
# then umount and rmmod must succeed. The stressors share the time: each runs
# alone for its part of it.
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

grep -qw shiftfs /proc/filesystems || modprobe shiftfs
case $lower in
tmpfs) mount -t tmpfs -o size=512M tmpfs "$work/lower" ;;
*)
	device=${SPARE:-/dev/spare0}
	options=()
	if [ ! -b "$device" ]; then
		device=$work/image
		truncate -s 1G "$device"
		options=(-o loop)
	fi
	case $lower in
	ext4) mkfs.ext4 -q -F -E lazy_itable_init=1 "$device" 1G ;;
	*) "mkfs.$lower" -q -f "$device" ;;
	esac
	mount -t "$lower" "${options[@]}" "$device" "$work/lower"
	;;
esac
# stress-ng runs as the container's root would: ids 100000 and up
chown 0:0 "$work/lower"
mount -i -t shiftfs -o idmap=b:0:100000:65536 "$work/lower" "$work/mnt"
chmod 755 "$work"

mapfile -t stressors < <(stress-ng --class 'filesystem?' 2>&1 |
	sed -n 's/^class .*stressors: //p' | tr ' ' '\n' | sed '/^$/d')
[ ${#stressors[@]} -gt 10 ] || {
	echo "stress-ng.sh: no list of stressors from stress-ng" >&2
	exit 1
}
each=$((seconds / ${#stressors[@]}))
[ $each -ge 1 ] || each=1
echo "# ${#stressors[@]} stressors, $each s each, for $seconds s over $lower"

end=$((SECONDS + seconds))
ran=0 failed=() unusable=()
round=0
while [ $SECONDS -lt $end ]; do
	for stressor in "${stressors[@]}"; do
		[ $SECONDS -lt $end ] || break
		status=0
		setpriv --reuid 100000 --regid 100000 --clear-groups \
			timeout -k 20 $((each + 60)) stress-ng --temp-path "$work/mnt" \
			"--$stressor" 1 --timeout "$each" --oomable \
			>"$work/log" 2>&1 || status=$?
		case $status in
		0) ran=$((ran + 1)) ;;
		# 3: cannot run here, 4: not built into this stress-ng
		3 | 4) unusable+=("$stressor") ;;
		*)
			failed+=("$stressor:$status")
			sed 's/^/# /' "$work/log"
			;;
		esac
	done
	round=$((round + 1))
done
echo "# rounds: $round, runs: $ran, not usable: ${unusable[*]:-none}"

status=0
if [ ${#failed[@]} -gt 0 ]; then
	echo "# failed: ${failed[*]}"
	status=1
fi
umount "$work/mnt" || { echo "# umount failed"; status=1; }
umount "$work/lower" || { echo "# umount of the lower failed"; status=1; }
if [ -e /sys/module/shiftfs/refcnt ]; then
	rmmod shiftfs || { echo "# rmmod failed"; status=1; }
fi
[ $status = 0 ] && echo "ok 1 stress-ng $lower" || echo "not ok 1 stress-ng $lower"
exit $status
