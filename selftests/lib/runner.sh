# SPDX-License-Identifier: GPL-2.0-or-later
# What the shell tests of runner share; put into each by its Makefile.
# shellcheck shell=bash
# shellcheck disable=SC2034 # for who includes this
set -u
export LC_ALL=C

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 4
fi
if [ -z "${RUNNER_TEST_NS:-}" ]; then
	RUNNER_TEST_NS=1 exec unshare -m --propagation private "$0" "$@"
fi

top=$(cd "$(dirname "$0")/../../.." && pwd)
RUNNER=${RUNNER:-$top/build/bin/runner}
[ -x "$RUNNER" ] || RUNNER=$(command -v runner) || {
	echo "Bail out! no runner: build it or set RUNNER"
	exit 1
}

# overlayfs takes no overlay as its upper layer
state_dir=${SHIFTFS_TEST_DIR:-/var/tmp}
[ "${SHIFTFS_TEST_LOWER:-ext4}" != overlay ] || state_dir=/var/tmp
work=$(mktemp -d "$state_dir/runner_test.XXXXXX")
volume=$(mktemp -d "${SHIFTFS_TEST_DIR:-/var/tmp}/runner_volume.XXXXXX")
mkdir -p "$work/state" "$work/run" /var/lib/runner /run/runner
chmod 755 "$work" "$volume"
mount --bind "$work/state" /var/lib/runner
mount --bind "$work/run" /run/runner
# shellcheck disable=SC2317 # reached through the trap
cleanup() {
	jobs -p | xargs -r kill -9 2>/dev/null
	wait 2>/dev/null
	umount /var/lib/runner /run/runner
	rm -rf "$work" "$volume"
}
trap cleanup EXIT

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

finish() {
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

# runner ARGUMENT...: output in $out, errors in $errors, status in $status
runner() {
	status=0
	timeout "${RUNNER_TIMEOUT:-120}" "$RUNNER" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
	out=$(cat "$work/out")
	errors=$(cat "$work/err")
}

# A root filesystem of the machine's own shell and tools.
make_root() {
	local root=$1 program
	mkdir -p "$root"/{bin,etc,lib,tmp,home}
	for program in bash cat chmod chown getcap id ln ls mkdir mv python3 rm sleep stat touch true; do
		program=$(type -P "$program") || continue
		case $program in *python3*) continue ;; esac
		cp "$(readlink -f "$program")" "$root/bin/${program##*/}"
		ldd "$program" | sed -n 's/.* \(\/[^ ]*\) (.*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p'
	done | sort -u | while read -r program; do
		mkdir -p "$root${program%/*}"
		cp "$(readlink -f "$program")" "$root$program"
	done
	ln -s bash "$root/bin/sh"
	printf 'root:x:0:0::/:/bin/sh\nmongodb:x:184:998::/:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nmongodb:x:998:\n' >"$root/etc/group"
	chmod 1777 "$root/tmp"
}

# run_tests ALL ARGUMENT...: those of ALL that the arguments name
run_tests() {
	local all=$1 wanted t plan=()
	shift
	wanted=" ${*#-t} "
	for t in $all; do
		case $wanted in *[!\ ]*) case $wanted in *" $t "*) ;; *) continue ;; esac ;; esac
		plan+=("$t")
	done
	echo "KTAP version 1"
	echo "1..${#plan[@]}"
	for t in "${plan[@]}"; do
		"test_$t"
	done
	echo "# Totals: pass:$pass fail:$fail xfail:0 xpass:0 skip:$skip error:0"
	[ $fail = 0 ] || exit 1
	exit 0
}
