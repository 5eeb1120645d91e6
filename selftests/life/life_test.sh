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
	runner create --image "$image" --name a -- sh -c 'x=0123456789abcdef; for i in 1 2 3 4 5 6; do x=$x$x; done; for i in {1..2000}; do echo $x; done; exit 3'
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
	check_clean "at the end"
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
	check_clean "at the end"
	finish "a pod's mounts are shared within it"
}

# USER UID.  What the pod opens anew is the pipe that runner made for it.
test_streams() {
	local who uid before
	while read -r who uid; do
		up s -u $who -- sh -c 'echo one >/dev/stdout; echo two >/dev/stderr; echo three >>/proc/self/fd/1; id -u; stat -L -c %F:%u /dev/stdout'
		runner wait s
		runner logs s
		same "$who: stdout" "one three $uid fifo:$uid" "$(echo $out)"
		same "$who: stderr" two "$errors"
		runner rm s
		runner create -i -u $who --image "$image" --name s -- sh -c 'read x </dev/stdin; echo "got $x" >/dev/stdout'
		same "$who: stdin, and start -a" "got it" "$(echo it | "$RUNNER" start -a s)"
		runner rm s
	done <<<'root 0
user 1000
mongodb 184'
	# in the foreground, and of exec: whatever the caller has there
	up s -u 1000 -- sleep 600
	local opens='echo one; echo two >/dev/stdout; echo three >>/proc/self/fd/1; echo four >/dev/stderr; echo five; exit 6' how
	for how in "run --image $image -u 1000 --" "run --image $image -u 0 --" "exec -u 184 s" "exec -u 0 s"; do
		same "$how: pipes" "one two three five" "$(echo $("$RUNNER" $how sh -c "$opens" 2>"$work/err"))"
		same "$how: a file" four "$(cat "$work/err")"
		: >"$work/mine"
		chmod 600 "$work/mine"
		"$RUNNER" $how sh -c "$opens" >>"$work/mine" 2>&1
		same "$how: status" 6 $?
		same "$how: both in one file, in order; it stays the caller's" "one two three four five 0:0 600" "$(echo $(cat "$work/mine") $(stat -c '%u:%g %a' "$work/mine"))"
		same "$how: a socket" "one two three four five 6" "$(python3 -c 'import socket, subprocess, sys
a, b = socket.socketpair()
p = subprocess.Popen(sys.argv[1:], stdout=b, stderr=b)
b.close()
text = b"".join(iter(lambda: a.recv(4096), b""))
print(*text.decode().split(), p.wait())' "$RUNNER" $how sh -c "$opens")"
		same "$how: a terminal, with and without -t" "one two three four five one two three four five" "$(for t in "" -t; do script -qec "$RUNNER ${how%% *} $t ${how#* } sh -c '$opens'" /dev/null </dev/null; done | tr -d '\r' | sed 's/\^@//g' | xargs)"
		# who reads slowly gets everything, who goes away is noticed
		same "$how: 1 MB to a slow reader" 1000000 "$("$RUNNER" $how sh -c 'x=0123456789; x=$x$x$x$x$x$x$x$x$x$x; for i in {1..10000}; do echo -n $x; done' | { sleep 1; wc -c; })"
		same "$how: the reader goes away" "x 9" "$(echo $("$RUNNER" $how sh -c 'trap "" PIPE; while echo x; do :; done 2>/dev/null; exit 9' | head -n 1; echo "${PIPESTATUS[0]}"))"
	done
	runner rm -f s
	# a reader that hangs keeps the pod's end from nobody
	mkfifo "$work/never"
	"$RUNNER" run --name s --image "$image" sh -c 'while echo xxxxxxxxxxxxxxxx; do :; done 2>/dev/null' >"$work/never" 2>/dev/null &
	exec 7<"$work/never"
	sleep 1
	runner stop -t 0 s
	same "stop of a pod whose reader hangs" "0" "$status$errors"
	exec 7<&-
	wait $!
	rm "$work/never"
	runner rm s
	# a pipe of the caller's as well, also of a pod that could change its owner
	mkfifo "$work/pipe"
	echo word >"$work/pipe" &
	runner_in() { "$RUNNER" run -i --userns=host -u 1000 --image "$image" -- cat <"$work/pipe"; }
	same "a pipe of the caller" "word 0:0" "$(runner_in) $(stat -c %u:%g "$work/pipe")"
	wait $!
	rm "$work/pipe"
	# what the caller redirects to stays the caller's, whoever the pod runs as
	: >"$work/mine"
	chmod 600 "$work/mine"
	before=$(stat -c '%u:%g %a' "$work/mine")
	"$RUNNER" run -u user --image "$image" -- sh -c 'echo fine' >"$work/mine" 2>&1
	same "a file of the caller: contents, owner, mode" "fine $before" "$(cat "$work/mine") $(stat -c '%u:%g %a' "$work/mine")"
	check_clean "at the end"
	finish "/dev/stdout is opened by the pod's user"
}

test_status() {
	local log=$work/notify.log manager begin
	python3 -uc 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True: print(s.recv(4096).decode())' "$work/notify" >"$log" &
	manager=$!
	for _ in $(seq 100); do
		[ ! -S "$work/notify" ] || break
		sleep 0.1
	done
	# as runner@n.service: in the foreground; and it does not hear of its end
	NOTIFY_SOCKET=$work/notify "$RUNNER" run --name n --image "$image" -- sh -c 'trap "" TERM; while :; do sleep 0.1; done' &
	for _ in $(seq 200); do
		! grep -q '^READY=1' "$log" || break
		sleep 0.1
	done
	same "once it runs" "STATUS=pod n runs" "$(grep ^STATUS= "$log" | tail -n 1)"
	begin=$SECONDS
	runner stop -t 2 n
	same "stop" 0 "$status$errors"
	[ $((SECONDS - begin)) -lt 12 ] || problem "stop -t 2 took $((SECONDS - begin)) s"
	wait $!
	has "it is being stopped" "$(cat "$log")" $'STOPPING=1\nSTATUS=pod n is asked to end'
	same "at the end" "STATUS=pod n has ended with status 137" "$(grep ^STATUS= "$log" | tail -n 1)"
	runner rm n
	# who says when it is ready, by podman's names; ignore: nobody hears of the pod
	local who
	for who in container conmon ignore; do
		: >"$log"
		NOTIFY_SOCKET=$work/notify "$RUNNER" run -d --name n --sdnotify=$who "$image" sh -c 'echo ${NOTIFY_SOCKET-none}; sleep 600' >/dev/null
		said n .
		sleep 0.5
		runner logs n
		case $who in
		container) same "$who" "/run/host/notify 0" "$out $(grep -c ^READY=1 "$log")" ;;
		conmon) same "$who" "none 1" "$out $(grep -c ^READY=1 "$log")" ;;
		ignore) same "$who" "none 0" "$out $(grep -c . "$log")" ;;
		esac
		runner rm -f n
	done
	kill $manager
	wait $manager 2>/dev/null
	rm "$work/notify"
	check_clean "at the end"
	finish "a unit's STATUS=, and its end within the time of stop"
}

