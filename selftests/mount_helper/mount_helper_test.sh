# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # out, status and the rest: ../lib/tap.sh
# Black-box tests of mount.shiftfs, as mount(8) calls it and directly. KTAP out.
#
# MOUNT_SHIFTFS and MOUNT_TESTFS name the programs where they are not in the
# usual places; MOUNT_TESTFS is the helper built for tmpfs, without which its
# part is left out. --no-module leaves out what mounts shiftfs.
set -u

if [ -z "${IN_NAMESPACE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 4; }
	exec env IN_NAMESPACE=1 unshare --mount --propagation private "$0" "$@"
fi

top=$(dirname "$(readlink -f "$0")")/../..	# the folder of what is built
find_program() {
	local p
	for p in "$@"; do
		p=$(command -v "$p" 2>/dev/null) && { echo "$p"; return; }
	done
}
helper=${MOUNT_SHIFTFS:-$(find_program "$top/san/bin/mount.shiftfs" "$top/bin/mount.shiftfs" /sbin/mount.shiftfs)}
testfs=${MOUNT_TESTFS:-$(find_program "$top/san/tests/mount_testfs" "$top/tests/mount_testfs")}
[ -n "$helper" ] || { echo "Bail out! no mount.shiftfs, see MOUNT_SHIFTFS"; exit 1; }

echo "TAP version 13"

fs_options() { findmnt -rno FS-OPTIONS --mountpoint "$1" | sed 's/\\x20/ /g'; }

work=$(mktemp -d /tmp/mount-helper.XXXXXX)
mount -t tmpfs -o mode=755 tmpfs "$work"
cd "$work" || exit 1
mkdir lower view other
mkdir lower/dir
echo content >lower/file
chown 1000:1000 lower/file
touch single target-file

# A process in a user namespace with a map: pid in $holder.
hold_userns() { # hold_userns UID_MAP GID_MAP
	[ -z "$holder" ] || kill "$holder" 2>/dev/null
	unshare --user sleep 1000 &
	holder=$!
	local self
	self=$(readlink /proc/self/ns/user)
	while [ "$(readlink "/proc/$holder/ns/user")" = "$self" ]; do sleep 0.05; done
	# in one write, which the shell's own echo does not do with two lines
	/bin/echo "$1" >"/proc/$holder/uid_map"
	/bin/echo "$2" >"/proc/$holder/gid_map"
}
holder=
other_ns=
# shellcheck disable=SC2317  # called by the trap
finish() {
	[ -z "$holder" ] || kill "$holder" 2>/dev/null
	[ -z "$other_ns" ] || kill "$other_ns" 2>/dev/null
	cd /
	umount -R -l "$work" 2>/dev/null
	rmdir "$work" 2>/dev/null
}
trap finish EXIT

# ---- usage ----------------------------------------------------------------
map=idmap=b:0:100000:65536

try "$helper"
gives 1 "no arguments" "SOURCE and TARGET are needed" "--help"
try "$helper" lower
gives 1 "one argument" "SOURCE and TARGET are needed"
try "$helper" lower view other
gives 1 "three arguments" "too many arguments"
try "$helper" -Q lower view
gives 1 "an unknown letter" "--help"
try "$helper" --help
gives 0 "--help" "Usage:" "idmap=" "mount.shiftfs(8)"
try "$helper" -V
gives 0 "-V" "mount.shiftfs" "libmount"
try "$helper" -f -t nfs -o $map lower view
gives 1 "another filesystem type" "nfs"
try "$helper" -f -t shiftfs.sub -o $map lower view
gives 0 "a subtype"
try "$helper" -f -N /nonexistent -o $map lower view
gives 1 "a mount namespace that is not there" "/nonexistent"
try "$helper" -f -o bind lower view
gives 1 "bind is no option of it" "mount --bind"

# ---- options, nothing mounted --------------------------------------------
try "$helper" lower view -f -n -s -v -o rw,$map
gives 0 "the arguments of mount(8), fake" "nothing is mounted"
try "$helper" -f -v -o mark,passthrough=3,nodev lower lower
gives 0 "options it does not know" "for the kernel: mark" "for the kernel: passthrough=3"
[[ $out != *nodev* ]]
ok $? "but not the generic ones"
try findmnt --mountpoint "$work/view"
gives 1 "and nothing is mounted"
try "$helper" -f -o "idmap=b:0:100000:65536 b:70000:5:1;u:80000:6:1,ro,_netdev,x-gvfs-hide" lower view
gives 0 "extents separated by blanks and semicolons"
try "$helper" -f -o 'idmap="b:0:1:2"' lower view
gives 0 "a quoted value"
try "$helper" -f -o 'idmap="b:0:1:2' lower view
gives 1 "a quote that is not closed" "not closed"
try "$helper" -f -o uidmap=0:100000:10,gidmap=0:200000:10 lower view
gives 0 "uidmap and gidmap"
try "$helper" -f -o X-mount.idmap=0:100000:10 lower view
gives 0 "X-mount.idmap"

bad_option() { # bad_option OPTION TEXT...
	local option=$1
	shift
	try "$helper" -f -o "$option" lower view
	gives 1 "refused: ${option:0:60}" "option ${option%%=*}" "$@"
}
bad_option idmap= "no extent"
bad_option idmap "no extent"
bad_option idmap=b:0:1 "not of the form" "example"
bad_option idmap=x:0:1:2 "unknown type"
bad_option idmap=b:0:1:2:3 "not of the form"
bad_option idmap=b:-1:1:2 "not of the form"
bad_option idmap=b:0:1:0 "empty"
bad_option idmap=b:4294967295:1:1 "largest id"
bad_option idmap=b:4294967296:1:1 "larger than"
bad_option "idmap=b:0:1:10;b:5:100:1" "overlap in the stored ids"
bad_option "idmap=b:0:1:10;b:100:5:1" "overlap in the seen ids"
bad_option uidmap=u:0:1:2 "not of the form"
bad_option gidmap=0:1 "not of the form"
bad_option userns "/proc/PID/ns/user"
bad_option userns=/nonexistent "/nonexistent"
bad_option userns=/proc/self/ns/mnt "another kind"
bad_option userns=/etc/passwd "not a namespace"
bad_option idmap=/proc/self/ns/net "another kind"
long=$(for ((i = 0; i < 341; i++)); do printf 'b:%d:%d:1;' $((i * 2)) $((i * 3)); done)
bad_option "idmap=$long" "more than 340"
try "$helper" -f -o "$map,userns=/proc/self/ns/user" lower view
gives 1 "a map and a namespace" "one of the two"

# ---- words: words.sh ------------------------------------------------------
words_tests

# ---- paths ---------------------------------------------------------------
try "$helper" -o $map nowhere view
gives 32 "no source" "source nowhere" "No such file"
try "$helper" -o $map lower nowhere
gives 32 "no target" "nowhere" "No such file" "X-mount.mkdir"
try "$helper" -o $map lower target-file
gives 32 "a directory on a file" "$work/lower is a directory" "$work/target-file is not"
try "$helper" -o $map single view
gives 32 "a file on a directory" "$work/single is a single file" "$work/view is a directory"

# ---- the system calls, on tmpfs ------------------------------------------
if [ -n "$testfs" ]; then
	try "$testfs" -o size=1m,ro,nosuid,noexec,x-mark=1 /src view
	gives 32 "the source is looked at" "source /src"
	try "$testfs" -v -o size=1m,ro,nosuid,noexec,noatime,nodiratime,x-mark=1 "$work/lower" view
	gives 0 "a mount" "fsopen(tmpfs): ok" "fsconfig(size=1m): ok"
	options=$(vfs_options view)
	for o in ro nosuid noexec noatime nodiratime; do
		has_option "$options" $o
		ok $? "with $o"
	done
	grep -q " TARGET=$work/view .*x-mark=1" /run/mount/utab
	ok $? "utab has the x- option"
	try touch view/x
	gives 1 "it is read-only" "Read-only"
	try "$testfs" -o remount,rw,nodev,size=2m "$work/lower" view
	gives 0 "a remount"
	options=$(vfs_options view)
	is "$options" rw,nodev,noatime,nodiratime "sets what is named, clears the rest, keeps atime"
	is "$(fs_options view | grep -o 'size=[0-9]*k')" size=2048k "and the filesystem's options"
	try touch view/x
	gives 0 "it is writable"
	try "$testfs" -o remount,bind,ro "$work/lower" view
	gives 0 "remount,bind"
	has_option "$(vfs_options view)" ro && has_option "$(fs_options view)" rw
	ok $? "leaves the superblock alone"
	umount view
	try "$testfs" -o shared "$work/lower" view
	gives 0 "with a propagation"
	is "$(findmnt -rno PROPAGATION --mountpoint view)" shared "which is set"
	umount view
	try "$testfs" -n -o x-mark=2 "$work/lower" view
	gives 0 "-n"
	! grep -q " TARGET=$work/view " /run/mount/utab
	ok $? "writes no utab"
	umount view
	try "$testfs" -o bogus=1 "$work/lower" view
	gives 32 "an option unknown to the kernel" "option bogus=1" "kernel: tmpfs: Unknown parameter 'bogus'" "$work/lower is a directory on tmpfs, mounted at $work"
	try "$testfs" -s -o bogus=1,size=1m "$work/lower" view
	gives 0 "is passed over with -s" "warning" "bogus"
	is "$(fs_options view | grep -o 'size=[0-9]*k')" size=1024k "and the ones behind it are heeded"
	umount view
	try "$testfs" -o size=nonsense "$work/lower" view
	gives 32 "an option refused by the kernel" "size=nonsense" "kernel: tmpfs: Bad value for 'size'"
	try "$testfs" -s -o size=nonsense "$work/lower" view
	gives 32 "also with -s"
	try "$testfs" -o "x=$(printf 'x%.0s' {1..300})" "$work/lower" view
	gives 32 "a value that is too long" "255 bytes"
	try "$testfs" -o remount,ro "$work/lower" other
	gives 32 "remount of what is not mounted" "not a mount point"
	try "$testfs" -o remount,ro proc /proc
	gives 32 "remount of another filesystem" "proc, not of tmpfs"
	try setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$testfs" "$work/lower" view
	gives 32 "without privilege" "not permitted" "CAP_SYS_ADMIN"
	try as 1000 "$testfs" -o ro "$work/lower" view
	gives 1 "as a user" "/etc/fstab"

	unshare --mount --propagation private sleep 1000 &
	other_ns=$!
	while [ "$(readlink /proc/$other_ns/ns/mnt)" = "$(readlink /proc/self/ns/mnt)" ]; do sleep 0.05; done
	try "$testfs" -N $other_ns -o size=1m "$work/lower" "$work/view"
	gives 0 "-N"
	grep -q " $work/view " /proc/$other_ns/mountinfo
	ok $? "is mounted there"
	! grep -q " $work/view " /proc/self/mountinfo
	ok $? "and not here"
fi

# ---- recursive: by each backend ----------------------------------------------
recursive_tests() { # recursive_tests BACKEND DIR, which holds lower, a filesystem
	local lower=$2/tree view=$2/seen options o=backend=$1,$map
	mkdir -p "$lower/one/two" "$lower/covered" "$lower/view" "$view"
	fresh() { # fresh NAME DIR PLACE: a mount with a file of its own
		mkdir -p "$2/of/$1"
		mount --bind "$2/of/$1" "$3"
		echo "$1" >"$3/f"
		chown 1000:1000 "$3/f"
	}
	echo beneath >"$lower/one/f"
	fresh one "$2" "$lower/one"
	mkdir -p "$lower/one/two"
	fresh two "$2" "$lower/one/two"
	fresh hidden "$2" "$lower/covered"
	fresh covers "$2" "$lower/covered"
	mount -o remount,bind,nosuid,noexec,ro "$lower/one/two"
	ln -s /etc "$lower/link"

	try "$helper" -o "$o" "$lower" "$view"
	gives 0 "$1 without recursive"
	is "$(cat "$view/one/f")" beneath "what lies beneath is shown"
	umount "$view"
	try "$helper" --probe -o "$map" "$lower"
	[[ $out == *"Mounted below it"*"one"*"one/two"*"covered"* ]]
	ok $? "--probe names the mounts below"
	try "$helper" --probe --json -o "$map" "$lower"
	python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)["mounts_below"] != ["one", "one/two", "covered"])' <<<"$out"
	ok $? "and in JSON"

	try "$helper" -o "$o,recursive,nodev" "$lower" "$view"
	gives 0 "$1, recursive"
	is "$(cat "$view/one/f" "$view/one/two/f" "$view/covered/f" 2>&1 | tr '\n' ' ')" "one two covers " "each mount below is shown"
	is "$(owner "$view/one/two/f")" 101000:101000 "above: 101000"
	is "$(owner "$lower/one/two/f")" 1000:1000 "below: 1000"
	is "$(findmnt -rno TARGET -R "$view" | wc -l)" 4 "four mounts"
	options=$(vfs_options "$view/one/two")
	has_option "$options" nosuid && has_option "$options" noexec && has_option "$options" ro && has_option "$options" nodev
	ok $? "what its mount forbids stays forbidden"
	options=$(vfs_options "$view/one")
	has_option "$options" nodev && ! has_option "$options" noexec
	ok $? "and only there"
	try umount -R "$view"
	gives 0 "umount -R"

	try "$helper" -o "$o,recursive" "$lower" "$lower/view"
	gives 0 "the target is below the source"
	is "$(cat "$lower/view/one/two/f")" two "and shows what is mounted there"
	is "$(findmnt -rno TARGET -R "$lower/view" | wc -l)" 4 "but not itself"
	umount -R "$lower/view"

	mkdir "$lower/one/proc"
	mount -t proc proc "$lower/one/proc"
	try "$helper" -o "$o,recursive" "$lower" "$view"
	gives 32 "a mount below that cannot be shifted" "$lower/one/proc" "recursive"
	! is_mounted "$view"
	ok $? "then nothing is mounted"
	try "$helper" -o "$o,recursive=1" "$lower" "$view"
	gives 1 "recursive with a value" "takes no value"
	umount -R "$lower/one" "$lower/covered"
	umount "$lower/covered"
}

