# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Attacks on runner cp.

attack copy_device - cp opens devices which a pod with the ids of the host has made, or puts in the place of files

# The list of its cgroup keeps the pod itself from opening them.
attack_copy_device() {
	needs_list || return
	pod=nodes-$number
	# no driver has this device: an open would say so
	up "$pod" --userns=host -- sh -c 'mknod /dev/none c 250 77; mkdir /dev/d; exec hostile exchange /dev/d 12'
	wait_running "$pod"
	for _ in $(seq 50); do
		runner logs "$pod"
		[ "$out" != ready ] || break
		sleep 0.1
	done
	same "the nodes are made" ready "$out$errors"
	runner cp "$pod:/dev/none" "$work/none"
	has "a device" "$status$errors" "125runner: cp: /dev/none is neither a file nor a directory"
	for _ in $(seq "${RACE_N:-5}"); do
		rm -rf "$work/taken"
		runner cp "$pod:/dev/d" "$work/taken"
		# a file that is cut short ends in zeros
		same "of /dev/urandom, in the place of a file" 0 "$(find "$work/taken" -type f -exec cat {} + 2>/dev/null | tr -d 'x\0' | wc -c)"
	done
	gone "$pod"
}

attack copy_fifo - cp waits for ever where a pod puts a FIFO in the place of a file that is being copied

attack_copy_fifo() {
	local done=0 refused=0
	pod=fifos-$number
	up "$pod" -- sh -c 'mkdir /d; exec hostile exchange /d 12 fifo'
	said "$pod" ready
	for _ in $(seq "${RACE_N:-60}"); do
		[ $refused -lt 2 ] || break
		rm -rf "$work/taken"
		RUNNER_TIMEOUT=10 runner cp "$pod:/d" "$work/taken"
		case $status in
		0) done=$((done + 1)) ;;
		125)
			refused=$((refused + 1))
			has "it names the file" "$errors" "cannot read d/"
			;;
		*) problem "cp: status $status: $errors"; break ;;
		esac
		same "what was copied is files and FIFOs" '' "$(find "$work/taken" ! -type d ! -type f ! -type p 2>/dev/null)"
		same "what it read" '' "$(find "$work/taken" -type f -exec cat {} + 2>/dev/null | tr -d 'x\0')"
	done
	echo "# copied $done times, refused $refused times"
	gone "$pod"
	same "processes" '' "$(own_processes)"
}

attack copy_lease - a lease on a file that cp or exec reads, and one that is given back

attack_copy_lease() {
	local file
	up lender -- sh -c 'echo one >/tmp/lent; echo two >/tmp/kept; hostile lend /tmp/lent & exec hostile lease /tmp/kept /etc/passwd'
	for _ in $(seq 100); do [ "$("$RUNNER" logs lender 2>/dev/null | grep -c -e leased -e '^no lease')" -lt 2 ] || break; sleep 0.1; done
	if "$RUNNER" logs lender | grep -q "no lease"; then
		skip_reason="the filesystem of the pod's root gives no lease"
		gone lender
		return
	fi
	runner cp lender:/tmp/lent "$work/lent"
	same "one that is given back" "0 one" "$status$errors $(cat "$work/lent")"
	for file in "cp lender:/tmp/kept $work/kept" "exec -u user lender id"; do
		RUNNER_TIMEOUT=10 runner $file
		same "${file%% *}: one that is not" 125 "$status"
		has "${file%% *}: it says why" "$errors" "has a lease on it"
	done
	same "copied" '' "$(ls "$work/kept" 2>/dev/null)"
	gone lender
}
