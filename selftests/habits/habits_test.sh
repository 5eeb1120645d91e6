#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# habits_test: what people type who come from other tools.  Tables: a line is a
# command line, the status that it has and what it says, above; tests of options
# look at what the pod sees and at what the host has or keeps below.
#
# habits_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2005,SC2012,SC2016,SC2034,SC2046,SC2086,SC2116,SC2317 # as in its relatives
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
own_ranges 100

# STATUS|ARGUMENTS|TEXT of the mistake.  IMAGE is the image.
mistakes='
125|rum|there is no command '"'rum'"'; did you mean run?
125|imgae ls|did you mean image?
125||no command given
125|--hel|there is no command '"'--hel'"'; did you mean --help?
125|ps --hel|did you mean --help?
125|image --hel|did you mean --help?
125|side --hel|runner side has no '"'--hel'"'; did you mean --help?
125|side stp x|did you mean stop?
125|side|runner side needs a command: run
125|volume lss|did you mean ls?
125|run --privileged IMAGE true|a pod never has the host
125|run --pid host IMAGE true|--pid: a pod always has one of its own
125|run --pid=host IMAGE true|--pid: a pod always has one of its own
125|run --pids 5 IMAGE true|unknown option '"'--pids'"'; did you mean --pids-limit?
125|run --memroy 5m IMAGE true|did you mean --memory?
125|run --vol /a:/b IMAGE true|did you mean --volume?
125|run -p 80 IMAGE true|runner chooses no port
125|run -p :80 IMAGE true|runner chooses none
125|run -p 0:80 IMAGE true|a port is a number from 1 to 65535
125|run -p 8080:80000 IMAGE true|a port is a number from 1 to 65535
125|run -p 8080-8081:80 IMAGE true|2 ports of the host for 1 of the pod
125|run -p 8081-8080:80-81 IMAGE true|a port is a number
125|run -p 8080:80/sctp IMAGE true|there are /tcp and /udp
125|run -p host:8080:80 IMAGE true|is no address
125|run -p ::1:8080:80 IMAGE true|is no address
125|run -p 8080:80 --net host IMAGE true|ports are published with --net pasta
125|run --net pasta --userns=host IMAGE true|would be the host
125|run --init-path /nosuch IMAGE true|--init-path /nosuch is no program
125|run --preserve-fds x IMAGE true|--preserve-fds
125|run --preserve-fds 900 IMAGE true|is not open
125|exec --preserve-fds -1 nobody true|--preserve-fds
125|run --sdnotify systemd IMAGE true|pod or container, and ignore
125|rename one|it needs POD NAME
125|run --read-only=maybe IMAGE true|--read-only takes no value but true or false
125|run --name|--name needs a value
125|run|no image given
125|run --replace IMAGE true|--replace needs --name
125|run --pull often IMAGE true|there are missing, always and never
125|run --uidmap 1:100000:5 IMAGE true|one range
125|run --uidmap 0:100000:65536 --gidmap 0:200000:65536 IMAGE true|one range
125|run --uidmap x IMAGE true|is not 0:BASE:COUNT
125|run --uidmap 0:-1:5 IMAGE true|is not 0:BASE:COUNT
125|run --ulimit nofile=x IMAGE true|a limit is a number
125|run --ulimit nofile=9:5 IMAGE true|the first number is the larger one
125|run --ulimit files=5 IMAGE true|nofile
125|run --ulimit nofile IMAGE true|is not NAME=SOFT
125|run --shm-size 0 IMAGE true|--shm-size
125|run --shm-size -5 IMAGE true|--shm-size
125|run --shm-size 5x IMAGE true|--shm-size
125|run --stop-timeout -1 IMAGE true|is not a number from 0 to
125|run --cpus 0.001 IMAGE true|from 0.01 to 10000
125|run --cpu-period 5 IMAGE true|is not a number from 1000 to 1000000
125|run --cpuset-cpus 0- IMAGE true|is no list of numbers
125|run --device-read-bps /dev/null:5 IMAGE true|is no block device
125|run --device-read-iops /dev/null:x IMAGE true|is not a number from 1 to
125|run --group-add keep-groups IMAGE true|groups are not the pod
125|run --group-add nosuch IMAGE true|is not in the image'"'s /etc/group"'
125|run --label =x IMAGE true|is not KEY=VALUE
125|run --env-file /nosuch IMAGE true|/nosuch
125|run --cap-add chown --cap-drop CHOWN IMAGE true|the same capabilities
125|run --cap-add chown,kill --cap-drop kill,fowner IMAGE true|have both cap_kill
125|run --cap-add all --cap-drop all IMAGE true|the same capabilities
125|run COPYING_OR_NOT true|give the name of an image
125|run /etc/passwd true|runner image import /etc/passwd
125|run -e =x IMAGE true|is not NAME=VALUE or NAME
125|run --entrypoint [x IMAGE true|is no JSON list
125|run --restart sometimes IMAGE true|unless-stopped
125|run --user 70000 IMAGE true|the user id 70000 is outside of the pod'"'s range: it has the ids 0 to 65535"'
125|run --user 0:70000 IMAGE true|the group id 70000 is outside
125|run --group-add 70000 IMAGE true|the group id 70000 is outside
125|run --userns auto:size=0 IMAGE true|userns
125|run --userns auto:size=5x IMAGE true|userns
125|run --uid-base 5x IMAGE true|--uid-base
125|run --dns x IMAGE true|--dns
125|run --add-host x IMAGE true|--add-host
125|exec nobody|it needs POD COMMAND
125|exec --prvileged nobody true|did you mean --privileged?
125|exec --privileged nobody true|never more
125|exec -dt nobody true|exec -d has no terminal
125|ps --fiter x|did you mean --filter?
125|ps --filter x|is not KEY=VALUE
125|ps x|is too much
125|stop|or -a
125|stop -a x|exclude each other
125|stop -t 5x x|is not a number from 0 to
125|kill -s FOO x|is no signal
125|rm|or -a
125|logs --tail x y|is not a number from -1 to
125|logs --since yesterday y|is no time
125|logs a b|is too much
125|inspect|it needs POD
125|wait|it needs POD
125|update x|no limit is given
125|update x --memry 5m|did you mean --memory?
125|update x --image y|unknown option
125|device ad p /dev/null|there are add and rm
125|uidmap list|there is ls
125|image lss|did you mean ls?
125|image|needs a command
125|image rm|it needs IMAGE
125|image pull --creds a:b x|skopeo
125|stats -i 0|is not a number from 1 to
'

test_mistakes() {
	local want line args text
	while IFS='|' read -r want args text; do
		[ -n "$want" ] || continue
		line=${args//IMAGE/$image}
		runner $line
		same "$args: status" "$want" "$status$out"
		has "$args" "$errors" "$text"
		[ "$(wc -l <<<"$errors")" -le 2 ] || problem "$args: more than the mistake and a line: $errors"
		hasnt "$args: the usage" "$errors" "Usage:"
	done <<<"$mistakes"
	check_clean "at the end"
	finish "a mistake is named, with one line of help"
}

test_help() {
	local command line
	for command in $("$RUNNER" --help | awk '/^  / { print $1 }'); do
		[ $command != image ] || continue
		runner $command --help
		same "$command --help" "0" "$status$errors"
		has "$command --help" "$out" "Usage: runner "
		has "$command --help" "$out" "--help"
		out=$(setpriv --reuid=12345 --clear-groups "$RUNNER" $command --help 2>&1)
		has "$command --help, of no one special" "$out" "Usage: runner "
	done
	for command in import pull ls inspect verify rm prune; do
		runner image $command --help
		same "image $command --help" "0" "$status$errors"
		has "image $command --help" "$out" "Usage: runner image $command "
	done
	check_clean "at the end"
	finish "--help of every command"
}

test_run() {
	local file=$work/vars size blocks
	runner run "$image" sh -c 'echo "$1"' sh word
	same "run IMAGE COMMAND" "0word" "$status$out$errors"
	runner run --rm -- "$image" sh -c 'echo "$0"' --help
	same "run -- IMAGE COMMAND" "0--help" "$status$out$errors"
	printf '%s\n' '# nothing' '' 'A=b c' '  HERE' 'NOT_HERE' $'C=d\r' >"$file"
	HERE=caller runner run --env-file "$file" -e A=x --unsetenv C "$image" sh -c 'echo "$A $HERE ${C-unset} ${NOT_HERE-unset}"'
	same "--env-file, -e, --unsetenv" "x caller unset unset" "$out$errors"
	HERE=caller runner run --env-file "$file" "$image" sh -c 'echo "$A:$C"'
	same "--env-file alone" "b c:d" "$out$errors"
	# of the caller's by a prefix; a blank in a name is a mistake, as in "export A=b"
	printf 'PRE_*\nQ="x"\n' >"$file"
	PRE_A=1 PRE_B='2=3' PRF=no runner run --env-file "$file" "$image" sh -c 'echo "$PRE_A $PRE_B $Q ${PRF-unset}"'
	same "--env-file, NAME*, quotes" '1 2=3 "x" unset' "$out$errors"
	PRE_A=1 PRE_B=2 runner run -e 'PRE_*' -e PRE_B=own "$image" sh -c 'echo "$PRE_A $PRE_B"'
	same "-e NAME*" "1 own" "$out$errors"
	printf 'export A=b\n' >"$file"
	runner run --env-file "$file" "$image" true
	same "a blank in a name" 125 "$status"
	has "a blank in a name" "$errors" "'export A=b' is not NAME=VALUE or NAME"
	(cd "$work" && mkdir -p here && echo in >here/file && cd here && runner run -v .:/there "$image" cat /there/file && same "-v ." in "$out$errors" && [ -z "$problems" ]) || problem "-v .: $(cat "$work/out" "$work/err")"
	runner run --entrypoint echo "$image" some words
	same "--entrypoint" "some words" "$out$errors"
	runner run --entrypoint '["echo", "two words"]' "$image" more
	same "--entrypoint, a list" "two words more" "$out$errors"
	runner run --ulimit nofile=100:200 --ulimit core=0 "$image" sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
	same "--ulimit" "100 200 0" "$(echo $out$errors)"
	runner run --ulimit nofile=600000 "$image" sh -c 'ulimit -n'
	if (ulimit -n 600000) 2>/dev/null; then
		same "--ulimit above what others have" "600000" "$(echo $out$errors)"
	else
		same "--ulimit above what this root may give" 125 $status
		has "it says so" "$errors" "--ulimit nofile=600000: Operation not permitted"
	fi
	runner run --shm-size 1m "$image" stat -f -c '%s %b' /dev/shm
	read -r size blocks <<<"$out"
	same "--shm-size" $((1 << 20)) $((${size:-0} * ${blocks:-0}))
	runner run -u user --group-add mongodb --group-add 5 "$image" id -G
	same "--group-add" "1001 5 998" "$out$errors"
	runner run --read-only=true "$image" sh -c 'echo x 2>/dev/null >/made || echo refused'
	same "--read-only=true" refused "$out$errors"
	runner run --read-only=false "$image" sh -c 'echo x >/made && cat /made'
	same "--read-only=false" x "$out$errors"
	runner run --systemd=true "$image" sh -c 'echo ${container_uuid-none}'
	same "--systemd=true with another command" none "$out$errors"
	runner run --uidmap 0:$((ids + 65536)):1000 "$image" cat /proc/self/uid_map
	same "--uidmap" "0 $((ids + 65536)) 1000" "$(echo $out$errors)"
	runner run --uidmap 0:$((ids + 65536)):1000 --gidmap 0:$((ids + 65536)):1000 -u 999:999 "$image" id -u
	same "--uidmap and --gidmap" "999" "$out$errors"
	runner run -h other "$image" cat /proc/sys/kernel/hostname
	same "-h" other "$out$errors"
	runner run --add-host peer:192.0.2.7 "$image" cat /etc/hosts
	same "--add-host" 1 "$(grep -c -E '^192\.0\.2\.7[[:space:]]+peer$' <<<"$out")"
	runner run --dns 192.0.2.53 "$image" cat /etc/resolv.conf
	has "--dns" "$out" "nameserver 192.0.2.53"
	runner run --add-host two:192.0.2.8 --add-host two:2001:db8::1 "$image" cat /etc/hosts
	same "--add-host of two addresses" "192.0.2.8 2001:db8::1" "$(echo $(sed -n 's/[[:space:]]two$//p' <<<"$out"))"
	# whatever the order; and docker's colon
	for n in "--cap-drop all --cap-add net_admin,chown" "--cap-add chown --cap-drop ALL --cap-add CAP_NET_ADMIN"; do
		runner run $n "$image" cat /proc/self/status
		same "$n" 0000000000001001 "$(sed -n 's/^CapEff:[[:space:]]*//p' <<<"$out")"
	done
	runner run --cap-drop sys_admin --cap-add all "$image" cat /proc/self/status
	same "--cap-add all but one" 0 $((0x$(sed -n 's/^CapBnd:[[:space:]]*//p' <<<"$out") & 1 << 21))
	same "--cap-add all" $((1 << 25)) $((0x$(sed -n 's/^CapBnd:[[:space:]]*//p' <<<"$out") & 1 << 25))
	runner run --security-opt no-new-privileges:true --security-opt seccomp:unconfined --security-opt label:disable "$image" cat /proc/self/status
	same "--security-opt with a colon" "1 0" "$(echo $(sed -n 's/^\(NoNewPrivs\|Seccomp\):[[:space:]]*//p' <<<"$out"))"
	# the primary group among the others: set-group-ID takes nobody out of it
	runner run -u user --group-add mongodb "$image" cat /proc/self/status
	same "-u: all groups" "998 1001" "$(echo $(sed -n 's/^Groups:[[:space:]]*//p' <<<"$out"))"
	# what was only created goes without -f; a container's network, by its other name
	runner create --name made "$image" true
	same "create" "0made" "$status$out$errors"
	same "its folders" "made made" "$(ls /run/runner/pods) $(ls /var/lib/runner/pods)"
	runner rm made
	same "rm of one that is created" "0" "$status$out$errors"
	up net -- sleep 600
	runner run --net container:net "$image" ls -l /proc/self/ns/net
	same "--net container:" "$(readlink "/proc/$(field pid net)/ns/net")" "${out##*-> }$errors"
	runner rm net
	same "rm of one that runs" 125 "$status"
	runner rm -f net
	runner run -u 7:8 "$image" cat /proc/self/status
	same "-u UID:GID" 8 "$(echo $(sed -n 's/^Groups:[[:space:]]*//p' <<<"$out"))"
	up g -u user -- sleep 600
	runner exec -u mongodb g cat /proc/self/status
	same "exec -u" 998 "$(echo $(sed -n 's/^Groups:[[:space:]]*//p' <<<"$out"))"
	same "on the host" "$(($(field hostBase g) + 1001))" "$(echo $(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$(field pid g)/status"))"
	runner rm -f g
	echo '# of the image' >"$image/etc/resolv.conf"
	runner run --net host --dns none "$image" cat /etc/resolv.conf
	same "--dns none" "# of the image" "$out$errors"
	rm "$image/etc/resolv.conf"
	echo '192.0.2.9 of-the-image' >"$image/etc/hosts"
	runner run --no-hosts "$image" cat /etc/hosts
	same "--no-hosts" "192.0.2.9 of-the-image" "$out$errors"
	same "what the image has" "192.0.2.9 of-the-image" "$(cat "$image/etc/hosts")"
	rm "$image/etc/hosts"
	check_clean "at the end"
	finish "options of run as others have them"
}

