# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2207 # names of pods have no blanks
# bash completion for runner(1); the commands and options are those that runner
# prints.

_runner_pods() {
	runner ps "$@" 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_runner_images() {
	runner image ls 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_runner() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if [ "${COMP_WORDS[1]}" = --root ] && [ "$COMP_CWORD" -gt 2 ]; then
		local RUNNER_ROOT=${COMP_WORDS[2]}
		export RUNNER_ROOT
		COMP_WORDS=(runner "${COMP_WORDS[@]:3}")
		COMP_CWORD=$((COMP_CWORD - 2))
	fi
	if [ "$prev" = --root ]; then
		COMPREPLY=($(compgen -d -- "$cur"))
		return
	fi
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W "$(runner --help | awk '/^  / { print $1 }')" -- "$cur"))
		return
	fi
	case ${COMP_WORDS[1]} in
	run | create | spec)
		case $prev in
		--image) COMPREPLY=($(compgen -d -W "$(_runner_images)" -- "$cur")) ;;
		--credential | --root | --rootfs | -v | --volume) COMPREPLY=($(compgen -d -- "$cur")) ;;
		--userns) COMPREPLY=($(compgen -W 'auto auto:size= host pod:' -- "$cur")) ;;
		--shift) COMPREPLY=($(compgen -W 'auto shiftfs idmap chown' -- "$cur")) ;;
		--net) COMPREPLY=($(compgen -W 'none private host ns: pod:' -- "$cur")) ;;
		--systemd) COMPREPLY=($(compgen -W 'auto always false' -- "$cur")) ;;
		--restart) COMPREPLY=($(compgen -W 'no always on-failure' -- "$cur")) ;;
		--cgroupfs) COMPREPLY=($(compgen -W 'ro rw' -- "$cur")) ;;
		--sdnotify) COMPREPLY=($(compgen -W 'runner pod' -- "$cur")) ;;
		--security-opt) COMPREPLY=($(compgen -W 'seccomp= label= apparmor= no-new-privileges=false' -- "$cur")) ;;
		--pod) COMPREPLY=($(compgen -W "$(_runner_pods)" -- "$cur")) ;;
		--device | --device-wait) COMPREPLY=($(compgen -f -- "${cur:-/dev/}")) ;;
		*)
			COMPREPLY=($(compgen -W "$(runner run --help | grep -o -e '--[a-z-]*')" -- "$cur"))
			;;
		esac
		;;
	image)
		if [ "$COMP_CWORD" = 2 ]; then
			COMPREPLY=($(compgen -W 'import pull ls inspect verify rm prune' -- "$cur"))
			return
		fi
		case ${COMP_WORDS[2]}:$cur in
		import:-* | pull:-*) COMPREPLY=($(compgen -W '--name --max-size --quiet' -- "$cur")) ;;
		import:*) COMPREPLY=($(compgen -f -- "$cur")) ;;
		ls:*) COMPREPLY=($(compgen -W '--json' -- "$cur")) ;;
		rm:-*) COMPREPLY=($(compgen -W '--force' -- "$cur")) ;;
		prune:*) ;;
		*) COMPREPLY=($(compgen -W "$(_runner_images)" -- "$cur")) ;;
		esac
		;;
	uidmap)
		if [ "$COMP_CWORD" = 2 ]; then
			COMPREPLY=($(compgen -W 'ls' -- "$cur"))
		else
			COMPREPLY=($(compgen -W '--json' -- "$cur"))
		fi
		;;
	device)
		if [ "$COMP_CWORD" = 2 ]; then
			COMPREPLY=($(compgen -W 'add rm' -- "$cur"))
		elif [ "$COMP_CWORD" = 3 ]; then
			COMPREPLY=($(compgen -W "$(_runner_pods)" -- "$cur"))
		else
			COMPREPLY=($(compgen -f -- "${cur:-/dev/}"))
		fi
		;;
	check) ;;
	ps)
		COMPREPLY=($(compgen -W '-a --all --json' -- "$cur"))
		;;
	kill)
		if [ "$COMP_CWORD" = 3 ]; then
			COMPREPLY=($(compgen -W "$(compgen -A signal | sed 's/^SIG//')" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(_runner_pods)" -- "$cur"))
		fi
		;;
	*)
		local options='' all=''
		case ${COMP_WORDS[1]} in
		exec) options='-i -t -u -w -e' ;;
		logs) options='-f -t -n' all=-a ;;
		rm) options='-f --force' all=-a ;;
		start) options='-a --attach' all=-a ;;
		stop) options='-t' ;;
		inspect | wait) all=-a ;;
		update) options='--memory --memory-swap --cpus --cpu-shares --pids-limit --io-weight --io-max --cgroup-conf' ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "$options" -- "$cur")) ;;
		*) COMPREPLY=($(compgen -W "$(_runner_pods $all)" -- "$cur")) ;;
		esac
		;;
	esac
}
complete -F _runner runner
