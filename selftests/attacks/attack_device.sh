# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2012,SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Attacks on the host that gives a device to a pod which runs, and takes it.

# needs_list: whether the host has lists of devices
needs_list() {
	[ -n "$cgroups" ] || {
		skip_reason='this host has no cgroup version 2'
		return 1
	}
}

# inside COMMAND: of the shell of $pod; what it wrote is in $out
inside() {
	runner exec "$pod" sh -c "$1"
}

attack device_links plain,host,systemd,tty,created device add where a pod has links, folders, mounts and nodes in its /dev

attack_device_links() {
	local kind=() canary=$work/canary base each process made
	needs_list || return
	mkdir -p "$canary/sub"
	echo precious >"$canary/file"
	touch -d '2020-01-02 03:04:05' "$canary"/* "$canary"
	manifest "$canary" >"$work/before"
	pod=device-$number
	case $1 in
	host) kind=(--userns=host) ;;
	systemd) kind=(--systemd=always) ;;
	tty) kind=(-t) ;;
	esac
	if [ "$1" = created ]; then
		# its first process waits: what it finds is as runner made it
		runner create --image "$image" --name "$pod" -- sleep 1000
		same "create" 0 "$status$errors"
	else
		up "$pod" "${kind[@]}" -v "$canary:/canary:ro" -- sleep 1000
		wait_running "$pod"
		inside 'cd /dev && ln -s /canary out && ln -s ../../../../../../.."$0" up && ln -s /proc/self/root/canary magic && ln -s shm in && ln -s /nowhere dangles && mkdir real && echo of the pod >file'
		same "planted" 0 "$status$errors"
	fi
	process=$(field pid "$pod")
	runner device add "$pod" /dev/full:/dev/x/y/full:r
	same "device add" "0" "$status$errors"
	base=$(awk '{ print $2 }' "/proc/$process/uid_map")
	made=/proc/$process/root/dev/x
	same "the node, on the host" "1:7 $base:$base" "$(stat -c '%t:%T %u:%g' "$made/y/full")"
	same "its folders" "755 $base:$base 755 $base:$base" "$(stat -c '%a %u:%g' "$made" "$made/y" | xargs)"
	runner device add "$pod" /dev/full:/dev/x/y/full:r
	same "where it is already" 125 "$status"
	if [ "$1" != created ]; then
		for each in out up magic in dangles file; do
			runner device add "$pod" "/dev/full:/dev/$each/full"
			same "below $each" 125 "$status"
			has "below $each" "$errors" "/dev/$each"
			runner device add "$pod" "/dev/full:/dev/$each"
			same "in the place of $each" 125 "$status"
		done
		inside 'cat /dev/file; ls -A /dev/shm /dev/real; readlink /dev/out /dev/dangles'
		same "what the pod had" "of the pod /dev/real: /dev/shm: /canary /nowhere" "$(echo $out)"
		# a folder of its own in the node's place, and a link in the folder's
		inside 'cd /dev/x && rm y/full && mkdir y/full'
		runner device rm "$pod" /dev/x/y/full
		same "rm of a folder" 125 "$status"
		same "it stays" directory "$(stat -c %F "$made/y/full")"
		runner device add "$pod" /dev/full:/dev/x/z
		inside 'cd /dev && rm -r x && ln -s /canary x'
		runner device rm "$pod" /dev/x/z
		same "rm below a link" 125 "$status"
	fi
	for each in /dev/../x /dev/../../x /dev/x/../../x /etc/x dev/x /dev /dev/; do
		runner device add "$pod" "/dev/full:$each"
		same "at $each" 125 "$status"
	done
	manifest "$canary" >"$work/after"
	same "what is outside" '' "$(diff "$work/before" "$work/after")"
	gone "$pod"
}

attack device_dev - device add to a pod that has mounted its own /dev, or whose first process has another root

attack_device_dev() {
	local each
	needs_list || return
	pod=mounted-$number
	up "$pod" --cap-add sys_admin --security-opt seccomp=unconfined -- sleep 1000
	inside 'mkdir /dev/sub && exec attacker mount-tmpfs /dev/sub'
	same "mounted" 0 "$status$errors"
	runner device add "$pod" /dev/full:/dev/sub/full
	same "below a mount of the pod's" 125 "$status"
	same "nothing is in it" '' "$(ls -A "/proc/$(field pid "$pod")/root/dev/sub")"
	inside 'exec attacker mount-tmpfs /dev'
	same "mounted" 0 "$status$errors"
	runner device add "$pod" /dev/full:/dev/full2
	same "in a /dev of the pod's" 125 "$status"
	has "that says why" "$errors" "is not what runner made"
	gone "$pod"
	# where its root has a link, a folder and a file as dev
	mkdir -p "$work/l"
	for each in link folder file; do
		up "$pod" --cap-add sys_chroot -- sh -c 'mkdir /else; cp -r /bin /lib* /else; case $1 in
			link) ln -s /etc /else/dev ;; folder) mkdir /else/dev ;; file) : >/else/dev ;; esac
			exec attacker chroot /else sleep 1000' - $each
		for _ in $(seq 300); do [ -e "/proc/$(field pid "$pod")/root/else" ] || break; sleep 0.1; done
		runner device add "$pod" /dev/full:/dev/full2
		same "a $each as dev" 125 "$status"
		gone "$pod"
	done
}

attack device_right - the right to a device stays when the pod has something in the way of its node

# A pod with the host's ids makes nodes of any number; what it may open is the
# kernel's list.
attack_device_right() {
	local control=/dev/loop-control try other
	needs_list || return
	[ -e $control ] || {
		skip_reason='this host has no loop devices'
		return
	}
	try="rm -f /dev/own; mknod /dev/own c $(stat -c '0x%t 0x%T' $control) && (: </dev/own) 2>/dev/null && echo opened; :"
	other=beside-$number
	pod=right-$number
	up "$other" --userns=host -- sleep 1000
	up "$pod" --userns=host -- sleep 1000
	inside "$try"
	same "before" '' "$out"
	inside 'mkdir /dev/k'
	runner device add "$pod" $control:/dev/k
	same "add" 125 "$status"
	inside "$try"
	same "after an add that failed" '' "$out"
	inside 'rmdir /dev/k'
	runner device add "$pod" $control:/dev/k
	same "add" "0" "$status$errors"
	inside "$try"
	same "with the right" opened "$out"
	runner exec "$other" sh -c "$try"
	same "another pod" '' "$out"
	inside 'mv /dev/k /dev/kept; mkdir /dev/k'
	runner device rm "$pod" /dev/k
	same "rm" 125 "$status"
	inside "$try"
	same "after an rm that failed" '' "$out"
	inside '(: </dev/kept) && echo opened'
	same "the node that it kept" '' "$out"
	# the next change of the list does not bring it back
	runner device add "$pod" /dev/full:/dev/f
	same "add of another" "0" "$status$errors"
	inside "$try"
	same "after another add" '' "$out"
	gone "$pod"
	gone "$other"
}

attack device_unplugged - the right to a device that has gone stays when the pod has something in the place of its node

attack_device_unplugged() {
	local n=78 each
	needs_list || return
	[ -e /dev/loop-control ] || {
		skip_reason='this host has no loop devices'
		return
	}
	loop_ioctl 0x4C81 $n 2>/dev/null
	pod=plug-$number
	up "$pod" --userns=host --device-wait /dev/loop$n:/dev/plugged:rwm,shared -- sleep 1000
	loop_ioctl 0x4C80 $n || problem "no new loop device"
	for _ in $(seq 50); do inside 'ls /dev/plugged'; [ "$status" != 0 ] || break; sleep 0.1; done
	inside '(: </dev/plugged) && echo opened; mv /dev/plugged /dev/kept && mkdir /dev/plugged'
	same "it is there" opened "$out$errors"
	loop_ioctl 0x4C81 $n
	# EPERM is of the list, ENXIO of a device that is not there
	for _ in $(seq 50); do
		inside 'exec cat /dev/kept'
		case $errors in *"not permitted"*) break ;; esac
		sleep 0.1
	done
	has "what it kept" "$errors" "not permitted"
	gone "$pod"
}

attack device_at_once - commands that change one pod at the same time lose what the others did

attack_device_at_once() {
	local i wanted
	needs_list || return
	pod=once-$number
	up "$pod" -- sleep 1000
	for i in $(seq 20); do
		"$RUNNER" device add "$pod" "/dev/full:/dev/n$i" 2>>"$work/said" &
	done
	if grep -qw pids "$cgroups/cgroup.controllers"; then
		"$RUNNER" update --pids-limit 123 "$pod" 2>>"$work/said" &
	fi
	wait
	same "what they said" '' "$(cat "$work/said")"
	wanted=$(seq -f /dev/n%g 20 | sort | xargs)
	same "described" "$wanted" "$(described)"
	! grep -qw pids "$cgroups/cgroup.controllers" ||
		same "the limit" 1 "$(grep -c '"limit":123' "/run/runner/pods/$pod/config.json")"
	inside 'ls -d /dev/n[0-9]*'
	same "in the pod" "$wanted" "$(echo $out)"
	for i in $(seq 10); do
		"$RUNNER" device rm "$pod" "/dev/n$i" 2>>"$work/said" &
		"$RUNNER" device add "$pod" "/dev/full:/dev/m$i" 2>>"$work/said" &
	done
	wait
	same "what they said" '' "$(cat "$work/said")"
	wanted=$( (seq -f /dev/m%g 10; seq -f /dev/n%g 11 20) | sort | xargs)
	same "described after ten were taken" "$wanted" "$(described)"
	# who keeps the lock does not keep the pod
	exec 9<"/run/runner/pods/$pod/config.lock"
	flock 9
	gone "$pod" 9<&-
	exec 9<&-
}

# described: the devices n* and m* in the description of $pod
described() {
	python3 -c 'import json, sys
print(*sorted(d["path"] for d in json.load(open(sys.argv[1]))["linux"]["devices"] if d["path"][5] in "nm" and d["path"][6:].isdigit()))' "/run/runner/pods/$pod/config.json"
}

# stop_checker: the checker that runs, in $pid, which is stopped: however slow the
# machine is, it is there while it is looked at
stop_checker() {
	for _ in $(seq 100); do
		# it has tried everything, and waits for SIGCONT
		pid=$(pgrep -nx e2fsck) && grep -qs '^SigCgt:.*[2367abef]....$' "/proc/$pid/status" &&
			kill -STOP "$pid" && return
		sleep 0.05
	done
	pid=''
}

attack device_checker - the checker of a filesystem that a pod has written, which reads it outside of the pod

attack_device_checker() {
	local checker device each found pid=''
	needs_list || return
	if ! type -P e2fsck mkfs.ext4 >/dev/null; then
		skip_reason='there is no e2fsck or mkfs.ext4'
		return
	fi
	checker=$(type -P e2fsck)
	truncate -s 16M "$work/disk"
	mkfs.ext4 -q "$work/disk"
	device=$(losetup -f --show "$work/disk") || {
		skip_reason='this host has no loop devices'
		return
	}
	mount --bind "$here/attacker" "$(readlink -f "$checker")"
	pod=checked-$number
	mkdir -p "$work/image/mnt"
	SECRET=topsecret runner run -d --image "$image" --name "$pod" --cap-add sys_admin --device "$device:/dev/sda" --intercept-mount ext4 -- sh -c 'attacker mount-ext4 /dev/sda /mnt && echo mounted; sleep 1000'
	same "run" 0 "$status$errors"
	stop_checker
	if [ -z "$pid" ]; then
		problem "the checker ended early: it could do what it should not"
	else
		found=$(grep -E '^(Uid|Gid|Groups|NSpid|Cap(Eff|Prm|Inh|Bnd|Amb)|NoNewPrivs|Seccomp):' "/proc/$pid/status" | tr '\t' ' ')
		each=$(field hostBase "$pod")
		has "its user" "$found" "Uid: $each $each $each $each"
		has "its group" "$found" "Gid: $each $each $each $each"
		same "capabilities" "0000000000000000" "$(sed -n 's/^Cap.*: //p' <<<"$found" | sort -u)"
		has "no way to more" "$found" "NoNewPrivs: 1"
		has "a filter" "$found" "Seccomp: 2"
		for each in pid net ipc mnt uts cgroup user; do
			[ "$(readlink "/proc/$pid/ns/$each")" != "$(readlink "/proc/self/ns/$each")" ] || problem "it has the host's $each namespace"
		done
		same "descriptors" "0:/null 1:/null 2:/null 3:/device" "$(for each in /proc/"$pid"/fd/*; do echo "${each##*/}:$(readlink "$each")"; done | sed s,/dev/null,/null, | xargs)"
		has "it goes first where memory is short" "$(cat "/proc/$pid/oom_score_adj")" 1000
		kill -CONT "$pid"
	fi
	for _ in $(seq 100); do runner logs "$pod"; [ -z "$out" ] || break; sleep 0.1; done
	same "in the pod" mounted "$out"
	umount "$(readlink -f "$checker")"
	gone "$pod"
	rmdir "$work/image/mnt"
	for _ in $(seq 50); do losetup -d "$device" 2>/dev/null; losetup "$device" >/dev/null 2>&1 || break; sleep 0.1; done
}