# ---- backend=idmap, with no module ------------------------------------------
# Where even tmpfs has no idmapped mounts (6.1) a disk's filesystem is taken.
idmap_tests() {
	local dir lower view options
	dir=$(mktemp -d /var/tmp/mount-helper.XXXXXX)
	chmod 755 "$dir"
	lower=$dir/lower
	view=$dir/view
	mkdir "$lower" "$view" "$dir/priv"
	echo content >"$lower/file"
	chown 1000:1000 "$lower/file"
	touch "$dir/single" "$dir/single-view"

	try "$helper" -o backend=idmap,$map,nosuid,x-mark=7 "$lower" "$view"
	gives 0 "backend=idmap"
	is "$(owner "$view/file")" 101000:101000 "above: 101000"
	is "$(owner "$lower/file")" 1000:1000 "below: 1000"
	options=$(vfs_options "$view")
	has_option "$options" idmapped && has_option "$options" nosuid
	ok $? "is an idmapped mount, with nosuid"
	chmod 777 "$lower"
	as 100000 touch "$view/new"
	is "$(owner "$view/new")" 100000:100000 "above: 100000 creates as himself"
	is "$(owner "$lower/new")" 0:0 "below: 0"
	[[ $(findmnt -rno OPTIONS --mountpoint "$view") == *x-mark=7* ]] || grep -q "x-mark=7" /run/mount/utab
	ok $? "utab has the x- option"
	try "$helper" -o remount,ro,backend=idmap "$lower" "$view"
	gives 0 "remount,backend=idmap"
	has_option "$(vfs_options "$view")" ro
	ok $? "makes the mount read-only"
	touch "$lower/rw"
	ok $? "and not the filesystem beneath"
	try mount -o remount,bind,rw,nodev "$view"
	gives 0 "remount,bind by mount(8)"
	options=$(vfs_options "$view")
	has_option "$options" rw && has_option "$options" nodev && has_option "$options" idmapped
	ok $? "changes the mount"
	try umount "$view"
	gives 0 "umount needs no helper"
	! grep -q "x-mark=7" /run/mount/utab
	ok $? "and clears utab"

	try "$helper" -o "backend=idmap,uidmap=0:100000:2000,gidmap=0:200000:2000" "$lower" "$view"
	gives 0 "uidmap and gidmap"
	is "$(owner "$view/file")" 101000:201000 "above: each by its map"
	umount "$view"
	try "$helper" -o "backend=idmap,$map" "$dir/single" "$dir/single-view"
	gives 0 "a single file"
	is "$(owner "$dir/single-view")" 100000:100000 "above: 100000"
	umount "$dir/single-view"
	hold_userns "0 100000 65536" "0 200000 65536"
	try "$helper" -o "backend=idmap,userns=/proc/$holder/ns/user" "$lower" "$view"
	gives 0 "userns"
	is "$(owner "$view/file")" 101000:201000 "above: by the namespace's maps"
	kill "$holder"
	holder=
	umount "$view"

	try "$helper" -o backend=other,$map "$lower" "$view"
	gives 1 "another word" "shiftfs, idmap, delegate or auto"
	try "$helper" -o backend=idmap "$lower" "$view"
	gives 32 "no map" "no map given"
	try "$helper" -o backend=auto "$lower" "$view"
	gives 32 "no map, auto" "no map given"
	for option in squash_uid=0 sync lazytime; do
		try "$helper" -o "backend=idmap,$map,$option" "$lower" "$view"
		gives 32 "option $option is refused" "option ${option%%=*}" "backend=shiftfs"
	done
	try "$helper" -s -o "backend=idmap,$map,squash_uid=0" "$lower" "$view"
	gives 0 "and passed over with -s" "warning"
	try "$helper" -o "backend=idmap,$map" "$view" "$dir/priv"
	gives 32 "on an idmapped mount" "idmapped already" "shiftfs can stand on it"
	try "$helper" --probe --json "$view"
	[[ $out == *'"obstacle": "idmapped"'* ]]
	ok $? "--probe says so"
	umount "$view"
	try "$helper" -o "backend=idmap,$map" /proc/sys "$view"
	gives 32 "a filesystem without idmapped mounts" "does not support idmapped mounts"

	if [ -z "${1:-}" ]; then
		echo "$lower $view shiftfs backend=idmap,$map,noauto 0 0" >fstab
		try mount -T fstab "$view"
		gives 0 "a line of fstab, by mount(8)"
		has_option "$(vfs_options "$view")" idmapped
		ok $? "is an idmapped mount"
		try umount "$view"
		gives 0 "umount"
		try mount -t shiftfs -o backend=idmap,$map "$lower" "$view"
		gives 0 "mount -t shiftfs -o backend=idmap"
		has_option "$(vfs_options "$view")" idmapped
		ok $? "is one too"
		umount "$view"
	fi

	# --probe
	try "$helper" --probe "$lower"
	gives 0 "--probe" "$lower: a directory on" "idmap    works" "chosen" "Map: b:0:100000:65536"
	[ "$(wc -l <<<"$out")" -lt 24 ]
	ok $? "is one screen"
	try "$helper" --probe --json -o $map "$lower"
	gives 0 "--probe --json" '"chosen": "idmap"' '"idmap": "b:0:100000:65536"'
	python3 -c "import json, sys; json.load(sys.stdin)" <<<"$out"
	ok $? "is JSON"
	try "$helper" --probe -o squash_uid=5 /proc/sys
	[[ $out == *"idmap    no"*"map: "*"many to one"* ]]
	ok $? "--probe, many to one"
	long=$(for ((i = 0; i < 340; i++)); do printf 'b:%d:%d:1 ' $((i * 2)) $((3000000000 + i * 3)); done)
	try "$helper" --probe -o "idmap=$long" "$lower"
	[[ $out == *"idmap    no"*"map: "* ]]
	ok $? "--probe, a map that no user namespace takes"
	try as 1000 "$helper" --probe "$lower"
	gives 32 "--probe without privilege" "privilege: " "as root"
	try "$helper" --probe /nonexistent
	gives 32 "--probe of nothing" "/nonexistent"
	try "$helper" --probe "$lower" "$view"
	gives 1 "--probe of two" "one PATH"
	try "$helper" --json "$lower" "$view"
	gives 1 "--json alone" "--probe"
	recursive_tests idmap "$dir"
	rm -rf "$dir"
}

