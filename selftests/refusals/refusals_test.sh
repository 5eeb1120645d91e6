#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# refusals_test: what runner says, and how it ends, where the host has not what a
# pod needs; what a refused start or import leaves, which is nothing; and what
# bash completes.
#
# refusals_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC1010,SC2012,SC2016,SC2034,SC2046,SC2086,SC2116,SC2317 # as in its relatives
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
completion=$work/completion manual=$work/manual
own_ranges 1

# What no refused start may leave behind.
# refused WHAT PART... : the last runner was, with these in what it said
refused() {
	local what=$1 part
	shift
	same "$what" 125 $status
	same "$what: output" '' "$out"
	for part; do
		has "$what" "$errors" "$part"
	done
	check_clean "$what"
}

# small DIR SIZE: a tmpfs in place of DIR, with nothing in it
small() { mount -t tmpfs -o "size=$2" small "$1"; }

# fill DIR: until not a byte is left
fill() { dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null || :; }

test_full_import() {
	tar -C "$image" -cf "$work/image.tar" .
	small /var/lib/runner 2M
	runner image import "$work/image.tar" --name full
	refused "an image larger than the disk" "$work/image.tar" room
	runner image ls
	hasnt "the image" "$out" full
	runner image verify
	same "what is there is whole" 0 "$status$errors"
	same "bytes that are left" '' "$(find /var/lib/runner -type f -size +16k)"
	# what it cannot know before: a block for each
	mkdir "$work/small"
	for _ in $(seq 700); do
		echo $_ >"$work/small/$_"
	done
	runner image import "$work/small" --name full
	refused "an import on a full disk" "No space left"
	runner image ls
	hasnt "the image" "$out" full
	same "bytes that are left" '' "$(find /var/lib/runner -type f -size +16k)"
	mount -o remount,size=64M /var/lib/runner
	runner image import "$work/image.tar" --name full
	same "with space" 0 "$status"
	runner run --image full -- cat /etc/passwd
	same "the image is whole" 0 "$status$errors"
	same "what the pod sees" "$(cat "$image/etc/passwd")" "$out"
	umount /var/lib/runner
	finish "an import on a full disk"
}

test_full_run() {
	local dir
	for dir in /var/lib/runner /run/runner; do
		small $dir 128k
		fill $dir
		runner run --image "$image" -- true
		refused "$dir is full" "No space left" $dir
		rm $dir/filler
		runner run --image "$image" -- true
		same "$dir has space" 0 "$status$errors"
		umount $dir
	done
	finish "a start on a full disk"
}

test_no_module() {
	local modprobe
	modprobe=$(cat /proc/sys/kernel/modprobe 2>/dev/null)
	modprobe -r shiftfs 2>/dev/null
	if grep -q shiftfs /proc/filesystems; then
		problem "somebody uses the module"
	fi
	# whom the kernel asks, and what runner may ask itself
	[ ! "$modprobe" ] || echo /bin/false >/proc/sys/kernel/modprobe
	mkdir -p "$work/modules"
	[ ! -d "/lib/modules/$(uname -r)" ] || mount --bind "$work/modules" "/lib/modules/$(uname -r)"
	runner run --shift=shiftfs --image "$image" -- true
	refused "no module" shiftfs "modprobe shiftfs"
	[ ! -d "/lib/modules/$(uname -r)" ] || umount "/lib/modules/$(uname -r)"
	[ ! "$modprobe" ] || echo "$modprobe" >/proc/sys/kernel/modprobe
	finish "a missing module"
}

test_no_range() {
	mkfifo "$work/hold"
	"$RUNNER" run --image "$image" -- sh -c 'echo up; read x' >"$work/first" 2>&1 <"$work/hold" &
	exec 8>"$work/hold"
	for _ in $(seq 200); do
		! grep -q up "$work/first" || break
		sleep 0.1
	done
	same "the first pod" up "$(cat "$work/first")"
	status=0
	"$RUNNER" run --image "$image" -- true >"$work/out" 2>"$work/err" </dev/null || status=$?
	errors=$(cat "$work/err")
	same "no range is left" 125 $status
	has "no range is left" "$errors" /etc/subuid
	exec 8>&-
	wait
	runner run --image "$image" -- cat /proc/self/uid_map
	same "a free one again" "0 $ids 65536" "$(echo $out$errors)"
	runner run --image "$image" --userns auto:size=65537 -- true
	refused "more than there is" /etc/subuid
	runner run --image "$image" --uid-base 4294910000 -- true
	refused "ids that do not exist" 4294910000
	printf 'other:%d:65536\n' $ids >"$work/subids"
	runner run --image "$image" --uid-base $ids -- true
	refused "somebody else's range" other /etc/subuid
	printf 'runner:%d:65536\n' $ids >"$work/subids"
	check_clean "at the end"
	finish "an exhausted range"
}