# loop_ioctl REQUEST NUMBER: on /dev/loop-control
loop_ioctl() {
	python3 -c 'import fcntl, os, sys
fcntl.ioctl(os.open("/dev/loop-control", os.O_RDWR), int(sys.argv[1], 0), int(sys.argv[2]))' "$@"
}

attack device_taken - a device that is taken from the pod while its filesystem is checked is mounted all the same

attack_device_taken() {
	local checker device pid=''
	needs_list || return
	if ! type -P e2fsck mkfs.ext4 >/dev/null; then
		skip_reason='there is no e2fsck or mkfs.ext4'
		return
	fi
	checker=$(readlink -f "$(type -P e2fsck)")
	truncate -s 16M "$work/disk"
	mkfs.ext4 -q "$work/disk"
	device=$(losetup -f --show "$work/disk") || {
		skip_reason='this host has no loop devices'
		return
	}
	# it takes its time
	mount --bind "$here/attacker" "$checker"
	pod=taken-$number
	mkdir -p "$work/image/mnt"
	runner run -d --image "$image" --name "$pod" --cap-add sys_admin --device "$device:/dev/sda" --intercept-mount ext4 -- sh -c 'attacker mount-ext4 /dev/sda /mnt && echo mounted || echo refused; grep " /mnt " /proc/mounts; sleep 1000'
	same "run" 0 "$status$errors"
	stop_checker
	runner device rm "$pod" /dev/sda
	same "device rm" 0 "$status$errors"
	kill -CONT "$pid" 2>/dev/null || problem "the checker ended early"
	for _ in $(seq 100); do runner logs "$pod"; [ -z "$out" ] || break; sleep 0.1; done
	same "in the pod" refused "$out"
	umount "$checker"
	gone "$pod"
	rmdir "$work/image/mnt"
	for _ in $(seq 50); do losetup -d "$device" 2>/dev/null; losetup "$device" >/dev/null 2>&1 || break; sleep 0.1; done
}