# What answers in the pod's network, of the host's programs.
answer() { # answer PID PORT
	nsenter -t "$1" -n python3 -c 'import socket, sys
s = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("listens", flush=True)
s.settimeout(60)
c = s.accept()[0]
c.sendall(b"from the pod\n")' "$2" >"$work/answer" &
	for _ in $(seq 200); do
		! grep -q listens "$work/answer" || break
		sleep 0.1
	done
}

pasta_of() { # pasta_of BASE: processes of a pod's pasta
	local file
	grep -l "^Uid:[[:space:]]$1[[:space:]]" /proc/[0-9]*/status 2>/dev/null | while read -r file; do
		file=${file%/status}
		! grep -q '^pas' "$file/comm" 2>/dev/null || echo "${file#/proc/}"
	done
}

test_pasta() {
	local pid base got
	if ! command -v pasta >/dev/null; then
		runner run --net pasta "$image" true
		same "without passt" 125 "$status"
		has "it says what to do" "$errors" "apt-get install passt"
		check_clean "at the end"
		finish "--net pasta is refused without passt"
		return
	fi
	if [ ! -e /dev/net/tun ] || ! ip route show default | grep -q .; then
		skipped "--net pasta, -p" "this machine has no /dev/net/tun or no route"
		return
	fi
	up n -p 127.0.0.1:18480:80 -p 18481-18482:81-82/udp -- sleep 600
	pid=$(field pid n)
	base=$(field hostBase n)
	runner exec n cat /proc/net/dev
	same "an interface beside lo" 1 "$(grep -c -v -E 'lo:|Inter|face' <<<"$out")"
	runner exec n cat /etc/resolv.conf
	has "resolv.conf" "$out" "$(grep -m 1 ^nameserver /etc/resolv.conf)"
	answer "$pid" 80
	got=$(timeout 10 bash -c 'cat </dev/tcp/127.0.0.1/18480')
	same "-p" "from the pod" "$got"
	same "the host's ports" "127.0.0.1:18480 18481 18482" "$(ss -Hltun | awk '$5 ~ /:1848[0-2]$/ { print $5 }' | sed 's/^[^1].*:\(1848\)/\1/' | sort -u | xargs)"
	got=$(pasta_of "$base")
	[ "$got" ] || problem "no pasta has the pod's root as its user"
	for pid in $got; do
		same "its rights on the host" 0 "$(readlink /proc/$pid/ns/user | grep -c -x "$(readlink /proc/self/ns/user)")"
		[ "$(sed -n 's/^NSpid:\t//p' /proc/$pid/status | wc -w)" -ge 2 ] || problem "it is in the host's pid namespace"
	done
	runner exec n sh -c 'for p in /proc/[0-9]*; do cat $p/comm; done'
	hasnt "in the pod nothing of it is seen" "$out" pasta
	"$RUNNER" rm -f n
	for _ in $(seq 50); do
		[ "$(pasta_of "$base")" ] || break
		sleep 0.1
	done
	same "it ends with the pod" '' "$(pasta_of "$base")"
	same "the ports are free" '' "$(ss -Hltun | grep ':1848[0-2] ')"
	up n -p 18480:80 -- sleep 600
	kill -9 "$(field monitor n)"
	for _ in $(seq 50); do
		ss -Hltn | grep -q ':18480 ' || break
		sleep 0.1
	done
	same "and with the pod's runner" '' "$(ss -Hltn | grep ':18480 ')"
	runner ps -a
	up n -p 18480:80 -- sleep 600
	runner run --rm -p 18480:80 "$image" true
	same "a port that is taken" 125 "$status"
	has "a port that is taken" "$errors" "18480"
	runner rm -f n
	for _ in 1 2 3 4 5; do
		runner run -d --replace --name n -p 18480:80 "$image" sleep 600
		same "--replace, with the same port" "0n" "$status$out$errors"
	done
	runner rm -f n
	if [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ]; then
		runner run --rm -p 81:80 "$image" true
		same "a port of root's" 125 "$status"
		has "a port of root's" "$errors" "sysctl net.ipv4.ip_unprivileged_port_start=81"
	fi
	check_clean "at the end"
	finish "--net pasta, -p"
}

