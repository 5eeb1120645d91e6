# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# Attacks by paths that an image or a pod chose.

# In a pod: whether the way up from the directory that it is in ends at its root.
up_the_tree='d=.; for i in $(seq 40); do d=$d/..; done; [ $d -ef / ] || echo ESCAPED; read -r x <./caller-file && echo ESCAPED $x; read -r x <../caller-file && echo ESCAPED $x'

attack workdir_fd plain,host,tty,detached,created,systemd,exec,exec-host,exec-tty CVE-2024-21626, a working directory below /proc/self/fd

attack_workdir_fd() {
	local n
	mkdir -p "$work/callers/dir"
	echo mine | tee "$work/callers/caller-file" >"$work/callers/dir/caller-file"
	exec 8<"$work/callers/dir" 9</
	for n in 0 3 4 5 6 7 8 9 10 11 12; do
		options=(-w "/proc/self/fd/$n")
		in_mode "$1" sh -c "$up_the_tree"
		hasnt "fd $n" "$out" ESCAPED
		[ "$status" != 0 ] || problem "fd $n was entered: $out"
	done
	exec 8<&- 9<&-
}

attack workdir_link plain,host,tty,detached,created,systemd CVE-2024-21626, by a link of the image

attack_workdir_link() {
	local n saved=$image
	image=$work/linked
	for n in 3 4 5 6 7 8 9; do
		rm -rf "$image" && cp -a "$saved" "$image"
		exec 9<"$work"
		ln -s "/proc/self/fd/$n" "$image/srv"
		options=(-w /srv/.)
		in_mode "$1" sh -c "$up_the_tree"
		hasnt "fd $n" "$out" ESCAPED
		[ "$status" != 0 ] || problem "fd $n was entered"
		exec 9<&-
	done
	image=$saved
}

attack workdir_planted exec,exec-host,exec-tty CVE-2024-21626, by a link which the pod plants before exec

attack_workdir_planted() {
	local n
	victim "$1"
	exec 9<"$work"
	for n in 3 4 5 6 7 8 9; do
		runner exec "$pod" sh -c "rm -f /w; ln -s /proc/self/fd/$n /w"
		same "planted" 0 "$status$errors"
		runner exec -w /w "$pod" sh -c "$up_the_tree"
		hasnt "fd $n" "$out" ESCAPED
		[ "$status" != 0 ] || problem "fd $n was entered"
	done
	exec 9<&-
	gone "$pod"
}

attack workdir_magic plain,host,exec,exec-host links of procfs, also where they lead back into the pod

attack_workdir_magic() {
	local to
	# exec's process is not in the pod's /proc
	for to in /proc/1/root /proc/1/cwd /proc/1/root/tmp /proc/1/fd/..; do
		options=(-w "$to")
		in_mode "$1" true
		case $to in
		*..) same "$to is no link" 0 "$status" ;;
		*) [ "$status" = 125 ] || problem "$to was entered" ;;
		esac
	done
}

attack stdin_dir plain,host,exec a directory as the caller standard input

# It would be a way out for whatever the pod executes.
attack_stdin_dir() {
	local command=(run --image "$image" --)
	case $1 in
	host) command=(run --image "$image" --userns=host --) ;;
	exec)
		victim exec
		command=(exec -i "$pod")
		;;
	esac
	out=$("$RUNNER" "${command[@]}" sh -c 'cd /proc/self/fd/0 && '"$up_the_tree" 2>&1 <"$work")
	hasnt "a directory as stdin" "$out" ESCAPED
	[ "$1" != exec ] || gone "$pod"
}

attack dev_link plain,host,tty,detached,created,systemd CVE-2026-41579, /dev of the image is a link

attack_dev_link() {
	local to saved=$image
	image=$work/linked
	for to in /etc /proc/self/fd /proc/self/cwd ../../../../etc /nowhere; do
		rm -rf "$image" && cp -a "$saved" "$image"
		rm -rf "${image:?}/dev"
		ln -s "$to" "$image/dev"
		in_mode "$1" true
		[ "$status" = 125 ] || problem "/dev -> $to: status $status"
		has "/dev -> $to" "$out" /dev
	done
	image=$saved
}

attack proc_link plain,host,detached,created,tty,systemd CVE-2019-16884, a volume lands on /proc by a link