test_paused() {
	if [ -n "$cgroups" ]; then
		up p -- sleep 600
		runner pause p
		runner ps --format '{{.Names}} {{.Status}}'
		same "ps" "p paused" "$out"
		RUNNER_TIMEOUT=20 runner exec p true
		same "exec, at once" 125 $status
		has "exec" "$errors" "the pod p is paused"
		same "no process of it is there" 1 "$(grep -c . "$(field cgroup p)/cgroup.procs")"
		runner unpause p
		runner exec p true
		same "exec after unpause" 0 "$status$errors"
		runner rm -f p
	fi
	check_clean "at the end"
	finish "exec in a paused pod is an error at once"
}

# The waits get longer, 0.1 s, 0.2 s, ...: until w begins one of 6.4 s.
wait_restarting() {
	for _ in $(seq 600); do
		! grep -q '"restarts":6' $state || break
		sleep 0.05
	done
	for _ in $(seq 100); do
		! grep -q '"running"' $state || break
		sleep 0.01
	done
	for _ in $(seq 100); do
		! grep -q '"restarting"' $state || break
		sleep 0.05
	done
}

# Between two runs a pod has neither a process nor an end.
test_restarting() {
	local state=/run/runner/pods/w/state.json monitor
	up w --restart on-failure -- sh -c 'echo tried; exit 3'
	wait_restarting
	same "inspect: status, last exit status" "restarting 3" "$(field status w) $(field exitStatus w)"
	same "state.json: a status and no pid" "restarting 0" "$(sed -n 's/^ *"status":"\(.*\)",/\1/p' $state) $(grep -c '"pid"' $state)"
	runner ps --format '{{.Names}} {{.Status}} {{.State}} {{.Pid}}'
	same "ps" "w restarting restarting 0" "$out$errors"
	runner ps -q -f status=restarting
	same "ps --filter status=restarting" w "$out$errors"
	runner ps -q -f status=running
	same "ps --filter status=running" '' "$out$errors"
	runner ps -q -f status=restartng
	same "a status that is none" 125 "$status$out"
	has "a status that is none" "$errors" "paused, restarting or exited"
	runner exec w true
	same "exec" 125 $status
	has "exec" "$errors" "the pod w is restarting"
	runner kill w
	has "kill" "$errors" "the pod w is restarting"
	runner start w
	has "start" "$errors" "the pod w is restarting"
	runner rm w
	has "rm" "$errors" "the pod w is restarting"
	RUNNER_TIMEOUT=1 runner wait w
	same "wait goes on" 124 "$status"
	RUNNER_TIMEOUT=1 runner logs -f w
	same "logs -f goes on" 124 "$status"
	# of what an older runner has written, or a newer one will
	sed -i 's/"restarting"/"something-else"/' $state
	runner ps --format '{{.Names}} {{.Status}}'
	same "a status that this runner does not know" "w creating" "$out$errors"
	runner stop w
	same "stop" "0exited 3" "$status$(field status w) $(field exitStatus w)$errors"
	same "and no process of it" '' "$(own_processes)"
	runner rm w
	# its runner is killed meanwhile, and the host with it
	up w --restart on-failure -- sh -c 'exit 3'
	wait_restarting
	same "stop -a would stop it" w "$(echo $("$RUNNER" ps -q -f status=restarting))"
	monitor=$(field monitor w)
	kill -9 "$monitor"
	for _ in $(seq 100); do
		[ -e "/proc/$monitor" ] || break
		sleep 0.05
	done
	runner ps -a --format '{{.Names}} {{.Status}}'
	same "its runner was killed: how it ended last" "w exited 3" "$out$errors"
	runner start w
	runner rm -f w
	check_clean "at the end"
	finish "a pod that waits for its next run is restarting"
}

