# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2030,SC2031,SC2016,SC2034,SC2154
# Attacks on the processes of a start and of exec.

attack exec_seize exec,exec-host,exec-systemd,exec-tty CVE-2016-9962, exec into a pod that traces

# A pod's process with CAP_SYS_PTRACE waits for runner to enter: it must not see an
# id of the host, nor read what runner was called with, nor seize it.
attack_exec_seize() {
	local watched
	pod_options=(--cap-add sys_ptrace --security-opt seccomp=unconfined)
	victim "$1"
	"$RUNNER" exec "$pod" sh -c 'rm -f /stop; exec attacker watch 60' >"$work/watched" 2>&1 </dev/null &
	wait_line "$work/watched" watching
	for _ in $(seq 25); do
		runner exec -e SECRET=topsecret "$pod" true
		same "exec" 0 "$status$errors"
	done
	runner exec "$pod" touch /stop
	wait
	watched=$(cat "$work/watched")
	hasnt "the secret" "$watched" topsecret
	case $1 in
	exec-host)
		# its root may trace what is no more than itself
		has "it was seen" "$watched" "capabilities "
		same "capabilities" '' "$(sed -n 's/^capabilities //p' <<<"$watched" | grep -vx 'a80c25fb')"
		same "descriptors" '' "$(sed -n 's/^fd [0-9]* //p' <<<"$watched" | grep -ve '^/dev/null$' -e '^socket:' -e '^pipe:' -e "^$work/" -e "/$pod/cgroup.procs$")"
		same "its program" '' "$(sed -n 's/^program //p' <<<"$watched" | grep -v '^/memfd:')"
		;;
	*)
		hasnt "traced" "$watched" seized
		hasnt "its descriptors" "$watched" 'fd '
		hasnt "its program" "$watched" program
		hasnt "its environment" "$watched" environ
		# the overflow id is what the host's root is in a pod's user namespace
		hasnt "the host's root" "$watched" 'uid 65534'
		;;
	esac
	gone "$pod"
}

attack exec_secret exec,exec-host a secret of exec -e in the command line

# Any user of the host, and of the pod, reads /proc/PID/cmdline.
attack_exec_secret() {
	victim "$1"
	"$RUNNER" exec -e SECRET=topsecret "$pod" sleep 2 &
	"$RUNNER" exec -eSECRET=topsecret "$pod" sleep 2 &
	"$RUNNER" exec -ie SECRET=topsecret "$pod" sleep 2 </dev/null &
	sleep 0.9
	same "in a command line of the host" '' "$(grep -als 'topsecre[t]' /proc/[0-9]*/cmdline)"
	runner exec "$pod" sh -c 'grep -als "topsecre[t]" /proc/[0-9]*/cmdline'
	same "in the pod" '' "$out"
	wait
	# and the caller's own value, without its being said
	SECRET=topsecret runner exec -e SECRET "$pod" sh -c 'echo $SECRET'
	same "exec -e NAME" topsecret "$out"
	gone "$pod"
}

attack run_secret plain,detached,created,tty a secret of run -e in the command line

attack_run_secret() {
	local kind=() started=''
	case $1 in
	tty) kind=(-t) ;;
	detached) kind=(-d --name secret) ;;
	created) kind=(--name secret) ;;
	esac
	if [ "$1" = created ]; then
		"$RUNNER" create --image "$image" "${kind[@]}" -e SECRET=topsecret -- sleep 2 >/dev/null
	else
		"$RUNNER" run --image "$image" "${kind[@]}" -e SECRET=topsecret --env=A=topsecret --env B=topsecret -- sleep 2 </dev/null >/dev/null &
		started=$!
		sleep 0.4
		[ "$1" != detached ] || wait_running secret
	fi
	same "in a command line" '' "$(grep -als 'topsecre[t]' /proc/[0-9]*/cmdline)"
	case $1 in detached | created) gone secret ;; esac
	[ -z "$started" ] || wait "$started" || problem "it did not run"
}

attack state plain,host,tty,detached,created,systemd,exec,exec-host,exec-tty what the caller had: umask, signals, limits, descriptors