# ---- shiftfs itself ------------------------------------------------------
if [ "${1:-}" = --no-module ]; then
	if ! grep -qw shiftfs /proc/filesystems; then
		try "$helper" -o $map lower view
		gives 32 "no module" "$work/lower on $work/view" "filesystem type shiftfs: No such device" "modprobe shiftfs"
	fi
	idmap_tests no-module
	finish_plan
fi

unmount_all() { umount -q "$work/view" "$work/target-file" 2>/dev/null; }

try mount -t shiftfs -o $map lower view
gives 0 "mount -t shiftfs finds the helper, and the kernel the module"
is "$(owner view/file)" 101000:101000 "above: 101000"
is "$(owner lower/file)" 1000:1000 "below: 1000"
is "$(findmnt -rno FSTYPE,SOURCE --mountpoint view)" "shiftfs $work/lower" "findmnt shows type and source"
chmod 777 lower
as 100000 touch view/new
ok $? "mapped root creates a file"
is "$(owner view/new)" 100000:100000 "above: 100000"
is "$(owner lower/new)" 0:0 "below: 0"
try touch view/by-host-root
gives 1 "an unmapped caller cannot create" "too large"
[ ! -e lower/by-host-root ]
ok $? "and nothing is below"
is "$(cat view/file)" content "content is the lower's"
try umount view
gives 0 "umount needs no helper"