test_rename() {
	local base volume
	up a --label x=y -v /vol -- sh -c 'echo in >>/vol/f; echo x >>/root/word; cat /proc/sys/kernel/hostname /root/word; exit 3'
	runner wait a
	base=$(field hostBase a)
	volume=$(basename "$(ls -d /var/lib/runner/volumes/*)")
	up other -- sleep 600
	runner rename a other
	same "to one that is there" 125 "$status"
	has "to one that is there" "$errors" "there is a pod other"
	runner rename other b
	same "one that runs" 125 "$status"
	has "one that runs" "$errors" "the pod other is running"
	has "what to do" "$errors" "runner stop other"
	runner rename a '../b'
	has "no name" "$errors" "is no name of a pod"
	runner rename nosuch b
	has "no pod" "$errors" "there is no pod nosuch"
	up joins --pod other -- sleep 600
	runner stop -t 0 joins other
	runner rename other b
	has "one that another joins" "$errors" "the pod joins joins the pod other"
	runner rm -f joins
	runner rename other b
	same "then" "0" "$status$out$errors"
	runner rename a new
	same "rename" "0" "$status$out$errors"
	runner ps -aq
	same "ps" "b new" "$(echo $out)"
	same "below: folders" "b new b new" "$(echo $(ls $kept) $(ls /run/runner/pods))"
	same "the range waits for it by its new name" "$base-65536-new" "$(cd /run/runner/reserved && ls ./*-new | cut -c3-)"
	same "nothing is reserved by its old name" '' "$(find /run/runner/reserved -name '*-a')"
	same "the volume is its own" new "$(cat /var/lib/runner/volumes/$volume/anonymous)"
	runner logs new
	same "its log" "a x" "$(echo $out)"
	runner ps -aq -f label=x=y
	same "its labels" new "$out"
	same "its end" "exited 3" "$(field status new) $(field exitStatus new)"
	runner start -a new
	same "start: hostname, changes" "3 new x x" "$status $(echo $out)$errors"
	same "range" "$base" "$(field hostBase new)"
	same "volume" "in in" "$(echo $(cat /var/lib/runner/volumes/$volume/data/f))"
	# killed at each step it is there under one of the names, whole
	local step name
	for step in $(seq 20); do
		RUNNER_FAULT=$step runner rename new newer
		[ $status != 0 ] || break
		same "killed at step $step" 137 "$status"
		name=$(echo $("$RUNNER" ps -aq -f label=x=y))
		case $name in
		new) ;;
		newer) ;;
		*) problem "killed at step $step: '$name'" ;;
		esac
		runner start -a $name
		# the hostname may be the new one already
		same "killed at step $step: start, range" "3 new $base" "$status $(sed -n '1s/^newer$/new/; 1p' <<<"$out") $(field hostBase $name)"
		same "killed at step $step: its changes" $((2 + step)) "$(grep -c '^x$' <<<"$out")"
		same "killed at step $step: one folder" "b $name" "$(echo $(ls $kept))"
		[ $name = new ] || runner rename newer new
	done
	[ "$step" -gt 2 ] || problem "a rename has only $step steps"
	runner rename newer new
	reboot
	runner start -a new
	same "after a boot of the host" "3 new" "$status $(echo "$out" | head -n 1)"
	runner rm -v new
	runner rm b
	same "nothing of its volume" '' "$(ls /var/lib/runner/volumes)"
	same "nothing is reserved" '' "$(ls /run/runner/reserved)"
	check_clean "at the end"
	finish "rename: an ended pod, with all that is its own"
}

