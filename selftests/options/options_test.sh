#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# options_test: what the options of a pod and of the commands about it come to,
# each with what the pod sees and what the host has or keeps; and what systemd
# would find as process 1.
#
# options_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2005,SC2012,SC2016,SC2034,SC2046,SC2086,SC2116,SC2317 # as in its relatives
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
own_ranges 100

test_command() {
	HERE=caller runner create --image "$image" --name o --env A=b -e HERE -e NOT_HERE \
		--workdir /home/deep --hostname other --annotation org.test.key=value --user user \
		-- sh -c 'echo "$A $HERE ${NOT_HERE-unset} $PWD $(hostname) $(id -u):$(id -g) $HOME"; id -G; exit 4'
	same "create" "0o" "$status$out$errors"
	runner start -a o
	same "start -a: what it says" "b caller unset /home/deep other 1000:1001 /home" "$(head -n 1 <<<"$out")"
	same "start -a: its status" 4 $status
	same "the directory is made, as the user's, below" "1000:1001" \
		"$(stat -c %u:%g /var/lib/runner/pods/o/layer/upper/home/deep)"
	same "what is kept" "value other" "$("$RUNNER" inspect o | python3 -c 'import json,sys
c = json.load(sys.stdin)["config"]; print(c["annotations"]["org.test.key"], c["hostname"])')"
	same "the host's name" "$(cat /proc/sys/kernel/hostname)" "$(hostname)"
	runner rm o
	local bad
	for bad in "--workdir home" "--annotation key" "--stop-signal NONE" "--stop-signal 0" \
		"--cpus nan" "--cpus 0" "--cpus 2x" "--pids-limit x" "--pids-limit 0" "--cpu-shares -1" \
		"--io-weight -1" "--io-weight 10001" "--memory 0" "--memory 12x" "--cgroupfs no" \
		"--sdnotify no" "--systemd no" "--net no" "--cgroup-conf x" "--security-opt no" \
		"--credential x"; do
		runner spec --image "$image" $bad -- true
		same "$bad" "125" "$status$out"
		[ -n "$errors" ] || problem "$bad: no message"
	done
	for bad in "--restart on-failure:x" "--restart on-failure:2x" "--restart on-failure:0" "--user nobody-here"; do
		runner run --rm --image "$image" $bad -- true
		same "$bad" "125" "$status$out"
		has "$bad" "$errors" "${bad#* }"
	done
	# what the option would have refused, by the back door
	up odd --annotation runner.restart=x -- false
	runner wait odd
	same "a policy that is none" "1 0" "$out $(field restarts odd)"
	runner rm odd
	check_clean "at the end"
	finish "variables, directory, user, hostname, annotations; values that are none"
}

test_ends() {
	local begin bad
	up s --stop-signal USR1 -- sh -c 'trap "exit 31" USR1; trap "exit 32" HUP; echo ready; while :; do sleep 0.05; done'
	said s ready
	# no number is not zero, and zero would kill
	for bad in "-t x s" "-t -1 s" "-t 5x s" "-t 99999999999 s" "-x s" ""; do
		runner stop $bad
		same "stop $bad" 125 $status
		same "it runs" running "$(field status s)"
	done
	for bad in NONE 0 65 SIGNONE; do
		runner kill s $bad
		same "kill s $bad" 125 $status
	done
	runner stop s
	same "stop" "0" "$status$errors"
	same "--stop-signal" "exited 31" "$(field status s) $(field exitStatus s)"
	runner start s
	sleep 0.5
	runner kill s SIGHUP
	runner wait s
	same "kill POD SIGNAL" 32 "$out"
	# one that does not listen
	runner rm s
	up s -- sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
	up also -- sleep 600
	said s ready
	begin=$SECONDS
	runner stop -t 2 s also
	[ $((SECONDS - begin)) -ge 2 ] || problem "it was not given 2 s"
	same "stop of two" "0 137 137" "$status$errors $(field exitStatus s) $(field exitStatus also)"
	runner rm -f s also
	same "rm of two" "0" "$status$errors"
	check_clean "at the end"
	finish "stop signals, kill with a signal, patience"
}

