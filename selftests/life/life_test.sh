#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# life_test: what a pod can rely on from its start to its end: all output with
# start -a, mounts shared within it.  Each test says what the pod and its user
# see and what the host has.
#
# life_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2005,SC2046,SC2086,SC2116 # echo joins lines on purpose
# shellcheck disable=SC2012,SC2016,SC2317 # names are ours; for the pod's shell; called by name
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
own_ranges 100

check_clean() {
	same "pods, leases and folders" '' "$(find /run/runner/pods /run/runner/uids /var/lib/runner/pods -mindepth 1 -maxdepth 1 -printf '%p ' 2>/dev/null)"
	same "processes" '' "$(own_processes)"
}

# ROUNDS starts of a pod that ends at once, a created one and one that has ended.
test_start_attach() {
	local i rounds=25 lost=''
	for i in $(seq $rounds); do
		runner create --image "$image" --name a -- sh -c "echo out $i; echo err $i >&2; exit 7"
		runner start -a a
		[ "$status$out$errors" = "7out ${i}err $i" ] || lost+=" $i:$status:$out:$errors"
		runner start -a a
		[ "$status$out$errors" = "7out ${i}err $i" ] || lost+=" $i-again:$status:$out:$errors"
		runner rm a
	done
	same "output or status lost" '' "$lost"
	# more than the pipes and the socket hold, to a reader that is slow
	runner create --image "$image" --name a -- sh -c 'x=0123456789abcdef; for i in 1 2 3 4 5 6; do x=$x$x; done; for i in $(seq 2000 2>/dev/null || echo {1..2000}); do echo $x; done; exit 3'
	out=$( { "$RUNNER" start -a a; echo $? >"$work/status"; } | { sleep 1; cksum; })
	same "2 MB to a slow reader" "$(x=0123456789abcdef; for i in 1 2 3 4 5 6; do x=$x$x; done; for i in {1..2000}; do echo $x; done | cksum)" "$out"
	same "its status" 3 "$(cat "$work/status")"
	runner logs a
	same "and kept below" 2000 "$(wc -l <"$work/out")"
	# the same of one that has ended; its reader goes away, the pod does not
	out=$( { "$RUNNER" start -a a; echo $? >"$work/status"; } | { sleep 1; cksum; })
	same "status of one that had ended" 3 "$(cat "$work/status")"
	"$RUNNER" start -a a | head -n 1 >/dev/null
	runner wait a
	same "the reader went away" 3 "$out"
	runner rm a
	# what a start cannot do is said, with the status of run
	runner create --image "$image" --name a -- nosuch
	runner start -a a
	same "no such command" 127 "$status$out"
	has "no such command" "$errors" "there is no such command"
	# stdin, for the second time as well
	runner create -i --image "$image" --name a -- sh -c 'read x; echo "got $x"'
	same "stdin" "got one" "$(echo one | "$RUNNER" start -a a)"
	same "stdin of one that had ended" "got two" "$(echo two | "$RUNNER" start -a a)"
	runner rm a
	# a client that never reads holds nobody up who wants the pod's end
	runner create --image "$image" --name a -- sh -c 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done'
	mkfifo "$work/never"
	"$RUNNER" start -a a >"$work/never" 2>/dev/null &
	local pid=$!
	exec 7<"$work/never"
	sleep 1
	runner stop -t 0 a
	same "stop of a pod whose reader hangs" "0exited" "$status$(field status a)$errors"
	exec 7<&-
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	rm "$work/never"
	runner rm a
	check_clean
	finish "start -a: all output and the status, $((2 * rounds)) times"
}

test_shared() {
	local pid before
	before=$(md5sum </proc/self/mountinfo)
	mkdir "$volume/in"
	up s --cap-add sys_admin -v "$volume:/data" -- sleep 600
	pid=$(field pid s)
	same "each mount is shared" '' "$(grep -v ' shared:' "/proc/$pid/mountinfo")"
	same "none with a mount of the host" '' "$(grep -o 'shared:[0-9]*' "/proc/$pid/mountinfo" | sort -u | comm -12 - <(grep -o 'shared:[0-9]*' /proc/self/mountinfo | sort -u))"
	# as systemd and a unit of it: what is mounted later arrives in a namespace
	# that was made before
	runner exec s unshare -m --propagation slave sh -c 'echo $$ >/tmp/pid; for i in 1 2 3 4 5 6 7 8 9 10; do [ ! -e /tmp/m/there ] || { echo arrived; break; }; sleep 0.3; done' &
	local waits=$!
	for _ in $(seq 50); do [ ! -s "/proc/$pid/root/tmp/pid" ] || break; sleep 0.1; done
	"$RUNNER" exec s sh -c 'mkdir /tmp/m && mount -t tmpfs none /tmp/m && touch /tmp/m/there && mount -t tmpfs none /data/in'
	wait $waits
	same "a mount in the pod, in a namespace of it" arrived "$(cat "$work/out")"
	same "in the pod" 2 "$(grep -c -e ' /tmp/m ' -e ' /data/in ' "/proc/$pid/mountinfo")"
	same "on the host: nothing" "$before" "$(md5sum </proc/self/mountinfo)"
	runner rm -f s
	rmdir "$volume/in"
	check_clean
	finish "a pod's mounts are shared within it"
}

modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
make_root "$image" env grep mount readlink seq tee unshare
run_tests "start_attach shared" "$@"
