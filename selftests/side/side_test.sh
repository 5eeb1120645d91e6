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

# serve: the host's end, once
serve() {
	timeout 100 "$RUNNER" side run --templates "$templates" agent 2>"$work/log"
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
	check_clean "$1"
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
	pod=${out#* } pod=${pod%% *}
	ask submit --wait brief
	same "status of one that ends" 7 $status
	same "what it wrote" "said" "$errors"
	# a path unit that did not look when it was triggered is triggered again
	"$RUNNER" exec agent runner-side status --key two sleeper >"$work/late" 2>&1 &
	local asked=$! trigger
	within 10 sh -c 'ls /var/lib/runner/side/agent/*.request'
	sleep 0.3
	trigger=$(stat -c %y /var/lib/runner/side/agent/trigger)
	sleep 1.5
	[ "$trigger" != "$(stat -c %y /var/lib/runner/side/agent/trigger)" ] || problem "it was not triggered again"
	"$RUNNER" side run --templates "$templates" agent 2>/dev/null
	wait $asked
	same "asked late" "0 running" "$? $(cut -d' ' -f1 "$work/late")"
	ask status --key nosuch sleeper
	same "none" "0none" "$status$out"
	ask signal sleeper 15
	ask stop --key two sleeper
	same "stopped" "137ended" "$status${out%% *}"
	runner start $pod
	same "started by hand" 125 "$status$out"
	has "started by hand" "$errors" "the pod $pod is a side container that has ended: the pod agent"
	runner start --boot
	same "with the host" "0" "$status$out$errors"
	same "none of them is up" 1 "$(sides)"
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

# raw NAME: a file of the agent's making in its spool, its text from stdin
raw() {
	"$RUNNER" exec -i agent sh -c "cat >/run/runner-side/$1"
}

# told ID REASON: what the agent was told of a request, and the log says of it
told() {
	local file=/var/lib/runner/side/agent/$1.answer
	has "answer to $1" "$(cat "$file" 2>&1)" '"result":"refused"'
	has "reason of $1" "$(cat "$file" 2>&1)" "$2"
	has "log of $1" "$(cat "$work/log")" "$2"
	[ ! -e "${file%answer}request" ] || problem "the request $1 is there still"
	rm -f "$file"
}

# An id, 32 digits: its last one is $1
id() { printf '%032x' $1; }

test_refused() {
	local spool=/var/lib/runner/side/agent i
	template sleeper '"command": [ "sleep" ], "args": [ "[0-9]+", [ "-f", "/etc/[a-z]+" ] ]'
	echo '{ "image": ' >"$templates/broken.json"
	template open '"command": [ "sleep" ], "args": [ ".*" ]'
	chmod 666 "$templates/open.json"
	template theirs '"command": [ "sleep" ], "args": [ ".*" ]'
	sed -i 's/"agent", //' "$templates/theirs.json"
	ln -s /etc/shadow "$templates/link.json"
	agent agent
	ask submit nosuch
	same "no such template" "125runner-side: refused: there is no template nosuch" "$status$errors"
	has "log" "$(cat "$work/log")" "there is no template nosuch"
	ask submit broken
	has "a broken template" "$status$errors" "it is no JSON"
	ask submit open 1
	has "a template that others can write" "$status$errors" "open.json is not root's alone to write"
	ask submit theirs 1
	same "not for this pod" "125runner-side: refused: the template theirs is not for the pod agent" "$status$errors"
	has "log" "$(cat "$work/log")" "is not for the pod agent"
	for i in x 1x '-f' '/etc/a' '1;id' '../1' ''; do
		ask submit sleeper -- "$i"
		has "argument '$i'" "$status$errors" "125runner-side: refused: the template sleeper does not allow argument 1"
	done
	ask submit sleeper -- -f /etc/../x
	has "a path" "$status$errors" "does not allow argument 1"
	runner exec agent runner-side submit ../sleeper 1
	has "its own end says so as well" "$status$errors" "125runner-side: the template's name"
	# what no well-behaved asker writes
	echo '{' | raw $(id 1).request
	printf '{"version":1,"id":"%s","action":"start","template":"../../etc/x","key":"k"}' $(id 2) | raw $(id 2).request
	printf '{"version":1,"id":"%s","action":"start","template":"sleeper","key":"k","args":["1\\n2"]}' $(id 3) | raw $(id 3).request
	printf '{"version":1,"id":"%s","action":"start","template":"sleeper","key":"k"}' $(id 99) | raw $(id 4).request
	printf '{"version":1,"id":"%s","action":"start","template":"sleeper","key":"k","args":["1"],"image":"/"}' $(id 5) | raw $(id 5).request
	{
		printf '{"version":1,"id":"%s","action":"start","template":"sleeper","key":"k","args":["1"' $(id 6)
		yes ',"1111111111"' | head -c 10000000
		echo ']}'
	} | raw $(id 6).request
	"$RUNNER" exec agent sh -c "cd /run/runner-side; mkfifo $(id 7).request; mkdir $(id 8).request; ln -s /etc/passwd $(id 9).request; ln -s trigger $(id 10).request; : >$(id 11).request; mkdir $(id 1).answer; ln -s /etc/passwd $(id 2).answer; : >bad.request"
	serve
	same "the reader ends well" 0 $?
	has "an answer that cannot be written" "$(cat "$work/log")" "cannot write $(id 1).answer"
	rmdir $spool/$(id 1).answer
	rm $spool/bad.request
	told $(id 2) "the template's name"
	told $(id 3) "argument 1 has a control character"
	told $(id 4) "the id is not that of the file's name"
	told $(id 5) "no member of that name"
	told $(id 6) "larger than the 131072 bytes"
	told $(id 7) "is a FIFO, not a regular file"
	told $(id 8) "is a directory"
	told $(id 9) "by a symbolic link"
	told $(id 10) "by a symbolic link"
	told $(id 11) "it is no JSON"
	same "the host's file is as it was" 1 "$(grep -c '^root:' /etc/passwd)"
	# the lock and the trigger are the agent's too
	"$RUNNER" exec agent flock /run/runner-side/lock sleep 30 &
	sleep 0.5
	printf '{"version":1,"id":"%s","action":"start","template":"nosuch","key":"k"}' $(id 12) | raw $(id 12).request
	serve
	has "a lock that is held" "$(cat "$work/log")" "the spool has been locked"
	told $(id 12) "there is no template"
	"$RUNNER" exec agent sh -c 'cd /run/runner-side; rm lock trigger; mkfifo lock; mkdir trigger'
	kill $! 2>/dev/null
	printf '{"version":1,"id":"%s","action":"start","template":"nosuch","key":"k"}' $(id 13) | raw $(id 13).request
	serve
	told $(id 13) "there is no template"
	runner exec agent runner-side submit --timeout 2 sleeper 1
	has "a lock that is none" "$status$errors" "125runner-side: lock in the spool is no regular file"
	"$RUNNER" exec agent rm /run/runner-side/lock
	# one that a pod with the host's ids has made
	mknod $spool/lock c 250 77
	printf '{"version":1,"id":"%s","action":"start","template":"nosuch","key":"k"}' $(id 14) | raw $(id 14).request
	serve
	has "a lock that is a device is not opened" "$(cat "$work/log")" "lock in the spool is no regular file"
	told $(id 14) "there is no template"
	rm $spool/lock
	runner exec agent runner-side submit --timeout 2 sleeper 1
	has "a trigger that is none" "$status$errors" "125runner-side: trigger in the spool is no regular file"
	same "nothing was started" "0 0" "$(sides) $("$RUNNER" ps -a -q | grep -c '^side-')"
	rmdir $spool/trigger
	runner exec agent runner-side submit --timeout 1 sleeper 1
	has "nobody serves it" "$status$errors" "125runner-side: no answer in 1 seconds"
	same "and it is withdrawn" "" "$(find $spool -name '*.request')"
	# a spool that is a link
	mv $spool $spool.away
	ln -s $spool.away $spool
	serve
	same "a link" 125 $?
	has "log" "$(cat "$work/log")" "is no directory, or a link"
	rm $spool
	mv $spool.away $spool
	runner side run --templates "$templates" ../agent
	has "a path as a name" "$status$errors" "is no name of a pod"
	runner side run --templates "$templates" nosuch
	has "no spool" "$status$errors" "cannot open the spool"
	"$RUNNER" rm -f agent
	up agent -v "$spool:/run/runner-side:idmap:ro" -v "$asker:/bin/runner-side:ro" -- sleep 10000
	runner exec agent runner-side submit sleeper 1
	has "a read-only spool" "$status$errors" "Read-only file system"
	"$RUNNER" rm -f agent
	mount -t tmpfs -o mode=700,size=64k,nosuid none $spool
	agent agent
	"$RUNNER" exec agent sh -c 'cd /run/runner-side; cat /dev/zero >fill 2>/dev/null'
	runner exec agent runner-side submit sleeper 1
	has "a full spool" "$status$errors" "No space left on device"
	same "nothing half written" "" "$(find $spool -name '*.request' -o -name '.new-*')"
	"$RUNNER" rm -f agent
	umount -l $spool
	end_all "at the end"
	finish "what is refused, with a reason, a line in the log, and nothing started"
}

test_bounds() {
	local spool=/var/lib/runner/side/agent i
	template two '"command": [ "sleep" ], "args": [ "[0-9]+" ], "max": 2, "stop_seconds": 0'
	agent agent
	for i in 1 2 3; do
		ask submit --key $i two 1000
		same "number $i" $((i < 3 ? 0 : 125)) $status
	done
	has "message" "$errors" "2 side containers of the template two run, and it allows no more"
	agent second
	ask_as second submit --key 1 two 1000
	same "another asker has its own" 0 $status
	ask_as second stop --key 2 two
	same "and not the first's" "0none" "$status$out"
	same "which runs" 2 "$(sides agent)"
	ask stop --key 2 two
	ask submit --key 3 two 1000
	same "one ended, one more" 0 $status
	for i in $(seq 100 399); do
		printf '{"version":1,"id":"%s","action":"start","template":"two","key":"%s","args":["5"]}' $(id $i) $i >$spool/$(id $i).request
	done
	chmod 600 $spool/*.request
	serve
	same "a flood: all are answered" "300 0" "$(grep -l '"refused"' $spool/*.answer | wc -l) $(find $spool -name '*.request' | wc -l)"
	same "and two run" 2 "$(sides agent)"
	same "the log is bounded" 101 "$(wc -l <"$work/log")"
	"$RUNNER" rm -f agent second
	end_all "at the end"
	finish "a template's bounds hold for each asker; a flood"
}

test_network() {
	local pod pid apid
	template named '"command": [ "sleep", "1000" ], "args": [], "network": "named", "userns": "agent", "stop_seconds": 0'
	template own '"command": [ "sleep", "1000" ], "args": [], "network": "agent", "stop_seconds": 0'
	agent agent --cap-add sys_admin,net_admin
	apid=$(field pid agent)
	runner exec agent sh -c 'mkdir -p /run/netns; cd /run/netns; touch blue uts child host; unshare --net=/run/netns/blue true; unshare --uts=/run/netns/uts true
		unshare -U -n sleep 1000 & while [ /proc/$!/ns/net -ef /proc/$$/ns/net ]; do sleep 0.05; done; mount --bind /proc/$!/ns/net child
		mkfifo fifo; echo >file; ln -s /proc/1/ns/net link; ln -s ../../run/netns/blue fine; stat -Lc %i blue child'
	same "made" "0" "$status$errors"
	read -r -d '' blue _ <<<"$out"
	ask submit named
	has "no name" "$status$errors" "125runner-side: refused: the template named needs the name of a network namespace"
	ask submit --netns blue own
	has "one too many" "$status$errors" "refused: the template own takes no network namespace"
	for each in "nosuch No such file" "file is no namespace" "fifo is no namespace" "link Too many levels" \
		"uts is no network namespace" "child is not owned by the user namespace" "host is no namespace"; do
		ask submit --netns ${each%% *} named
		same "${each%% *}" 125 $status
		has "${each%% *}" "$errors" "${each#* }"
	done
	same "nothing was started" 0 "$(sides)"
	ask submit --netns blue named
	same "asked" "0running" "$status${out%% *}"
	read -r _ pod pid <<<"$out"
	same "in that network" "net:[$blue]" "$(readlink /proc/$pid/ns/net)"
	same "in the agent's user namespace" "$(readlink /proc/$apid/ns/user)" "$(readlink /proc/$pid/ns/user)"
	for each in pid mnt uts ipc cgroup; do
		[ "$(readlink /proc/$apid/ns/$each)" != "$(readlink /proc/$pid/ns/$each)" ] || problem "its $each namespace is the agent's"
	done
	hasnt "a cgroup of its own" "$(field cgroup $pod)" "$(field cgroup agent)"
	runner exec $pod cat /sys/class/net/lo/operstate
	same "/sys/class/net is that network's" "0down" "$status$out"
	ask submit --netns fine --key other named
	same "by a link of the agent's own" "0running" "$status${out%% *}"
	runner exec agent sh -c 'cd /run/netns && touch red && unshare --net=/run/netns/red true'
	runner exec agent unshare --net sh -c 'touch /run/netns/here; mount --bind /proc/self/ns/net /run/netns/here'
	ask submit own
	read -r _ pod pid <<<"$out"
	same "the agent's own network" "$(readlink /proc/$apid/ns/net)" "$(readlink /proc/$pid/ns/net)"
	[ "$(readlink /proc/$apid/ns/user)" != "$(readlink /proc/$pid/ns/user)" ] || problem "its user namespace is the agent's"
	same "three" 3 "$(sides agent)"
	runner side stop --asker agent
	"$RUNNER" rm -f agent
	runner side spool agent
	up agent --userns host -v "$out:/run/runner-side" -v "$asker:/bin/runner-side:ro" -- sleep 1000
	ask submit own
	has "an agent with the host's user namespace" "$status$errors" "has the host's user namespace"
	"$RUNNER" rm -f agent
	end_all "at the end"
	finish "network and user namespaces of the agent"
}

test_survive() {
	local next pod pid
	template keeps '"command": [ "sleep", "1000" ], "args": [], "network": "agent", "userns": "agent", "stop_seconds": 0'
	template orphan '"command": [ "sleep", "1000" ], "args": [], "orphan_seconds": 1, "stop_seconds": 0'
	template again '"command": [ "sleep", "1000" ], "args": [], "network": "agent", "userns": "agent", "restart": "always", "stop_seconds": 0'
	# what stays when the agent goes: its user namespace and network
	up sandbox -- sleep 10000
	agent agent --pod sandbox
	ask submit keeps
	read -r _ pod pid <<<"$out"
	ask submit again
	ask submit orphan
	same "three" 3 "$(sides)"
	"$RUNNER" rm -f agent
	same "the agent's end is not theirs" 3 "$(sides)"
	same "and it is the same" $pid "$(field pid $pod)"
	cp -a "$image" "$image.2"
	runner side spool agent
	runner run -d --image "$image.2" --name agent --pod sandbox -v "$out:/run/runner-side:idmap" -v "$asker:/bin/runner-side:ro" -- sleep 1000
	same "another agent" "0agent" "$status$out$errors"
	ask submit keeps
	same "finds it" "running $pod $pid" "$out"
	# the supervisor of one is killed: it goes, and can be had again
	kill -9 $(field monitor $pod)
	for _ in $(seq 100); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
	ask status keeps
	same "its end is told" "137ended" "$status${out%% *}"
	ask submit keeps
	same "another" "0running" "$status${out%% *}"
	read -r _ _ pid <<<"$out"
	[ -e /proc/$pid ] || problem "it does not run"
	# ended, it comes back to the same namespaces without the agent
	ask status again
	read -r _ pod pid <<<"$out"
	has "the namespaces that it had" "$(readlink /proc/$pid/ns/net)" net:
	same="$(readlink /proc/$pid/ns/net /proc/$pid/ns/user)"
	kill -9 $pid
	# between its end and its next start it has no pid
	for _ in $(seq 100); do
		next=$(field pid $pod)
		[ -z "$next" ] || [ "$next" = $pid ] || break
		sleep 0.1
	done
	same "restarted" running "$(field status $pod)"
	pid=$next
	same "in its namespaces" "$same" "$(readlink /proc/$pid/ns/net /proc/$pid/ns/user)"
	"$RUNNER" rm -f agent
	sleep 2
	serve
	has "an orphan" "$(cat "$work/log")" "ended as an orphan"
	same "the others stay" 2 "$(sides)"
	"$RUNNER" rm -f sandbox
	agent agent
	ask submit keeps
	has "an agent in another network" "$status$errors" "125runner-side: refused: the side container keeps runs with other arguments, or in another"
	"$RUNNER" rm -f agent
	end_all "at the end"
	rm -rf "$image.2"
	finish "side containers outlive the agent, and are found again"
}

# gone_in WORD PID: for the pod's shell: prints 0 when that process, with this word in its
# command line, has ended, in half a minute at most
gone_in() {
	echo "i=0; while grep -qs $1 /proc/$2/cmdline && [ \$i -lt 60 ]; do sleep 0.5; i=\$((i + 1)); done; grep -c $1 /proc/$2/cmdline"
}

test_wrapper() {
	local pod pid proxy
	mkdir "$volume/helper"
	template dnsmasq '"command": [ "sh", "-c", "trap \"echo hup >>/marks/hup\" HUP; trap \"exit 4\" TERM; echo $* >/marks/args; [ $1 != --bad ] || { echo bad option >&2; exit 3; }; while :; do sleep 0.1; done", "dnsmasq" ], "args": [ "--no-hosts", "--bad", "-k", "--pid-file=/[a-z/]+", "--uuid=[0-9a-f-]+" ], "network": "named", "userns": "agent", "volumes": [ "'"$volume/helper"':/marks:idmap" ]'
	agent agent --cap-add sys_admin,net_admin
	runner exec agent sh -c 'ln -s runner-side /bin/dnsmasq; ln -s runner-side /bin/dnsmasq-kill; mkdir -p /run/netns; touch /run/netns/qdhcp-1; unshare --net=/run/netns/qdhcp-1 true'
	same "made" 0 "$status$errors"
	# a call that starts nothing is the pod's own program's, and no request
	runner exec agent sh -c 'printf "#!/bin/sh\necho of the pod \$*\n" >/tmp/dnsmasq; chmod 755 /tmp/dnsmasq; PATH=/bin:/tmp dnsmasq --version; PATH=/bin:/tmp dnsmasq --test --dhcp-host=tag:foo'
	same "--version and --test" "of the pod --versionof the pod --test --dhcp-host=tag:foo 0" "$(tr -d '\n' <<<"$out") $(sides)"
	ask_in() {
		"$RUNNER" side run --follow --templates "$templates" agent 2>"$work/log" &
		local reader=$!
		runner exec agent sh -c "$1"
		kill $reader
		wait $reader 2>/dev/null
	}
	ask_in 'nsenter --net=/run/netns/qdhcp-1 dnsmasq --no-hosts --uuid=12-ab --pid-file=/tmp/pid; echo $?; cat /tmp/pid'
	read -r -d '' each proxy <<<"$out"
	same "the helper's parent returns" "0" "$each$errors"
	same "what the agent reads of its pid" "dnsmasq --no-hosts --uuid=12-ab --pid-file=/tmp/pid " "$("$RUNNER" exec agent cat /proc/$proxy/cmdline | tr '\0' ' ')"
	same "what runs" "--no-hosts --uuid=12-ab --pid-file=/tmp/pid" "$(cat "$volume/helper/args")"
	pod=$("$RUNNER" side ls -q)
	pid=$(field pid $pod)
	same "its key" "/tmp/pid" "$("$RUNNER" side inspect $pod | sed -n 's/.*"key":"\(.*\)",/\1/p')"
	same "in the network" "net:[$("$RUNNER" exec agent stat -Lc %i /run/netns/qdhcp-1)]" "$(readlink /proc/$pid/ns/net)"
	runner exec agent cat /proc/$proxy/status
	has "one process, two threads" "$out" "Threads:	2"
	ask_in "dnsmasq-kill HUP $proxy; sleep 1.5"
	same "HUP" "hup" "$(cat "$volume/helper/hup")"
	# the proxy alone is killed: its side container is found by the next
	runner exec agent kill -9 $proxy
	ask_in 'nsenter --net=/run/netns/qdhcp-1 dnsmasq --no-hosts --uuid=12-ab --pid-file=/tmp/pid; cat /tmp/pid'
	[ "$out" != "$proxy" ] || problem "the pid file was not written again"
	same "found again" "$pid" "$(field pid $pod)"
	proxy=$out
	# a process that nobody reaps has no command line
	ask_in "dnsmasq-kill 15 $proxy; $(gone_in no-hosts $proxy); ls /tmp/pid"
	same "TERM: ended, and so is the proxy" "0 0" "$(sides) $out"
	has "its pid file" "$errors" "cannot access '/tmp/pid'"
	ask_in 'nsenter --net=/run/netns/qdhcp-1 dnsmasq --no-hosts --pid-file=/tmp/pid; cat /tmp/pid'
	proxy=$out
	ask_in "dnsmasq-kill 9 $proxy && grep -c no-hosts /proc/$proxy/cmdline"
	same "KILL: gone when it returns" "0 0" "$out $(sides)"
	ask_in 'nsenter --net=/run/netns/qdhcp-1 dnsmasq --bad'
	same "bad arguments: the helper's status and words" "3bad option" "$status$errors"
	ask_in 'nsenter --net=/run/netns/qdhcp-1 dnsmasq --exec'
	same "what the template does not allow" "125dnsmasq: refused: the template dnsmasq does not allow argument 1, '--exec'" "$status$errors"
	ask_in 'nsenter --net=/run/netns/qdhcp-1 dnsmasq -k --pid-file=/tmp/pid & sleep 2; kill -TERM $!; wait $!'
	same "in the foreground: its status" 4 $status
	# a supervisor that is killed
	ask_in 'nsenter --net=/run/netns/qdhcp-1 dnsmasq --pid-file=/tmp/pid; cat /tmp/pid'
	kill -9 $(field monitor $("$RUNNER" side ls -q))
	proxy=$out
	ask_in "$(gone_in pid-file $proxy)"
	same "the proxy of one whose supervisor was killed ends" 0 "$out"
	"$RUNNER" rm -f agent
	end_all "at the end"
	rm -rf "$volume/helper"
	finish "under the name of a helper: pid file, signals, status, found again"
}

# How often the command has begun.
marks() { wc -l <"$volume/marks/begun"; }

# walk N: a start in which the host's processes are killed at their step N, and
# the next reader. The answer stays in $answer.
walk() {
	local n=$1 step spool=/var/lib/runner/side/agent
	: >"$volume/marks/begun"
	printf '{"version":1,"id":"%s","action":"start","template":"mark","key":"k"}' $(id $n) >$spool/$(id $n).request
	chmod 600 $spool/$(id $n).request
	{ RUNNER_FAULT=$n timeout 60 "$RUNNER" side run --templates "$templates" agent 2>"$work/log" || :; } 2>/dev/null
	step="$n $(sed -n 's/.*killed at //p' "$work/log" | tr '\n' ' ')"
	serve
	same "$step: the next reader" 0 $?
	answer=$(cat $spool/$(id $n).answer)
	case $answer in
	*'"result":"running"'*) ;;
	*'"result":"ended"'*'"status":137'*)
		# killed when it was up, which the answer says
		same "$step: none runs" 0 "$(sides)"
		[ "$(marks)" -le 1 ] || problem "$step: begun $(marks) times"
		return 0
		;;
	*) problem "$step: $answer" ;;
	esac
	same "$step: one runs" 1 "$(sides)"
	# once: between its exec and what is written of it
	if [ "$(marks)" = 2 ]; then
		same "$step: begun twice, for the first time" 1 $((twice += 1))
	else
		same "$step: begun" 1 "$(marks)"
	fi
	printf '{"version":1,"id":"%s","action":"start","template":"mark","key":"k"}' $(id $n) >$spool/$(id $n).request
	serve
	same "$step: the same once more" "1" "$(sides)"
}

test_faults() {
	local n answer twice=0 every=2
	[ -z "$long" ] || every=1
	mkdir "$volume/marks"
	template mark '"command": [ "sh", "-c", "echo begun >>/marks/begun; exec sleep 1000" ], "args": [], "volumes": [ "'"$volume/marks"':/marks:idmap" ], "stop_seconds": 0'
	agent agent
	# the last one is where the side container is known to run
	for n in $(seq 1 $every 17); do
		walk $n
		"$RUNNER" rm -f $("$RUNNER" side ls -q)
	done
	# the asker's
	for n in $(seq 20); do
		: >"$volume/marks/begun"
		runner exec -e RUNNER_FAULT=$n agent runner-side submit --timeout 1 mark
		[ $status = 137 ] || break
		serve
		ask submit mark
		same "asker's step $n: asked again" "0running" "$status${out%% *}"
		same "asker's step $n: one runs, once" "1 1" "$(sides) $(marks)"
		"$RUNNER" rm -f $("$RUNNER" side ls -q)
	done
	[ $n -gt 2 ] || problem "only $n steps of the asker"
	"$RUNNER" rm -f agent
	end_all "at the end"
	finish "a request is carried out once, whoever is killed at which step"
}

# shellcheck source=side_socket.sh
. "$(dirname "$0")/side_socket.sh" #@SOCKET@

modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
all="submit refused bounds network survive wrapper faults socket socket_faults"
make_root "$image" cp dd env flock grep kill mkfifo mount nsenter tail unshare
run_tests "$all" "$@"
