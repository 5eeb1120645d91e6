# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Attacks on the host's network by pasta.

# Sets skip_reason where pasta does not run.
needs_pasta() {
	if ! command -v pasta >/dev/null || [ ! -e /dev/net/tun ] || ! ip route show default | grep -q .; then
		skip_reason='this machine has no pasta, no /dev/net/tun or no route'
		return 1
	fi
}

attack network_lo - a pod with --net pasta reaches the services of the host that listen on lo

# listen PORT FILE: a server for UDP on lo, to be started in the background; what it
# hears, and at which address
listen() {
	exec python3 - "$@" <<'EOF'
import os, select, socket, sys
port, out = int(sys.argv[1]), open(sys.argv[2], "w", buffering=1)
sockets = []
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    try:
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.bind((address, port))
        sockets.append(s)
    except OSError as e:
        # without IPv6 there is no ::1
        if family == socket.AF_INET:
            print(e, file=out)
print("ready", file=out)
while True:
    for s in select.select(sockets, [], [])[0]:
        text, sender = s.recvfrom(100)
        print(s.getsockname()[0], text.decode().strip(), file=out)
EOF
}

attack_network_lo() {
	local server
	needs_pasta || return
	listen 18490 "$work/heard" &
	server=$!
	wait_line "$work/heard" ready
	# the server hears what the host sends
	echo self >/dev/udp/127.0.0.1/18490
	wait_line "$work/heard" "127.0.0.1 self"
	up net --net pasta -- sleep 1000
	runner exec net hostile send 18490 127.0.0.1 127.9.9.9 0.0.0.0 0.1.2.3 ::1 :: ::ffff:127.0.0.1 ::127.0.0.1
	same "the pod sends frames" "0 8" "$status $(grep -c ^sent <<<"$out")$errors"
	sleep 0.3
	same "what the host's lo hears" "ready 127.0.0.1 self" "$(xargs <"$work/heard")"
	kill $server
	wait $server 2>/dev/null
	gone net
}

attack network_ports - a pod with --net pasta takes the ports of the host

attack_network_ports() {
	local before after
	needs_pasta || return
	before=$(ss -Hlun | wc -l)
	up net --net pasta -- sleep 1000
	runner exec net hostile ports 10000 30000 192.0.2.1
	same "the pod sends frames" 0 "$status$errors"
	after=$(ss -Hlun | wc -l)
	[ $((after - before)) -gt 1000 ] || problem "it has taken no port: $before, then $after"
	[ $((after - before)) -le 4096 ] || problem "it has taken $((after - before)) ports"
	gone net
	for _ in $(seq 50); do
		[ "$(ss -Hlun | wc -l)" -gt $((before + 100)) ] || break
		sleep 0.1
	done
	[ "$(ss -Hlun | wc -l)" -le $((before + 100)) ] || problem "the ports stay: $(ss -Hlun | wc -l)"
}