test_replace() {
	local before
	up r -l app=one --label empty -- sleep 600
	before=$(field pid r)
	same "there is one" 125 "$(runner run -d --name r "$image" sleep 600; echo $status)"
	runner run -d --name r --replace -l app=two "$image" sleep 601
	same "--replace" "0r" "$status$out$errors"
	[ "$(field pid r)" != "$before" ] || problem "it is the same process"
	same "the one before" '' "$(ls -d /proc/$before 2>/dev/null)"
	same "below" "runner.label.app=two" "$("$RUNNER" inspect r | python3 -c 'import json,sys
a = json.load(sys.stdin)["config"]["annotations"]
print(*[f"{k}={v}" for k, v in a.items() if k.startswith("runner.label.")])')"
	runner run -d --name fresh --replace "$image" sleep 600
	same "--replace without one" "0fresh" "$status$out$errors"
	runner rm -af
	same "rm -af" 0 "$status$errors"
	check_clean "at the end"
	finish "--replace, --label"
}

test_ps() {
	up one -l app=web -l tier=front -- sleep 600
	up two -l app=db --restart unless-stopped -- sleep 601
	up gone -- sh -c 'exit 3'
	runner wait gone
	runner ps -q
	same "-q" "one two" "$(echo $out)"
	runner ps -aq
	same "-aq" "gone one two" "$(echo $out)"
	runner ps -q --filter label=app
	same "a label" "one two" "$(echo $out)"
	runner ps -q -f label=app=db
	same "a label with its value" "two" "$out"
	runner ps -q -f label=app --filter name=on
	same "both" "one" "$out"
	runner ps -q -f status=exited
	same "status=exited, without -a" "gone" "$out"
	runner ps -q -f exited=3
	same "exited=3" gone "$out"
	runner ps -a --format '{{.Names}}\t{{.Status}} {{ .ExitCode }} {{.Labels}}'
	same "--format" $'gone\texited 3 3 |one\trunning 0 app=web,tier=front|two\trunning 0 app=db' "$(paste -sd'|' <<<"$out")"
	runner ps --format json -f name=one
	same "--format json" one "$(python3 -c 'import json,sys; print(*[p["id"] for p in json.load(sys.stdin)])' <<<"$out")"
	runner ps --format '{{.Nmaes}}'
	same "a field that is none" 125 $status
	has "a field that is none" "$errors" "{{.Nmaes}}"
	runner ps --noheading -f name=one
	same "--noheading" 1 "$(wc -l <<<"$out")"
	runner top one
	same "top: the host's, the pod's, who, what" "$(field pid one) 1 0 sleep 600" "$(tail -n 1 <<<"$out" | xargs)"
	runner stop -t 0 -a
	same "stop -a" "0" "$status$errors"
	same "all have ended, --restart unless-stopped too" "exited exited" "$(field status one) $(field status two)"
	runner top one
	same "top of one that has ended" 125 $status
	runner start one two
	same "start of two" "0running running" "$status$(field status one) $(field status two)"
	runner kill -a -s KILL
	same "kill -a" "0" "$status$errors"
	runner stop -t 0 two
	runner rm -a
	same "rm -a" "0" "$status$errors"
	runner rm -i one
	same "rm -i of one that is gone" "0" "$status$errors"
	check_clean "at the end"
	finish "ps -q --filter --format, top, -a of stop, kill, rm, start of several"
}

