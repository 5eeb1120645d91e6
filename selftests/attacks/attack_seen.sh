# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# What a pod hides from the administrator who looks at it.

attack top_hidden - processes that runner top does not list: in cgroups with a dot, deep, with many groups

# listed WHAT COMMAND: runner top has a process with that command, which is $process
listed() {
	runner top hide
	same "$1: top" 0 "$status$errors"
	process=$(grep "[0-9] $2\$" <<<"$out")
	[ -n "$process" ] || problem "$1: '$2' is not in '$out'"
}

attack_top_hidden() {
	local process pid inside
	up hide --cgroupfs=rw --cap-add sys_admin -- sh -c 'sleep 1001 & hostile groups 60000 sleep 1004 &
		unshare -p -f sleep 1005 &
		sh -c "mkdir /sys/fs/cgroup/.dot; echo \$\$ >/sys/fs/cgroup/.dot/cgroup.procs && exec sleep 1002" &
		hostile within /sys/fs/cgroup 20 sleep 1003 & echo ready; wait'
	said hide ready
	sleep 0.5
	listed "a process" "sleep 1001"
	listed "with 60000 groups" "sleep 1004"
	listed "in a pid namespace of its own" "sleep 1005"
	read -r pid inside _ <<<"$process"
	same "its number in the pod" "$(awk '$1 == "NSpid:" { print $3 }' "/proc/$pid/status")" "$inside"
	if [ -n "$cgroups" ]; then
		listed "in a cgroup whose name begins with a dot" "sleep 1002"
		listed "in 20 nested cgroups" "sleep 1003"
	fi
	gone hide
}