# what mountinfo shows can be pasted back
paste_back() { # paste_back NAME OPTIONS
	local first second
	try mount -t shiftfs -o "$2" lower view
	gives 0 "mount: $1" || return
	first=$(fs_options view)
	umount view
	try mount -t shiftfs -o "$first" lower view
	gives 0 "pasted back: $first"
	second=$(fs_options view)
	is "$second" "$first" "the same mount"
	umount view
}
paste_back "one extent" $map
paste_back "types apart" "uidmap=0:100000:10;20:5:1,gidmap=0:200000:10"
paste_back "mixed" "idmap=u:0:100000:10 g:0:200000:10 b:50:60:1"

try mount -t shiftfs -o "uidmap=0:100000:2000,gidmap=0:200000:2000" lower view
gives 0 "uidmap and gidmap"
is "$(owner view/file)" 101000:201000 "above: each by its map"
umount view
try mount -t shiftfs -o uidmap=0:100000:2000 lower view
gives 32 "one of the two alone" "gidmap" "kernel:"
try mount -t shiftfs lower view
gives 32 "no map" "kernel:" "no map given" "X-mount.idmap" "$work/lower is a directory on tmpfs"

try mount -t shiftfs -o "X-mount.idmap=b:0:100000:10" lower view
gives 32 "X-mount.idmap by mount(8)" "no map given" "write idmap="
! is_mounted view
ok $? "nothing is mounted"