test_paused() {
	local begin
	if [ -z "$cgroups" ]; then
		up z -- sleep 600
		runner pause z
		same "without cgroup version 2" 125 $status
		runner rm -f z
		check_clean "at the end"
		finish "pods that are paused (this host has no cgroup version 2: refused)"
		return
	fi
	up z -- sleep 600
	runner pause z
	begin=$SECONDS
	RUNNER_TIMEOUT=20 runner exec z true
	same "exec on a paused pod" 125 $status
	has "exec on a paused pod" "$errors" "the pod z is paused"
	has "what to do" "$errors" "runner unpause z"
	[ $((SECONDS - begin)) -lt 10 ] || problem "it waited"
	same "no process of it" "" "$(runner top z; tail -n +3 <<<"$out")"
	runner ps --format '{{.State}}' -f status=paused
	same "ps" paused "$out"
	same "inspect" paused "$(field status z)"
	has "below" "$(cat "$(field cgroup z)/cgroup.events")" "frozen 1"
	runner unpause -a
	same "unpause -a" "0running" "$status$errors$(field status z)"
	runner exec z true
	same "exec then" 0 "$status$errors"
	runner rm -f z
	check_clean "at the end"
	finish "pods that are paused"
}

test_exec() {
	local begin
	up e --ulimit nofile=77:88 -- sleep 600
	printf 'A=file\n' >"$work/vars"
	runner exec --env-file "$work/vars" --env B=b --workdir /home --user user --interactive e sh -c 'echo "$A $B $PWD $(id -u)"; ulimit -n'
	same "long options" "file b /home 1000 77" "$(echo $out$errors)"
	begin=$SECONDS
	runner exec -d e sh -c 'sleep 1; echo done >/tmp/done; sleep 600'
	same "exec -d" 0 "$status$out$errors"
	runner exec --detach e nosuch
	same "exec -d of no command" 127 $status
	has "exec -d of no command" "$errors" "no such command"
	for _ in $(seq 100); do
		runner exec e cat /tmp/done
		[ "$out" != "done" ] || break
		sleep 0.1
	done
	same "it goes on" "done" "$out"
	# a wrong word makes nothing
	for n in "" -t; do
		runner exec $n -w /no/such e true
		same "exec $n -w of no directory" 127 $status
		has "exec $n -w of no directory" "$out$errors" "/no/such: there is no such directory in the pod"
	done
	runner exec e ls -d /no
	same "nothing was made" "2" "$status$out"
	runner exec -w /etc/passwd e true
	same "exec -w of a file" 127 $status
	runner exec -u 70000 e true
	same "an id outside" 125 $status
	has "an id outside" "$errors" "it has the ids 0 to 65535"
	runner rm -f e
	same "it ends with the pod" "0" "$status$errors"
	check_clean "at the end"
	finish "exec: -d, long options, limits"
}