test_init() {
	local init
	runner run --init-path /etc/passwd "$image" true
	same "--init-path of no program" 125 "$status"
	has "--init-path of no program" "$errors" "--init-path /etc/passwd is no program"
	for init in /usr/bin/catatonit /usr/libexec/podman/catatonit /usr/bin/tini-static; do
		[ ! -x $init ] || break
	done
	if [ ! -x $init ]; then
		runner run --init "$image" true
		same "--init without one" 125 "$status"
		has "--init without one" "$errors" "apt-get install catatonit"
		check_clean "at the end"
		finish "--init is refused without an init (this host has neither catatonit nor tini-static)"
		return
	fi
	# what the image has of that name is not asked
	printf '#!/bin/sh\necho of the image\n' >"$image/bin/catatonit"
	chmod 755 "$image/bin/catatonit"
	runner run --init "$image" sh -c 'echo $$ $(cat /proc/1/comm); exit 7'
	same "--init: process 1, the command's status" "7 2 runner-init" "$status $out$errors"
	runner run --init -u 1000 "$image" sh -c 'id -u; kill -TERM $$'
	same "--init: a signal's status, -u" "143 1000" "$status $out$errors"
	runner run --init "$image" sh -c 'echo x 2>/dev/null >>/run/runner-init || echo refused'
	same "it cannot be written to" refused "$out$errors"
	runner run --init "$image" cat /proc/self/mounts
	has "it is mounted read-only" "$(grep ' /run/runner-init ' <<<"$out")" " ro,"
	runner run --init --systemd=always "$image" true
	same "--init with systemd" 125 "$status"
	has "--init with systemd" "$errors" "systemd is an init itself"
	up i --init -- sh -c 'trap "echo got; exit 5" TERM; (sh -c "sleep 0.2 & exec sleep 0.1" &); echo up; while :; do sleep 0.1; done'
	same "on the host" "$(stat -L -c %i $(realpath $init))" "$(stat -L -c %i "/proc/$(field pid i)/exe")"
	said i up
	sleep 1
	same "what is left to it is reaped" '' "$(grep -l '^State:.Z' /proc/$(field pid i)/root/proc/[0-9]*/status 2>/dev/null)"
	runner stop i
	same "stop: the command got the signal" "0 exited 5" "$status $(field status i) $(field exitStatus i)"
	runner logs i
	same "its words" "up got" "$(echo $out)"
	runner start -a i </dev/null &
	for _ in $(seq 100); do [ "$(field status i)" != running ] || break; sleep 0.1; done
	same "once more" running "$(field status i)"
	runner rm -f i
	wait $!
	rm "$image/bin/catatonit"
	check_clean "at the end"
	finish "--init: signals, zombies, the exit status"
}

