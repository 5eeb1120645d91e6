# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Attacks by what a pod leaves in its folder.

attack folder_deep - a tree deeper than 64 KiB of path is left by rm, and shown by the next pod of that name

attack_folder_deep() {
	runner run --image "$image" --name deep -- hostile deep /home 300
	same "300 directories with names of 250 letters" "0made" "$status$out"
	runner rm deep
	same "rm" 0 "$status$errors"
	same "what is left on the host" '' "$(ls -A /var/lib/runner/pods)"
	runner run --image "$image" --name deep -- ls -A /home
	same "the next pod of that name" "0" "$status$out$errors"
	runner rm deep
	# and one that goes with its pod
	runner run --image "$image" --rm -- hostile deep /home 300
	same "with --rm" "0made" "$status$out$errors"
	same "what is left on the host" '' "$(ls -A /var/lib/runner/pods)"
}

attack folder_stays - what cannot be removed is said to be gone, and shown by the next pod of that name

attack_folder_stays() {
	local gone
	mkdir -p "$work/other"
	cp -a "$image" "$work/other/image"
	runner run --image "$image" --name stays -- sh -c 'mkdir /home/held && echo secret >/home/secret && echo secret >/zz'
	same "start" 0 "$status$errors"
	# rmdir(2) says EBUSY
	mount -t tmpfs none /var/lib/runner/pods/stays/layer/upper/home/held
	runner rm stays
	same "rm fails" 125 $status
	has "and says what" "$errors" "cannot remove"
	runner run --image "$work/other/image" --name stays -- sh -c 'ls -A /home; cat /zz 2>/dev/null; true'
	same "the next pod, over another image" "0" "$status$out"
	runner ps
	same "ps goes on" 0 "$status"
	has "and tells of it" "$errors" "cannot remove"
	gone=$(echo /var/lib/runner/pods/.gone-*)
	umount "$gone/layer/upper/home/held"
	runner ps
	same "when it is free" "0" "$status$errors"
	runner rm stays
	same "rm" 0 "$status$errors"
	same "what is left on the host" '' "$(ls -A /var/lib/runner/pods)"
}

attack folder_many - the files of a pod are removed under a lock that all starts need

attack_folder_many() {
	local remover before
	# most of it is the pod's own work, minutes on an emulated machine
	RUNNER_TIMEOUT=900 runner run --image "$image" --name many -- sh -c 'mkdir /home/d && cd /home/d && i=0; while [ $i -lt 30000 ]; do : >f$i; i=$((i + 1)); done'
	same "start" 0 "$status$errors"
	"$RUNNER" rm many &
	remover=$!
	# stopped in the middle
	for _ in $(seq 1000); do
		before=$(find /var/lib/runner/pods -name 'f*' 2>/dev/null | wc -l)
		[ "$before" -ge 30000 ] || break
	done
	kill -STOP $remover
	[ "$before" -gt 0 ] || problem "the test was too late to stop it"
	RUNNER_TIMEOUT=10 runner run --image "$image" -- true
	same "another start meanwhile" 0 $status
	RUNNER_TIMEOUT=10 runner run --rm --name many --image "$image" -- ls /home
	same "a pod of that name meanwhile" "0" "$status$out$errors"
	RUNNER_TIMEOUT=10 runner ps
	same "ps meanwhile" 0 $status
	kill -CONT $remover
	wait $remover
	same "rm" 0 $?
	same "what is left on the host" '' "$(ls -A /var/lib/runner/pods)"
}

attack folder_held - one folder that cannot be taken away keeps all others, and every start, waiting

attack_folder_held() {
	local pods=/var/lib/runner/pods
	runner run --image "$image" -- true
	same "start" 0 "$status$errors"
	# rename(2) says EBUSY of the one
	mkdir "$pods/aa" "$pods/held" "$pods/zz"
	touch "$pods/aa/ephemeral" "$pods/held/ephemeral" "$pods/zz/ephemeral"
	mount --bind "$pods/held" "$pods/held"
	rm -f /run/runner/swept
	runner run --image "$image" -- true
	same "another start" 0 "$status"
	has "and what it says" "$errors" "the folder of the pod held"
	same "the others are gone" held "$(ls $pods)"
	umount "$pods/held"
	runner ps
	same "when it is free" "0" "$status$errors"
	same "what is left on the host" '' "$(ls -A $pods)"
}
