# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # out, status and the rest: ../lib/tap.sh
# What mount.shiftfs says about maps, and how other tools write them. Sourced by
# being put in front of mount_helper_test.sh; words_tests needs $helper and $map.

# explained WANT OPTIONS NAME: the map that --explain prints
explained() {
	try "$helper" --explain -o "$2"
	is "$status $(sed -n 's/^Map: //p' <<<"$out")" "0 idmap=$1" "$3"
}

# In a user namespace of ids 100000 (10), 200000 (5) and onwards, as PID $holder.
grammar_tests() {
	local ns want text name
	hold_userns $'0 100000 10\n10 200000 90' "0 100000 100"
	ns=userns=/proc/$holder/ns/user

	while IFS='|' read -r text want name; do
		explained "$want" "$text" "$name: $text"
	done <<-TABLE
		idmap=uids=0-100000-10;gids=0-100000-10|b:0:100000:10|crun, as an idmap
		idmap=uids=0-1000-10#100-2000-5|u:0:1000:10;u:100:2000:5|crun, two ranges
		idmap=gids=7-8-1;uids=1-2-3|u:1:2:3;g:7:8:1|crun, groups first
		idmap=uids=@0-0-100;gids=@5-0-10,$ns|u:0:100000:10;u:10:200000:90;g:5:100000:10|crun, relative, over two ranges
		$ns,idmap=uids=@3-9-2;gids=@0-0-1|u:3:100009:1;u:4:200000:1;g:0:100000:1|crun, relative, the namespace first
		idmap=uids=@0-0-1#5-6-1;gids=5-6-1,$ns|u:5:6:1;u:0:100000:1;g:5:6:1|crun, one relative and one not
		idmap=pve:u:5:33:1;g:5:33:2,$ns|u:33:100005:1;u:100000:100000:5;u:100006:100006:4;u:200000:200000:90;g:33:100005:2;g:100000:100000:5;g:100007:100007:93|Proxmox, and the ids that it does not name
		idmap=pve:u:0:0:100;g:0:0:100,$ns|u:0:100000:10;u:10:200000:90;g:0:100000:100|Proxmox, all
		idmap=passthrough,$ns|u:0:100000:10;u:10:200000:90;g:0:100000:100|Proxmox, passthrough
		$ns|u:0:100000:10;u:10:200000:90;g:0:100000:100|a namespace
		uidmap=0:1:2,gidmap=3:4:5|u:0:1:2;g:3:4:5|uidmap and gidmap
	TABLE
	while IFS='|' read -r text want name; do
		try "$helper" --explain -o "$text"
		gives 1 "$name: $text" "option idmap" "$want"
	done <<-TABLE
		idmap=uids=|not of the form uids=|crun, nothing
		idmap=uids=0-1|not of the form uids=|crun, two numbers
		idmap=uids=0-1-2-3|not of the form uids=|crun, four
		idmap=uids=0-1-2#|not of the form uids=|crun, a # at the end
		idmap=uids=0-1--2|not of the form uids=|crun, a sign
		idmap=uids=0-1-2;u:0:1:2|not of the form uids=|crun, mixed
		idmap=uids=4294967296-1-2|not of the form uids=|crun, a large number
		idmap=uids=0-1-0|empty|crun, an empty range
		idmap=uids=@0-0-10|add userns=|crun, relative to nothing
		idmap=uids=@0-95-10,$ns|user id 100 of the container is not in the map|crun, beyond the namespace
		idmap=pve:u:0:0:1|add userns=|Proxmox, of no container
		idmap=pve:b:0:0:1,$ns|pve:TYPE:CONTAINER:DISK:COUNT|Proxmox has no b
		idmap=pve:,$ns|pve:TYPE:CONTAINER:DISK:COUNT|Proxmox, nothing
		idmap=pve:u:0:0:101,$ns|user id 100 of the container is not in the map|Proxmox, beyond the namespace
		idmap=passthrough|add userns=|passthrough of no container
		idmap=passthrough,idmap=b:0:1:2,$ns|give no other|passthrough and a map
	TABLE
	try "$helper" --explain -o "idmap=u:0:33:1,$ns"
	gives 1 "Proxmox's text without pve: is not guessed at" "one of the two" "pve:"
	# What is said is what is mounted.
	try "$helper" -o "backend=idmap,idmap=uids=@0-0-100;gids=@5-0-10,$ns" "$1/tree" "$1/seen"
	gives 0 "a map of crun's, mounted"
	is "$(owner "$1/seen/f")" 200002:100002 "above: by the namespace's second range"
	is "$(owner "$1/tree/f")" 12:7 "below: as it was"
	umount "$1/seen"
	kill "$holder"
	holder=
}

explain_tests() {
	try "$helper" --explain -o "idmap=u:0:100000:10;u:10:5:1;g:0:100000:10" "$1/tree/f"
	gives 0 "--explain with a path" "user ids 0 to 9 are stored, 100000 to 100009 are seen" \
		"user id 10 is stored, 5 is seen" \
		'X-mount.idmap="u:0:100000:10 u:10:5:1 g:0:100000:10"' \
		"idmap=uids=0-100000-10#10-5-1;gids=0-100000-10" \
		"idmap=u:100000:0:10;u:5:10:1;g:100000:0:10" \
		"user id 12 is in no extent" "group id 7 is seen as 100007"
	try "$helper" --explain
	gives 1 "--explain of nothing" "no map given"
	try "$helper" --explain -o "$map" "$1/tree" "$1/seen"
	gives 1 "--explain of two" "one PATH"
	try "$helper" --explain --probe -o "$map" "$1/tree"
	gives 1 "--explain and --probe" "not both"
	! is_mounted "$1/seen"
	ok $? "and nothing is mounted"
}