# deaf COMMAND...: what the kernel says while the monitor of $pod is stopped is more
# than its socket holds; the command comes last
deaf() {
	local monitor
	monitor=$(field monitor "$pod")
	kill -STOP "$monitor"
	for _ in $(seq 2000); do echo change; done >"$work/changes"
	# each write(2) is one event
	while read -r _; do echo change >/sys/class/mem/null/uevent || break; done <"$work/changes"
	"$@"
	kill -CONT "$monitor"
}

attack device_lost - the kernel has more to say of devices than the monitor can keep, and one of --device-wait is missed

attack_device_lost() {
	local n=79
	needs_list || return
	[ -e /dev/loop-control ] || {
		skip_reason='this host has no loop devices'
		return
	}
	[ -w /sys/class/mem/null/uevent ] || {
		skip_reason='/sys cannot be written here'
		return
	}
	loop_ioctl 0x4C81 $n 2>/dev/null
	pod=deaf-$number
	up "$pod" --userns=host --device-wait /dev/loop$n:/dev/plugged:rwm,shared -- sleep 1000
	deaf loop_ioctl 0x4C80 $n
	for _ in $(seq 50); do inside 'ls /dev/plugged'; [ "$status" != 0 ] || break; sleep 0.1; done
	inside '(: </dev/plugged) && echo opened; mv /dev/plugged /dev/kept'
	same "it is there" opened "$out$errors"
	# the one that is to be taken is named by what was said before, and lost
	deaf loop_ioctl 0x4C81 $n
	for _ in $(seq 50); do
		inside 'exec cat /dev/kept'
		case $errors in *"not permitted"*) break ;; esac
		sleep 0.1
	done
	has "what it kept" "$errors" "not permitted"
	# it came and went: nothing is there, nor in the description
	deaf eval "loop_ioctl 0x4C80 $n; loop_ioctl 0x4C81 $n"
	sleep 0.5
	inside 'ls /dev/plugged'
	has "what came and went" "$errors" "No such file"
	same "described" '' "$(grep -o '"/dev/plugged"' "/run/runner/pods/$pod/config.json")"
	gone "$pod"
}
