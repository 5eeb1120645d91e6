# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2116,SC2154
# Places of mounts in a pod, on images as they are found.

attack places_links - places of volumes on links that dangle, lead to directories, files, each other

attack_places_links() {
	local saved=$image d=$volume/places
	image=$work/linked
	cp -a "$saved" "$image"
	mkdir -p "$d/dir" "$image/usr/share" "$image/var" "$image/real"
	echo "of the host" >"$d/file"
	echo "in dir" >"$d/dir/in"
	ln -s /usr/share/zoneinfo/Nowhere "$image/etc/localtime"
	ln -s real "$image/link"
	ln -s ../../../../link "$image/usr/up"
	echo "of the image" >"$image/etc/real.conf"
	ln -s real.conf "$image/etc/link.conf"
	rm -rf "${image:?}/tmp" "$image/run"
	ln -s var/tmp "$image/tmp"
	ln -s var/run "$image/run"
	runner run --image "$image" -v "$d/file:/etc/localtime" -- sh -c 'cat /etc/localtime /usr/share/zoneinfo/Nowhere; readlink /etc/localtime'
	same "a link that dangles" "of the host of the host /usr/share/zoneinfo/Nowhere" "$(echo $out$errors)"
	runner run --image "$image" -v "$d/dir:/link" -- sh -c 'cat /link/in /real/in; readlink /link'
	same "a link to a directory" "in dir in dir real" "$(echo $out$errors)"
	runner run --image "$image" -v "$d/dir:/usr/up/more" -- cat /real/more/in
	same "below a link that leads up" "in dir" "$out$errors"
	runner run --image "$image" -v "$d/file:/etc/link.conf" -- sh -c 'cat /etc/real.conf; readlink /etc/link.conf'
	same "a file on a link" "of the host real.conf" "$(echo $out$errors)"
	same "and the image's" "of the image" "$(cat "$image/etc/real.conf")"
	runner run --image "$image" -- sh -c 'echo x >/tmp/x && echo y >/run/y && cat /var/tmp/x /var/run/y; readlink /tmp /run; stat -f -c %T /var/tmp /var/run'
	same "/tmp and /run are links" "x y var/tmp var/run tmpfs tmpfs" "$(echo $out$errors)"
	same "what the image has" '' "$(ls -A "$image/var")"
	ln -s /proc/self/fd/0 "$image/fd"
	ln -s /sys "$image/s"
	runner run --image "$image" -v "$d/file:/fd/x" -- true
	same "a link into /proc" 125 $status
	runner run --image "$image" -v "$d/dir:/s/kernel" -- true
	same "a link into /sys" 125 $status
	ln -s loop "$image/loop"
	runner run --image "$image" -v "$d/dir:/loop" -- true
	same "a link to itself" 125 $status
	image=$saved
}

attack places_order - places of volumes in any order, twice, the root, with the umask of the caller

attack_places_order() {
	local d=$volume/order mask
	mkdir -p "$d/outer" "$d/inner" "$d/third"
	echo outer >"$d/outer/o"
	echo inner >"$d/inner/i"
	runner run --image "$image" -v "$d/inner:/v/sub" -v "$d/outer:/v:idmap" -- cat /v/o /v/sub/i
	same "the inner one first" "outer inner" "$(echo $out$errors)"
	runner run --image "$image" -v "$d/inner:/v/../v//sub/." -v "$d/outer:/v/:idmap" -- cat /v/o /v/sub/i
	same "not normal" "outer inner" "$(echo $out$errors)"
	runner run --image "$image" -v "$d/inner:/v" -v "$d/outer:/v/." -- true
	same "two at one place" 125 $status
	has "message" "$errors" "two volumes have one place in the pod, /v"
	runner run --image "$image" -v "$d/inner:/tmp" -- cat /tmp/i
	same "in the place of a filesystem of runner's" inner "$out$errors"
	same "mounted once" 1 "$(runner run --image "$image" -v "$d/inner:/tmp" -- grep -c ' /tmp ' /proc/self/mountinfo; echo $out)"
	runner run --image "$image" --tmpfs /tmp:size=64k,mode=700 -- sh -c 'stat -c %a /tmp; grep -c " /tmp " /proc/self/mountinfo'
	same "a filesystem in its place" "700 1" "$(echo $out$errors)"
	for place in / // /. /../ /a/..; do
		runner run --image "$image" -v "$d/outer:$place" -- true
		same "-v X:$place" 125 $status
		has "-v X:$place" "$errors" "is its root"
		runner run --image "$image" --tmpfs $place -- true
		same "--tmpfs $place" 125 $status
	done
	mask=$(umask)
	umask 077
	runner run --userns=300000 --image "$image" -v "$d/inner:/new/deep/er" -v "$d/inner/i:/new/file" --tmpfs /new/tmp -- stat -c '%a %n' / /new /new/deep /etc/hosts /tmp /run
	umask "$mask"
	same "umask 077" "755 / 755 /new 755 /new/deep 644 /etc/hosts 1777 /tmp 755 /run" "$(echo $out$errors)"
}

attack places_etc - hosts, hostname and resolv.conf

attack_places_etc() {
	local saved=$image d=$volume/etc
	mkdir -p "$d"
	echo "of the volume" >"$d/hosts"
	runner run --image "$image" --name its -- sh -c 'cat /etc/hostname; grep -w its /etc/hosts; grep -w localhost /etc/hosts | head -n 1; [ -e /etc/resolv.conf ] || echo none; stat -c "%u:%g %a" /etc/hosts; echo 1.2.3.4 new >>/etc/hosts && echo written'
	same "with no network" "its 127.0.1.1 its 127.0.0.1 localhost none 0:0 644 written" "$(echo $out$errors)"
	same "in its changes" '' "$(cat /var/lib/runner/pods/its/layer/upper/etc/hosts)"
	runner rm its
	runner run --net host --image "$image" -- sh -c 'cat /etc/resolv.conf'
	same "the host's resolv.conf" "$(cat /etc/resolv.conf)" "$out$errors"
	runner run --image "$image" -v "$d/hosts:/etc/hosts" -- cat /etc/hosts
	same "a volume is more wanted" "of the volume" "$out$errors"
	same "and stays as it is" "of the volume" "$(cat "$d/hosts")"
	image=$work/etc
	cp -a "$saved" "$image"
	echo "the image's" >"$image/etc/hosts"
	ln -s ../run/resolve/stub.conf "$image/etc/resolv.conf"
	runner run --net host --image "$image" -- sh -c 'cat /etc/resolv.conf; readlink /etc/resolv.conf'
	same "on a link that dangles" "$(cat /etc/resolv.conf) ../run/resolve/stub.conf" "${out//$'\n'..\/run/ ../run}$errors"
	same "the image's hosts" "the image's" "$(cat "$image/etc/hosts")"
	runner run --read-only --image "$image" -- head -n 1 /etc/hosts
	same "a root that is read-only" "127.0.0.1	localhost" "$out$errors"
	image=$saved
}
