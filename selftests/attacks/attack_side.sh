# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# A pod that asks for side containers against who reads its spool.

# asks COMMAND: the pod agent, in its spool, with a template t; requests are $1...
asks() {
	runner side spool agent
	spool=$out
	mkdir -p "$work/templates"
	echo "{ \"image\": \"$image\", \"askers\": [ \"agent\" ], \"command\": [ \"sleep\" ], \"args\": [ \"[0-9]+\" ] }" >"$work/templates/t.json"
	up agent -v "$spool:/spool:idmap" -- sh -c "cd /spool
		request() { echo '{\"version\":1,\"id\":\"'\$1'\",\"action\":\"'\$2'\",\"template\":\"t\",\"key\":\"k\"}'; }
		$1"
}

# served SECONDS: the host's end of the spool, in this time at most
served() {
	local start=$SECONDS
	RUNNER_TIMEOUT=$((${1} + 20)) runner side run --templates "$work/templates" agent
	[ $((SECONDS - start)) -le "$1" ] || problem "side run took $((SECONDS - start)) s"
	same "side run" 0 "$status"
}

attack side_lease - leases on the files of a spool, for each of which its reader waits 45 s

attack_side_lease() {
	local spool id=00000000000000000000000000000001
	asks "request $id status >$id.request; : >lock; : >trigger; exec hostile lease lock trigger $id.request"
	said agent lease
	served 5
	if "$RUNNER" logs agent | grep -q "no lease"; then
		skip_reason='the filesystem of the volume gives no lease'
	else
		has "what is said" "$errors" "lease"
		has "answer" "$(cat "$spool/$id.answer")" '"result":"refused"'
	fi
	[ ! -e "$spool/$id.request" ] || problem "the request is there still"
	gone agent
	rm -rf "$spool" "$work/templates"
}

attack side_busy - a pod that keeps the reader of its spool busy, and its log

# reads SECONDS [TENTHS]: a reader that stays, for so long after its first line, or after so
# many tenths of a second without one (10); $ticks are what it used of the processor then
reads() {
	local pid before
	"$RUNNER" side run --follow --templates "$work/templates" agent 2>"$work/side.log" &
	pid=$!
	for _ in $(seq "${2:-10}"); do [ ! -s "$work/side.log" ] || break; sleep 0.1; done
	before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
	sleep "$1"
	ticks=$(($(awk '{ print $14 + $15 }' "/proc/$pid/stat") - before))
	kill $pid
	wait $pid 2>/dev/null
}

attack_side_busy() {
	local spool ticks id=00000000000000000000000000000001
	asks "mkdir -p $id.request/full; echo ready; exec sleep 1000"
	said agent ready
	reads 1 100
	same "lines about a request that is a directory with something in it" 1 "$(grep -c "$id" "$work/side.log")"
	has "answer" "$(cat "$spool/$id.answer")" 'is a directory'
	[ ! -e "$spool/$id.request" ] || problem "the request is there still"
	same "what was in it" full "$(ls "$spool"/.refused-*)"
	gone agent
	rm -rf "$spool"
	asks 'echo ready; while :; do : >x; done'
	said agent ready
	reads 2
	echo "# $ticks ticks"
	[ "$ticks" -le 55 ] || problem "the reader used $ticks of $(($(getconf CLK_TCK) * 2)) ticks because the pod writes into its spool"
	gone agent
	rm -rf "$spool" "$work/templates"
}
