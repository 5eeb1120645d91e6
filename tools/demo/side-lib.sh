# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2154 # the pod's shell; the caller's and for the caller
# An agent in a pod, and the host's end of its spool or socket, for side-facts and
# neutron-facts.  $root is the root filesystem of the agent and of the helpers.  HOST
# says how requests are served:
#   follow   by "runner side run --follow", in a loop, as without systemd
#   path     by runner-side@agent.path of systemd
#   socket   by runner-side@agent.socket of systemd; the agent has no spool
set -u
export LC_ALL=C

host=${HOST:-follow}
runner=${RUNNER:-$(command -v runner)}
asker=${runner%/*}/runner-side
[ -x "$asker" ] || asker=/usr/libexec/runner/runner-side
work=$(mktemp -d /var/tmp/demo-side.XXXXXX)
chmod 755 "$work"
templates=$work/templates
: >"$work/log"
[ "$host" = follow ] || templates=/etc/runner/side.d
state=/var/lib/neutron
wrong=0
mkdir -p "$templates" "$work/neutron" "$work/client"
# what is stored as root's shall be no program of root's for the host's users
mount --bind "$work" "$work" && mount -o remount,bind,nosuid "$work" || exit 1
reader=
# shellcheck disable=SC2317 # reached through the trap
cleanup() {
	[ -z "$reader" ] || kill "$reader"
	[ "$host" = follow ] || systemctl -q stop "runner-side@agent.$host"
	"$runner" side stop --asker agent
	"$runner" side ls -q | xargs -r "$runner" rm -f
	"$runner" rm -f -i agent >/dev/null 2>&1
	umount -l "$work"
	rm -rf "$work"
}
trap cleanup EXIT

say() {
	printf '\n== %s\n' "$*"
}

# fact WHAT WANTED GOT
fact() {
	if [ "$2" = "$3" ]; then
		printf '  [ok]    %s\n' "$1"
	else
		printf '  [WRONG] %s\n          wanted: %s\n          got:    %s\n' "$1" "$2" "$3"
		wrong=$((wrong + 1))
	fi
}

# template NAME COMMAND ARGS MORE
template() {
	cat >"$templates/$1.json" <<END
{ "image": "$root", "askers": [ "agent" ], "command": $2, "args": $3,
  "network": "named", "userns": "agent", "stop_seconds": 2, "settle_ms": 1000,
  "volumes": [ "$work/neutron:$state:idmap", "$work/client:/client:idmap" ],
  "tmpfs": [ "/run", "/tmp" ]${4:+, $4} }
END
}

# Serves the agent's requests; again when what serves them was killed.
serve() {
	case $host in
	follow)
		spool=$("$runner" side spool agent) || exit 1
		while :; do
			"$runner" side run --follow --templates "$templates" agent 2>>"$work/log"
		done &
		reader=$!
		;;
	path)
		spool=$("$runner" side spool agent) || exit 1
		systemctl start runner-side@agent.path || exit 1
		;;
	socket)
		spool=
		systemctl start runner-side@agent.socket || exit 1
		;;
	esac
}

kill_server() {
	case $host in
	follow) pkill -9 -P "$reader" ;;
	# the supervisors of side containers are in the unit's cgroup, too
	path) systemctl kill -s 9 --kill-who=main runner-side@agent.service ;;
	socket) systemctl kill -s 9 --kill-who=main runner-side-listen@agent.service ;;
	esac
}

# agent IMAGE: starts it, with links to runner-side under the names of helpers
agent() {
	local way=/run/runner/side/agent.socket:/run/host/side
	[ -z "$spool" ] || way=$spool:/run/runner-side:idmap
	"$runner" run -d --image "$1" --name agent --cap-add sys_admin,net_admin \
		-v "$way" -v "$asker:/usr/bin/runner-side:ro" \
		-v "$work/neutron:$state:idmap" -- sleep 100000 >/dev/null || exit 1
	# ip netns exec mounts a sysfs, for which the kernel wants one in sight
	"$runner" exec agent sh -c 'busybox umount /sys/firmware; mkdir -p /run/sysfs /opt
		busybox mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /run/sysfs
		for n in dnsmasq haproxy dnsmasq-kill haproxy-kill; do
		ln -sf /usr/bin/runner-side /opt/$n; done'
}
in_agent() { "$runner" exec agent sh -c "$1"; }

# The number in a member of a pod's state: pid, monitor.
number_of() { # number_of MEMBER POD
	"$runner" inspect "$2" | sed -n '/^  "state":/,/^  }/s/^ *"'"$1"'": *\([0-9]*\).*/\1/p'
}
sides() { "$runner" side ls | grep -o 'side-.*'; }
