# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # out, status and the rest: ../lib/tap.sh
# What listed users may do with a setuid mount.shiftfs, and what they may not.
#
# /etc/passwd, subuid, subgid, fstab, /etc/shiftfs and /usr/sbin are covered in a
# mount namespace of the test's own.  MOUNT_SHIFTFS names the program.
set -u

if [ -z "${IN_NAMESPACE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 4; }
	exec env IN_NAMESPACE=1 unshare --mount --propagation private "$0" "$@"
fi
echo "TAP version 13"

here=$(dirname "$(readlink -f "$0")")
program=${MOUNT_SHIFTFS:-}
for p in "$here/../../san/bin/mount.shiftfs" "$here/../../bin/mount.shiftfs" /usr/sbin/mount.shiftfs; do
	[ -n "$program" ] || [ ! -x "$p" ] || program=$p
done
[ -n "$program" ] || { echo "Bail out! no mount.shiftfs, see MOUNT_SHIFTFS"; exit 1; }

backends=idmap
modprobe -q shiftfs 2>/dev/null
! grep -qw shiftfs /proc/filesystems || backends="shiftfs idmap"

# Not in /tmp: above a listed tree nobody but root may write.
work=$(mktemp -d /var/lib/shiftfs-delegate.XXXXXX)
chmod 755 "$work"
made_etc=
[ -d /etc/shiftfs ] || { mkdir /etc/shiftfs; made_etc=1; }
# shellcheck disable=SC2317 # called by the trap
finish() {
	cd /
	umount -l /etc/shiftfs
	[ -z "$made_etc" ] || rmdir /etc/shiftfs
	findmnt -rno TARGET | grep "^$work" | sort -r | while read -r m; do umount -l "$m"; done
	rm -rf "$work"
}
trap finish EXIT

mount -t tmpfs -o mode=755 tmpfs /etc/shiftfs
mkdir "$work/etc" "$work/sbin"
cover() { # cover FILE: its content is stdin
	cat >"$work/etc/${1##*/}"
	[ -e "$1" ] || touch "$1"
	mount --bind "$work/etc/${1##*/}" "$1"
}
{ cat /etc/passwd; echo "shifty:x:4242:4242::/:/bin/sh"; echo "other:x:4243:4243::/:/bin/sh"; } | cover /etc/passwd
printf 'shifty:300000:65536\nother:400000:65536\n' | cover /etc/subuid
printf 'shifty:300000:65536\nother:400000:65536\n' | cover /etc/subgid
install -m 4755 "$program" "$work/sbin/mount.shiftfs"
ln -s mount.shiftfs "$work/sbin/umount.shiftfs-user"
modprobe -q overlay 2>/dev/null
mount -t overlay -o "lowerdir=$work/sbin:/usr/sbin" overlay /usr/sbin ||
	{ echo "Bail out! /usr/sbin cannot be covered"; exit 1; }
helper=/usr/sbin/mount.shiftfs

user() { as 4242 env ASAN_OPTIONS=detect_leaks=0 "$@"; }
list=/etc/shiftfs/delegate.json
allow() { # allow ENTRY...: without the braces
	local IFS=,
	local entries=()
	for e; do entries+=("{ $e }"); done
	printf '{ "allow": [ %s ] }\n' "${entries[*]}" >$list
}
entry() { # entry PATH USER [IDMAP [WRITE]]
	printf '"path": "%s", "user": "%s", "idmap": "%s", "write": %s' \
		"$1" "$2" "${3:-b:0:300000:65536}" "${4:-false}"
}

mkdir "$work/tree" "$work/tree/sub" "$work/home"
echo content >"$work/tree/file"
chown 1000:1000 "$work/tree/file"
touch "$work/single" "$work/home/file"
mkdir "$work/home/view" "$work/home/other" "$work/mine"
chown -R 4242:4242 "$work/home"
mkdir "$work/roots"
tree=$work/tree
view=$work/home/view

# no_mount NAME STATUS TEXT...: the last try was refused, and nothing is mounted
no_mount() {
	local name=$1 want=$2
	shift 2
	gives "$want" "$name" "$@"
	if is_mounted "$view"; then
		ok 1 "$name: nothing is mounted"
		umount "$view"
	fi
}

for backend in $backends; do
	o=backend=$backend
	allow "$(entry "$tree" shifty)"
	try user "$helper" -o "$o" "$tree" "$view"
	gives 0 "$backend: a listed user mounts a listed tree" &&
		is "$(owner "$view/file")" 301000:301000 "above: his subordinate ids"
	is "$(owner "$tree/file")" 1000:1000 "below: 1000"
	options=$(vfs_options "$view")
	for flag in ro nosuid nodev; do
		has_option "$options" $flag
		ok $? "$backend: with $flag"
	done
	try as 300000 touch "$view/new"
	gives 1 "$backend: it is read-only" "Read-only"
	try as 4243 "$work/sbin/umount.shiftfs-user" "$view"
	gives 1 "$backend: another user cannot unmount it" "did not mount it"
	try user umount "$view"
	gives 0 "$backend: umount(8) by the user"
	! is_mounted "$view"
	ok $? "$backend: it is gone"
	! grep -q "$view" /run/mount/utab
	ok $? "$backend: from utab too"

	try user "$helper" -o "$o,rw,suid,dev,idmap=b:0:300000:1;b:1000:301000:1" "$tree" "$view"
	gives 0 "$backend: a part of the listed map"
	is "$(owner "$view/file") $(owner "$view/sub")" "301000:301000 300000:300000" "above: by it"
	options=$(vfs_options "$view")
	for flag in ro nosuid nodev; do
		has_option "$options" $flag
		ok $? "$backend: $flag in spite of rw,suid,dev"
	done
	umount "$view"

	allow "$(entry "$work/single" 4242)"
	try user "$helper" -o "$o" "$work/single" "$work/home/file"
	gives 0 "$backend: a single file, a user by number"
	is "$(owner "$work/home/file")" 300000:300000 "above: 300000"
	is "$(owner "$work/single")" 0:0 "below: 0"
	umount "$work/home/file"

	# writing: out of reach, or on a nosuid mount
	mkdir -p "$work/locked/tree"
	chmod 700 "$work/locked"
	allow "$(entry "$work/locked/tree" shifty b:0:300000:65536 true)"
	try user "$helper" -o "$o" "$work/locked/tree" "$view"
	gives 0 "$backend: for writing, behind a directory of root's alone"
	as 300000 touch "$view/new"
	ok $? "$backend: the user's root writes"
	is "$(owner "$view/new")" 300000:300000 "above: 300000"
	is "$(owner "$work/locked/tree/new")" 0:0 "below: 0"
	cp /usr/bin/id "$work/locked/tree/id"
	chmod 4755 "$work/locked/tree/id"
	is "$(user "$view/id" -u)" 4242 "$backend: a program that is setuid root below is not above"
	try user "$work/locked/tree/id" -u
	gives 126 "$backend: nor is it in reach below" "ermission denied"
	rm -rf "$work/locked"
	umount "$view"
	allow "$(entry "$tree" shifty b:0:300000:65536 true)"
	try user "$helper" -o "$o" "$tree" "$view"
	no_mount "$backend: for writing, in everyone's reach" 1 "setuid" "nosuid"
	mount --bind "$tree" "$tree"
	mount -o remount,bind,nosuid "$tree"
	try user "$helper" -o "$o" "$tree" "$view"
	gives 0 "$backend: for writing, on a nosuid mount"
	has_option "$(vfs_options "$view")" rw
	ok $? "$backend: is writable"
	umount "$view"
	umount "$tree"
done

# ---- by mount(8) and fstab -------------------------------------------------
o=backend=${backends%% *}
allow "$(entry "$tree" shifty)"
echo "$tree $view shiftfs $o,user,noauto,x-mark=1 0 0" | cover /etc/fstab
try user mount "$view"
gives 0 "a line of fstab with user, by mount(8)"
is "$(owner "$view/file")" 301000:301000 "above: his subordinate ids"
has_option "$(vfs_options "$view")" noexec
ok $? "noexec, as user means"
try user umount "$view"
gives 0 "and umount(8)"
echo "$tree $view shiftfs $o,user,noauto,idmap=b:0:0:65536 0 0" >/etc/fstab
try user mount "$view"
no_mount "a line of fstab does not widen the list" 1 "more than is listed"
umount /etc/fstab

# ---- the list --------------------------------------------------------------
refused() { # refused NAME TEXT...: with what is listed now
	local name=$1
	shift
	try user "$helper" -o "$o" "$tree" "$view"
	no_mount "$name" 1 "$@"
}
rm $list
refused "no list" "there is no $list"
allow "$(entry "$tree" shifty)"
chmod 666 $list
refused "a list that others can write" "not trusted"
chmod 644 $list
chown 4242 $list
refused "a list of the user's" "not trusted"
chown 0 $list
mv $list $list.real
ln -s delegate.json.real $list
try user "$helper" -o "$o" "$tree" "$view"
no_mount "a list that is a symbolic link" 32 "symbolic links"
rm $list
echo '{ "allow": [ ' >$list
refused "a list that is cut off" "not JSON"
allow "$(entry "$tree" shifty), \"wrte\": true"
refused "a key that is misspelt" "unknown key \"wrte\"" "entry 1"
allow "$(entry "$tree/" shifty)"
refused "a path that is not plain" "a slash too many"
allow "$(entry "$tree" shifty "u:0:300000:1")"
refused "a list without groups" "user and group ids"
allow
refused "an empty list" "not listed for the user shifty"
allow "$(entry "$tree" other b:0:400000:65536)" "$(entry "$work/roots" shifty)"
refused "listed for another" "not listed for the user shifty"
allow "$(entry "$tree" shifty b:0:0:65536)"
refused "ids that are not his own" "the id 0 is none of shifty's" "/etc/subuid"
allow "$(entry "$tree" shifty "u:0:300000:10;g:0:400000:10")"
refused "groups that are another's" "the id 400000 is none of shifty's" "/etc/subgid"
allow "$(entry "$tree" shifty b:0:300000:65537)"
refused "one id more than he has" "the id 365536 is none"
chmod 600 $list
allow "$(entry "$tree" shifty)"
try user "$helper" -f -o "$o" "$tree" "$view"
no_mount "a list which users cannot read is read; and -f" 0

# ---- the request -----------------------------------------------------------
with() { # with OPTION TEXT...
	local option=$1
	shift
	try user "$helper" -o "$o,$option" "$tree" "$view"
	no_mount "option $option" 1 "$@"
}
with idmap=b:0:300000:65537 "more than is listed"
with idmap=b:0:300001:1 "more than is listed"
with idmap=b:5:4242:1 "more than is listed"
with uidmap=0:300000:1 "one type of id only"
with userns=/proc/self/ns/user "not for users"
with backend=delegate "not for users"
with netns=/proc/self/ns/net "not for users"
with squash_uid=0 "not for users"
with mark "not for users"
with recursive "not for users"
with context=x "not for users"
with sync "not for users"
with remount "not for users"
with bind "not for users"
with shared "not for users"
try user "$helper" -N 1 -o "$o" "$tree" "$view"
no_mount "-N" 1 "users may give"
try user "$helper" -o "$o" "$work/../${work##*/}/tree" "$view"
no_mount "the tree by another path" 1 "not listed"
try user "$helper" -o "$o" "$tree/sub" "$view"
no_mount "a part of the tree" 1 "not listed"
try as 4243 "$helper" -o "$o" "$tree" "$view"
no_mount "another user" 1 "not listed for the user other"
install -m 755 "$program" "$work/plain"
try user "$work/plain" -o "$o" "$tree" "$view"
[ "$status" != 0 ] && ! is_mounted "$view"
ok $? "a helper that is not setuid"
setcap cap_sys_admin+ep "$work/plain"
try user "$work/plain" -o "$o" "$tree" "$view"
no_mount "a helper with file capabilities in place of setuid" 2 "giving up root"
try user unshare --user --map-root-user "$helper" -o "$o" "$tree" "$view"
[ "$status" != 0 ] && ! is_mounted "$view"
ok $? "in a user namespace of his own"
try user "$helper" --probe "$tree"
gives 32 "--probe has no privilege" "privilege"

# ---- the listed path ---------------------------------------------------------
path_refused() { # path_refused NAME PATH TEXT...
	local name=$1 path=$2
	shift 2
	allow "$(entry "$path" shifty)"
	try user "$helper" -o "$o" "$path" "$view"
	no_mount "$name" 1 "$@"
}
ln -s tree "$work/link"
path_refused "a tree that is a symbolic link" "$work/link" "\"link\" is a symbolic link"
ln -s . "$work/dot"
path_refused "a symbolic link on the way" "$work/dot/tree" "\"dot\" is a symbolic link"
path_refused "below a directory of the user's" "$work/home/other" "others than root"
chmod 777 "$work/roots"
mkdir "$work/roots/tree"
path_refused "below a directory that others can write" "$work/roots/tree" "others than root"
chmod 755 "$work/roots"
chown 4242 "$work/mine"
path_refused "a tree of the user's" "$work/mine" "belongs to the user 4242"
path_refused "neither a file nor a directory" /dev/null "no directory"

# ---- the target ------------------------------------------------------------
allow "$(entry "$tree" shifty)"
target_refused() { # target_refused NAME TARGET STATUS TEXT...
	local name=$1 target=$2 want=$3
	shift 3
	try user "$helper" -o "$o" "$tree" "$target"
	no_mount "$name" "$want" "$@"
	! is_mounted "$(readlink -f "$target")"
	ok $? "and nothing is mounted there"
}
target_refused "a target of root's" "$work/roots" 1 "does not belong"
ln -s "$work/roots" "$work/home/to-roots"
ln -s . "$work/home/dot"
target_refused "a target that is a symbolic link" "$work/home/to-roots" 1 "symbolic link"
target_refused "a symbolic link on the way" "$work/home/dot/view" 1 "symbolic link"
target_refused "a target that is not there" "$work/home/nowhere" 32 "No such file"
setpriv --reuid=4242 --regid=4242 --clear-groups sleep 1000 >/dev/null &
sleeper=$!
sleep 0.2
target_refused "a target in /proc" /proc/$sleeper/map_files 1 "may not mount"
kill $sleeper
wait $sleeper 2>/dev/null
target_refused "a directory on a file" "$work/home/file" 32 "the target"

# A target that is exchanged for a link to root's all the time.
cat >"$work/swap.py" <<PY
import ctypes, os
libc = ctypes.CDLL(None)
a, b = b"$work/home/race", b"$work/home/race-link"
while True:
    libc.renameat2(-100, a, -100, b, 2)
PY
user mkdir "$work/home/race"
user ln -s "$work/roots" "$work/home/race-link"
setpriv --reuid=4242 --regid=4242 --clear-groups /usr/bin/python3 "$work/swap.py" >/dev/null &
swapper=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	user "$helper" -o "$o" "$tree" "$work/home/race" >/dev/null 2>&1
done
kill $swapper
wait $swapper 2>/dev/null
! is_mounted "$work/roots"
ok $? "a target exchanged for a link, twenty times: root's directory is never covered"
for m in race race-link; do
	while is_mounted "$work/home/$m"; do umount "$work/home/$m"; done
done

# ---- the umount helper -------------------------------------------------------
mount -t tmpfs tmpfs "$view"
try user /usr/sbin/umount.shiftfs-user "$view"
gives 1 "a mount of root's is not unmounted" "did not mount it"
is_mounted "$view"
ok $? "and is still there"
umount "$view"
try user /usr/sbin/umount.shiftfs-user "$view"
gives 1 "what is not mounted" "not mounted"
try user /usr/sbin/umount.shiftfs-user -N 1 "$view"
gives 1 "an option which it does not have" "unknown option"
user "$helper" -o "$o" "$tree" "$view"
setpriv --reuid=4242 --regid=4242 --clear-groups sh -c "cd '$view' && exec sleep 1000" >/dev/null &
sleeper=$!
sleep 0.2
try user umount "$view"
gives 32 "a mount in use" "busy"
try user umount -l "$view"
gives 0 "is detached by -l"
kill $sleeper
wait $sleeper 2>/dev/null
! is_mounted "$view"
ok $? "and gone"

# ---- how many ----------------------------------------------------------------
mkdir "$work/home/many"
for ((i = 0; i < 65; i++)); do mkdir "$work/home/many/$i"; done
chown -R 4242:4242 "$work/home/many"
n=0
for ((i = 0; i < 65; i++)); do
	try user "$helper" -o "$o" "$tree" "$work/home/many/$i"
	[ "$status" != 0 ] || n=$((n + 1))
done
is $n 64 "64 mounts of one user"
gives 1 "and not one more" "64 such mounts"

# ---- at once -----------------------------------------------------------------
# No more than a slow machine gets through while the last of them waits.
for ((i = 58; i < 64; i++)); do umount -l "$work/home/many/$i"; done
for ((i = 65; i < 68; i++)); do mkdir "$work/home/many/$i"; done
chown -R 4242:4242 "$work/home/many"
crowd=()
for ((i = 58; i < 68; i++)); do
	user "$helper" -o "$o" "$tree" "$work/home/many/$i" 2>"$work/crowd.$i" &
	crowd+=($!)
done
n=0
for pid in "${crowd[@]}"; do
	wait "$pid" && n=$((n + 1))
done
is $n 6 "6 of 10 that come at once beside 58"
is "$(findmnt -rno TARGET | grep -c "^$work/home/many/")" 64 "and 64 are there"
is "$(cat "$work"/crowd.* | grep -c '64 such mounts')" 4 "the others are told why"
for ((i = 0; i < 68; i++)); do umount -l "$work/home/many/$i" 2>/dev/null; done

# Any user can lock what libmount locks, and keep it.
mkdir -p /run/mount
[ -e /run/mount/utab.lock ] || (umask 022 && : >/run/mount/utab.lock)
user flock /run/mount/utab.lock sleep 100 &
holder=$!
sleep 0.5
crowd=()
SECONDS=0
for ((i = 0; i < 10; i++)); do
	timeout -k 1 60 setpriv --reuid=4242 --regid=4242 --clear-groups env ASAN_OPTIONS=detect_leaks=0 \
		"$helper" -o "$o" "$tree" "$work/home/many/$i" 2>"$work/crowd.$i" &
	crowd+=($!)
done
n=0
for pid in "${crowd[@]}"; do
	wait "$pid"
	# 124 and 137: it was still there when the time was up
	case $? in 1 | 32) n=$((n + 1)) ;; esac
done
is $n 10 "utab is locked by somebody: an error, in time"
# ten seconds for both locks; the rest is what a slow machine takes to start ten
[ $SECONDS -lt 20 ]
ok $? "in ten seconds, not ten for each lock: $SECONDS s"
is "$(cat "$work"/crowd.? | grep -c "locked by somebody\|other mounts of this user")" 10 "which says so"
is "$(findmnt -rno TARGET | grep -c "^$work/home/many/")" 0 "and nothing is mounted"
is "$(pgrep -U 0 -fc "^$helper ")" 0 "and no process of root's waits"
pkill -P "$holder"
kill $holder
wait $holder 2>/dev/null

finish_plan
