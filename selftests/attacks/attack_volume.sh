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
	# a mount of the host's below what a pod can write is a directory like others
	mkdir "$volume/data/mounted"
	mount -t tmpfs none "$volume/data/mounted"
	mkdir "$volume/data/mounted/dir"
	echo mounted >"$volume/data/mounted/dir/file"
	ln -s mounted/dir "$volume/data/within"
	ln -s "$work/hosts" "$volume/data/mounted/out"
	for link in mounted/dir within mounted/../within; do
		runner run --userns=host --image "$image" -v "$volume/data:/data" -v "$volume/data/$link:/sub" -- cat /sub/file
		same "$link" "0mounted" "$status$out$errors"
	done
	runner run --userns=host --image "$image" -v "$volume/data:/data" -v "$volume/data/mounted/out:/sub" -- cat /sub/file
	same "a link out of it" 125 "$status$out"
	umount "$volume/data/mounted"
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

attack volume_setuid - a setuid program that a pod leaves in a volume makes users of the host root

attack_volume_setuid() {
	local d=$work/open option
	mkdir -p "$work/plain"
	# as a directory of the host is: others can come here, and setuid holds
	mount -t tmpfs -o mode=755 none "$work/plain"
	d=$work/plain/d
	mkdir "$d" "$work/plain/closed" "$work/plain/closed/d"
	chmod 700 "$work/plain/closed"
	local leave='cp /bin/bash /d/bash && chmod 4755 /d/bash; exit 0'
	for option in idmap idmap=b:0:0:65536 idmap=u:0:0:1 idmap,suid; do
		runner run --image "$image" -v "$d:/d:$option" -- sh -c "$leave"
		same "$option" "125" "$status$out"
		has "$option" "$errors" "setuid"
		same "$option: what root's is setuid there" '' "$(find "$d" -uid 0 -perm /6000)"
	done
	runner run --rootfs "$d" -- true
	same "a root directory" 125 "$status"
	# what is no way to root
	runner run --image "$image" -v "$d:/d:idmap:ro" -- ls -A /d
	same "read-only" "0" "$status$out$errors"
	runner run --image "$image" -v "$d:/d:idmap=u:15149:184:1;g:998:998:1" -- ls -A /d
	same "ids that are not root's" "0" "$status$out$errors"
	runner run --image "$image" -v "$work/plain/closed/d:/d:idmap" -- sh -c "$leave"
	same "below a directory of root's" "0" "$status$out$errors"
	same "it is there, and out of reach" out "$(local_user 4242 sh -c '"$0" -p -c "echo in" || echo out' "$work/plain/closed/d/bash" 2>/dev/null)"
	mount --bind "$d" "$d"
	mount -o remount,bind,nosuid "$d"
	runner run --image "$image" -v "$d:/d:idmap" -- sh -c "$leave"
	same "nosuid on the host" "0" "$status$out$errors"
	same "setuid is nothing there" 4242 "$(local_user 4242 sh -c '"$0" -p -c "echo \$EUID"' "$d/bash")"
	umount "$d"
	rm -f "$d/bash"
	runner run --image "$image" -v "$d:/d:idmap,unsafe-setuid" -- ls -A /d
	same "who says so" "0" "$status$out$errors"
	umount "$work/plain"
}
