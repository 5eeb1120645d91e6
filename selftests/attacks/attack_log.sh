# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Attacks by what a pod writes.

attack log_size - a pod fills the disk of the host with its log

attack_log_size() {
	local dir=/var/lib/runner/pods/loud size
	[ ! -S /run/systemd/journal/socket ] || { skip_reason='the journal keeps the logs, and bounds them'; return; }
	runner run -d --image "$image" --name loud -- sh -c 'timeout 5 hostile shout 1; echo; echo the end; sleep 100'
	same "start" 0 "$status$errors"
	for _ in $(seq 150); do tail -n 1 $dir/log 2>/dev/null | grep -q 'the end' && break; sleep 0.1; done
	size=$(cat $dir/log $dir/log.1 2>/dev/null | wc -c)
	[ "$size" -le $((16 << 20)) ] || problem "the log has $size bytes"
	[ "$size" -ge $((4 << 20)) ] || problem "the log has $size bytes only: the pod did not write much"
	same "modes" "600 600" "$(stat -c %a $dir/log $dir/log.1 | xargs)"
	runner logs -n 1 loud
	same "the end is there" "0the end" "$status$out$errors"
	gone loud
	# what is asked for, and nothing of it lost but the oldest
	runner run -d --image "$image" --name loud --log-size 128k -- sh -c 'i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i + 1)); done; echo the end; sleep 100'
	"$RUNNER" logs -f loud >"$work/followed" 2>&1 &
	for _ in $(seq 150); do tail -n 1 $dir/log 2>/dev/null | grep -q 'the end' && break; sleep 0.1; done
	size=$(cat $dir/log $dir/log.1 | wc -c)
	if [ "$size" -gt 131072 ] || [ "$size" -lt 65536 ]; then problem "--log-size 128k: $size bytes"; fi
	runner logs -n 1000 loud
	same "logs -n 1000, over two files" "$(seq -f 'line %.0f' 3001 3999 | sha256sum)" "$(grep line "$work/out" | sha256sum)"
	gone loud
	wait $!
	has "logs -f" "$(tail -n 1 "$work/followed")" "the end"
	same "lines that logs -f has not in order" '' "$(sed -n 's/^line //p' "$work/followed" | awk 'NR > 1 && $1 <= last { print } { last = $1 }')"
	runner run -d --image "$image" --name loud --log-size max -- sh -c 'i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i + 1)); done; sleep 100'
	for _ in $(seq 150); do grep -qs 'line 3999' $dir/log && break; sleep 0.1; done
	same "--log-size max" "4000 no" "$(wc -l <$dir/log) $([ -e $dir/log.1 ] || echo no)"
	gone loud
	for size in 1 -5 x 1x ''; do
		runner run --image "$image" --log-size "$size" -- true
		same "--log-size '$size'" 125 $status
	done
}
