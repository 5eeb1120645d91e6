# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Pods that do not want to end.  gone() sees that rm -f needs no ten seconds.

# ends KIND ARGUMENT...: a pod of these arguments is ended by rm -f, by stop, and
# by a signal to its runner where that is in the foreground.
ends() {
	local kind=$1 pid
	shift
	runner run -d --image "$image" --name hard "$@"
	same "$kind: start" 0 "$status$errors"
	sleep 1
	gone hard
	same "$kind: rm -f" 0 "$status$errors"
	same "$kind: its cgroup" '' "$(ls -d "$cgroups/runner/hard" 2>/dev/null)"
	same "$kind: its folder" '' "$(ls -d /var/lib/runner/pods/hard /var/lib/runner/pods/.gone* 2>/dev/null)"
	same "$kind: its processes" '' "$(own_processes)"
	runner run -d --image "$image" --name hard "$@"
	sleep 1
	RUNNER_TIMEOUT=20 runner stop -t 2 hard
	same "$kind: stop" 0 "$status$errors"
	same "$kind: after stop" exited "$(field status hard)"
	same "$kind: its processes, after stop" '' "$(own_processes)"
	gone hard
}

attack end_reboot - a pod that reboots survives stop, SIGTERM and rm -f

attack_end_reboot() {
	local pid
	ends "at once" --cap-add sys_boot -- hostile reboot
	ends "after a moment" --cap-add sys_boot -- sh -c 'sleep 0.2; exec hostile reboot'
	"$RUNNER" run --cap-add sys_boot --image "$image" -- hostile reboot &
	pid=$!
	sleep 2
	kill -TERM $pid
	for _ in $(seq 100); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
	[ ! -e "/proc/$pid" ] || problem "SIGTERM did not end it"
	kill -9 $pid 2>/dev/null
	wait $pid
}

attack end_ignore - a pod that ignores all signals

attack_end_ignore() {
	ends ignore -- hostile ignore
	ends "ignore, started again" --restart always -- hostile ignore
	ends "ends by itself, started again" --restart always -- true
}

attack end_bomb - a fork bomb

attack_end_bomb() {
	[ -n "$cgroups" ] || { skip_reason='this host has no cgroup version 2'; return; }
	ends bomb -- hostile bomb 20
}

attack end_stopped - processes that are stopped, a pod that is frozen, one that freezes itself

attack_end_stopped() {
	ends stopped -- hostile stop
	runner run -d --image "$image" --name hard -- sleep 1000
	kill -STOP "$(field pid hard)"
	gone hard
	same "process 1 is stopped: rm -f" 0 "$status$errors"
	[ -n "$cgroups" ] || return
	runner run -d --image "$image" --name hard -- sleep 1000
	runner pause hard
	same "pause" 0 "$status$errors"
	gone hard
	same "frozen: rm -f" 0 "$status$errors"
	runner run -d --image "$image" --name hard --cgroupfs=rw -- sh -c 'cd /sys/fs/cgroup; mkdir -p a/b; echo $$ >a/b/cgroup.procs; echo 1 >a/cgroup.freeze; sleep 1000'
	sleep 0.5
	gone hard
	same "it froze itself: rm -f" 0 "$status$errors"
	runner run -d --image "$image" --name hard --cgroupfs=rw -- sh -c 'cd /sys/fs/cgroup; mkdir t; echo threaded >t/cgroup.type; echo $$ >t/cgroup.procs; sleep 1000'
	sleep 0.5
	gone hard
	same "threaded: rm -f" 0 "$status$errors"
}

attack end_monitor - the monitor of a pod hangs

attack_end_monitor() {
	local monitor
	runner run -d --image "$image" --name hard -- sleep 1000
	sleep 1
	monitor=$(field monitor hard)
	kill -STOP "$monitor"
	gone hard
	same "rm -f" 0 "$status$errors"
	same "the monitor" '' "$(ps -o stat=,args= -p "$monitor" | grep -v ^Z)"
	same "processes" '' "$(own_processes)"
}

attack end_drain - a pod gives its end of the log to another pod, which writes on

attack_end_drain() {
	local log=/var/lib/runner/pods/hard/log
	# the descriptor outlives its pod in a process of the host
	runner run -d --image "$image" --name hard -- sh -c 'echo ready; sleep 1000'
	for _ in $(seq 50); do grep -qs ready "$log" && break; sleep 0.1; done
	exec 8>"/proc/$(field pid hard)/fd/1"
	for _ in 1 2 3 4 5 6; do "$work/image/bin/hostile" shout 8 2>/dev/null & done
	sleep 0.5
	runner kill hard
	for _ in $(seq 100); do [ "$(field status hard)" != exited ] || break; sleep 0.1; done
	same "it has ended" exited "$(field status hard)"
	kill -9 $(jobs -p) 2>/dev/null
	exec 8>&-
	gone hard
}