# OPENED ARGUMENTS: what the command sees of the descriptors 3 to 5, all open
test_fds() {
	local n how
	echo three >"$work/three"
	echo four >"$work/four"
	up f -- sleep 600
	for how in "run $image" "run --userns=host $image" "exec f"; do
		for n in 0 1 2; do
			# ls has one of its own, the next
			same "$how, $n passed" "$(seq -s ' ' 0 $((3 + n)))" "$(echo $("$RUNNER" ${how%% *} --preserve-fds $n ${how#* } ls /proc/self/fd 3<"$work/three" 4<"$work/four" 5<"$work/four" | sort -n))"
		done
		same "$how: they are the caller's" "three four" "$(echo $("$RUNNER" ${how%% *} --preserve-fds=2 ${how#* } sh -c 'cat <&3; cat <&4' 3<"$work/three" 4<"$work/four"))"
		same "$how: none" "0 1 2 3" "$(echo $("$RUNNER" $how ls /proc/self/fd 3<"$work/three" 4<"$work/four" | sort -n))"
	done
	# what runner itself has open by then is not the caller's
	for how in "run $image" "exec f"; do
		for n in 1 2 8; do
			out=$("$RUNNER" ${how%% *} --preserve-fds $n ${how#* } true 2>&1)
			same "$how: $n, none open" "125 1" "$? $(grep -c "descriptor 3 is not open" <<<"$out")"
		done
	done
	runner rm -f f
	# in its second run a number that they had is runner's own
	cp "$(type -P busybox)" "$image/bin/busybox"
	same "a pod that reboots has them once" "0 1 2 3 4 0 1 2 3" "$(echo $("$RUNNER" run --preserve-fds 1 --cap-add sys_boot "$image" sh -c 'ls /proc/self/fd; [ -e /once ] || { : >/once; busybox reboot -f; }' 3<"$work/three"))"
	rm "$image/bin/busybox"
	out=$("$RUNNER" run --preserve-fds 2 "$image" true 2>&1 3<"$work/three")
	same "one that is not open" 125 $?
	has "one that is not open" "$out" "descriptor 4 is not open"
	out=$("$RUNNER" run --preserve-fds 1 "$image" true 2>&1 3<"$work")
	same "a directory of the host" 125 $?
	has "a directory of the host" "$out" "a directory of the host"
	out=$("$RUNNER" run --preserve-fds 1 --restart always "$image" true 2>&1 3<"$work/three")
	has "with --restart" "$out" "for one run only"
	# the reader of a pipe sees its end although the pod's runner goes on
	"$RUNNER" run -d --name f --preserve-fds 1 "$image" sh -c 'echo said >&3; exec 3>&-; sleep 600' 3>&1 >/dev/null | timeout 20 cat >"$work/piped"
	same "nobody else has it" "0 0 said" "${PIPESTATUS[*]} $(cat "$work/piped")"
	runner rm -f f
	# of a socket unit, sd_listen_fds(3): for this process, and no other
	same "LISTEN_FDS" "1 1 web three 0 1 2 3 4" "$(exec 3<"$work/three" 4<"$work/four"
		echo $(LISTEN_FDS=1 LISTEN_FDNAMES=web RUNNER=$RUNNER image=$image sh -c 'LISTEN_PID=$$ exec "$RUNNER" run "$image" sh -c "echo \$LISTEN_FDS \$LISTEN_PID \$LISTEN_FDNAMES; cat <&3; ls /proc/self/fd"'))"
	same "another's LISTEN_FDS" "none 0 1 2 3" "$(exec 3<"$work/three"
		echo $(LISTEN_FDS=1 LISTEN_PID=1 "$RUNNER" run "$image" sh -c 'echo ${LISTEN_FDS-none}; ls /proc/self/fd'))"
	check_clean "at the end"
	finish "--preserve-fds, LISTEN_FDS: those descriptors and no other"
}

# ARGUMENTS|TEXT: a number is one, and in its range
numbers='
run --uidmap 0:1:99999999999|is not 0:BASE:COUNT
run --uidmap 0:4294967296:5|is not 0:BASE:COUNT
run --gidmap 0:1:5:6|is not 0:BASE:COUNT
run --pids-limit +5|is not a number from 1 to
run --pids-limit 99999999999999999999|is not a number from 1 to
run --cpus nan|is no number of processors
run --memory 99999999999t|is no number of bytes
run --stop-timeout 1.5|is not a number from 0 to
run --stop-signal 65|is no signal
run --stop-signal RTMIN+99|is no signal
run --ulimit nofile=99999999999999999999|a limit is a number
run --restart on-failure:4294967296|on-failure:N
run --userns 4294967296|the first id of a range
run --user 4294967296|the user id 4294967296 is not a number from 0 to 4294967294
run --user 99999999999999999999|is not a number from 0 to 4294967294
run --user 0:4294967295|the group id 4294967295 is not a number
run --group-add 4294967296|the group id 4294967296 is not a number
run --user 65536|the user id 65536 is outside of the pod
'

