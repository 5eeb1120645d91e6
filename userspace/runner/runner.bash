# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion for runner(1); the commands and options are those that runner
# prints.

_runner_pods() {
	runner ps "$@" -q 2>/dev/null
}

_runner_images() {
	runner image ls 2>/dev/null | awk 'NR > 1 { print $1 }'
}

# _runner_options COMMAND...: those that its --help has, but not the refused ones
_runner_options() {
	runner "$@" --help 2>/dev/null | awk '
		/They are refused:$/ { exit }
		/^  / && ($1 ~ /^-/ || $2 ~ /^--/) {
			for (i = 1; i <= 2; i++) {
				sub(/,$/, "", $i)
				if ($i ~ /^-[a-zA-Z]$|^--[a-z][a-z-]*$/) print $i
			}
		}'
}

# _runner_word: a word of the command's own, by what is before it
_runner_value() {
	case $1 in
	--image) compgen -d -W "$(_runner_images)" -- "$2" ;;
	--credential | --root | --rootfs | -v | --volume) compgen -d -- "$2" ;;
	--env-file | --label-file) compgen -f -- "$2" ;;
	--userns) compgen -W 'auto auto:size= host pod:' -- "$2" ;;
	--shift) compgen -W 'auto shiftfs idmap chown' -- "$2" ;;
	--net | --network) compgen -W 'none private pasta host ns: pod:' -- "$2" ;;
	--image-volume) compgen -W 'anonymous tmpfs ignore' -- "$2" ;;
	--data | --journal | --db | --wal) compgen -f -- "${2:-/dev/}" ;;
	--systemd) compgen -W 'auto always false' -- "$2" ;;
	--restart) compgen -W 'no always unless-stopped on-failure' -- "$2" ;;
	--pull) compgen -W 'missing always never' -- "$2" ;;
	--sys) compgen -W 'host devices' -- "$2" ;;
	--cgroupfs) compgen -W 'ro rw' -- "$2" ;;
	--sdnotify) compgen -W 'runner conmon pod container ignore' -- "$2" ;;
	--security-opt) compgen -W 'seccomp= label= apparmor= no-new-privileges=false' -- "$2" ;;
	--pod) compgen -W "$(_runner_pods)" -- "$2" ;;
	--device | --device-wait) compgen -f -- "${2:-/dev/}" ;;
	--filter) compgen -W 'name= status= label= image= exited=' -- "$2" ;;
	--signal) compgen -W "$(compgen -A signal | sed 's/^SIG//')" -- "$2" ;;
	*) return 1 ;;
	esac
	return 0
}

_runner_words() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command
	COMPREPLY=()
	if [ "${COMP_WORDS[1]}" = --root ] && [ "$COMP_CWORD" -gt 2 ]; then
		local RUNNER_ROOT=${COMP_WORDS[2]}
		export RUNNER_ROOT
		COMP_WORDS=(runner "${COMP_WORDS[@]:3}")
		COMP_CWORD=$((COMP_CWORD - 2))
	fi
	if [ "$COMP_CWORD" = 1 ]; then
		if [ "$prev" = --root ]; then
			mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "$(runner --help | awk '/^  / { print $1 }')" -- "$cur")
		fi
		return
	fi
	command=${COMP_WORDS[1]}
	mapfile -t COMPREPLY < <(_runner_value "$prev" "$cur" && echo .)
	if [ ${#COMPREPLY[@]} -gt 0 ]; then
		unset 'COMPREPLY[-1]'
		return
	fi
	if [ "$command" = image ]; then
		if [ "$COMP_CWORD" = 2 ]; then
			mapfile -t COMPREPLY < <(compgen -W "$(runner image --help | awk '/^  / { print $1 }')" -- "$cur")
			return
		fi
		case ${COMP_WORDS[2]}:$cur in
		*:-*) mapfile -t COMPREPLY < <(compgen -W "$(_runner_options image "${COMP_WORDS[2]}")" -- "$cur") ;;
		import:*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		pull:* | ls:* | prune:*) ;;
		*) mapfile -t COMPREPLY < <(compgen -W "$(_runner_images)" -- "$cur") ;;
		esac
		return
	fi
	if [[ $cur = -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_runner_options "$command")" -- "$cur")
		return
	fi
	case $command:$COMP_CWORD in
	run:* | create:* | spec:*) mapfile -t COMPREPLY < <(compgen -d -W "$(_runner_images)" -- "$cur") ;;
	rmi:*) mapfile -t COMPREPLY < <(compgen -W "$(_runner_images)" -- "$cur") ;;
	uidmap:2) mapfile -t COMPREPLY < <(compgen -W 'ls' -- "$cur") ;;
	volume:2) mapfile -t COMPREPLY < <(compgen -W 'ls create path rm prune' -- "$cur") ;;
	volume:*) mapfile -t COMPREPLY < <(compgen -W "$(runner volume ls -q 2>/dev/null)" -- "$cur") ;;
	side:2) mapfile -t COMPREPLY < <(compgen -W 'run listen spool ls stop inspect' -- "$cur") ;;
	osd:2) mapfile -t COMPREPLY < <(compgen -W 'plan run' -- "$cur") ;;
	osd:*) mapfile -t COMPREPLY < <(compgen -W 'osd_directory osd_directory_single osd_disk_prepare osd_disk_activate osd_disks raw lvm' -- "$cur") ;;
	cp:*) mapfile -t COMPREPLY < <(compgen -f -W "$(_runner_pods -a)" -- "$cur") ;;
	device:2) mapfile -t COMPREPLY < <(compgen -W 'add rm' -- "$cur") ;;
	device:3) mapfile -t COMPREPLY < <(compgen -W "$(_runner_pods)" -- "$cur") ;;
	device:*) mapfile -t COMPREPLY < <(compgen -f -- "${cur:-/dev/}") ;;
	kill:3) mapfile -t COMPREPLY < <(compgen -W "$(compgen -A signal | sed 's/^SIG//') $(_runner_pods)" -- "$cur") ;;
	uidmap:* | check:* | ps:* | events:* | images:* | pull:*) ;;
	logs:* | rm:* | start:* | inspect:* | wait:*) mapfile -t COMPREPLY < <(compgen -W "$(_runner_pods -a)" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(_runner_pods)" -- "$cur") ;;
	esac
}

# Whoever fills a directory chooses the names in it: those with characters that the shell
# may act upon are quoted.
_runner() {
	local each
	_runner_words
	for each in "${COMPREPLY[@]}"; do
		case $each in
		*[!a-zA-Z0-9_./:@=,+%-]*)
			compopt -o filenames
			return
			;;
		esac
	done
}
complete -F _runner runner
