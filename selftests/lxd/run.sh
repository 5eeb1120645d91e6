#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# LXD with its idmapped mounts switched off, so that it shifts by marks: the root
# filesystems of two unprivileged containers of different maps, and a directory
# of the host that both have. Needs the packages that tools/vm/lxd.mk names. Each
# test says what the containers see and what the host has.
#
# shellcheck disable=SC2016 # what is quoted is for the container's shell
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh" #@TAP@

work=/var/tmp/lxd
shared=$work/shared
pool=/var/lib/lxd/storage-pools/default/containers
daemon=

begin() { started=$SECONDS; }
took() { echo "# $((SECONDS - started)) s: $*"; }

stop_daemon() {
	[ -n "$daemon" ] || return 0
	kill "$daemon" 2>/dev/null
	wait "$daemon" 2>/dev/null
	daemon=
}

give_up() {
	echo "Bail out! $*"
	show
	tail -n 20 $work/log | sed 's/^/#   /'
	grep -h . /var/log/lxd/*/*.log 2>/dev/null | tail -n 20 | sed 's/^/#   /'
	stop_daemon
	exit 1
}

# must COMMAND...: without which nothing else can be tested
must() {
	begin
	try "$@"
	took "$*"
	[ "$status" = 0 ] || give_up "$* failed with status $status"
}

in_c() { # in_c CONTAINER SCRIPT
	local container=$1
	shift
	try lxc exec "$container" -- sh -c "$*"
}

make_image() {
	local root=$work/image/rootfs
	mkdir -p "$root"/{bin,sbin,etc,dev,proc,sys,tmp,run,root,mnt}
	cp "$(command -v busybox)" "$root/bin/busybox"
	for applet in sh cat echo stat chown chmod touch id mkdir mv rm ls mount sleep \
		ln mknod test; do
		ln -s busybox "$root/bin/$applet"
	done
	ln -s ../bin/busybox "$root/sbin/init"
	echo '::sysinit:/bin/touch /run/started' >"$root/etc/inittab"
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\n' >"$root/etc/group"
	echo stored >"$root/etc/of-user"
	chown 1000:1000 "$root/etc/of-user"
	printf 'architecture: x86_64\ncreation_date: 1700000000\n' >$work/image/metadata.yaml
	tar -C $work/image -cf $work/image.tar metadata.yaml rootfs
}

start_daemon() {
	echo root:1000000:1000000000 >/etc/subuid
	echo root:1000000:1000000000 >/etc/subgid
	modprobe -q overlay
	LXD_IDMAPPED_MOUNTS_DISABLE=1 lxd --group root >$work/log 2>&1 &
	daemon=$!
	must lxd waitready --timeout=240
	try lxd init --preseed <<-YAML
		storage_pools:
		- name: default
		  driver: dir
		profiles:
		- name: default
		  devices:
		    root: {path: /, pool: default, type: disk}
	YAML
	[ "$status" = 0 ] || give_up "the preseed failed"
}

echo "TAP version 13"
mkdir -p $work $shared
chmod 755 $work
modprobe shiftfs || exit 1
before=$(grep -c . /proc/self/mountinfo)
make_image
echo "of the host" >$shared/host
echo "of a user" >$shared/user
chown 1000:1000 $shared/user
echo "one file" >$work/single
chmod 755 $shared

start_daemon
try lxc info
gives 0 "it finds marks, and no idmapped mounts" 'shiftfs: "true"' 'idmapped_mounts: "false"'

must lxc image import $work/image.tar --alias busybox
for c in c1 c2; do
	must lxc init busybox $c -c security.idmap.isolated=true
	must lxc config device add $c shared disk source=$shared path=/shared shift=true
	must lxc start $c
done

map_of() { # map_of CONTAINER: its uid_map, words separated by one blank
	xargs <"/proc/$(lxc info "$1" | awk '/^PID:/ {print $2}')/uid_map"
}
maps="$(map_of c1), $(map_of c2)"
echo "# maps: $maps"
[[ $maps =~ ^"0 "([0-9]+)" 65536, 0 "([0-9]+)" 65536"$ ]] &&
	[ "${BASH_REMATCH[1]}" -gt 65535 ] && [ "${BASH_REMATCH[2]}" -gt 65535 ] &&
	[ "${BASH_REMATCH[1]}" != "${BASH_REMATCH[2]}" ]
ok $? "each has a map of its own"

# the root filesystem
in_c c1 'stat -c "%u:%g" / /etc/of-user'
is "${out//$'\n'/ }" '0:0 1000:1000' "owners in the root filesystem"
is "$(stat -c %u:%g $pool/c1/rootfs/etc/passwd $pool/c1/rootfs/etc/of-user | paste -sd' ')" \
	'0:0 1000:1000' "which is stored as it was imported"
in_c c1 'while read -r dev on type rest; do [ "$on" != / ] || echo "$type"; done </proc/mounts'
is "$out" shiftfs "by this module"

# the shared directory
in_c c1 'stat -c "%n %u:%g" /shared /shared/host /shared/user'
gives 0 "owners of what the host made" '/shared 0:0' 'host 0:0' 'user 1000:1000'
in_c c1 'echo one >/shared/one && mkdir /shared/dir && chmod 700 /shared/dir && stat -c %u:%g /shared/one'
gives 0 "a container's root writes a file" 0:0
is "$(cat $shared/one) $(owner $shared/one) $(stat -c '%u:%g %a' $shared/dir)" 'one 0:0 0:0 700' \
	"which is root's on the host"
in_c c2 'cat /shared/one && stat -c %u:%g /shared/one && echo two >>/shared/one && chown 1000:1000 /shared/one && echo t >/shared/dir/two'
gives 0 "a container of another map has it too" 'one' 0:0
is "$(paste -sd' ' $shared/one) $(owner $shared/one) $(owner $shared/dir/two)" \
	'one two 1000:1000 0:0' "its changes on the host"
in_c c1 'stat -c %u:%g /shared/one && cat /shared/dir/two'
gives 0 "and in the first" 1000:1000 t
in_c c1 'chown 65536 /shared/one'
gives 1 "no id outside the map" 'Invalid argument'
is "$(owner $shared/one)" 1000:1000 "and nothing stored"
in_c c1 'mknod /shared/null c 1 3'
[ "$status" != 0 ]
ok $? "no device node"
is "$(find $shared -type c | wc -l)" 0 "and none stored"

# added to and taken from a running container
mkdir $work/hot
echo hot >$work/hot/file
begin
try lxc config device add c1 hot disk source=$work/hot path=/hot shift=true
took "hot device"
gives 0 "a directory is attached to a running container"
in_c c1 'cat /hot/file && stat -c %u:%g /hot/file && echo new >/hot/new'
gives 0 "owners there" hot 0:0
is "$(owner $work/hot/new)" 0:0 "and stored"
try lxc config device add c1 plain disk source=$work/hot path=/plain
gives 0 "the same without shift=true"
in_c c1 'stat -c %u:%g /plain/file; echo x >/plain/other'
gives 1 "it is nobody's there, and not to be written to" 65534:65534
try lxc config device add c1 readonly disk source=$work/hot path=/readonly shift=true readonly=true
gives 0 "read-only"
in_c c1 'echo x >/readonly/file'
gives 1 "cannot be written to" 'Read-only file system'
is "$(cat $work/hot/file)" hot "and was not"
try lxc config device remove c1 hot
gives 0 "it is detached"
in_c c1 'test -e /hot/file'
gives 1 "and gone"
try lxc config device add c2 single disk source=$work/single path=/single shift=true
gives 0 "a single file is attached"
in_c c2 'cat /single && stat -c %u:%g /single && echo more >>/single'
gives 0 "its owner there" 'one file' 0:0
is "$(paste -sd, $work/single) $(owner $work/single)" 'one file,more 0:0' "and its content below"

# what stays
for c in c1 c2; do
	begin
	try lxc stop -f $c
	took "stop $c"
	gives 0 "$c stops"
done
must lxc start c1
in_c c1 'cat /shared/dir/two'
gives 0 "it starts again" t
try lxc delete -f c1 c2
gives 0 "both are removed"
is "$(find $shared -printf '%P %U:%G\n' | sort | paste -sd,)" \
	' 0:0,dir 0:0,dir/two 0:0,host 0:0,one 1000:1000,user 1000:1000' "what is shared stays"
try lxd shutdown --timeout=60
wait $daemon 2>/dev/null
daemon=
for dir in /var/lib/lxd/devlxd /var/lib/lxd/shmounts /var/lib/lxd/guestapi; do
	! is_mounted $dir || umount -l $dir
done
is "$(grep -c -F ' - shiftfs ' /proc/self/mountinfo)" 0 "no mark and no mount is left"
echo "# mounts: $before before, $(grep -c . /proc/self/mountinfo) after"
try rmmod shiftfs
gives 0 "the module can be unloaded"
finish_plan