try mount -t shiftfs -o $map single target-file
gives 0 "a single file"
is "$(owner target-file)" 100000:100000 "above: 100000"
as 100000 sh -c "echo written >$work/target-file"
is "$(cat single)" written "written through"
is "$(owner single)" 0:0 "below: 0"
umount target-file
truncate -s 64K single
try mount -t shiftfs -o $map single target-file
gives 0 "a single file of a size that would make a loop device"
is "$(findmnt -rno SOURCE --mountpoint target-file)" "$work/single" "is no loop device"
umount target-file

hold_userns "0 100000 65536" "0 200000 65536"
for option in userns idmap; do
	try mount -t shiftfs -o $option=/proc/$holder/ns/user lower view
	gives 0 "$option=/proc/PID/ns/user"
	is "$(owner view/file)" 101000:201000 "above: by the namespace's maps"
	is "$(owner lower/file)" 1000:1000 "below: 1000"
	umount view
done

# a map that fits into no single fsconfig(2)
long=$(for ((i = 0; i < 340; i++)); do printf 'b:%d:%d:1 ' $((900 + i * 2)) $((3000000000 + i * 3)); done)
try "$helper" -o "idmap=$long" lower view
gives 0 "340 extents"
is "$(owner view/file)" 3000000150:3000000150 "above: by the 51st"
is "$(owner lower/file)" 1000:1000 "below: 1000"
umount view