# Whatever the caller of runner set for itself, the pod has the same as always.
attack_state() {
	local text
	exec 8</ 9<"$work"
	printf '#!/bin/sh\nexec setarch -RX %s "$@"\n' "$RUNNER" >"$work/caller"
	chmod 755 "$work/caller"
	text=$(
		RUNNER=$work/caller
		# hard ones can be raised by who may do so
		ulimit -S -n 64 -f 200000 -s 1000 -c 1000
		umask 0777
		trap '' TERM HUP CHLD USR1 PIPE
		problems='' ATTACK=inherited
		export ATTACK
		in_mode "$1" attacker self
		echo "status $status"
		echo "$out"
		printf '%s' "$problems"
	)
	exec 8<&- 9<&-
	text=${text//$'\r'/}
	has "umask" "$text" "umask 0022"
	has "personality" "$text" "personality 0"$'\n'
	has "blocked" "$text" "SigBlk: 0"$'\n'
	has "ignored" "$text" "SigIgn: 0"$'\n'
	has "inheritable" "$text" "CapInh: 0"$'\n'
	has "nofile" "$text" "nofile 1024 "
	has "fsize" "$text" "fsize -1 "
	has "core" "$text" "core 0 "
	has "stack" "$text" "stack 8388608 "
	has "session" "$text" "session own"
	hasnt "descriptors" "$text" $'\nfd '
	hasnt "environment" "$text" inherited
	has "it ran" "$text" "status 0"
}

attack caller - the signals that the caller ignores, and the files that it has open, in runner itself

attack_caller() {
	local pid
	victim exec
	exec 8<"$work"
	(
		trap '' TERM
		exec "$RUNNER" exec "$pod" sh -c 'echo up; while :; do sleep 0.1; done'
	) >"$work/said" 2>&1 </dev/null &
	pid=$!
	exec 8<&-
	wait_line "$work/said" up
	same "a descriptor of the caller" '' "$(find /proc/$pid/fd -lname "$work")"
	same "ignored" 0 "$(($(sed -n 's/^SigIgn:.0*/0x0/p' /proc/$pid/status) & 1 << 14))"
	kill -TERM $pid
	for _ in $(seq 50); do [ -e /proc/$pid/fd ] || break; sleep 0.1; done
	kill -KILL $pid 2>/dev/null && problem "SIGTERM is ignored"
	wait $pid
	gone "$pod"
}

attack keyring plain,host,tty,detached,created,systemd,exec,exec-host the session keyring of the caller

# A key of the caller's session must not be in the pod's.
attack_keyring() {
	local seen
	pod_options=(--security-opt seccomp=unconfined)
	seen=$(python3 - <<'KEYS' "$RUNNER" "$image" "$1" 2>&1
import ctypes, os, subprocess, sys
runner, image, mode = sys.argv[1:4]
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(250, 1, None, 0, 0, 0) < 0:
    print("no keyctl")
    sys.exit(0)
libc.syscall(248, b"user", b"runner-attack", b"topsecret", 9, -3)
print("caller", subprocess.run([os.path.join(image, "bin/attacker"), "key"], capture_output=True, text=True).stdout)
def run(*args):
    r = subprocess.run([runner, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return r.stdout + r.stderr
pod = ["--image", image, "--security-opt", "seccomp=unconfined"]
if mode.startswith("exec"):
    pod += ["--userns=host"] if mode == "exec-host" else []
    run("run", "-d", "--name", "keys", *pod, "--", "sleep", "100")
    print("pod", run("exec", "keys", "attacker", "key"))
elif mode in ("detached", "created"):
    if mode == "created":
        run("create", "--name", "keys", *pod, "--", "attacker", "key")
        run("start", "keys")
    else:
        run("run", "-d", "--name", "keys", *pod, "--", "attacker", "key")
    run("wait", "keys")
    print("pod", run("logs", "keys"))
else:
    pod += {"host": ["--userns=host"], "tty": ["-t"], "systemd": ["--systemd=always"]}.get(mode, [])
    print("pod", run("run", *pod, "--", "attacker", "key"))
run("rm", "-f", "keys")
KEYS
	)
	case $seen in "no keyctl"*)
		skip_reason="this kernel has no keys"
		return
		;;
	esac
	has "the caller" "$seen" "caller key topsecret"
	has "the pod" "$seen" "pod no key"
}

attack start_process - what the first process of a pod is and has, before its command

# As the host sees it: at its last step it waits for runner start.
attack_start_process() {
	local kind process
	for kind in --userns=auto --userns=host --tty --systemd=always; do
		runner create --image "$image" --name waits "$kind" -e SECRET=topsecret -- sleep 100
		same "$kind: create" 0 "$status$errors"
		process=/proc/$(field pid waits)
		same "$kind: descriptors" '' "$(find "$process/fd" -mindepth 1 -printf '%f %l\n' | grep -v -e '^[012] ' -e ' socket:' -e ' pipe:' -e ' /memfd:seccomp')"
		same "$kind: command line" '' "$(tr -d '\0' <"$process/cmdline" | sed 's/^.*runner$//')"
		# in procfs what cannot be looked into belongs to the host's root
		same "$kind: cannot be looked into" "0 0" "$(stat -c '%u %g' "$process/environ" "$process/mem" | sort -u)"
		case $kind in
		--userns=host) has "$kind: program" "$(readlink "$process/exe")" /memfd: ;;
		*) [ "$(awk '/^Uid:/ { print $2 }' "$process/status")" -ge "$ids" ] || problem "$kind: the host's root" ;;
		esac
		gone waits
	done
}

