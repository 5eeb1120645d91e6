#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# storm.sh [LOWER] [ARGUMENT...]: storm with these arguments on a fresh LOWER
# (ext4, xfs, btrfs, tmpfs), on SPARE (/dev/spare0), which is overwritten. Then
# nothing may hold the lower filesystem or the module, the lower has to be clean,
# and on a kernel that has them lockdep still on and kmemleak without a finding.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
type=${1:-ext4}
shift
device=${SPARE:-/dev/spare0}
kmemleak=/sys/kernel/debug/kmemleak
dir=$(mktemp -d /run/storm.XXXXXX)
chmod 755 "$dir"
n=0 failed=0

result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n $2"
	else
		failed=$((failed + 1))
		echo "not ok $n $2"
	fi
}

echo "TAP version 13"
if [ "${SHIFTFS_TEST_BACKEND:-shiftfs}" = shiftfs ]; then
	grep -qw shiftfs /proc/filesystems || modprobe shiftfs
fi
[ ! -w $kmemleak ] || echo clear >$kmemleak
modprobe -q "$type"
case $type in
tmpfs) mount -t tmpfs -o mode=755 tmpfs "$dir" ;;
ext4) mkfs.ext4 -q -F -E lazy_itable_init=1 "$device" 512M && mount "$device" "$dir" ;;
*) "mkfs.$type" -q -f "$device" && mount "$device" "$dir" ;;
esac || { result 1 "a fresh $type"; exit 1; }

SHIFTFS_TEST_DIR=$dir "$here/storm" "$@"
result $? "storm on $type, $(uname -r)"

# what a killed storm left running would hold it rightly
for _ in {1..50}; do
	umount "$dir" && break
	sleep 0.2
done 2>/dev/null
! mountpoint -q "$dir"
result $? "nothing holds the lower"
case $type in
ext4) e2fsck -fn "$device" ;;
xfs) xfs_repair -n "$device" ;;
btrfs) btrfs check --readonly "$device" ;;
*) true ;;
esac >"$dir.fsck" 2>&1
status=$?
[ $status = 0 ] || sed 's/^/# /' "$dir.fsck" | head -n 30
result $status "the lower is clean"
if [ -e /sys/module/shiftfs/refcnt ]; then
	rmmod shiftfs
	result $? "nothing holds the module"
fi
if [ -e /proc/lockdep_stats ]; then
	grep -q '^ debug_locks: *1$' /proc/lockdep_stats
	result $? "lockdep is still on"
fi
if [ -w $kmemleak ]; then
	# it does not look at objects younger than five seconds
	for _ in 1 2; do
		sleep 6
		echo scan >$kmemleak
	done
	leaks=$(cat $kmemleak)
	[ -z "$leaks" ] || printf '%s\n' "$leaks" | sed 's/^/# /' | head -n 100
	[ -z "$leaks" ]
	result $? "kmemleak finds nothing"
fi
echo "1..$n"
echo "# totals: pass:$((n - failed)) fail:$failed skip:0"
[ $failed = 0 ]
