# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of run, which reads this
# The lowers of run that have a server, here on the loopback interface. $lower is
# the client's mount and $stored what the server stores.
#
# nfs          NFS 4.2 with no_root_squash, creds=mounter
# nfs-caller   the same with creds=caller
# nfs-squash   root_squash and creds=caller: the pod's root is nobody there

# remote_programs TYPE: what runs there, if not everything. NFS has no POSIX ACLs,
# which systemd-tmpfiles sets. Where root is nobody, only users do real work.
remote_programs() {
	case $1 in
	nfs | nfs-caller) echo apt postgres sqlite git rsync tar build fsx overlayfs locks ;;
	nfs-squash) echo postgres sqlite git build ;;
	esac
}

# remote_start TYPE: mounts $work/remote and sets lower, stored and options.
remote_start() {
	local squash=no_root_squash
	stored=$work/disk lower=$work/remote
	case $1 in
	nfs-caller) options=creds=caller ;;
	nfs-squash) options=creds=caller squash=root_squash ;;
	esac
	# manage-gids, in Debian's nfs.conf, has the server look up groups itself
	mountpoint -q /etc/nfs.conf || mount --bind /dev/null /etc/nfs.conf
	modprobe nfsd && ip link set lo up || return 1
	mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
	mkdir -p /var/lib/nfs/v4recovery
	# root, who may be nobody on the server, makes what a user of the pod needs
	mkdir -p "$stored/test/home" && chmod 1777 "$stored/test" &&
		cp "$stored/root/.gitconfig" "$stored/test/home/" || return 1
	rpc.mountd -N 3 -V 4 && rpc.nfsd -N 3 -G 10 -L 10 4 &&
		exportfs -o "rw,async,fsid=79,no_subtree_check,$squash" "127.0.0.1:$stored" &&
		mount -t nfs -o vers=4.2,sec=sys "127.0.0.1:$stored" "$lower"
}

remote_end() {
	[ -n "$stored" ] || return 0
	exportfs -ua
	rpc.nfsd 0
	kill "$(pidof rpc.mountd)"
	stored=''
}

# agree_stored DIR [-r]: what is seen through the mount, in $work/out/above, is what
# is stored but for times and attributes, which a client may not know yet or at all
agree_stored() {
	local side
	"$here/treelist" ${2:+"$2"} "$stored$1" >"$work/out/stored" || return 1
	for side in above stored; do
		awk '{
			hash = ""
			for (i = 9; i <= NF; i++)
				if ($i ~ /^#[0-9a-f]*$/)
					hash = $i
			print $1, $2, $3, $4, $5, $6, hash
		}' "$work/out/$side" >"$work/out/$side.short"
	done
	diff "$work"/out/{above,stored}.short >"$work/out/diff" && return 0
	echo "$1: differs above (<) and on the server (>):"
	head -n 20 "$work/out/diff"
	return 1
}