attack end_notify - a pod sends the monitor sockets that take long to close

# linger NAME PORT OPTION...: a pod whose monitor has such sockets
linger() {
	NOTIFY_SOCKET=$work/notify runner run -d --image "$image" --name "$1" --sdnotify pod "${@:3}" -- hostile linger 5 $2
	same "$1: run" 0 "$status$errors"
	for _ in $(seq 100); do runner logs "$1"; case $out in *sent*[0-9]*) break ;; esac; sleep 0.1; done
	has "$1: it has sent them" "$out" sent
}

attack_end_notify() {
	local peers count start port
	# a manager, and somebody in another network namespace than the pod's, who reads nothing
	python3 -uc 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
far = socket.create_server(("127.0.0.1", 0), backlog=10)
print(far.getsockname()[1])
while True: print(s.recv(4096).decode())' "$work/notify" >"$work/said" &
	peers=$!
	for _ in $(seq 100); do [ ! -s "$work/said" ] || break; sleep 0.1; done
	port=$(head -n 1 "$work/said")
	linger hard "$port" --net host
	# its monitor goes on to read what the pod writes
	runner logs hard
	count=$(wc -l <<<"$out")
	sleep 1
	runner logs hard
	[ "$(wc -l <<<"$out")" -gt "$count" ] || problem "the log stands still after $count lines"
	# and sees its end, with messages that nobody has read yet
	start=$SECONDS
	RUNNER_TIMEOUT=20 runner kill hard
	RUNNER_TIMEOUT=20 runner wait hard
	same "it has ended" 137 "$out$errors"
	[ $((SECONDS - start)) -le 10 ] || problem "its end took $((SECONDS - start)) s"
	gone hard
	linger hard "$port" --net host --restart always
	start=$SECONDS
	runner kill hard
	for _ in $(seq 100); do [ "$(field restarts hard)" = 0 ] || break; sleep 0.1; done
	[ "$(field restarts hard)" -gt 0 ] || problem "it did not start again within $((SECONDS - start)) s"
	gone hard
	linger hard ''
	gone hard
	same "processes" '' "$(own_processes)"
	kill $peers
	wait $peers 2>/dev/null
}

attack end_fuse plain,host a filesystem that answers nothing, over a directory in the pod

# interrupt SIGNAL COMMAND...: of runner, which waits for the pod; SIGNAL ends it
interrupt() {
	local pid
	"$RUNNER" "${@:2}" >/dev/null 2>"$work/err" </dev/null &
	pid=$!
	# the shell's child ignores SIGINT until runner's first lines
	for _ in $(seq 100); do
		grep -qs '^SigIgn:.*[2367abef]$' "/proc/$pid/status" || break
		sleep 0.1
	done
	sleep 0.4
	kill -"$1" $pid 2>/dev/null
	for _ in $(seq 30); do [ -e "/proc/$pid/exe" ] || break; sleep 0.1; done
	# it may be in the kernel until the pod has ended
	[ ! -e "/proc/$pid/exe" ] || problem "$1 does not end $2 $3: $(cat "/proc/$pid/wchan")"
}

attack_end_fuse() {
	local kind=() dir start each
	if [ ! -c /dev/fuse ] || ! grep -qw fuse /proc/filesystems; then
		skip_reason='this host has no FUSE'
		return
	fi
	[ "$1" != host ] || kind=(--userns=host)
	for dir in /etc /dev; do
		runner run -d --image "$image" --name hard "${kind[@]}" --cap-add sys_admin --security-opt seccomp=unconfined --device /dev/fuse -- sh -c "hostile fuse $dir & sleep 1000"
		for _ in $(seq 50); do runner logs hard; [ -z "$out" ] || break; sleep 0.1; done
		same "$dir" mounted "$out"
		interrupt INT exec -u user hard true
		interrupt TERM exec -w /tmp hard true
		interrupt INT cp hard:/etc/passwd "$work/copy"
		interrupt TERM cp "$work/image/etc/passwd" hard:/tmp
		interrupt INT device add hard /dev/full:/dev/f1
		# nothing is locked meanwhile
		"$RUNNER" exec -u user hard true >/dev/null 2>&1 </dev/null &
		"$RUNNER" cp hard:/etc/passwd "$work/copy" >/dev/null 2>&1 </dev/null &
		sleep 0.5
		start=$SECONDS
		for each in "ps -a" "inspect hard" "logs hard" "run --image $image -- true" "device rm hard /dev/nothing"; do
			RUNNER_TIMEOUT=20 runner $each
			[ "$status" -lt 124 ] || [ "$status" = 125 ] || problem "$dir: $each: $status"
		done
		[ $((SECONDS - start)) -le 10 ] || problem "$dir: other commands took $((SECONDS - start)) s"
		gone hard
		same "$dir: rm -f" 0 "$status$errors"
		kill -9 $(jobs -p) 2>/dev/null
		wait 2>/dev/null
	done
	# stop says so, and rm -f ends it
	runner run -d --image "$image" --name hard "${kind[@]}" --cap-add sys_admin --security-opt seccomp=unconfined --device /dev/fuse -- sh -c 'hostile fuse /etc & sleep 1000'
	start=$SECONDS
	RUNNER_TIMEOUT=30 runner stop -t 1 hard
	same "stop" 0 "$status$errors"
	[ $((SECONDS - start)) -le 10 ] || problem "stop took $((SECONDS - start)) s"
	gone hard
	same "processes" '' "$(own_processes)"
}

