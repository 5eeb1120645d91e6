#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# side_test: side containers, which a pod asks the host for through its spool. Each
# test says what the asker is told and what runs on the host.
#
# side_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2005,SC2046,SC2086,SC2116 # echo joins lines on purpose
# shellcheck disable=SC2012,SC2016,SC2317 # names are ours; for the pod's shell; called by name
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
own_ranges 400
asker=${RUNNER%/*}/runner-side
[ -x "$asker" ] || asker=${RUNNER%/*/*}/libexec/runner/runner-side
templates=$work/templates
mkdir -p "$templates"

# template NAME MEMBERS: written for the agent; MEMBERS are more JSON
template() {
	cat >"$templates/$1.json" <<END
{ "image": "$image", "askers": [ "agent", "second" ], $2 }
END
}

# agent NAME [OPTION]...: the pod that asks, with its spool
agent() {
	local name=$1 spool
	shift
	runner side spool $name
	spool=$out
	same "spool of $name" "0/var/lib/runner/side/$name" "$status$out$errors"
	up $name -v "$spool:/run/runner-side:idmap" -v "$asker:/bin/runner-side:ro" "$@" -- sleep 10000
}

# serve [NAME]: the host's end, once
serve() {
	timeout 100 "$RUNNER" side run --templates "$templates" "${1:-agent}" 2>"$work/log"
}

# ask ARGUMENT...: runner-side in the agent, while the host serves it: $out, $status
ask() { ask_as agent "$@"; }
ask_as() {
	local name=$1 pid
	shift
	"$RUNNER" side run --follow --templates "$templates" $name 2>"$work/log" &
	pid=$!
	runner exec $name runner-side "$@"
	kill $pid
	wait $pid 2>/dev/null
}

# sides [ASKER]: how many side containers are up
sides() {
	"$RUNNER" side ls ${1:+--asker $1} | grep -c ' running ' || :
}

# end_all: nothing stays
end_all() {
	runner side ls -q
	printf '%s\n' $out agent second | sort -u | while read -r each; do
		"$RUNNER" rm -f $each >/dev/null 2>&1
	done
	rm -rf /var/lib/runner/side
	same "$1: pods, leases and folders" '' "$(find /run/runner/pods /run/runner/uids /var/lib/runner/pods -mindepth 1 -maxdepth 1 -printf '%p ' 2>/dev/null)"
	same "$1: processes" '' "$(own_processes)"
	same "$1: cgroups" '' "$(ls -d "$cgroups"/runner/*/ 2>/dev/null)"
}

test_submit() {
	local pod pid
	template sleeper '"command": [ "sleep" ], "args": [ "[0-9]+" ], "stop_seconds": 1'
	template brief '"command": [ "sh", "-c", "echo said >&2; exit 7" ], "args": []'
	agent agent
	ask submit sleeper -- 1000
	same "asked" "0running" "$status${out%% *}"
	read -r _ pod pid <<<"$out"
	same "on the host" "sleep 1000" "$(tr '\0' ' ' <"/proc/$pid/cmdline" | sed 's/ $//')"
	same "known" "running $pid" "$(field status $pod) $(field pid $pod)"
	runner side ls
	has "ls" "$out" "$pod"
	has "ls" "$out" " running "
	runner side inspect $pod
	has "inspect" "$out" '"asker":"agent"'
	has "inspect" "$out" '"key":"sleeper"'
	[ "$(readlink /proc/$pid/ns/user)" != "$(readlink /proc/$(field pid agent)/ns/user)" ] || problem "it is in the agent's user namespace"
	same "the spool is worked off" "lock $pod.alive trigger" "$(echo $(ls /var/lib/runner/side/agent))"
	ask submit sleeper -- 1000
	same "asked again: the same" "running $pod $pid" "$out"
	ask submit sleeper -- 1001
	same "with other arguments" 125 $status
	has "message" "$errors" "runs with other arguments"
	has "log" "$(cat "$work/log")" "runs with other arguments"
	same "still one" 1 "$(sides)"
	ask submit --key two sleeper -- 1001
	same "another key" "0running" "$status${out%% *}"
	same "two" 2 "$(sides agent)"
	ask submit --wait brief
	same "status of one that ends" 7 $status
	same "what it wrote" "said" "$errors"
	ask status --key nosuch sleeper
	same "none" "0none" "$status$out"
	ask signal sleeper 15
	ask stop --key two sleeper
	same "stopped" "137ended" "$status${out%% *}"
	ask remove --key two sleeper
	ask status --key two sleeper
	same "removed" "none" "$out"
	runner rm -f agent
	runner side stop --asker agent
	same "runner side stop" "0" "$status$errors"
	same "none is up" 0 "$(sides)"
	end_all "at the end"
	finish "submit, status, signal, stop, remove; ls, inspect, stop on the host"
}

modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
all="submit"
make_root "$image" cp dd env grep mount tail unshare
run_tests "$all" "$@"
