# SPDX-License-Identifier: GPL-2.0-or-later
# What the shell tests of runner share; put into each by its Makefile.  Speaks
# KTAP; runs as root, natively or in the VM.
#
# RUNNER names the program; what it keeps is in a scratch folder of the test,
# below SHIFTFS_TEST_DIR, a filesystem of the type SHIFTFS_TEST_LOWER, if given.
# RUNNER_TEST_LONG=1 walks every step at which something can be killed.
# shellcheck shell=bash
# shellcheck disable=SC2034 # for who includes this
set -u
export LC_ALL=C
# not empty: every step, not some of them
long=${RUNNER_TEST_LONG:-}

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 4
fi
# Where cgroup version 2 is, if it is.  The test has a subtree of its own for the
# root, so that the pods of others are out of its sight; but for systemd's hosts,
# where runner asks that for a scope.
cgroups=$(findmnt -rno TARGET -t cgroup2 | head -n 1)
if [ -z "${RUNNER_TEST_NS:-}" ]; then
	export RUNNER_TEST_NS=1
	if [ -z "$cgroups" ] || [ -d /run/systemd/system ]; then
		exec unshare -m --propagation private -- "$0" "$@"
	fi
	read -ra each <"$cgroups/cgroup.controllers"
	for each in "${each[@]}"; do
		echo "+$each" >"$cgroups/cgroup.subtree_control"
	done
	# by chance and not by number: tests in pid namespaces have the same ones
	own=$(mktemp -d "$cgroups/runner-selftest.XXXXXX") || exit 1
	# on 6.12 a pod's root has to go through it to mount its cgroups
	chmod 755 "$own"
	(
		echo "$BASHPID" >"$own/cgroup.procs" &&
			RUNNER_TEST_CGROUP=1 exec unshare -m -C --propagation private -- "$0" "$@"
	)
	status=$?
	# who has been killed may be in there yet
	for _ in $(seq 50); do
		find "$own" -depth -type d -exec rmdir {} + 2>/dev/null && break
		sleep 0.1
	done
	exit $status
fi
if [ "${RUNNER_TEST_CGROUP:-}" ]; then
	# a filesystem is not mounted on itself
	mount -t tmpfs none "$cgroups" && mount -t cgroup2 none "$cgroups" &&
		mkdir "$cgroups/self" && echo $$ >"$cgroups/self/cgroup.procs" || exit 1
fi

top=$(cd "$(dirname "$0")/../../.." && pwd)
RUNNER=${RUNNER:-$top/build/bin/runner}
[ -x "$RUNNER" ] || RUNNER=$(command -v runner) || {
	echo "Bail out! no runner: build it or set RUNNER"
	exit 1
}

# overlayfs takes no overlay as its upper layer
lower=${SHIFTFS_TEST_LOWER:-ext4}
state_dir=${SHIFTFS_TEST_DIR:-/var/tmp}
[ "$lower" != overlay ] || state_dir=/var/tmp
work=$(mktemp -d "$state_dir/runner_test.XXXXXX")
image=$work/image
volume=$(mktemp -d "${SHIFTFS_TEST_DIR:-/var/tmp}/runner_volume.XXXXXX")
mkdir -p "$work/state" "$work/run" /var/lib/runner /run/runner
chmod 755 "$work" "$volume"
# What pods store there as root's must not be setuid on the machine.
for each in "$work" "$volume"; do
	mount --bind "$each" "$each" && mount -o remount,bind,nosuid "$each" || exit 1
done
mount --bind "$work/state" /var/lib/runner
mount --bind "$work/run" /run/runner
# shellcheck disable=SC2317 # reached through the trap
cleanup() {
	# also when the test was ended in the middle
	find /run/runner/pods -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null |
		xargs -r "$RUNNER" rm -f
	jobs -p | xargs -r kill -9 2>/dev/null
	wait 2>/dev/null
	umount /var/lib/runner /run/runner
	umount -l "$work" "$volume"
	rm -rf "$work" "$volume"
}
trap cleanup EXIT

# Host ids for this run alone, 400 ranges of 65536, which no user of a host has:
# by them its processes are known from those of others.
ids=$((1000000000 + RANDOM % 120 * 26214400))

# own_ranges COUNT: those ranges, as the user runner's subordinate ids
own_ranges() {
	local file
	echo "runner:$ids:$(($1 * 65536))" >"$work/subids"
	for file in /etc/subuid /etc/subgid; do
		[ -e $file ] || : >$file
		mount --bind "$work/subids" $file
	done
}

# own_processes: the processes in them.  One that has ended and waits for the
# machine's init, which may take its time, is no longer runner's.
own_processes() {
	awk -v first=$ids '$2 >= first && $2 < first + 26214400 { print FILENAME; nextfile }' \
		/proc/[0-9]*/uid_map 2>/dev/null |
		while IFS=/ read -r _ _ pid _; do ps -o ppid=,stat=,pid=,lstart=,args= -p "$pid" || :; done |
		grep -v '^ *1 *Z'
}

# What a sanitizer says is a failure, in a process without a standard error as well.
export ASAN_OPTIONS=log_path=$work/sanitizer UBSAN_OPTIONS=log_path=$work/sanitizer

