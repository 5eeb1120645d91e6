# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Part of side_test: the socket, as the kernel and Varlink have it.
#
# shellcheck disable=SC2016,SC2046,SC2086,SC2154 # of side_test; names are ours

# within SECONDS COMMAND...: whether it holds in that time
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# hold NAME [FAULT]: the socket of the pod NAME as a socket unit has it: whatever becomes of
# the process that serves it, the socket stays. $holder is the process that holds it.
hold() {
	install -d -m 700 /run/runner/side
	rm -f /run/runner/side/$1.socket
	cat >"$work/hold.pl" <<'END'
use Socket; use POSIX;
my ($path, $fault, @command) = @ARGV;
$^F = 100;	# no close-on-exec
socket(S, AF_UNIX, SOCK_STREAM, 0) && bind(S, pack_sockaddr_un($path)) && listen(S, 16) or die "$path: $!";
chmod 0666, $path;
$SIG{TERM} = sub { kill 'TERM', $child if $child; exit 0 };
for (;;) {
	$child = fork;
	if (!$child) {
		POSIX::dup2(fileno(S), 3);
		@ENV{'LISTEN_PID', 'LISTEN_FDS'} = ($$, 1);
		$ENV{RUNNER_FAULT} = $fault if $fault;
		open(STDERR, '>>', $ENV{LOG});
		exec @command;
	}
	waitpid $child, 0;
	$fault = 0;
	select undef, undef, undef, 0.05;
}
END
	: >"$work/log"
	LOG=$work/log perl "$work/hold.pl" /run/runner/side/$1.socket ${2:-0} \
		"$RUNNER" side listen --templates "$templates" $1 &
	holder=$!
	within 5 test -S /run/runner/side/$1.socket || problem "no socket"
}

unhold() {
	kill $holder
	wait $holder 2>/dev/null
}

# raw_calls POD [COMMAND]...: what the socket replies to standard input, for root of POD's user
# namespace: a line for each reply. COMMAND executes the rest.
raw_calls() {
	cat >"$work/raw.pl" <<'END'
use Socket;
my ($path, $pid, @more) = @ARGV;
if ($pid) {
	# the socket itself: the directory is not for a pod
	$^F = 100;
	sysopen(F, $path, 010000000) or die "$path: $!";
	exec 'nsenter', '-t', $pid, '-U', @more, 'perl', $0, '/proc/self/fd/' . fileno(F);
}
$SIG{PIPE} = 'IGNORE';
# a crowd, and what its last one is told
for (1 .. $ENV{CROWD} || 0) {
	my $c;
	socket($c, AF_UNIX, SOCK_STREAM, 0) && connect($c, pack_sockaddr_un($path)) or die "connect: $!";
	push @crowd, $c;
}
socket(S, AF_UNIX, SOCK_STREAM, 0) && connect(S, pack_sockaddr_un($path)) or die "connect: $!";
if (!fork) {
	while (sysread(STDIN, my $b, 65536)) { syswrite(S, $b) or last; }
	shutdown(S, 1);
	exit;
}
while (sysread(S, my $b, 65536)) { $b =~ tr/\0/\n/; print $b; }
END
	timeout 60 perl "$work/raw.pl" /run/runner/side/agent.socket "$(field pid $1)" "${@:2}"
}

# call METHOD PARAMETERS [MORE]: one, with its NUL
call() {
	printf '{"method":"%s","parameters":%s%s}\0' "$1" "$2" "${3:-}"
}