test_logs() {
	local log=/var/lib/runner/pods/l/log begin
	up l -i -- sh -c 'echo err >&2; sleep 0.2; echo one; echo two; echo -n part; echo " and rest"; read x; echo "$x"; sleep 0.3; echo end; echo -n tail'
	said l rest
	runner logs l
	same "stdout" "one two part and rest" "$(echo $out)"
	same "stderr" err "$errors"
	runner logs -n 1 l
	same "-n 1" "part and rest" "$out"
	runner logs -n 0 l
	same "-n 0" "" "$out$errors"
	runner logs -t l
	same "-t" 3 "$(grep -c -E '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6,9}(Z|[+-][0-9:]{5}) (one|two|part and rest)$' "$work/out")"
	if [ ! -S /run/systemd/journal/socket ]; then
		same "what is kept" "stderr F err|stdout F one|stdout F two" \
			"$(grep -e one -e err -e two "$log" | cut -d' ' -f2- | paste -sd'|')"
		same "closed to others" 600 "$(stat -c %a $log)"
	fi
	for begin in "-n x l" "-n -2 l" "-x l" "nobody" ""; do
		runner logs $begin
		same "logs $begin" 125 $status
	done
	# the rest of it comes while it is waited for
	timeout 60 "$RUNNER" logs -f -n 0 l >"$work/followed" 2>&1 &
	begin=$!
	sleep 0.5
	echo input | "$RUNNER" attach l >/dev/null
	wait $begin
	same "-f ends with the pod" "0 input end tail" "$? $(echo $(cat "$work/followed"))"
	runner logs l
	has "the last, which is no line" "$out" $'end\ntail'
	runner rm l
	same "gone with the pod" '' "$(ls $log 2>/dev/null)"
	"$RUNNER" run --image "$image" --name fore -- sleep 600 &
	for _ in $(seq 200); do [ "$(field status fore 2>/dev/null)" != running ] || break; sleep 0.05; done
	runner logs fore
	same "of one that is not detached" 125 $status
	has "message" "$errors" "not detached"
	runner rm -f fore
	wait
	check_clean "at the end"
	finish "logs: -f, -n, -t, streams, what is kept"
}

# line WHAT: what runner check says of it, in one word
line() { sed -n "s/^ *$1  *\\([^ ]*\\).*/\\1/p" "$work/out"; }
yes_if() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }

test_check() {
	local name
	runner check
	same "check" "0" "$status$errors"
	same "kernel" "$(uname -r)" "$(line kernel)"
	same "overlay" yes "$(line overlay)"
	same "shiftfs" "$(yes_if grep -qw shiftfs /proc/filesystems)" "$(line shiftfs)"
	same "cgroup version 2" "$(yes_if test -n "$cgroups")" "$(line 'cgroup version 2')"
	for name in memory cpu pids io cpuset; do
		same "controller $name" "$(yes_if grep -qw $name "$cgroups/cgroup.controllers")" "$(line "controller $name")"
	done
	same "SELinux" "$(yes_if test -e /sys/fs/selinux/enforce)" "$(line SELinux)"
	same "systemd" "$(yes_if test -d /run/systemd/system)" "$(line 'systemd runs the host')"
	same "journal" "$(yes_if test -S /run/systemd/journal/socket)" "$(line journal)"
	# the sysctl is of each user namespace
	out=$(unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; "$0" check' "$RUNNER"; echo "status $?")
	has "no user namespaces" "$out" "status 1"
	has "no user namespaces" "$(grep '^user namespaces' <<<"$out")" "MISSING  (CONFIG_USER_NS, /proc/sys/user/max_user_namespaces)"
	runner check it
	same "an argument" 125 $status
	check_clean "at the end"
	finish "check"
}

# What may not be seen is no file of the kernel's, and what may not be written
# is mounted read-only.
test_masked() {
	local path pid masked kept
	runner spec --image "$image" -- true
	masked=$(python3 -c 'import json,sys; print(*json.load(sys.stdin)["linux"]["maskedPaths"])' <"$work/out")
	kept=$(python3 -c 'import json,sys; print(*json.load(sys.stdin)["linux"]["readonlyPaths"])' <"$work/out")
	has "the list" " $masked " " /proc/kcore "
	has "the list" " $masked " " /sys/firmware "
	has "the list" " $kept " " /proc/sys "
	up m -- sleep 600
	pid=$(field pid m)
	for path in $masked; do
		[ -e "$path" ] || continue
		if [ -d "$path" ]; then
			runner exec m ls -A "$path"
			same "$path is empty" "0" "$status$out$errors"
		else
			runner exec m stat -c '%F %t:%T' "$path"
			same "$path" "character special file 1:3" "$out$errors"
			runner exec m cat "$path"
			same "$path is empty" "0" "$status$out$errors"
		fi
	done
	for path in $kept; do
		[ -e "$path" ] || continue
		has "$path" "$(awk -v p="$path" '$5 == p { print $6 }' "/proc/$pid/mountinfo" | tail -n 1)," "ro,"
	done
	runner exec m sh -c 'echo x 2>/dev/null >/proc/sys/kernel/domainname && echo written; echo x 2>/dev/null >/proc/sysrq-trigger && echo written; exit 0'
	same "written" "" "$out$errors"
	runner rm -f m
	check_clean "at the end"
	finish "masked and read-only paths"
}

# A program with a capability of its own, as an image has it and as the pod's
# root makes it.
test_file_capabilities() {
	local shift shifts=idmap upper=/var/lib/runner/pods/f/layer/upper
	! grep -qw shiftfs /proc/filesystems || shifts="shiftfs idmap"
	[ "${SHIFTFS_TEST_BACKEND:-}" != idmap ] || shifts=idmap
	cp "$image/bin/cat" "$image/bin/capable"
	setcap cap_net_raw=ep "$image/bin/capable"
	for shift in $shifts; do
		runner run --shift=$shift --image "$image" -u user --security-opt no-new-privileges=false -- capable /proc/self/status
		has "$shift: of the image" "$out" "CapEff:	0000000000002000"
		runner run --shift=$shift --image "$image" -u user -- capable /proc/self/status
		has "$shift: under no_new_privs" "$out" "CapEff:	0000000000000000"
		runner run --shift=$shift --image "$image" -u user --cap-drop net_raw --security-opt no-new-privileges=false -- capable /proc/self/status
		same "$shift: not among the pod's" 126 $status
		runner run --shift=$shift --image "$image" --name f -- sh -c 'cp /bin/cat /home/made && setcap cap_kill=ep /home/made && getcap /home/made'
		same "$shift: set by the pod's root" "0/home/made cap_kill=ep" "$status$out$errors"
		same "$shift: on disk, unshifted" "$upper/home/made cap_kill=ep" "$(getcap -n $upper/home/made)"
		runner run --shift=$shift --image "$image" --name f --rm -u user --security-opt no-new-privileges=false -- /home/made /proc/self/status
		has "$shift: in another range, perhaps" "$out" "CapEff:	0000000000000020"
	done
	same "the image" "$image/bin/capable cap_net_raw=ep" "$(getcap -n "$image/bin/capable")"
	rm "$image/bin/capable"
	check_clean "at the end"
	finish "capabilities of files ($shifts)"
}

# Its container interface, as systemd's documentation has it.
test_systemd() {
	local pid base uuid
	if [ -z "$cgroups" ]; then
		runner run --image "$image" --systemd always -- true
		same "without cgroup version 2" 125 $status
		has "message" "$errors" "cgroup version 2"
		check_clean "at the end"
		finish "systemd as process 1 (this host has no cgroup version 2: refused)"
		return
	fi
	printf '%s\n' '#!/bin/sh' "trap 'exit 33' RTMIN+3" 'echo ready' 'while :; do sleep 0.05; done' >"$image/sbin/init"
	chmod 755 "$image/sbin/init"
	echo secret >"$work/secret"
	up p --credential "my.cred:$work/secret" -- /sbin/init
	for _ in $(seq 100); do ! "$RUNNER" logs p | grep -q ready || break; sleep 0.1; done
	pid=$(field pid p) base=$(field hostBase p)
	out=$("$RUNNER" exec p cat /proc/1/environ | tr '\0' '\n')
	has "environment" "$out" "container=runner"
	has "environment" "$out" "NOTIFY_SOCKET=/run/host/notify"
	has "environment" "$out" "CREDENTIALS_DIRECTORY=/run/host/credentials"
	uuid=$(sed -n 's/^container_uuid=//p' <<<"$out")
	same "container_uuid" 1 "$(grep -c -E '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' <<<"$uuid")"
	runner exec p sh -c 'cat /run/host/container-uuid; echo; cat /run/host/container-manager; cat /run/host/credentials/my.cred
		stat -c "%n %a %u:%g" /run /run/lock /tmp /run/host/credentials /run/host/credentials/my.cred
		stat -c "%F" /dev/console /run/host/notify; stat -L -c %t:%T /dev/console /proc/1/fd/0 /proc/1/fd/2'
	same "/run/host and the rest" "$uuid runner secret /run 755 0:0 /run/lock 1777 0:0 /tmp 1777 0:0 /run/host/credentials 700 0:0 /run/host/credentials/my.cred 400 0:0 character special file socket 88:0 88:0 88:0" \
		"$(echo $out$errors)"
	same "on the host" "$base:$base" "$(stat -c %u:%g "/proc/$pid/root/run/host/credentials/my.cred")"
	same "tmpfs" "tmpfs tmpfs tmpfs" "$(awk '$5 == "/run" || $5 == "/run/lock" || $5 == "/tmp" { for (i = 7; $i != "-"; i++); print $(i + 1) }' "/proc/$pid/mountinfo" | xargs)"
	runner exec p sh -c 'mkdir /sys/fs/cgroup/made && rmdir /sys/fs/cgroup/made && echo writable; grep -e NoNew -e CapEff /proc/1/status'
	has "cgroup" "$out" writable
	same "procfs is whole" '' "$(awk '$5 ~ /^\/proc\/./ { print $5 }' "/proc/$pid/mountinfo")"
	has "no_new_privs" "$out" "NoNewPrivs:	0"
	same "CAP_SYS_ADMIN, in its user namespace" 1 $((0x$(sed -n 's/^CapEff:\t//p' <<<"$out") >> 21 & 1))
	same "the pod's cgroup is its root's" "$base" "$(stat -c %u "$(field cgroup p)")"
	runner stop p
	same "runner stop is SIGRTMIN+3" "exited 33" "$(field status p) $(field exitStatus p)"
	runner rm p
	# no systemd, but wanted; systemd, but not wanted
	up p --systemd always -- sleep 600
	runner exec p sh -c 'echo $container_uuid; [ -d /run/lock ] && echo lock'
	has "always" "$out" lock
	runner rm -f p
	up p --systemd false -- /sbin/init
	runner exec p sh -c 'grep NoNew /proc/1/status; echo "${container_uuid-none}"; ls -d /run/lock 2>/dev/null'
	same "false" "NoNewPrivs: 1 none" "$(echo $out)"
	runner rm -f p
	rm "$image/sbin/init"
	check_clean "at the end"
	finish "what systemd finds as process 1"
}

test_cgroup_files() {
	local dir
	if ! grep -qw memory "$cgroups/cgroup.controllers" 2>/dev/null; then
		runner run --image "$image" --cgroup-conf memory.high=1 -- true
		same "without its controller" 125 $status
		[ -n "$errors" ] || problem "no message"
		check_clean "at the end"
		finish "files of the cgroup (this host has no controllers: refused)"
		return
	fi
	up c --cgroup-conf memory.high=33554432 --cgroup-conf cgroup.max.depth=3 -- sleep 600
	dir=$(field cgroup c)
	same "--cgroup-conf" "33554432 3" "$(echo $(cat "$dir/memory.high" "$dir/cgroup.max.depth"))"
	runner update c --cgroup-conf memory.high=max --memory -1
	same "update" "0max max" "$status$errors$(echo $(cat "$dir/memory.high" "$dir/memory.max"))"
	runner update c --memory 64m
	runner stop -t 0 c
	runner start c
	same "after the next start" "67108864 max" "$(echo $(cat "$dir/memory.max" "$dir/memory.high"))"
	if [ -e "$dir/io.weight" ]; then
		runner update c --io-weight 50
		same "io.weight" "0default 50" "$status$errors$(head -n 1 "$dir/io.weight")"
	else
		runner update c --io-weight 50
		same "a kernel without io.weight" 125 $status
		has "message" "$errors" io.weight
	fi
	runner update c --memory
	same "update without a value" 125 $status
	runner update c --image x
	same "update of what is no limit" 125 $status
	runner rm -f c
	check_clean "at the end"
	finish "files of the cgroup, kept for the next start"
}

modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
make_root "$image" cp false getcap grep hostname rmdir setcap
mkdir -p "$image/sbin"
run_tests "command ends logs check masked file_capabilities systemd cgroup_files" "$@"
