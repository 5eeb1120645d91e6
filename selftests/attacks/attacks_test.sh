#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# attacks_test: a hostile image, a hostile pod and a hostile local user against
# runner. The attacks are a table, spread over attack_*.sh, a file for each
# subject; a line is
#
#	attack NAME MODES HOLE...
#
# and attack_NAME MODE is run once for each of the MODES:
#
#	plain host tty detached created systemd	runner run, in that way
#	exec exec-host exec-tty exec-systemd	runner exec into a pod of that kind
#	device					runner device add
#	-					the attack does it all itself
#
# HOLE is what it is known by: the number of a hole of others, or words.
#
# attacks_test [NAME[.MODE]]... or [-t NAME[.MODE]]; --list prints the table
#
# All of them are done by two at a time, each with half of the subjects, folders,
# cgroups and ids of its own: most of the time an attack waits for something.
#
# shellcheck disable=SC2016,SC2034,SC2317 # for the pod's shell; used by the attacks; called by name
# shellcheck source=../lib/runner.sh
table=()
subject=''
attack() {
	table+=("${subject%.sh} $*")
}

#@ATTACKS@

# Whether @subject is this half's. Those which look at all processes of the host
# for a secret that others have as well are in one.
is_ours() {
	case ${ATTACKS_HALF:-}:$1 in
	1:paths | 1:places | 1:store | 1:volume) return 1 ;;
	2:paths | 2:places | 2:store | 2:volume | 1:* | :*) ;;
	*) return 1 ;;
	esac
}

wanted=("$@")
[ "${1:-}" != -t ] || wanted=("${@:2}")
chosen_lines=()
for line in "${table[@]}"; do
	read -r each name modes holes <<<"$line"
	is_ours "$each" || continue
	for mode in ${modes//,/ }; do
		full=$name
		[ "$mode" = - ] || full=$name.$mode
		if [ "${1:-}" = --list ]; then
			printf '%-34s %s\n' "$full" "$holes"
			continue
		fi
		[ ${#wanted[@]} = 0 ] || case " ${wanted[*]} " in *" $name "* | *" $full "*) ;; *) continue ;; esac
		chosen_lines+=("$full $mode $name $holes")
	done
done
[ "${1:-}" != --list ] || exit 0

# both_halves: this program twice, and what they say as of one
both_halves() {
	local out half
	out=$(mktemp -d /var/tmp/attacks.XXXXXX) || exit 1
	trap 'rm -rf "$out"' EXIT
	for half in 1 2; do
		{ ATTACKS_HALF=$half "$0" || echo "status $?"; } >"$out/$half" &
	done
	wait
	echo "KTAP version 1"
	echo "1..${#chosen_lines[@]}"
	awk '/^KTAP version|^1\.\./ { next }
		/^# Totals:/ { for (i = 1; i <= 6; i++) { split($(i + 2), t, ":"); name[i] = t[1]; sum[i] += t[2] }; next }
		/^status / { if ($2 > worst) worst = $2; next }
		/^ok / { $2 = ++n }
		/^not ok / { $3 = ++n }
		{ print }
		END {
			printf "# Totals:"
			for (i = 1; i <= 6; i++) printf " %s:%d", name[i], sum[i]
			print ""
			exit worst
		}' "$out/1" "$out/2"
	exit
}

[ ${#wanted[@]} != 0 ] || [ -n "${ATTACKS_HALF:-}" ] || both_halves

. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
own_ranges 400
# without them some attacks are skipped
modprobe -qa loop fuse 2>/dev/null
here=$(dirname "$(readlink -f "$0")")

make_image() { # make_image ROOT LAYOUT CONFIG
	python3 - "$@" <<'LAYOUTS'
#@LAYOUTS@
LAYOUTS
}

# For the pods of an attack: options of run, and of run and exec.
pod_options=() options=()

# A pod that is up for an attack: the one of this kind.
victim() { # victim MODE: starts the pod $pod
	local kind=()
	pod=victim-$number
	case $1 in
	*host) kind=(--userns=host) ;;
	*systemd) kind=(--systemd=always) ;;
	esac
	up "$pod" "${kind[@]}" "${pod_options[@]}" -- sleep 1000
}

# in_mode MODE COMMAND...: in a pod of that mode; what it wrote, and runner, is in
# $out, its exit status in $status.
in_mode() {
	local mode=$1 kind=() terminal=()
	shift
	case $mode in
	exec | exec-*)
		victim "$mode"
		case $mode in exec-tty) terminal=(-t) ;; esac
		runner exec "${terminal[@]}" "${options[@]}" "$pod" "$@"
		local text=$out$errors saved=$status
		gone "$pod"
		out=$text status=$saved
		return
		;;
	host) kind=(--userns=host) ;;
	tty) kind=(-t) ;;
	systemd) kind=(--systemd=always) ;;
	detached | created) ;;
	plain) ;;
	*) problem "there is no mode $mode" ;;
	esac
	case $mode in
	detached | created)
		pod=attack-$number
		if [ "$mode" = created ]; then
			runner create --image "$image" --name "$pod" "${pod_options[@]}" "${options[@]}" -- "$@"
			[ "$status" != 0 ] || runner start "$pod"
		else
			runner run -d --image "$image" --name "$pod" "${pod_options[@]}" "${options[@]}" -- "$@"
		fi
		local text=$errors saved=$status
		if [ "$status" = 0 ]; then
			runner wait "$pod"
			saved=$out
			runner logs "$pod"
			text+=$out$errors
			gone "$pod"
		else
			# or the next one of that name is refused for its name
			"$RUNNER" rm -f "$pod" 2>/dev/null
		fi
		out=$text status=$saved
		;;
	*)
		runner run --image "$image" "${kind[@]}" "${pod_options[@]}" "${options[@]}" -- "$@"
		out+=$errors
		;;
	esac
}

