# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Attacks of a local user, who has no more than a shell on the host.

# local_user UID COMMAND...: as a user of the host that is nobody else's
local_user() {
	setpriv --reuid="$1" --regid="$1" --clear-groups --no-new-privs -- "${@:2}"
}

# end_user UID: all processes of his
end_user() {
	local pids
	pids=$(ps -o pid= -U "$1")
	# shellcheck disable=SC2086 # one by one
	[ -z "$pids" ] || kill -9 $pids
}

# lock_all_there: locks all that a local user can open below runner's folders
lock_all_there() {
	local_user 4242 /usr/bin/python3 -c '
import fcntl, os, sys, time
held = []
for top in ["/run/runner", "/var/lib/runner"]:
    for dir, dirs, files in os.walk(top):
        for path in [dir] + [os.path.join(dir, f) for f in files]:
            try:
                fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held.append(path)
            except OSError:
                pass
print(*held, flush=True)
print("done", flush=True)
time.sleep(100)' >"$work/held" &
	wait_line "$work/held" "done"
}

attack lease_flock - a local user locks the folder of ranges, or a lease, and every start waits for ever

attack_lease_flock() {
	# the folders as an earlier runner left them
	mkdir -p /run/runner/uids /run/runner/pods
	chmod 755 /run/runner /run/runner/uids /var/lib/runner
	: >/run/runner/uids/$((ids + 65536))-65536
	chmod 644 /run/runner/uids/*
	runner run -d --image "$image" --name mine -- sleep 100
	same "a start repairs them" 0 "$status$errors"
	same "modes" "711 700 700" "$(stat -c %a /run/runner /run/runner/uids /run/runner/pods | xargs)"
	same "and of the images and pods" "700 700" "$(stat -c %a /var/lib/runner /var/lib/runner/pods | xargs)"
	# below /var/lib/runner nobody gets
	same "what others can read or write" '' "$(find /run/runner /var/lib/runner/pods/mine -maxdepth 3 -path '*/layer' -prune -o -perm /077 ! -path /run/runner ! -path /run/runner/stage ! -type l -printf '%p %m ')"
	lock_all_there
	same "what the user could lock" '' "$(head -n 1 "$work/held" | tr -d '\n')"
	RUNNER_TIMEOUT=20 runner run --image "$image" -- true
	same "another start" 0 "$status$errors"
	RUNNER_TIMEOUT=20 runner uidmap ls
	same "uidmap ls" 0 "$status"
	RUNNER_TIMEOUT=20 runner ps
	same "ps" 0 "$status"
	end_user 4242
	gone mine
}

attack lease_held - a lock that is held for ever: the start ends and says by whom

# Each lock in folders of its own, since a start takes thirty seconds to give up.
attack_lease_held() {
	local dir n=0
	for dir in /run/runner/uids /run/runner/pods /var/lib/runner/pods; do
		n=$((n + 1))
		unshare -m --propagation private sh -c '
			mount -t tmpfs -o mode=711 none /run/runner &&
			mount -t tmpfs -o mode=700 none /var/lib/runner &&
			"$1" run --image "$2" -- true || exit 1
			flock "$3" sleep 100 &
			for _ in $(seq 50); do flock -n "$3" true || break; sleep 0.1; done
			start=$(date +%s)
			timeout 60 "$1" run --name held --image "$2" -- true
			echo "status $? after $(($(date +%s) - start)) s"
			for child in $(ps -o pid= --ppid $!) $!; do kill -9 $child; done
			wait
			# what a start that failed could not remove goes with the next
			"$1" rm -f held
			ls -A /var/lib/runner/pods
			echo the end' - "$RUNNER" "$image" "$dir" >"$work/held$n" 2>&1 </dev/null &
	done
	wait
	n=0
	for dir in /run/runner/uids /run/runner/pods /var/lib/runner/pods; do
		n=$((n + 1))
		out=$(cat "$work/held$n")
		has "$dir: the start" "$out" "status 125 after 3"
		has "$dir: the message" "$out" "$dir has been locked for 30 seconds"
		has "$dir: who" "$out" "held by process"
	done
}

attack lease_pid - the number of a pod that has gone is another process now

attack_lease_pid() {
	local file=/run/runner/pods/reused/state.json pid
	runner run -d --image "$image" --name reused -- sleep 1000
	same "start" 0 "$status$errors"
	sleep 300 &
	pid=$!
	# as if its first process had been reaped, and the number given again
	sed -i 's/"pid":[0-9]*/"pid":'"$pid"'/' "$file"
	[ "$(field pid reused)" = $pid ] || problem "the test does not know state.json"
	runner kill reused
	same "kill" 125 $status
	runner exec reused true
	same "exec" 125 $status
	runner run --pod reused --image "$image" -- true
	same "a pod that joins it" 125 $status
	runner device add reused /dev/null:/dev/other
	same "device add" 125 $status
	same "the other process" sleep "$(cat /proc/$pid/comm)"
	gone reused
	[ -e /proc/$pid ] || problem "rm -f killed the other process"
	kill -9 $pid
	wait $pid 2>/dev/null
}

attack lease_stopped - a helper that looks into the namespace of a local user is stopped there, with the ranges locked

attack_lease_stopped() {
	local start=$SECONDS
	local_user 4243 unshare -U -r sh -c 'trap "" TERM; while :; do kill -STOP -1; done' 2>/dev/null &
	sleep 1
	for _ in 1 2 3 4 5 6 7 8; do
		RUNNER_TIMEOUT=30 runner run --image "$image" -- true
		same "a start" 0 "$status$errors"
		# what is known of namespaces is looked up again
		rm -f /run/runner/uid-maps
	done
	[ $((SECONDS - start)) -lt 100 ] || problem "the starts took $((SECONDS - start)) s"
	end_user 4243
}

attack lease_net - a pod that joins the network of one which has gone gets the network of whoever has its number

attack_lease_net() {
	local file=/run/runner/pods/joins/config.json pid own
	runner run -d --image "$image" --name owner -- sleep 1000
	runner run --image "$image" --name joins --net pod:owner -- readlink /proc/self/ns/net
	same "the other's network" "$(readlink "/proc/$(field pid owner)/ns/net")" "$out$errors"
	pid=$(field pid owner)
	gone owner
	# the number is given again, to a process of the host's
	own=$$
	sed -i "s,/proc/$pid/ns/net,/proc/$own/ns/net," "$file"
	grep -q "/proc/$own/ns/net" "$file" || problem "the test does not know config.json"
	runner start joins
	same "started again" 125 $status
	has "message" "$errors" owner
	runner logs joins
	hasnt "started again" "$out" "$(readlink /proc/$own/ns/net)"
	# and with another pod of that name
	runner run -d --image "$image" --name owner -- sleep 1000
	runner start joins
	same "with another of that name" 0 "$status$errors"
	runner wait joins
	runner logs -n 1 joins
	same "the new one's network" "$(readlink "/proc/$(field pid owner)/ns/net")" "$out$errors"
	gone owner
	gone joins
}