attack start_interrupt - a start whose first process is held up is not to be ended

# held OPTION...: starts the pod "held", whose first process is frozen before it has
# done anything; $! is runner
held() {
	"$RUNNER" "$@" --image "$image" --name held --cgroup-path held/pod -- sleep 1000 >"$work/said" 2>&1 </dev/null &
	for _ in $(seq 200); do [ -z "$(cat "$cgroups/held/pod/cgroup.procs" 2>/dev/null)" ] || break; sleep 0.02; done
	has "$*: it is held up" "$(cat "$cgroups/held/pod/cgroup.events" 2>&1)" "populated 1"
	sleep 0.3
}

# ended PID STATUS SIGNAL WHAT: that is the status of runner, and nothing is left
ended() {
	for _ in $(seq 30); do [ -e "/proc/$1/exe" ] || break; sleep 0.1; done
	[ ! -e "/proc/$1/exe" ] || problem "$4: $3 does not end it"
	kill -KILL "$1" 2>/dev/null
	wait "$1"
	same "$4: status" "$2" $?
	has "$4: it says why" "$(cat "$work/said")" "ended by signal $3"
	for _ in $(seq 20); do [ -e /var/lib/runner/pods/held ] || [ -e /run/runner/pods/held ] || break; sleep 0.1; done
	check_clean "$4"
	same "$4: its cgroup" '' "$(ls -d "$cgroups/held/pod" 2>/dev/null)"
	"$RUNNER" rm -f held 2>/dev/null
}

attack_start_interrupt() {
	local each monitor
	if [ -z "$cgroups" ] || [ -e "$cgroups/held" ] || ! mkdir "$cgroups/held"; then
		skip_reason='this host has no cgroup version 2'
		return
	fi
	[ -e "$cgroups/held/cgroup.freeze" ] || { rmdir "$cgroups/held"; skip_reason='cgroups cannot be frozen here'; return; }
	echo 1 >"$cgroups/held/cgroup.freeze"
	for each in 1 2 3 15; do
		held run
		kill -"$each" $!
		ended $! $((128 + each)) "$each" "run"
	done
	# its monitor is another process than the caller
	held run -d
	kill -INT $!
	ended $! 130 2 "run -d"
	held create
	kill -TERM $!
	ended $! 143 15 "create"
	# what is no end stays the pod's
	held run
	kill -USR1 $!
	sleep 0.3
	[ -e "/proc/$!/exe" ] || problem "USR1 ends the start"
	kill -INT $!
	ended $! 130 2 "run, after USR1"
	echo 0 >"$cgroups/held/cgroup.freeze"
	# between the word to start and the command
	runner create --image "$image" --name held --cgroup-path held/pod -- sleep 1000
	same "create" 0 "$status$errors"
	echo 1 >"$cgroups/held/pod/cgroup.freeze"
	monitor=$(field monitor held)
	"$RUNNER" start -a held >"$work/said" 2>&1 </dev/null &
	sleep 0.5
	kill -INT "$monitor"
	for _ in $(seq 30); do [ -e "/proc/$!/exe" ] || break; sleep 0.1; done
	[ ! -e "/proc/$!/exe" ] || problem "start: the monitor does not end"
	kill -KILL "$monitor" 2>/dev/null
	wait $!
	same "start: status" 130 $?
	has "start: it says why" "$(cat "$work/said")" "ended by signal 2"
	same "start: its processes" '' "$(own_processes)"
	gone held
	rmdir "$cgroups/held" || problem "a cgroup is left"
}
