# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Attacks by the names that a pod chose in a volume, or an image in its root.

# plant LINK COMMAND...: a pod which can write the volume puts the link to LINK in
# the place of sub
plant() {
	rm -rf "$volume/data"
	mkdir -p "$volume/data/sub" "$work/hosts/sub"
	echo theirs >"$volume/data/sub/file"
	echo secret >"$work/hosts/file"
	echo secret >"$work/hosts/sub/file"
	chmod 600 "$work/hosts/file"
	runner run --userns=host --image "$image" -v "$volume/data:/data" -- sh -c 'rm -r /data/sub; ln -s "$1" /data/sub' - "$1"
	same "planted $1" 0 "$status$errors"
}

attack volume_below - CVE-2017-1002101, CVE-2021-30465, a volume below another, where a pod has put a link

attack_volume_below() {
	local link
	# of one pod: it changes the link and is started again
	mkdir -p "$volume/data/sub" "$work/hosts"
	echo theirs >"$volume/data/sub/file"
	echo secret >"$work/hosts/file"
	chmod 600 "$work/hosts/file"
	runner run --userns=host --image "$image" --name below -v "$volume/data/sub:/sub" -v "$volume/data:/data" -- sh -c '
		cat /sub/file; echo written >/sub/file; rm -r /data/sub; ln -s "$0" /data/sub' "$work/hosts"
	same "at first" "0theirs" "$status$out$errors"
	runner start -a below
	hasnt "started again" "$out" secret
	same "started again: an error" 125 $status
	has "that says why" "$errors" "volume $volume/data/sub"
	same "the host's file" secret "$(cat "$work/hosts/file")"
	runner rm below
	# a link out, of one pod, in the volume of another
	for link in "$work/hosts" ../../../../../../../../../..$work/hosts /proc/self/root$work/hosts /; do
		plant "$link"
		# the pod that can write it is known: it is there
		runner run -d --userns=host --image "$image" --name writer -v "$volume/data:/data" -- sleep 1000
		runner run --userns=host --image "$image" -v "$volume/data/sub:/sub" -- sh -c 'cat /sub/file; ls /sub'
		same "$link" 125 "$status$out"
		has "$link" "$errors" "leads out of it"
		runner run --userns=host --image "$image" --mount "type=bind,src=$volume/data/sub/sub,dst=/sub" -- cat /sub/file
		same "$link, and below" 125 "$status$out"
		gone writer
		# both in one command, in either order
		runner run --userns=host --image "$image" -v "$volume/data/sub:/sub" -v "$volume/data:/data" -- cat /sub/file
		same "$link, before it" 125 "$status$out"
		runner run --userns=host --image "$image" -v "$volume/data:/data" -v "$volume/data/sub:/sub" -- cat /sub/file
		same "$link, behind it" 125 "$status$out"
	done
	# within the volume a link is as good as a name
	plant other
	mkdir "$volume/data/other"
	echo within >"$volume/data/other/file"
	runner run --userns=host --image "$image" -v "$volume/data:/data" -v "$volume/data/sub:/sub" -- cat /sub/file
	same "a link within" "0within" "$status$out$errors"
	# and the administrator has links of his own
	ln -s "$volume/data" "$work/mine"
	runner run --userns=host --image "$image" -v "$work/mine/other:/sub" -- cat /sub/file
	same "the administrator's link" "0within" "$status$out$errors"
	plant "$work/hosts"
	runner run --userns=host --image "$image" -v "$volume/data:/data" -v "$work/mine/sub:/sub" -- cat /sub/file
	same "through it to the pod's" 125 "$status$out"
}

attack volume_changes - CVE-2017-1002101, the layer of a pod as a volume of another

attack_volume_changes() {
	runner run --image "$image" --name layer -- ln -s /etc /home/link
	same "start" 0 "$status$errors"
	runner run --userns=host --image "$image" -v /var/lib/runner/pods/layer/layer/upper/home/link:/x -- ls /x
	same "a link in it" 125 "$status$out"
	runner rm layer
	# a root directory
	cp -a "$image" "$work/direct"
	runner run --userns=host --rootfs "$work/direct" --name direct -- ln -s /etc /home/link
	runner run --userns=host --image "$image" -v "$work/direct/home/link:/x" -- ls /x
	same "a link in a root directory" 125 "$status$out"
	runner rm direct
}

attack volume_dev - CVE-2026-41579, an image whose /dev, /proc or /sys is a link

attack_volume_dev() {
	local d saved=$image
	for d in dev proc sys; do
		image=$work/linked-$d
		cp -a "$saved" "$image"
		rm -rf "${image:?}/$d"
		ln -s /home "$image/$d"
		runner run --image "$image" -- ls -A /home
		same "/$d" "125" "$status$out"
		has "/$d" "$errors" "$d"
	done
	image=$saved
}
