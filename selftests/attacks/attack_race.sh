# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# A pod that changes what lies below a volume, its root, its /dev and its cgroup,
# without a pause, while runner starts, executes, adds devices and starts again.
#
# RACE_N=N: so many times; the pods of each kind come by turns.

# What must stay as it is: all that can be told of a tree but the times of reading.
manifest() {
	find "$1" -printf '%p %y %m %U:%G %s %T@ %n %l\n' | sort
	find "$1" -type f -exec sha256sum {} + | sort
}

# one_race I: one of the things that runner does; counts what came of it
one_race() {
	local data=$volume/data
	case $(($1 % 5)) in
	0)
		RUNNER_TIMEOUT=60 runner run --userns=host --image "$image" -v "$data/sub:/sub" -- sh -c 'echo hit >>/sub/hit; chmod 777 /sub; rm -f /sub/precious'
		;;
	1)
		RUNNER_TIMEOUT=60 runner run --userns=host --image "$image" -v "$data/file:/data-file" -v "$data:/again" -- sh -c 'echo hit >>/data-file; chmod 666 /data-file'
		;;
	2)
		RUNNER_TIMEOUT=60 runner start -a restarted
		;;
	3)
		RUNNER_TIMEOUT=60 runner exec -w /root/sub swapper sh -c 'echo hit >>hit; [ / -ef /. ] && ls ../../../../../.. >/dev/null'
		;;
	4)
		RUNNER_TIMEOUT=60 runner device add swapper "/dev/null:/dev/sub/null$1"
		;;
	esac
	case $(($1 % 5)):$status in
	*:0) hits[$1 % 5]=$((hits[$1 % 5] + 1)) ;;
	*:125 | 3:*) refused[$1 % 5]=$((refused[$1 % 5] + 1)) ;;
	*) problem "$1: status $status: $out$errors" ;;
	esac
	case $errors in
	*Sanitizer* | *"runtime error"*) problem "$1: $errors" ;;
	esac
}

attack race - files, links and directories that a pod swaps while runner works on them

attack_race() {
	local i n=${RACE_N:-100} data=$volume/data canary=$volume/canary hits=(0 0 0 0 0) refused=(0 0 0 0 0) pod
	[ ! "$long" ] || n=${RACE_N:-300}
	mkdir -p "$data" "$canary/sub"
	chmod 700 "$canary"
	for i in file precious sub/file; do
		echo "of the host: $i" >"$canary/$i"
		chmod 600 "$canary/$i"
	done
	ln -s file "$canary/link"
	touch -d '2020-01-02 03:04:05' "$canary"/{file,precious,link} "$canary/sub" "$canary"
	manifest "$canary" >"$work/before"
	manifest "$image" >"$work/image-before"
	runner run -d --userns=host --cgroupfs=rw --image "$image" --name swapper -v "$data:/data" -- hostile swap "$canary" /data /root /etc /dev
	same "the pod that swaps" 0 "$status$errors"
	for _ in $(seq 100); do grep -qs ready /var/lib/runner/pods/swapper/log && break; sleep 0.1; done
	for _ in $(seq 200); do
		runner create --userns=host --image "$image" --name restarted -v "$data/sub:/sub" -- sh -c 'echo hit >>/sub/hit; rm -f /sub/precious'
		[ "$status" != 0 ] || break
	done
	same "the pod that is started again" 0 "$status$errors"
	for i in $(seq "$n"); do
		one_race "$i"
	done
	manifest "$canary" >"$work/after"
	same "what is outside" '' "$(diff "$work/before" "$work/after" | head -n 20)"
	manifest "$image" >"$work/image-after"
	same "the image" '' "$(diff "$work/image-before" "$work/image-after" | head -n 20)"
	echo "# of $n: done ${hits[*]}, refused ${refused[*]} (run, run, start, exec, device add)"
	if [ $((hits[0] + hits[1] + hits[2])) = 0 ] || [ "${hits[3]}" = 0 ]; then problem "nothing was done: nothing raced"; fi
	[ $((refused[0] + refused[1] + refused[2])) -gt 0 ] || problem "no link was met: nothing raced"
	gone restarted
	gone swapper
}