test_logs() {
	local now
	up l -- sh -c 'echo one; echo two; sleep 2.2; echo three; sleep 600'
	said l three
	runner logs --tail 1 l
	same "--tail" three "$out"
	for n in all -1; do
		runner logs --tail $n l
		same "--tail $n" "one two three" "$(echo $out)"
	done
	runner logs l --since 2100-01-01
	same "--since in the future" "0" "$status$out$errors"
	runner logs --since 2026-01-01T00:00:00Z l
	same "--since in the past" "one two three" "$(echo $out)"
	runner logs --timestamps --since 10m l
	same "--since 10m" 3 "$(grep -c -E '^20[0-9T:.+Z-]+ ' <<<"$out")"
	now=$(sed -n '3s/ .*//p' <<<"$out")
	runner logs --since "${now%.*}" l
	same "--since the last" three "$out"
	runner rm -f l
	check_clean "at the end"
	finish "logs: --tail, --since, --timestamps"
}

test_stats() {
	local events
	timeout 60 "$RUNNER" events >"$work/events" 2>&1 &
	events=$!
	sleep 0.5
	up s -- sleep 600
	runner stats --no-stream
	same "stats" "0 NAME CPU-TIME MEMORY LIMIT PIDS" "$status$errors $(echo $(head -n 1 <<<"$out"))"
	if [ -n "$cgroups" ]; then
		same "the pod's line" 1 "$(grep -c '^s  *[0-9.]*s ' <<<"$out")"
	fi
	sleep 0.5
	runner rm -f s
	sleep 0.5
	kill $events
	wait $events 2>/dev/null
	same "events" "running removed" "$(awk '$3 == "s" && $2 ~ /running|removed/ { print $2 }' "$work/events" | xargs)"
	runner stats nobody --no-stream
	same "stats of no one" 125 $status
	check_clean "at the end"
	finish "stats, events"
}