pass=0 fail=0 skip=0 number=0 problems=''

problem() {
	problems+="# $*"$'\n'
}

# same WHAT WANTED GOT
same() {
	[ "$2" = "$3" ] || problem "$1: wanted '$2', got '$3'"
}

# has WHAT TEXT PART
has() {
	case $2 in
	*"$3"*) ;;
	*) problem "$1: '$3' is not in '$2'" ;;
	esac
}

# hasnt WHAT TEXT PART
hasnt() {
	case $2 in *"$3"*) problem "$1: '$3' is in '$2'" ;; esac
}

# check_clean WHAT: no pod is left, and nothing of one
check_clean() {
	local what="$1: "
	same "${what}pods, leases and folders" '' "$(find /run/runner/pods /run/runner/uids /var/lib/runner/pods -mindepth 1 -maxdepth 1 -printf '%p ' 2>/dev/null)"
	same "${what}mounts" '' "$(grep -F -e /run/runner/stage -e "$work/run/" /proc/self/mountinfo | grep -v ' /run/runner ')"
	same "${what}cgroups" '' "$(ls -d "$cgroups"/runner/*/ 2>/dev/null)"
	# the kernel ends pasta and its keeper a moment after the pod has ended
	for _ in $(seq 30); do [ -n "$(own_processes)" ] || break; sleep 0.1; done
	same "${what}processes" '' "$(own_processes)"
}

finish() {
	local report
	for report in "$work"/sanitizer.*; do
		[ -e "$report" ] || continue
		# the leak check of a process that is killed meanwhile says that alone
		! grep -qv 'Unable to get registers from thread' "$report" ||
			problem "$(head -n 30 "$report")"
		rm "$report"
	done
	number=$((number + 1))
	if [ -z "$problems" ]; then
		pass=$((pass + 1))
		echo "ok $number $1"
	else
		fail=$((fail + 1))
		printf '%s' "$problems"
		echo "not ok $number $1"
	fi
	problems=''
}

skipped() {
	number=$((number + 1))
	skip=$((skip + 1))
	echo "ok $number $1 # SKIP $2"
}

# runner ARGUMENT...: output in $out, errors in $errors, status in $status
runner() {
	status=0
	timeout "${RUNNER_TIMEOUT:-120}" "$RUNNER" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
	out=$(cat "$work/out")
	errors=$(cat "$work/err")
}

# up NAME ARGUMENT...: a detached pod on $image
up() {
	local name=$1
	shift
	runner run -d --image "$image" --name "$name" "$@"
	same "start of $name" 0 "$status$errors"
}

# said POD TEXT: waits until the pod has said it
said() {
	for _ in $(seq 200); do
		! "$RUNNER" logs "$1" 2>/dev/null | grep -q -- "$2" || return 0
		sleep 0.05
	done
	problem "$1 does not say $2: $("$RUNNER" logs "$1" 2>&1)"
}

# field NAME POD: of runner inspect's state
field() {
	"$RUNNER" inspect "$2" | sed -n '/^  "state":/,/^  }/s/^ *"'"$1"'": *"\{0,1\}\([^",]*\).*/\1/p'
}

# make_root ROOT PROGRAM...: a root filesystem of the machine's own shell and
# the programs of it that are there.
make_root() {
	local root=$1 program
	shift
	mkdir -p "$root"/{bin,etc,lib,tmp,home,root}
	for program in bash cat chmod id ln ls mkdir rm sleep stat touch true "$@"; do
		program=$(type -P "$program") || continue
		cp "$(readlink -f "$program")" "$root/bin/${program##*/}"
	done
	ldd "$root"/bin/* | sed -n 's/.* \(\/[^ ]*\) (.*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p' |
		sort -u | while read -r program; do
		mkdir -p "$root${program%/*}"
		cp "$(readlink -f "$program")" "$root$program"
	done
	ln -s bash "$root/bin/sh"
	printf 'root:x:0:0::/root:/bin/sh\nmongodb:x:184:998::/:/bin/sh\nuser:x:1000:1001::/home:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nmongodb:x:998:\nuser:x:1001:\n' >"$root/etc/group"
	chmod 1777 "$root/tmp"
}

# chosen ALL ARGUMENT...: those of ALL that the arguments, [-t] TEST..., name
chosen() {
	local all=$1 t wanted
	shift
	wanted=$*
	wanted=" ${wanted#-t } "
	for t in $all; do
		case $wanted in "  " | *" $t "*) echo "$t" ;; esac
	done
}

totals() {
	echo "# Totals: pass:$pass fail:$fail xfail:0 xpass:0 skip:$skip error:0"
	[ $fail = 0 ] || exit 1
	[ $pass != 0 ] || [ $skip = 0 ] || exit 4
	exit 0
}

# run_tests ALL ARGUMENT...
run_tests() {
	local t plan
	mapfile -t plan < <(chosen "$@")
	echo "KTAP version 1"
	echo "1..${#plan[@]}"
	for t in "${plan[@]}"; do
		"test_$t"
	done
	totals
}