deep=$work/lower/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200})
mkdir -p "$deep"
touch "$deep/file"
try mount -t shiftfs -o $map "$deep" view
gives 0 "a source of more than 255 characters"
is "$(findmnt -rno SOURCE --mountpoint view | sed 's/[0-9]*$/N/')" /proc/self/fd/N "shown as a descriptor"
is "$(owner view/file)" 100000:100000 "above: 100000"
umount view

# generic options
try mount -t shiftfs -o $map,ro,nosuid,nodev,noexec,noatime lower view
gives 0 "generic options"
options=$(vfs_options view)
for o in ro nosuid nodev noexec noatime; do
	has_option "$options" $o
	ok $? "with $o"
done
try as 100000 touch view/ro
gives 1 "it is read-only" "Read-only"
try mount -o remount,rw view
gives 0 "remount,rw by the target alone"
has_option "$(vfs_options view)" rw
ok $? "it is rw"
as 100000 touch view/rw
ok $? "and writable"
is "$(owner lower/rw)" 0:0 "below: 0"
try mount -o remount,ro view
gives 0 "remount,ro"
try as 100000 touch view/ro
gives 1 "it is read-only again" "Read-only"
try "$helper" -o remount,idmap=b:0:5:5 lower view
gives 32 "a remount with another map" "cannot be changed" "umount"
try "$helper" -o remount,bind,idmap=b:0:5:5 lower view
gives 32 "nor with bind" "cannot be changed"
is "$(owner view/file)" 101000:101000 "changes nothing"
umount view
for row in "creds=root|creds=mounter or creds=caller" "chown=no|chown=fail or chown=ignore" \
	"passthrough=9|0, 1, 2 or 3" "squash_uid=root|squash_uid=STORED" "mark=yes|without a value" \
	"mark,allow=alice|allow=UID-LAST"; do
	try mount -t shiftfs -o "$map,${row%|*}" lower view
	gives 32 "${row%|*} lists what is allowed" "${row#*|}"