test_stop_timeout() {
	local begin
	up t --stop-timeout 1 -- sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
	said t ready
	begin=$SECONDS
	runner stop t
	same "stop" "0 137" "$status$errors $(field exitStatus t)"
	[ $((SECONDS - begin)) -lt 6 ] || problem "it took $((SECONDS - begin)) s"
	runner rm t
	check_clean "at the end"
	finish "--stop-timeout"
}

test_images() {
	local id
	runner image import "$image" --name habit
	same "import" 0 $status
	runner image ls -q
	id=$out
	same "image ls -q: an id below" 1 "$(ls -d /var/lib/runner/images/$id* 2>/dev/null | wc -l)"
	runner images --noheading
	same "images" "habit $id" "$(awk '{ print $1, $2 }' <<<"$out")"
	runner run habit echo by name
	same "run NAME" "by name" "$out$errors"
	runner run --pull never habit echo never
	same "--pull never" "never" "$out$errors"
	runner run --pull missing habit echo there
	same "--pull missing of one that is there" "there" "$out$errors"
	RUNNER_TIMEOUT=60 runner run --pull missing localhost:1/nosuch true
	same "--pull missing" 125 $status
	has "--pull missing" "$errors" "localhost:1/nosuch could not be fetched"
	runner rmi habit
	same "rmi" 0 "$status$errors"
	runner image ls -q
	same "gone" "0" "$status$out"
	check_clean "at the end"
	finish "images: ls -q, by name, --pull"
}

