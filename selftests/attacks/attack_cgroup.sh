# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Attacks of a pod by the cgroup that it has been given.

# Whether the host's other pods are as they were: run, ps and rm work.
others_live() { # others_live WHEN
	runner run --image "$image" -- true
	same "$1: another pod" 0 "$status"
	runner ps
	same "$1: ps" 0 "$status"
	runner run -d --image "$image" --name other -- sleep 100
	same "$1: a pod with a name" "0" "$status"
	gone other
	same "$1: rm -f" 0 "$status"
}

attack cgroup_nested - 20 cgroups in each other, with names of 250 letters, stop the pods of the whole host

attack_cgroup_nested() {
	local cgroup
	[ -n "$cgroups" ] || { skip_reason='this host has no cgroup version 2'; return; }
	runner run -d --image "$image" --name nest --cgroupfs=rw -- sh -c 'hostile nest /sys/fs/cgroup 20 && exec sleep 1000'
	same "start" 0 "$status$errors"
	for _ in $(seq 50); do grep -qs made /var/lib/runner/pods/nest/log && break; sleep 0.1; done
	cgroup=$(field cgroup nest)
	same "its cgroups, on the host" 21 "$(find "$cgroup" -type d 2>/dev/null | wc -l)"
	others_live "while it runs"
	# its runner is killed: the next one that comes clears it away
	kill -9 "$(field monitor nest)"
	sleep 0.5
	others_live "after its runner was killed"
	same "what is left of its cgroup" '' "$(ls -d "$cgroup" 2>/dev/null)"
	gone nest
	same "rm" 0 "$status$errors"
}

attack cgroup_trouble - one pod whose rest cannot be cleared away stops the pods of the whole host

attack_cgroup_trouble() {
	local cgroup
	[ -n "$cgroups" ] || { skip_reason='this host has no cgroup version 2'; return; }
	runner run -d --image "$image" --name trouble -- sleep 1000
	same "start" 0 "$status$errors"
	cgroup=$(field cgroup trouble)
	kill -9 "$(field monitor trouble)"
	# something of the host's on it: rmdir(2) says EBUSY for ever
	mkdir "$cgroup/held"
	mount -t tmpfs none "$cgroup/held"
	runner run --image "$image" -- true
	same "another pod" 0 "$status"
	has "the first start tells of it" "$errors" "what is left of the pod trouble"
	runner run --image "$image" -- true
	same "the next one leaves it" "0" "$status$errors"
	runner ps
	same "ps" 0 "$status"
	has "ps tells of it" "$errors" "what is left of the pod trouble"
	umount "$cgroup/held"
	runner ps
	same "ps, when it is free again" "0" "$status$errors"
	same "its cgroup" '' "$(ls -d "$cgroup" 2>/dev/null)"
	gone trouble
}

attack cgroup_many - a pod makes cgroups until the host has no memory

attack_cgroup_many() {
	[ -n "$cgroups" ] || { skip_reason='this host has no cgroup version 2'; return; }
	runner run --image "$image" --cgroupfs=rw -- sh -c 'cd /sys/fs/cgroup; i=0
		while [ $i -lt 5000 ] && mkdir c$i 2>/dev/null; do i=$((i + 1)); done; echo "$i"
		cat cgroup.max.descendants cgroup.max.depth
		echo max >cgroup.max.descendants 2>/dev/null || echo refused'
	same "cgroups, and who says so" "2000 2000 32 refused" "$(echo $out)"
	runner run --image "$image" --cgroupfs=rw -- hostile nest /sys/fs/cgroup 33
	has "depth" "$errors" "depth 32"
	runner run --image "$image" --cgroupfs=rw --cgroup-conf cgroup.max.descendants=5 -- cat /sys/fs/cgroup/cgroup.max.descendants
	same "the administrator says otherwise" 5 "$out"
	same "left" '' "$(ls -d "$cgroups"/runner/*/ 2>/dev/null)"
}