# A pod can always be ended, within ten seconds.
gone() { # gone POD
	local start=$SECONDS
	RUNNER_TIMEOUT=30 runner rm -f "$1"
	[ $((SECONDS - start)) -le 10 ] || problem "rm -f took $((SECONDS - start)) s"
	same "$1 is gone" '' "$(ls -d "/run/runner/pods/$1" 2>/dev/null)"
}

wait_running() { # wait_running POD
	for _ in $(seq 100); do
		[ "$(field status "$1" 2>/dev/null)" != running ] || return 0
		sleep 0.1
	done
	problem "$1 does not run"
}

# Waits for a line of a file, 10 s at most.
wait_line() { # wait_line FILE LINE
	for _ in $(seq 100); do
		! grep -qsxF -e "$2" "$1" || return 0
		sleep 0.1
	done
	problem "there is no '$2' in $1"
}

make_root "$image" cp dd env grep head mkfifo mknod mv readlink rmdir seq sort stty tail test timeout touch tr tty unshare wc
cp "$here/attacker" "$here/writer" "$here/hostile" "$image/bin"
chmod 755 "$image"

# An attack finds what a test before it has left: an empty volume, and in $work
# what was there at first.
shopt -s dotglob
kept=" $(echo "$work"/*) $work/out $work/err "
clear_away() {
	local each
	same "pods that it left" '' "$(cd /run/runner/pods 2>/dev/null && echo [!.]*/state.json | sed 's/^\[!\.\]\*.*//')"
	for each in "$work"/*; do
		case $kept$work/sanitizer in *" $each "* | *"${each%.*}") continue ;; esac
		rm -rf --one-file-system "$each" || problem "$each stays"
	done
	rm -rf --one-file-system "${volume:?}"/* || problem "$volume stays"
}

echo "KTAP version 1"
echo "1..${#chosen_lines[@]}"
for line in "${chosen_lines[@]}"; do
	read -r full mode name holes <<<"$line"
	pod_options=() options=()
	skip_reason=''
	"attack_$name" "$mode"
	clear_away
	if [ -n "$skip_reason" ]; then
		skipped "$full" "$name: $skip_reason"
	else
		finish "$full: $holes"
	fi
done
totals
