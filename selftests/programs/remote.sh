# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of run, which reads this
# The lowers of run that have a server, here on the loopback interface. $lower is
# the client's mount and $stored what the server stores.
#
# nfs          NFS 4.2 with no_root_squash, creds=mounter
# nfs-caller   the same with creds=caller
# nfs-squash   root_squash and creds=caller: the pod's root is nobody there
# nfs-nobody   root_squash and creds=mounter, with squash_uid=, squash_gid= and
#              chown=ignore: the mounter is nobody there and everything is his, as a
#              volume on /test of a pod on ext4
# smb          SMB 3.1.1 of Samba, as volumes on /test and /var/lib/postgresql of a
#              pod on ext4: a root filesystem needs owners and modes, which are not
#              stored there

# remote_programs TYPE: what runs there, if not everything. NFS has no POSIX ACLs,
# which systemd-tmpfiles sets. Where root is nobody, only users do real work.
remote_programs() {
	case $1 in
	nfs | nfs-caller) echo apt postgres sqlite git rsync tar build fsx overlayfs locks together ;;
	nfs-squash) echo postgres sqlite git build together ;;
	nfs-nobody) echo sqlite git build fsx locks together ;;
	# git merge --abort finds its files "not uptodate", natively as well
	smb) echo sqlite build fsx locks ;;
	esac
}

# The shares are on the spare disk, and mounted below the pod's root, which so is
# shifted with what is mounted there. All is root's in the one, and in the other the
# database's, which takes no directory of another mode.
smb_start() {
	local pg
	stored=$work/spare lower=$work/disk client=$work/disk/test options=recursive
	pg=$(stat -c %u "$lower/var/lib/postgresql")
	modprobe cifs && ip link set lo up || return 1
	mkfs.ext4 -q -F "$spare" && mount -t ext4 "$spare" "$stored" || return 1
	mkdir -p "$stored"/{test,var/lib} /run/samba /var/log/samba /var/lib/samba/private /var/cache/samba
	cp -a "$lower/var/lib/postgresql" "$stored/var/lib/"
	cat >/run/samba/programs.conf <<-CONF
		[global]
		server role = standalone server
		map to guest = bad user
		guest account = root
		smb ports = 445
		disable netbios = yes
		interfaces = lo
		bind interfaces only = yes
		guest ok = yes
		read only = no
		force user = root
		[test]
		path = $stored/test
		[postgresql]
		path = $stored/var/lib/postgresql
	CONF
	smbd -D -s /run/samba/programs.conf || return 1
	smb_mount test "$client" uid=0,gid=0,file_mode=0777,dir_mode=0777 &&
		smb_mount postgresql "$lower/var/lib/postgresql" \
			"uid=$pg,gid=$pg,file_mode=0600,dir_mode=0700"
}

# smb_mount SHARE DIR OPTIONS
smb_mount() {
	local _
	# without nobrl sqlite finds its database locked, natively as well
	for _ in {1..30}; do
		! mount -t cifs -o "guest,vers=3.1.1,mfsymlinks,mapposix,nobrl,$3" \
			"//127.0.0.1/$1" "$2" || return 0
		sleep 1
	done
	return 1
}

# nfs_mount DIR OPTIONS: the server's DIR is mounted at $client
nfs_mount() {
	# No delegations: when a client gives one back, what was written gets a new time,
	# natively too.
	echo 0 >/proc/sys/fs/leases-enable
	"$here/../nfs-server" start -t 4 &&
		exportfs -o "rw,async,fsid=79,no_subtree_check,$2" "127.0.0.1:$1" &&
		mount -t nfs -o vers=4.2,sec=sys "127.0.0.1:$1" "$client"
}

# All on the spare disk is nobody's there, and the pod's root's as the pod sees it.
nobody_start() {
	stored=$work/spare lower=$work/disk client=$work/disk/test
	options=" volume squash_uid=65534:FIRST,squash_gid=65534:FIRST,chown=ignore"
	mkfs.ext4 -q -F "$spare" && mount -t ext4 "$spare" "$stored" &&
		mkdir "$stored/test" && chown 65534:65534 "$stored/test" &&
		nfs_mount "$stored/test" root_squash
}

# remote_start TYPE: mounts $client and sets that, lower, stored and options.
remote_start() {
	local squash=no_root_squash
	if [ "$1" = smb ]; then
		smb_start
		return
	fi
	if [ "$1" = nfs-nobody ]; then
		nobody_start
		return
	fi
	stored=$work/disk lower=$work/remote client=$work/remote
	case $1 in
	nfs-caller) options=creds=caller ;;
	nfs-squash) options=creds=caller squash=root_squash ;;
	esac
	# root, who may be nobody on the server, makes what a user of the pod needs
	mkdir -p "$stored/test/home" && chmod 1777 "$stored/test" &&
		cp "$stored/root/.gitconfig" "$stored/test/home/" || return 1
	nfs_mount "$stored" "$squash"
}

remote_end() {
	local pid
	[ -n "$stored" ] || return 0
	if [ "$type" = smb ]; then
		umount "$work/disk/var/lib/postgresql"
		pid=$(cat /run/samba/smbd.pid) && kill "$pid"
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
		umount "$stored"
		stored=''
		return
	fi
	"$here/../nfs-server" stop
	[ "$stored" != "$work/spare" ] || umount "$stored"
	stored=''
}

# agree_stored DIR [-r]: what is seen through the mount, in $work/out/above, is what
# is stored but for times, sizes of directories and attributes, which a client may
# not know yet or at all
agree_stored() {
	local side smb='' nobody=''
	# names, numbers, sizes and contents are stored there; the mount's options say
	# the rest; a symlink is a file of 1067 bytes; the root is not on the server
	[ "$type" != smb ] || smb=1
	[ "$type" != nfs-nobody ] || nobody=1
	[ "$stored $1" != "$work/spare /" ] || return 0
	"$here/treelist" ${2:+"$2"} "$stored$1" >"$work/out/stored" || return 1
	for side in above stored; do
		awk -v smb="$smb" -v nobody="$nobody" '{
			hash = ""
			if (nobody && $5 == "65534:65534")
				$5 = "0:0"
			if (smb && ($3 ~ /^12/ || $6 == 1067))
				next
			if ($3 ~ /^4/)
				$6 = ""
			if (smb)
				$3 = $4 = $5 = ""
			# how mapposix stores a newline
			if (smb)
				gsub(/\\357\\200\\212/, "\\012", $1)
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