done
try mount -t shiftfs -o idmap=b:100000:0:65536 lower view
gives 0 "swapped numbers" "if they were swapped, give idmap=b:0:100000:65536"
is "$(owner view/file)" 65534:65534 "above: nobody's"
umount view

# fstab
cat >fstab <<FSTAB
$work/lower $work/view shiftfs $map,noauto,nosuid,x-mark=3 0 0
FSTAB
try mount -T fstab "$work/view"
gives 0 "a line of fstab"
is "$(owner view/file)" 101000:101000 "above: 101000"
has_option "$(vfs_options view)" nosuid
ok $? "with its options"
try mount -T fstab -o remount,nodev "$work/view"
gives 0 "remount with fstab"
has_option "$(vfs_options view)" nodev
ok $? "is done"
umount view
try mount -T fstab -f "$work/view"
gives 0 "mount -f"
try findmnt --mountpoint "$work/view"
gives 1 "mounts nothing"

# busy, stacked, read-only, hidden
try mount -t shiftfs -o $map lower view
cd view || exit 1
try umount "$work/view"
gives 32 "umount of a busy mount" "busy"
cd "$work" || exit 1
umount view

mkdir ov1 ov2 ov3 up1 up2 wk1 wk2 m1 m2
mount -t overlay -o "lowerdir=$work/ov1,upperdir=$work/up1,workdir=$work/wk1" overlay m1
try mount -t shiftfs -o $map m1 view
gives 0 "on overlayfs"
is "$(owner view)" 100000:100000 "above: 100000"
umount view
if mount -t overlay -o "lowerdir=$work/m1:$work/ov2" overlay m2; then
	try mount -t shiftfs -o $map m2 view
	gives 32 "too deeply stacked" "$work/m2 on $work/view" "kernel:" "overlay" "two deep"
	umount m2