attack_proc_link() {
	local to tail='' saved=$image
	image=$work/linked
	mkdir -p "$work/fake/self/attr" "$work/fake/thread-self/attr"
	for to in "/proc" "/proc /sys" "/proc/self /attr" "/proc/thread-self /attr" "/sys /kernel"; do
		rm -rf "$image" && cp -a "$saved" "$image"
		ln -s "${to% *}" "$image/data"
		[ "${to% *}" = "$to" ] || tail=${to#* }
		pod_options=(-v "$work/fake:/data$tail")
		in_mode "$1" true
		[ "$status" = 125 ] || problem "/data -> $to: status $status"
		has "/data -> $to" "$out" /data
	done
	for to in proc sys; do
		rm -rf "$image" && cp -a "$saved" "$image"
		rm -rf "${image:?}/$to"
		ln -s /tmp "$image/$to"
		pod_options=()
		in_mode "$1" true
		[ "$status" = 125 ] || problem "/$to -> /tmp: status $status"
	done
	image=$saved
}

attack mount_fd plain,host,detached,created,tty,systemd CVE-2025-52565, a mount target by a link to a descriptor

attack_mount_fd() {
	local n saved=$image
	image=$work/linked
	mkdir -p "$work/vol"
	for n in 3 4 5 6 7 8 9 10 11 12; do
		rm -rf "$image" && cp -a "$saved" "$image"
		ln -s "/proc/self/fd/$n" "$image/data"
		# one of them may be what has these directories
		pod_options=(-v "$work/vol:/data/sub")
		[ $((n % 2)) = 0 ] || pod_options=(-v "$work/vol:/data/kernel")
		in_mode "$1" true
		[ "$status" = 125 ] || problem "fd $n: status $status $out"
	done
	same "in the volume" '' "$(ls "$work/vol")"
	image=$saved
}

attack mask plain,host,tty,detached,created,exec,exec-host CVE-2025-31133, what masks is /dev/null itself

# /dev is the administrator's volume, with a null that leads elsewhere.
attack_mask() {
	mkdir -p "$work/devs"
	ln -sf /proc/sys/kernel/core_pattern "$work/devs/null"
	in_mode "$1" sh -c 'stat -c %F:%t:%T /proc/kcore /proc/keys /proc/timer_list 2>/dev/null; (echo x >/proc/sys/kernel/core_pattern) 2>/dev/null && echo WRITTEN; :'
	out=${out//$'\r'/}
	same "masked" "character special file:1:3" "$(sort -u <<<"$out")"
	case $1 in exec*) return ;; esac
	pod_options=(-v "$work/devs:/dev")
	in_mode "$1" sh -c 'for f in /proc/kcore /proc/keys /proc/timer_list; do [ ! -e $f ] || stat -c %F:%t:%T $f; done'
	out=${out//$'\r'/}
	[ "$status" = 125 ] || same "masked below a volume" "character special file:1:3" "$(sort -u <<<"$out")"
}

attack self_exe host,plain,tty,detached,created,exec,exec-host,exec-tty CVE-2019-5736, runner as the interpreter of a script

# The pod's loader is started in a process that has runner as its program. A copy
# of runner, for this will write to it.
attack_self_exe() {
	local saved=$image real=$RUNNER before loader
	[ "$(uname -m)" = x86_64 ] || {
		skip_reason="the loader is for x86-64"
		return
	}
	mkdir -p "$work/copy"
	cp "${real%/*}"/runner* "$work/copy/" 2>/dev/null
	[ -e "$work/copy/runner-monitor" ] || cp "${real%/*/*}"/libexec/runner/* "$work/copy/"
	RUNNER=$work/copy/runner
	before=$(sha256sum <"$RUNNER")
	image=$work/loaded
	rm -rf "$image" && cp -a "$saved" "$image"
	printf '#!/proc/self/exe -\n' >"$image/bin/evil"
	chmod 755 "$image/bin/evil"
	loader=$(ldd "$RUNNER" | sed -n 's/^\t\(\/[^ ]*\/ld[^ ]*\) (.*/\1/p')
	case $1 in
	exec*)
		victim "$1"
		cp "$here/loader" "$image/new-loader"
		runner exec "$pod" true
		same "exec" 0 "$status$errors"
		# over the pod's own root, with programs that run already
		cp "$here/loader" "/var/lib/runner/pods/$pod/layer/upper/new" 2>/dev/null
		runner exec "$pod" mv /new "$loader"
		case $1 in
		exec-tty) runner exec -t "$pod" /bin/evil ;;
		*) runner exec "$pod" /bin/evil ;;
		esac
		sleep 0.5
		out+=$errors$(cat "$work/out")
		local text=$out
		gone "$pod"
		out=$text
		;;
	*)
		cp --remove-destination "$here/loader" "$image$loader"
		# the loader and what it executes are static
		case $1 in
		detached | created)
			in_mode "$1" /bin/evil
			;;
		*)
			in_mode "$1" /bin/evil
			sleep 0.3
			out+=$(cat "$work/out")
			;;
		esac
		;;
	esac
	has "the loader ran" "$out" loader
	hasnt "runner" "$out" WRITABLE
	same "runner is what it was" "$before" "$(sha256sum <"$RUNNER")"
	image=$saved RUNNER=$real
}

attack console exec-tty CVE-2025-52565, a terminal of the pod own making

# /dev/pts of a pod with CAP_SYS_ADMIN is what it likes.
attack_console() {
	pod_options=(--cap-add sys_admin --security-opt seccomp=unconfined)
	victim exec
	runner exec "$pod" attacker fake-pts
	same "made" 0 "$status$errors"
	RUNNER_TIMEOUT=10 runner exec -t "$pod" true
	same "exec -t" 125 "$status"
	gone "$pod"
}