test_numbers() {
	local args text
	while IFS='|' read -r args text; do
		[ -n "$args" ] || continue
		runner $args --rm --image "$image" -- true
		same "$args: status" 125 "$status$out"
		has "$args" "$errors" "$text"
		hasnt "$args: an error of the kernel's" "$errors" "Invalid argument"
	done <<<"$numbers"
	# what others have in a file: a range that is too long ends with the ids
	echo "somebody:$((ids + 65536)):99999999999" >>"$work/subids"
	runner run --rm --userns $((ids + 65536)) --image "$image" -- true
	same "ids that are given away in a long range" 125 $status
	has "ids that are given away in a long range" "$errors" somebody
	# in its place: it is mounted over the host's
	echo "runner:$ids:$((100 * 65536))" >"$work/subids"
	check_clean "at the end"
	finish "a number is a number, in its range"
}

# A host whose /proc is covered in part, as a container's is.
test_covered_proc() {
	# shellcheck disable=SC2016
	out=$(RUNNER=$RUNNER image=$image unshare -m sh -c 'mount --bind /dev/null /proc/version && "$RUNNER" run --image "$image" -- true' 2>&1)
	has "run" "$out" "something is mounted on a part of this host's /proc"
	# shellcheck disable=SC2016
	out=$(RUNNER=$RUNNER unshare -m sh -c 'mount --bind /dev/null /proc/version && "$RUNNER" check; echo "status $?"' 2>&1)
	has "check" "$(grep 'a new /proc' <<<"$out")" MISSING
	has "check" "$out" "status 1"
	runner check
	has "check elsewhere" "$(grep 'a new /proc' "$work/out")" yes
	check_clean "at the end"
	finish "a covered /proc is explained, and runner check knows it"
}

# reboot: what a boot of the host does to runner.  All processes are gone at once,
# and what is in /run; what was not written back may be.  The kernel's own number
# of the boot is covered, so that no option or variable of runner is for tests.
reboot() {
	local pid
	while read -r pid; do
		kill -9 "$pid" 2>/dev/null
	done < <(sed -n 's/^ *"monitor": *\([0-9]*\),/\1/p' /run/runner/pods/*/state.json 2>/dev/null)
	for _ in $(seq 100); do
		[ "$(own_processes)" ] || break
		sleep 0.05
	done
	same "processes at the boot" '' "$(own_processes)"
	find "$cgroups/runner" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
	find /run/runner -mindepth 1 -delete
	cat /proc/sys/kernel/random/uuid >"$work/boot"
	[ ! -d "$work/proc" ] || return
	# a host whose /proc is covered starts no pod unless it has another
	mkdir "$work/proc"
	mount -t proc proc "$work/proc"
	mount --bind "$work/boot" /proc/sys/kernel/random/boot_id
}

kept=/var/lib/runner/pods

test_reboot() {
	local base
	mkdir "$volume/data"
	up r --label a=b -e WORD=kept -v "$volume/data:/data:idmap" --ulimit nofile=77:88 -- sh -c 'echo "$WORD" >>/root/word; cat /root/word; echo in >>/data/in; sleep 600'
	up ended -- sh -c 'exit 6'
	up stopped --restart unless-stopped -- sleep 600
	up unless --restart unless-stopped -- sleep 600
	up always --restart always -- sleep 600
	up no -- sleep 600
	runner create --image "$image" --name made -- sh -c 'echo made; exit 4'
	runner run -d --rm --image "$image" --name brief -- sleep 600
	runner wait ended
	runner stop -t 0 stopped
	base=$(field hostBase r)
	# one that comes after the boot first shall not have the range of another
	reboot
	same "nothing is left in /run" '' "$(ls /run/runner)"
	up first -- sleep 600
	hasnt "a range that waits for its pod" "$(cat $kept/{r,ended,stopped,unless,always,no,made}/range)" "$(field hostBase first)-"
	runner rm -f first
	runner ps -a --format '{{.Names}} {{.Status}}'
	same "ps -a after the boot" "always exited 137|ended exited 6|made exited 0|no exited 137|r exited 137|stopped exited 137|unless exited 137" "$(echo "$out" | paste -sd'|')"
	same "ps" '' "$("$RUNNER" ps -q)"
	same "the one that was not to be kept is gone below" '' "$(ls -d $kept/brief 2>/dev/null)"
	runner ps -q --filter label=a=b -a
	same "labels" r "$out"
	same "no pid is believed" '' "$(grep -h -e '"pid"' -e '"monitor"' /run/runner/pods/*/state.json)"
	runner exec r true
	has "exec in one" "$errors" "the pod r is exited"
	runner logs r
	same "its log" kept "$out"
	runner start r
	same "start" "0r" "$status$out$errors"
	for _ in $(seq 50); do [ "$(wc -l <"$volume/data/in")" -lt 2 ] || break; sleep 0.1; done
	same "the same range" "$base" "$(field hostBase r)"
	runner exec r cat /root/word
	same "the same root, environment" "kept kept" "$(echo $out)"
	same "the same volume, on the host" "in in 0:0" "$(echo $(cat "$volume/data/in") $(stat -c %u:%g "$volume/data/in"))"
	same "the same limits" "77 88" "$(sed -n 's/^Max open files *\([0-9]*\) *\([0-9]*\).*/\1 \2/p' "/proc/$(field pid r)/limits")"
	runner start -a made
	same "one that was only created" "4made" "$status$out$errors"
	runner start -a ended
	same "one that had ended" 6 "$status"
	# those with a policy
	runner start --boot
	same "start --boot: what it started" "0always unless" "$status$(echo $(sort "$work/out"))$errors"
	same "up" "always r unless" "$(echo $("$RUNNER" ps -q))"
	# a shutdown is nobody's wish for their end
	runner stop --boot
	same "stop --boot" "0" "$status$errors"
	same "the others are as they were" "r running" "$("$RUNNER" ps --format "{{.Names}} {{.Status}}")"
	same "up" r "$("$RUNNER" ps -q)"
	reboot
	runner start --boot
	same "after a shutdown in order" "0always unless" "$status$(echo $(sort "$work/out"))$errors"
	runner rm -f -a
	same "rm -a" "0" "$status$errors"
	check_clean "at the end"
	same "nothing is reserved" '' "$(ls /run/runner/reserved)"
	rm -r "$volume/data"
	finish "pods after a boot of the host: ps -a, start, the range, root, volumes; --restart"
}