else
	ok 1 "overlay on overlay, for the test of stacking"
fi
umount m1

mkdir ro
mount -t tmpfs -o mode=755 tmpfs ro
touch ro/file
mount -o remount,ro ro
try mount -t shiftfs -o $map ro view
gives 0 "a read-only lower" "$work/ro is on a read-only"
has_option "$(fs_options view)" ro
ok $? "gives a read-only superblock"
try as 100000 touch view/file2
gives 1 "writing is refused" "Read-only"
try mount -o remount,rw view
gives 32 "remount,rw of it" "kernel:" "read-only"
umount view
umount ro

try mount -t shiftfs -o $map,bogus lower view
gives 32 "an unknown option" "option bogus" "kernel: shiftfs: Unknown parameter 'bogus'" "mount.shiftfs(8)"
try mount -s -t shiftfs -o $map,bogus lower view
gives 0 "is passed over with -s" "warning"
umount view
try setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$helper" -o $map lower view
gives 32 "without CAP_SYS_ADMIN" "not permitted" "run this as root"
try as 1000 mount -t shiftfs -o $map lower view
[ "$status" != 0 ]
ok $? "as a user"
try unshare --user --map-root-user --mount "$helper" -o $map lower view
gives 32 "in a user namespace" "user namespace"

# flags of the source's mount
mkdir flags
mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs flags
for o in backend=shiftfs backend=auto; do
	try mount -t shiftfs -o $o,$map flags view
	gives 0 "$o: a source with nosuid,nodev,noexec"
	options=$(vfs_options view)
	for flag in nosuid nodev noexec; do
		has_option "$options" $flag
		ok $? "gives $flag"
	done
	umount view
done
mount -o remount,bind,ro flags
try mount -t shiftfs -o $map flags view
gives 0 "a source whose mount is read-only"
has_option "$(vfs_options view)" ro
ok $? "gives a read-only mount"
umount view
umount flags

# backend=auto and the administrator's preference
etc=/etc/shiftfs
made_etc=
[ -d $etc ] || { mkdir $etc && made_etc=1; }
mount -t tmpfs tmpfs $etc
auto() { # auto LOWER: what is taken
	"$helper" -o backend=auto,$map "$1" view && findmnt -rno FSTYPE --mountpoint view
	umount view
}
disk=$(mktemp -d /var/tmp/mount-helper.XXXXXX)
is "$(auto "$disk")" "$(findmnt -rno FSTYPE -T "$disk")" "auto: an idmapped mount by default"
mkdir ramfs
mount -t ramfs ramfs ramfs
is "$(auto ramfs)" shiftfs "auto: shiftfs where there is no idmapped mount"
echo '{ "prefer": "shiftfs" }' >$etc/config.json
is "$(auto "$disk")" shiftfs "auto: shiftfs where it is preferred"
try "$helper" --probe "$disk"
gives 0 "--probe" "shiftfs  works  chosen: as $etc/config.json prefers" "idmap    works  not chosen"
echo '{ "prefer": "none" }' >$etc/config.json
try "$helper" -o backend=auto,$map "$disk" view
gives 32 "auto: a configuration with a mistake" "$etc/config.json" "prefer"
umount $etc ramfs
[ -z "$made_etc" ] || rmdir $etc
rmdir "$disk"
idmap_tests
dir=$(mktemp -d /var/tmp/mount-helper.XXXXXX)
chmod 755 "$dir"
recursive_tests shiftfs "$dir"
rm -rf "$dir"

unmount_all
try umount "$work/view"
gives 32 "nothing is left mounted" "not mounted"
finish_plan