# A machine where useradd has given subordinate ids to somebody.
test_readme() {
	local line n=0
	echo "somebody:100000:65536" >>"$work/subids"
	mkdir -p "$volume/www"
	touch "$volume/www/page"
	chown 33:33 "$volume/www/page"
	while read -r line; do
		n=$((n + 1))
		has "its image" "$line" "/srv/images/debian"
		line=${line//\/srv\/images\/debian/$image}
		line=${line//\/mnt\/nfs\/www/$volume\/www}
		line=${line//\'/}
		line=${line//-it /}
		case $line in
		*/bin/bash)
			runner run ${line%/bin/bash} /bin/bash -c 'cat /proc/self/uid_map'
			same "$line: the map" "65536" "$(awk '{ print $3 }' <<<"$out")"
			has "$line: the ids are runner's own" "$(awk '{ print ($2 >= '$ids') ? "own" : $2 }' <<<"$out")" own
			;;
		*/bin/ls*)
			runner run $line
			same "$line: owners in the pod" "33 33 page" "$(awk '/page/ { print $3, $4, $NF }' <<<"$out")"
			;;
		*)
			problem "a line that this test does not know: $line"
			;;
		esac
		same "$line: status" "0" "$status$errors"
	done < <(sed -n 's/^    runner run //p' "$readme")
	[ $n -ge 1 ] || problem "the README has no line"
	same "stored" 33:33 "$(stat -c %u:%g "$volume/www/page")"
	rm -rf "$volume/www"
	sed -i '/^somebody:/d' "$work/subids"
	check_clean "at the end"
	finish "the README's own lines"
}

readme=$work/README.md
cat >"$readme" <<'README'
#@README@
README

# pairs COMMAND...: "COMMAND OPTION" for each that its --help has, refused ones too
pairs() {
	"$RUNNER" "$@" --help | awk -v command="$*" '/^  / && ($1 ~ /^-/) {
		for (i = 1; i <= 2; i++) {
			sub(/,$/, "", $i)
			if ($i ~ /^--[a-z]/ && $i != "--help") print command, $i
		}
	}'
}