test_socket() {
	local pod pid waiter i=org.shiftfs.Side
	template sleeper '"command": [ "sleep" ], "args": [ "[0-9]+" ], "stop_seconds": 0'
	template brief '"command": [ "sh", "-c", "echo said >&2; exit 7" ], "args": []'
	hold agent
	up agent -v /run/runner/side/agent.socket:/run/host/side -v "$asker:/bin/runner-side:ro" -- sleep 10000
	runner exec agent runner-side submit sleeper -- 1000
	same "asked" "0running" "$status${out%% *}$errors"
	read -r _ pod pid <<<"$out"
	same "on the host" "sleep 1000" "$(tr '\0' ' ' <"/proc/$pid/cmdline" | sed 's/ $//')"
	same "no spool was made" 1 "$([ -e /var/lib/runner/side/agent ]; echo $?)"
	runner exec agent runner-side submit sleeper -- 1000
	same "asked again: the same" "0running $pod $pid" "$status$out"
	runner exec agent runner-side submit sleeper -- 1001
	same "with other arguments" 125 $status
	has "message" "$errors" "refused: the side container sleeper runs with other arguments"
	has "log" "$(cat "$work/log")" "runs with other arguments"
	runner exec agent runner-side submit --wait brief
	same "status of one that ends, and its words" "7said" "$status$errors"
	# one that waits, while others ask
	"$RUNNER" exec agent runner-side wait sleeper >"$work/waited" 2>&1 &
	waiter=$!
	sleep 0.5
	kill -0 $waiter || problem "wait has ended: $(cat "$work/waited")"
	runner exec agent runner-side status sleeper
	same "status beside it" "0running" "$status${out%% *}"
	# the process that serves is killed, and the one that waits asks again
	pkill -9 -P $holder
	runner exec agent runner-side stop sleeper
	same "stopped" "137ended" "$status${out%% *}"
	wait $waiter
	same "waited" "137ended $pod 137" "$?$(cat "$work/waited")"
	runner exec agent runner-side remove sleeper
	runner exec agent runner-side status sleeper
	same "removed" "0none" "$status$out"

	# who asks: the kernel tells
	runner exec -u 1000 agent runner-side submit sleeper -- 1
	same "another user of the pod" "125runner-side: refused: the caller is not root of the pod agent" "$status$errors"
	up second -v /run/runner/side/agent.socket:/run/host/side -v "$asker:/bin/runner-side:ro" -- sleep 10000
	runner exec second runner-side submit sleeper -- 1
	same "another pod at this socket" "125runner-side: refused: the caller is not root of the pod agent" "$status$errors"
	same "the host's root" "runner-side: refused: the caller is not root of the pod agent" "$("$asker" status --socket /run/runner/side/agent.socket sleeper 2>&1)"
	has "root in a user namespace below" "$(call $i.Status '{"template":"sleeper","key":"k"}' | raw_calls agent unshare -U -r)" "is in another user namespace than its pod"
	same "none was started" 0 "$(sides)"

	# what no well-behaved caller sends
	same "about" '{"parameters":{"vendor":"shiftfs","product":"runner side","version":"1","url":"","interfaces":["org.varlink.service","org.shiftfs.Side"]}}' "$(call org.varlink.service.GetInfo '{}' | raw_calls agent)"
	has "the interface" "$(call org.varlink.service.GetInterfaceDescription '{"interface":"org.shiftfs.Side"}' | raw_calls agent)" 'method Start('
	same "two calls at once, and a half" "2" "$({ call $i.Status '{"template":"sleeper","key":"a"}'; call $i.Status '{"template":"sleeper","key":"b"}'; printf '{"method":'; } | raw_calls agent | grep -c '"container":{"result":"none"}')"
	same "no reply is wanted" "1" "$({ call $i.Status '{"template":"sleeper","key":"a"}' ',"oneway":true'; call $i.Status '{"template":"sleeper","key":"b"}'; } | raw_calls agent | grep -c none)"
	has "no such method" "$(call $i.Exec '{}' | raw_calls agent)" 'org.varlink.service.MethodNotFound'
	has "no such interface" "$(call io.podman.Run '{}' | raw_calls agent)" 'org.varlink.service.InterfaceNotFound'
	has "a member too many" "$(call $i.Start '{"template":"sleeper","key":"k","args":["1"],"image":"/"}' | raw_calls agent)" 'no member of that name'
	has "an action in place of the method's" "$(call $i.Status '{"template":"sleeper","key":"k","action":"start"}' | raw_calls agent)" 'action is no parameter'
	has "a control character" "$(call $i.Start '{"template":"sleeper","key":"k","args":["1\n2"]}' | raw_calls agent)" 'argument 1 has a control character'
	has "parameters that are a list" "$(call $i.Status '[]' | raw_calls agent)" '"parameter":"parameters"'
	has "upgrade" "$(call $i.Status '{"template":"sleeper","key":"k"}' ',"upgrade":true' | raw_calls agent)" '"parameter":"upgrade"'
	has "no JSON" "$(printf 'GET / HTTP/1.0\r\n\r\n\0' | raw_calls agent)" 'it is no JSON'
	has "deep" "$( { yes '[' | head -n 1000 | tr -d '\n'; printf '\0'; } | raw_calls agent)" 'it is no JSON'
	has "too long" "$(yes x | head -c 10000000 | raw_calls agent)" 'a call is too long'
	has "log" "$(cat "$work/log")" "a call is too long"
	same "none was started by these" 0 "$(sides)"
	# a crowd that says nothing
	has "the last of a crowd" "$(CROWD=40 raw_calls agent </dev/null)" "too many connections to this socket"
	runner exec agent runner-side submit sleeper -- 1000
	same "after it" "0running" "$status${out%% *}"
	runner rm -f second
	runner rm -f agent
	runner side stop --asker agent
	unhold
	rm -f /run/runner/side/agent.socket
	# one of its own
	"$RUNNER" side listen --idle 1 --templates "$templates" agent 2>"$work/log" &
	pid=$!
	within 5 test -S /run/runner/side/agent.socket
	runner side listen --idle 1 agent
	has "a second one" "$status$errors" "another process listens"
	wait $pid
	same "it ends when nobody is there" "0" "$?$(cat "$work/log")"
	end_all "at the end"
	finish "a socket: submit, wait and stop; root of the pod only; what is no call is refused"
}

test_socket_faults() {
	local n
	mkdir -p "$volume/marks"
	template mark '"command": [ "sh", "-c", "echo begun >>/marks/begun; exec sleep 1000" ], "args": [], "volumes": [ "'"$volume/marks"':/marks:idmap" ], "stop_seconds": 0'
	for n in 1 4 8 12 16; do
		: >"$volume/marks/begun"
		hold agent $n
		up agent -v /run/runner/side/agent.socket:/run/host/side -v "$asker:/bin/runner-side:ro" -- sleep 10000
		runner exec agent runner-side submit mark
		# killed when it was up, which the answer says
		case $status$out in
		0running*) same "step $n: one runs" 1 "$(sides)" ;;
		137ended*) same "step $n: none runs" 0 "$(sides)" ;;
		*) problem "step $n: $status$out$errors" ;;
		esac
		[ "$(marks)" -le 2 ] || problem "step $n: begun $(marks) times"
		runner rm -f agent
		"$RUNNER" side ls -q | xargs -r "$RUNNER" rm -f
		unhold
	done
	rm -f /run/runner/side/agent.socket
	end_all "at the end"
	finish "a call is carried out once, though the process that serves it is killed"
}