attack exec_interrupt - an exec that the pod makes slow

# It could not be ended but by SIGKILL.
attack_exec_interrupt() {
	local pid
	[ -n "$cgroups" ] || {
		skip_reason='this host has no cgroup version 2'
		return
	}
	victim exec
	runner pause "$pod"
	same "pause" 0 "$status$errors"
	"$RUNNER" exec "$pod" true &
	pid=$!
	sleep 1
	kill -TERM $pid
	for _ in $(seq 50); do [ -e /proc/$pid ] || break; sleep 0.1; done
	[ ! -e /proc/$pid ] || problem "SIGTERM does not end it"
	kill -KILL $pid 2>/dev/null
	wait $pid
	# or it says at once that the pod is paused
	case $? in 125 | 143) ;; *) problem "its status" ;; esac
	gone "$pod"
}

attack caller_stopped - a caller of runner is stopped, and goes on, while it waits for a monitor that is slow

# connect(2) with a limit says EINTR then.  The queue of the monitor is full meanwhile.
attack_caller_stopped() {
	local monitor crowd caller
	victim exec
	monitor=$(field monitor "$pod")
	kill -STOP "$monitor"
	python3 -uc 'import socket, sys, time
crowd = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(100)]
for s in crowd:
    s.setblocking(False)
    try: s.connect(sys.argv[1])
    except BlockingIOError: break
print("full")
time.sleep(60)' "/run/runner/pods/$pod/monitor" >"$work/crowd" &
	crowd=$!
	wait_line "$work/crowd" full
	"$RUNNER" attach "$pod" >"$work/said" 2>&1 </dev/null &
	caller=$!
	for _ in $(seq 50); do grep -qs unix_wait "/proc/$caller/wchan" && break; sleep 0.01; done
	sleep 0.1
	kill -STOP $caller
	sleep 0.1
	kill -CONT $caller
	sleep 0.1
	kill $crowd
	wait $crowd 2>/dev/null
	kill -CONT "$monitor"
	sleep 0.3
	runner kill "$pod"
	wait $caller
	same "the status of the pod" "137" "$?$(cat "$work/said")"
	gone "$pod"
}

attack exec_tables - exec opens a device which a pod with the ids of the host puts in the place of /etc/passwd

# The list of its cgroup keeps the pod itself from opening it.
attack_exec_tables() {
	local ran=0 refused=0
	[ -n "$cgroups" ] || {
		skip_reason='this host has no cgroup version 2'
		return
	}
	pod=tables-$number
	# no driver has this device: an open would say so
	up "$pod" --userns=host -- sh -c 'cp /etc/passwd /dev/table; ln -sf /dev/table /etc/passwd; mknod /dev/other c 250 77; exec hostile flip /dev/table /dev/other'
	said "$pod" ready
	for _ in $(seq "${RACE_N:-100}"); do
		runner exec -u user "$pod" true
		case $status$errors in
		0) ran=$((ran + 1)) ;;
		125*"is a device, not a regular file"*) refused=$((refused + 1)) ;;
		*) problem "exec: $status$errors"; break ;;
		esac
	done
	echo "# executed $ran times, refused $refused times"
	if [ $ran = 0 ] || [ $refused = 0 ]; then problem "nothing raced"; fi
	inside 'rm -f /etc/passwd; mkdir /etc/passwd'
	runner exec -u user "$pod" true
	has "it is said once where" "$errors" "runner: in the pod: /etc/passwd"
	gone "$pod"
}