test_table() {
	local command rows=$work/rows wanted=$work/wanted
	awk 'before != "" && /^-+$/ { command = before }
		/^Here it is ``/ { command = $0; sub(/^Here it is ``/, "", command); sub(/``.$/, "", command) }
		/^   [*] - ``/ {
			line = $0
			gsub(/^   [*] - ``|``$/, "", line)
			n = split(line, names, ", ")
			for (i = 1; i <= n; i++) print command, names[i]
		}
		{ before = $0 }' "$podman" | sort -u >"$rows"
	{
		for command in $("$RUNNER" --help | awk '/^  / { print $1 }'); do
			[ $command = image ] || pairs $command
		done
		for command in $("$RUNNER" image --help | awk '/^  / { print $1 }'); do
			pairs image $command
		done
	} | sort -u >"$wanted"
	[ "$(wc -l <"$wanted")" -gt 200 ] || problem "few options: $(wc -l <"$wanted")"
	same "options that are in no row: make podman-table" '' "$(comm -23 "$wanted" "$rows" | paste -sd,)"
	finish "every option has a row beside podman's"
}

podman=$work/podman.rst
cat >"$podman" <<'PODMAN'
#@PODMAN@
PODMAN
modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
make_root "$image" echo sed
run_tests "mistakes help run pasta replace ps paused exec logs stats stop_timeout images readme table" "$@"