test_boot_order() {
	# one that cannot start, between two that can, and one that joins the last
	up b-first --restart always -- sleep 600
	sleep 1.1
	up a-broken --restart always -- sleep 600
	sleep 1.1
	up z-base --restart always -- sleep 600
	up a-joins --restart always --pod z-base -- sleep 600
	reboot
	rm $kept/a-broken/config.json.new 2>/dev/null
	echo '{"torn' >$kept/a-broken/config.json
	runner start --boot
	same "the others are up, in their order" "b-first z-base a-joins" "$(echo $out)"
	has "the broken one is named" "$errors" "a-broken/config.json"
	runner ps -a --format '{{.Names}} {{.Status}}'
	has "and listed" "$out" "a-broken exited"
	runner stop --boot
	same "stop --boot" '' "$("$RUNNER" ps -q)$errors"
	runner rm -a
	same "rm, also of the broken one" "0" "$status$errors"
	check_clean "at the end"
	finish "start --boot: an order, and one that fails keeps no other"
}

# What a crash leaves: each file empty, torn, or never written.
test_crash() {
	local file pid n steps=0
	for file in state.json range stopped; do
		up c --restart always -- sleep 600
		reboot
		: >$kept/c/$file
		runner ps -a --format '{{.Names}} {{.Status}}'
		same "$file empty" "c exited 137" "$out$errors"
		rm $kept/c/$file
		reboot
		echo '{"status": "run' >$kept/c/$file.new
		runner start c
		same "without $file" "0c" "$status$out$errors"
		runner rm -f c
	done
	# folders of a runner that kept nothing are no pods, as they were none
	up c -- sleep 600
	reboot
	rm $kept/c/config.json $kept/c/state.json
	runner ps -a
	hasnt "an older folder" "$out" "c "
	up c -- sleep 600
	runner rm -f c
	# killed at each step of the first start, of the boot, of a stop
	for n in $(seq 1 $([ "$long" ] && echo 2 || echo 9) 100); do
		RUNNER_FAULT=$n runner run -d --image "$image" --name c -- sleep 600 2>/dev/null
		[ $status != 0 ] || { reboot; break; }
		steps=$n
		reboot
		runner ps -a
		same "ps after step $n" 0 "$status$errors"
		runner rm -f -i c
		same "rm after step $n" 0 "$status$errors"
	done
	[ $steps -gt 30 ] || problem "only $steps steps"
	for n in 1 2 3 4 5 6; do
		reboot
		RUNNER_FAULT=$n runner ps -a 2>/dev/null
		runner ps -a --format '{{.Names}} {{.Status}}'
		same "the boot itself killed at step $n" "c exited 137" "$out$errors"
	done
	# the state of a boot before, where /run was not emptied
	runner start c
	pid=$(field pid c)
	sed -i 's/"bootId": *"[^"]*"/"bootId":"00000000-0000-4000-8000-000000000000"/' /run/runner/pods/c/state.json
	runner kill c
	same "a pid of another boot is not signalled" 125 $status
	[ -e "/proc/$pid" ] || problem "it was"
	kill -9 "$(field monitor c)" "$pid" 2>/dev/null
	reboot
	runner rm c
	same "rm" "0" "$status$errors"
	# /run was emptied, and no boot: the pod runs, and is no stopped one
	up c -- sleep 600
	pid=$(field pid c)
	find /run/runner -mindepth 1 -delete
	runner ps -a
	has "a pod that runs without a state" "$errors" "it runs, and"
	hasnt "a pod that runs without a state" "$out" exited
	kill -9 "$pid"
	for _ in $(seq 100); do [ "$(own_processes)" ] || break; sleep 0.05; done
	reboot
	runner rm -f c
	check_clean "at the end"
	finish "a crash in the middle of a write, an older folder, a pid of another boot"
}

