# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # out, status and the rest: ../lib/tap.sh
# backend=delegate of mount.shiftfs: an export of a real NFS server, mounted for a
# user namespace. Kernels before 7.2 have to refuse it and say why. KTAP out.
#
#   server  back/      what is stored
#      |     |
#      |     +- pod/   by delegate, stored 0 is seen as 100000
#      |     +- two/   by delegate, stored 0 is seen as 300000
#      |     +- host/  natively
set -u

if [ -z "${IN_NAMESPACE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 4; }
	exec env IN_NAMESPACE=1 unshare --mount --propagation private "$0" "$@"
fi
helper=${MOUNT_SHIFTFS:-/sbin/mount.shiftfs}
nfs_server=$(dirname "$(dirname "$(realpath "$0")")")/nfs-server
echo "TAP version 13"

work=$(mktemp -d /var/tmp/nfs-delegate.XXXXXX)
chmod 755 "$work"
cd "$work" || exit 1
mkdir back pod two host squash
holders=()
# shellcheck disable=SC2317  # called by the trap
finish() {
	[ ${#holders[@]} = 0 ] || kill "${holders[@]}" 2>/dev/null
	cd /
	umount -l "$work"/{pod,two,host,squash} 2>/dev/null
	"$nfs_server" stop
	rm -rf "$work"
}
trap finish EXIT

# The namespaces of a pod where 0 is $1 outside: pid in $holder. The server is
# reached at the same address as by the host, over the link 10.77.$2.0/24.
hold_userns() {
	unshare --user --net sleep 1000 &
	linked "$2" user
	echo "0 $1 65536" >"/proc/$holder/uid_map"
	echo "0 $1 65536" >"/proc/$holder/gid_map"
}
# linked NUMBER TYPE: the process begun last, once it has a namespace of that type
linked() {
	holder=$!
	holders+=("$holder")
	local self
	self=$(readlink "/proc/self/ns/$2")
	while [ "$(readlink "/proc/$holder/ns/$2")" = "$self" ]; do sleep 0.05; done
	ip link add "pod$1" type veth peer name eth0 netns "$holder"
	ip address add "10.77.$1.1/24" dev "pod$1"
	ip link set "pod$1" up
	nsenter --net="/proc/$holder/ns/net" sh -c "ip link set lo up; ip link set eth0 up
		ip address add 10.77.$1.2/24 dev eth0; ip route add default via 10.77.$1.1"
}
# inside UID COMMAND...: in the namespace of $holder, as its UID
inside() {
	local id=$1
	shift
	nsenter --user="/proc/$holder/ns/user" --setuid "$id" --setgid "$id" "$@"
}
export_it() { # export_it OPTION
	exportfs -ua
	exportfs -o "rw,insecure,fsid=77,no_subtree_check,$1" "10.77.0.0/16:$work/back" "127.0.0.1:$work/back"
}

"$nfs_server" start
ip address add 10.77.0.1/32 dev lo
modprobe veth
export_it no_root_squash

echo text >back/file
chown 184:998 back/file
chmod 640 back/file
mkdir back/shared
chmod 1777 back/shared
source=10.77.0.1:$work/back
map=idmap=b:0:100000:65536

# What no kernel needs a server for.
try "$helper" -o "backend=delegate" "$source" pod
gives 32 "a map is needed" "no map given" "idmap=b:0:100000:65536"
try "$helper" -o "backend=delegate,$map" "$work/back" pod
gives 32 "a path is no export" "$work/back" "HOST:/EXPORT"
try "$helper" -o "$map" "$source" pod
gives 32 "an export is no source of shiftfs" "mount it and shift the path" "backend=delegate"
try as 1000 "$helper" -o "backend=delegate,$map" "$source" pod
gives 1 "a user may not"
try "$helper" -o "backend=delegate,$map,addr=127.0.0.1,port=1,retrans=1,timeo=10" "$source" pod
gives 32 "no server there" "$source" "Connection refused" "no NFS server answers there"

case $(uname -r) in
[0-6].* | 7.[01].*)
	try "$helper" -o "backend=delegate,$map" "$source" pod
	gives 32 "this kernel cannot, and that is the reason given" "$source" \
		"for its initial user namespace only" "Linux 7.2" "Operation not supported"
	try "$helper" --probe "$source"
	gives 32 "--probe" "delegate no     kernel: " "for its initial user namespace only" \
		"idmap    no     filesystem: " "shiftfs  no     source: "
	try "$helper" -o "backend=auto,$map" "$source" pod
	gives 32 "backend=auto" "nothing can mount $source shifted" "delegate: " "initial user namespace only"
	try findmnt -rn "$work/pod"
	gives 1 "nothing is mounted"
	finish_plan
	;;
esac

hold_userns 100000 1
pod=$holder
net=netns=/proc/$pod/ns/net
try "$helper" -v -o "backend=delegate,$map,$net" "$source" pod
gives 0 "an export is mounted" "vers=4.2" "sec=sys" "addr=10.77.0.1" "clientaddr=10.77.1.2"
is "$(findmnt -rno FSTYPE pod)" nfs4 "it is a mount of nfs"
is "$(owner pod/file)" 100184:100998 "the host sees shifted ids"
is "$(inside 0 stat -c %u:%g pod/file)" 184:998 "the pod sees the stored ones"
is "$(inside 184 cat pod/file)" text "its owner reads it"
try inside 1000 cat pod/file
gives 1 "another may not" "Permission denied"

try inside 0 sh -c 'echo new >pod/new && mkdir pod/dir && ln -s x pod/link'
gives 0 "the pod's root makes files"
is "$(owner back/new) $(owner back/dir) $(owner back/link)" "0:0 0:0 0:0" "they are stored as root's"
is "$(cat back/new)" new "with their text"
try inside 0 chown 184:998 pod/new
gives 0 "chown inside"
is "$(owner back/new) $(owner pod/new)" "184:998 100184:100998" "stored and seen"
try inside 1000 sh -c 'echo his >pod/shared/his'
gives 0 "a user of the pod makes a file"
is "$(owner back/shared/his)" 1000:1000 "stored as his"
try chown 5:5 pod/new
gives 1 "an id that the map lacks cannot be stored"
is "$(owner back/new)" 184:998 "and is not"

# setuid programs and devices of the export are nothing to the host
cp /usr/bin/id back/shared/id
chmod 4755 back/shared/id
mknod -m 666 back/shared/null c 1 3
is "$(as 1000 pod/shared/id -u)" 1000 "a setuid program gives the host's users nothing"
try dd if=pod/shared/null count=0
gives 1 "a device cannot be opened"

# Another map, and the host, of the same export at once.
try mount -t nfs -o vers=4.2,sec=sys "$source" host
gives 0 "the host mounts it natively beside"
hold_userns 300000 2
try mount -t shiftfs -o "backend=delegate,idmap=b:0:300000:65536,netns=/proc/$holder/ns/net" "$source" two
gives 0 "and another pod, through mount(8)"
is "$(owner host/file) $(owner pod/file) $(owner two/file)" \
	"184:998 100184:100998 300184:300998" "each has its own ids"
try inside 0 sh -c 'echo two >two/two'
gives 0 "the other pod's root makes a file"
is "$(owner back/two) $(owner host/two) $(owner pod/two)" \
	"0:0 0:0 100000:100000" "which all of them see as root's"
umount two
try "$helper" -o "backend=delegate,userns=/proc/$holder/ns/user,netns=/proc/$holder/ns/net" "$source" two
gives 0 "the map of a namespace that is there"
is "$(owner two/file)" 300184:300998 "its ids"
umount two

# One network namespace, one map: another's ids would be shown.
try "$helper" -o "backend=delegate,$map,netns=/proc/$holder/ns/net" "$source" two
gives 0 "this map where no other mount is left"
umount two
try "$helper" -o "backend=delegate,idmap=b:0:300000:65536,$net" "$source" two
gives 32 "not two maps in one network namespace" "the kernel takes the ids of all by one map" "netns="
try "$helper" -o "backend=delegate,$map" "$source" two
gives 32 "nor a map beside the host's own mount" "the kernel takes the ids of all by one map"
try findmnt -rn "$work/two"
gives 1 "nothing is mounted"
try "$helper" -o "$map,$net" "$work/back" two
gives 32 "netns= is not for shiftfs" "backend=delegate"
try "$helper" -o "backend=delegate,$map,netns=/proc/self/ns/user" "$source" two
gives 1 "netns= of another kind" "no network namespace"
locks=$(nsenter --net="/proc/$pod/ns/net" unshare --mount sh -c \
	'mount -t sysfs s /sys; cat /sys/fs/nfs/net/nfs_client/identifier')
[[ $locks == netns-* ]]
ok $? "the server knows the pod by a name of its own"

try "$helper" -o "backend=delegate,$map,$net,ro,noexec,vers=4.1" "$source" two
gives 0 "with options of its own"
has_option "$(vfs_options two)" noexec && has_option "$(findmnt -rno OPTIONS two)" vers=4.1
ok $? "which the mount has"
try touch two/x
gives 1 "it is read-only" "Read-only"
umount two

# runner does the same for a pod that joins a network.
mkdir -p root/{usr,proc,sys,dev,run,tmp,etc,data}
for name in bin sbin lib lib64; do ln -s "usr/$name" "root/$name"; done
start=(runner run --image "$work/root" --userns=auto -v "/usr:/usr:ro,idmap"
	--mount "type=nfs,source=$source,destination=/data,vers=4.2")
try "${start[@]}" -- true
[ "$status" != 0 ] && [[ $out == *"joins no network"*--net=ns:* ]]
ok $? "runner: not from the host's network" || show
unshare --net sleep 1000 &
linked 3 net
try "${start[@]}" "--net=ns:/proc/$holder/ns/net" -- \
	sh -c 'stat -c %u:%g /data/file; echo pod >/data/pod; chown 5:6 /data/pod'
gives 0 "runner: --mount type=nfs" 184:998
is "$(owner back/pod) $(cat back/pod)" "5:6 pod" "runner: what the pod stores"

# The choice.
before=$(wc -l </proc/self/mountinfo)
try "$helper" --probe -o "$map,$net" "$source"
gives 0 "--probe of an export" "an export of an NFS server" \
	"delegate works  chosen: for a fresh NFS mount the client itself translates"
try "$helper" --probe --json -o "$net" "$source"
gives 0 "--probe --json" '"type": "export"' '"chosen": "delegate"'
try "$helper" --probe "$work/host"
gives 0 "--probe of a mount that is there" "shiftfs  works  chosen" \
	"delegate no     source: it makes a mount of its own: give HOST:/EXPORT"
is "$(wc -l </proc/self/mountinfo)" "$before" "--probe leaves no mount"
try "$helper" -v -o "backend=auto,$map,$net" "$source" two
gives 0 "backend=auto takes an export" "delegate: works"
is "$(owner two/file)" 100184:100998 "and shifts it"
umount two

# The server trusts no root: the pod's is nobody there.
umount pod host
export_it root_squash
chmod 755 back
try "$helper" -o "backend=delegate,$map" "$source" squash
gives 0 "with root_squash, from the host's network" "other mounts from this server"
holder=$pod
try inside 0 touch squash/root
gives 1 "the pod's root may not write in root's directory" "Permission denied"
try inside 0 touch squash/shared/root
gives 0 "but where everybody may"
is "$(owner back/shared/root)" 65534:65534 "and is stored as nobody"
umount squash
chmod 700 back
export_it no_root_squash
try "$helper" -o "backend=delegate,$map" "$source" pod
gives 0 "a directory that only root may enter"
is "$(inside 0 stat -c %u:%g pod/file)" 184:998 "the pod's root can"
try as 1000 stat pod/file
gives 1 "another user cannot" "Permission denied"
umount pod
is "$(grep -c "$work" /proc/self/mountinfo)" 0 "nothing is left mounted"
finish_plan
