# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# KTAP for tests in shell: put in front of the test's script by its Makefile.

run=0
failed=0
out=
status=0

finish_plan() {
	echo "1..$run"
	echo "# totals: pass:$((run - failed)) fail:$failed skip:0"
	[ $failed = 0 ]
	exit
}

ok() { # ok STATUS NAME
	run=$((run + 1))
	if [ "$1" = 0 ]; then
		echo "ok $run $2"
	else
		echo "not ok $run $2"
		failed=$((failed + 1))
	fi
	[ "$1" = 0 ]
}

# try COMMAND...: run it, keep its output and status
try() {
	out=$("$@" 2>&1)
	status=$?
}

show() { printf '%s\n' "$out" | sed 's/^/#   /'; }

# gives STATUS NAME [TEXT...]: of the last try; each TEXT must be in its output
gives() {
	local want=$1 name=$2 bad=0 text
	shift 2
	[ "$status" = "$want" ] || { bad=1; echo "# status $status, want $want"; }
	for text in "$@"; do
		[[ $out == *"$text"* ]] || { bad=1; echo "# missing in the output: $text"; }
	done
	[ $bad = 0 ] || show
	ok $bad "$name"
}

is() { # is GOT WANT NAME
	local bad=0
	[ "$1" = "$2" ] || { bad=1; echo "# got \"$1\", want \"$2\""; }
	ok $bad "$3"
}

owner() { stat -c %u:%g "$1" 2>&1; }
vfs_options() { findmnt -rno VFS-OPTIONS --mountpoint "$1"; }
has_option() { # has_option OPTIONS NAME
	[[ ",$1," == *",$2,"* ]]
}
is_mounted() { findmnt -rn --mountpoint "$1" >/dev/null; }
as() { # as ID COMMAND...
	local id=$1
	shift
	setpriv --reuid="$id" --regid="$id" --clear-groups "$@"
}