# The number of a device belongs to another one after a boot.
test_boot_devices() {
	mknod -m 666 "$work/node" c 1 5
	up d --device "$work/node:/dev/it:r" -- sleep 600
	reboot
	rm "$work/node"
	mknod -m 666 "$work/node" c 1 7
	runner start d
	same "start" "0d" "$status$out$errors"
	runner exec d sh -c 'stat -c %t:%T /dev/it; (: </dev/it) && echo reads'
	same "the device of that path" "1:7 reads" "$(echo $out)"
	has "and the right to it" "$("$RUNNER" inspect d | tr -d ' \n')" '"major":1,"minor":7,"access":"r"'
	hasnt "none to the old one" "$("$RUNNER" inspect d | tr -d ' \n')" '"major":1,"minor":5,"access":"r"}'
	runner stop -t 0 d
	rm "$work/node"
	runner start d
	same "it is no more" 125 $status
	has "it is no more" "$errors" "$work/node"
	same "the pod is still there" exited "$(field status d)"
	runner rm d
	check_clean "at the end"
	finish "--device over a boot"
}

# What a pod waits for comes, gets another number and goes while the pod has ended.
test_boot_waits() {
	local node=/dev/runner-test-$$ described
	up w --device-wait "$node:/dev/it:r" -- sleep 600
	runner exec w ls /dev/it
	has "not there yet" "$errors" "No such file"
	reboot
	mknod -m 666 "$node" c 240 5
	runner start w
	same "start, when it is there" "0w" "$status$out$errors"
	# no driver has this number: an open that is allowed says so
	runner exec w sh -c 'stat -c %t:%T /dev/it; (: </dev/it); (: >/dev/it)'
	same "in the pod" "f0:5" "$out"
	same "reading is allowed, writing is not" "No such device or address Operation not permitted" "$(awk -F': ' '{ print $NF }' <<<"$errors" | xargs)"
	has "described" "$("$RUNNER" inspect w | tr -d ' \n')" '"major":240,"minor":5,"access":"r"'
	runner stop -t 0 w
	rm "$node"
	mknod -m 666 "$node" c 240 7
	runner start w
	runner exec w sh -c 'stat -c %t:%T /dev/it; (: </dev/it)'
	same "with another number" "f0:7 No such device or address" "$out $(awk -F': ' '{ print $NF }' <<<"$errors")"
	described=$("$RUNNER" inspect w | tr -d ' \n')
	has "described" "$described" '"major":240,"minor":7,"access":"r"'
	hasnt "no right to the old one" "$described" '"major":240,"minor":5,"access":"r"}'
	runner stop -t 0 w
	rm "$node"
	runner start w
	same "start, when it is gone" "0w" "$status$out$errors"
	runner exec w ls /dev/it
	has "it is gone" "$errors" "No such file"
	hasnt "described" "$("$RUNNER" inspect w | tr -d ' \n')" '"path":"/dev/it"'
	runner rm -f w
	check_clean "at the end"
	finish "--device-wait over a boot"
}

modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
make_root "$image" env grep mount readlink seq tee unshare
# covered_proc first: reboot() gives the host another /proc, which is not covered
run_tests "start_attach shared streams status paused restarting covered_proc rename init fds numbers reboot boot_order crash boot_devices boot_waits" "$@"