# swap_row DIR OPTIONS TEXT NAME: mount, and see what is said; no TEXT: nothing
swap_row() {
	local dir=$1 words=$2 said=$3 name=$4
	try "$helper" -o "backend=idmap,$words" "$dir/tree" "$dir/seen"
	if [ -n "$said" ]; then
		gives 0 "$name" "$said"
	else
		gives 0 "$name"
		[[ $out != *warning* ]]
		ok $? "says nothing" || show
	fi
	umount "$dir/seen"
}

swapped_tests() {
	local dir=$1
	swap_row "$dir" idmap=b:100000:0:65536 "if they were swapped, give idmap=b:0:100000:65536" "swapped numbers"
	is "$(owner "$dir/tree/f")" 12:7 "below: as it was"
	swap_row "$dir" "uidmap=100000:0:10,gidmap=200000:0:10" "give idmap=u:0:100000:10;g:0:200000:10" "swapped, by type"
	swap_row "$dir" idmap=b:500000:600000:10 "is in the map: everything will be seen as nobody's" "ids that nothing has"
	swap_row "$dir" idmap=b:0:100000:65536 "" "the right way round"
	swap_row "$dir" idmap=b:12:100000:1 "" "one file inside is in the map"
}

# What a remount says of another map, and what it leaves.
remount_tests() {
	local dir=$1 words want name
	"$helper" -o "backend=idmap,$map" "$dir/tree" "$dir/seen"
	while IFS='|' read -r words want name; do
		try "$helper" -o "$words" "$dir/tree" "$dir/seen"
		gives "${want%% *}" "$name" "${want#* }"
	done <<-TABLE
		remount,backend=idmap,idmap=b:0:7:5|32 cannot be changed|another map
		remount,bind,backend=idmap,uidmap=0:7:5,gidmap=0:7:5|32 cannot be changed|another, by type, with bind
		remount,bind,ro,backend=auto,idmap=b:0:7:5|32 cannot be changed|another, auto
	TABLE
	is "$(owner "$dir/seen/f")" 100012:100007 "above: the map as it was"
	has_option "$(vfs_options "$dir/seen")" rw
	ok $? "and nothing else of the refused remounts was done"
	try "$helper" -o "remount,ro,backend=idmap,$map" "$dir/tree" "$dir/seen"
	gives 0 "the same map"
	has_option "$(vfs_options "$dir/seen")" ro
	ok $? "the rest is done"
	umount "$dir/seen"
}

# value_row OPTION ALLOWED: tmpfs stands for the kernel that refuses
value_row() {
	try "$testfs" -o "$1" "$work/lower" view
	gives 32 "$1 lists what is allowed" "$2"
}

values_tests() {
	local row want
	[ -n "$testfs" ] || return
	while IFS='|' read -r row want; do
		value_row "$row" "$want"
	done <<-TABLE
		creds=root|creds=mounter or creds=caller
		chown=no|chown=fail or chown=ignore
		passthrough=9|0, 1, 2 or 3
		squash_uid=root|squash_uid=STORED or squash_uid=STORED:SEEN
		squash_gid=|squash_gid=STORED or squash_gid=STORED:SEEN
		mark=yes|mark, without a value
		allow=alice|allow=UID or allow=UID-LAST
	TABLE
	for row in backend=other backend= backend; do
		try "$helper" -o "$row,$map" lower view
		gives 1 "$row lists what is allowed" "shiftfs, idmap, delegate or auto"
	done
}

# The options of the manual page, and values where there are few, are in --help.
help_tests() {
	local option
	try "$helper" --help
	for option in -f -n -o -s -v -r -w -t -N --probe --json --explain --help --version \
		idmap= uidmap= gidmap= userns= X-mount.idmap= squash_uid= squash_gid= creds= chown= \
		mark allow= passthrough= recursive backend= netns= remount "idmap=uids=" "idmap=pve:" \
		"idmap=passthrough" "mounter|caller" "fail|ignore" "shiftfs|idmap|delegate|auto"; do
		[[ $out == *"$option"* ]]
		ok $? "--help has $option"
	done
}

# A user whom fstab lets mount, with a helper that is not setuid.
user_tests() {
	local dir=$1
	echo "$dir/tree $dir/seen shiftfs backend=idmap,$map,user,noauto 0 0" >"$dir/fstab"
	chmod 644 "$dir/fstab"
	cp "$helper" "$dir/mount.shiftfs"
	chmod 755 "$dir/mount.shiftfs"
	try as 1000 env ASAN_OPTIONS=detect_leaks=0 LIBMOUNT_FSTAB="$dir/fstab" \
		"$dir/mount.shiftfs" -o "backend=idmap,$map,user" "$dir/tree" "$dir/seen"
	[ "$status" != 0 ]
	ok $? "user in fstab alone does not let a user mount"
	[[ $out == *"/etc/shiftfs/delegate.json"*"chmod u+s"*"MOUNTS BY USERS"* ]]
	ok $? "and he is told what would" || show
	! is_mounted "$dir/seen"
	ok $? "nothing is mounted"
}

words_tests() {
	local dir option
	dir=$(mktemp -d /var/tmp/mount-helper.XXXXXX)
	chmod 755 "$dir"
	mkdir "$dir/tree" "$dir/seen"
	echo content >"$dir/tree/f"
	chown 12:7 "$dir/tree/f"
	grammar_tests "$dir"
	explain_tests "$dir"
	swapped_tests "$dir"
	remount_tests "$dir"
	values_tests
	help_tests
	user_tests "$dir"
	for option in backend=idmap backend=auto; do
		try "$helper" -o "$option" "$dir/tree" "$dir/seen"
		gives 32 "$option without a map" "no map given" "X-mount.idmap" "write idmap="
	done
	rm -rf "$dir"
}