test_no_image() {
	runner run --image no-such-image -- true
	refused "no image" no-such-image
	runner run --image "$work" -- true
	same "a root without the program" 127 $status
	check_clean "a root without the program"
	runner run --image "$image" -- /no/such/program
	same "no program" 127 $status
	has "no program" "$errors" /no/such/program
	runner run --image "$image" -- /etc/passwd
	same "a program that is none" 126 $status
	has "a program that is none" "$errors" /etc/passwd
	runner run --image "$image" -v "$work/nothing:/mnt" -- true
	refused "no volume" "$work/nothing"
	runner run --image "$image" --device /dev/no-such-device -- true
	refused "no device" /dev/no-such-device
	check_clean "at the end"
	finish "no image, program, volume or device"
}

# completed WORD...: what bash offers for the last word
completed() {
	bash -c '
		. "$0"
		runner() { "$RUNNER" "$@"; }
		export RUNNER='"$RUNNER"'
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_runner
		printf "%s\n" "${COMPREPLY[@]}"' "$completion" runner "$@" | sort -u | paste -sd' '
}

# typed DIR TEXT: what runner in an interactive bash in DIR gets after the text and a tab
typed() {
	python3 - "$completion" "$@" <<'TYPED'
import os, pty, select, sys, time
script, directory, text = sys.argv[1:]
pid, fd = pty.fork()
if not pid:
    os.chdir(directory)
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])

def until(word, seconds):
    seen, end = b"", time.monotonic() + seconds
    while word not in seen and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            seen += os.read(fd, 4096)
    return seen

os.write(fd, b"runner() { printf '%s:' said \"$@\" end; }; . " + script.encode() + b"; echo rea''dy\n")
until(b"ready", 10)
os.write(fd, text.encode() + b"\t")
until(b"name", 5)
os.write(fd, b"\n")
print(until(b":end:", 5).decode().split("said:")[-1].split(":end")[0])
os.write(fd, b"exit\n")
TYPED
}

test_completion() {
	local word options command
	for command in $("$RUNNER" --help | awk '/^  / { print $1 }'); do
		same "the command $command" "$command" "$(completed "$command" | tr ' ' '\n' | grep -x -- "$command")"
	done
	same "one command" "logs" "$(completed lo)"
	options=$("$RUNNER" run --help | sed '/They are refused:$/,$d' | grep -o -e '^  [ -].[, ] --[a-z-]*' | grep -o -e '--[a-z-]*' | grep -vx -e --help | sort -u | xargs)
	[ "$(wc -w <<<"$options")" -gt 20 ] || problem "runner run --help has few options: $options"
	for word in $options; do
		has "options of run" " $(completed run --) " " $word "
	done
	# what the man pages have is an option of something
	options=$(for word in run ps update exec cp osd logs start stop rm kill attach stats "image import" "image pull" "image ls" "image rm" "uidmap ls"; do
		completed $word --
	done)
	word=$(sed 's/\\-/-/g' "$manual" | grep -o -e '--[a-z][a-z-]*' | sort -u | xargs)
	[ "$(wc -w <<<"$word")" -gt 45 ] || problem "the manual has few options: $word"
	for word in $word; do
		has "of the manual" " $(echo $options) " " $word "
	done
	same "of exec" "--detach --env --env-file --help --interactive --preserve-fds --tty --user --workdir -d -e -i -t -u -w" "$(completed exec -)"
	same "of logs" "--follow --help --since --tail --timestamps -f -n -t" "$(completed logs -)"
	same "of start" "--attach --boot --help --interactive -a -i" "$(completed start -)"
	same "of rm" "--all --force --help --ignore --volumes -a -f -i -v" "$(completed rm -)"
	same "of stop" "--all --boot --help --ignore --time -a -i -t" "$(completed stop -)"
	same "a signal" "TERM" "$(completed kill any TER)"
	same "of image" "import inspect ls prune pull rm verify" "$(completed image '')"
	runner image import "$image" --name completed
	same "an image" completed "$(completed run --image compl)"
	same "an image to inspect" completed "$(completed image inspect com)"
	runner run -d --image completed --name finish -- sleep 600
	same "a pod to be completed" 0 "$status$errors"
	same "a pod" finish "$(completed stop fin)"
	same "a pod to enter" finish "$(completed exec fin)"
	runner stop -t 0 finish
	same "one that has ended, to be started" finish "$(completed start fin)"
	same "and not to be stopped" '' "$(completed stop fin)"
	runner start finish
	same "a pod whose namespaces are joined" finish "$(completed run --pod fi)"
	runner rm -f finish
	same "no pod" '' "$(completed stop fin)"
	runner image rm completed
	same "policies" "always no on-failure unless-stopped" "$(completed run --restart '')"
	same "shifts" "auto chown idmap shiftfs" "$(completed run --shift '')"
	# a file that a stranger has given such a name
	mkdir "$work/names"
	: >"$work/names/"'$(touch${IFS}done)name'
	same "what a name of a file is" 'image:import:$(touch${IFS}done)name' "$(typed "$work/names" 'runner image import ')"
	same "what it has done" '' "$(ls "$work/names/done" 2>/dev/null)"
	check_clean "at the end"
	finish "completion"
}

cat >"$manual" <<'MANUAL'
#@MANUAL@
#@PODS@
MANUAL
cat >"$completion" <<'COMPLETION'
#@COMPLETION@
COMPLETION
make_root "$image" dd env
run_tests "full_import full_run no_module no_range no_image completion" "$@"
