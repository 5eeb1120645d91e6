#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# copies_test: runner cp, and volumes that runner keeps and fills.  Tables: a line is
# a copy or an image's volume, and what is there afterwards, in the pod and on the host.
#
# copies_test [TEST]... or [-t TEST]
#
# shellcheck disable=SC2005,SC2012,SC2016,SC2034,SC2046,SC2086,SC2116,SC2317 # as in its relatives
# shellcheck source=../lib/runner.sh
. "$(dirname "$0")/../lib/runner.sh" #@RUNNER@
own_ranges 100

host=$work/host

# A file, a directory, and links of all kinds, in $host.
make_host() {
	rm -rf "$host"
	mkdir -p "$host/dir/sub" "$host/empty"
	echo file >"$host/file"
	echo inner >"$host/dir/sub/inner"
	ln "$host/dir/sub/inner" "$host/dir/hard"
	ln -s sub/inner "$host/dir/link"
	ln -s dir "$host/to-dir"
	ln -s file "$host/to-file"
	echo colon >"$host/a:b"
	printf byte >"$host/$(printf 'caf\351')"
	chown -R 7:8 "$host/dir"
	chmod 4750 "$host/dir/sub/inner"
	touch -d 2001-02-03T04:05:06Z "$host/file"
}

# listing ROOT: names, types, targets and contents, on one line
listing() {
	(cd "$1" 2>/dev/null && find . -mindepth 1 -printf '%P%y ' | tr ' ' '\n' | sort | xargs)
}

# FROM|TO|STATUS|PART OF THE MESSAGE|FILE THAT IS THERE|ITS TEXT.  H: is the host's
# folder, P: the pod's /w; what is there is looked for where TO is.
forms='
H:/file|P:/new|0||P:/new|file
H:/file|P:/|0||P:/file|file
H:/file|P:/dir|0||P:/dir/file|file
H:/file|P:/dir/|0||P:/dir/file|file
H:/file|P:/old|0||P:/old|file
H:/file|P:/none/|125|there is no such directory|P:/none|-
H:/file|P:/none/new|125|No such file|P:/none|-
H:/dir|P:/new|0||P:/new/sub/inner|inner
H:/dir|P:/new/|0||P:/new/sub/inner|inner
H:/dir/|P:/dir|0||P:/dir/dir/sub/inner|inner
H:/dir/.|P:/dir|0||P:/dir/sub/inner|inner
H:/dir/.|P:/new|0||P:/new/sub/inner|inner
H:/dir|P:/old|125|a directory cannot take its place|P:/old|old
H:/to-file|P:/new|0||P:/new|file
H:/to-dir|P:/dir|0||P:/dir/to-dir/sub/inner|inner
H:/dir/link|P:/new|0||P:/new|inner
H:/dir|P:/link|0||P:/real/dir/sub/inner|inner
H:/file|P:/link/new|0||P:/real/new|file
H:/file|P:/absolute/new|0||P:/real/new|file
H:/file|P:/dangling|0||P:/real/made|file
H:/file|P:/loop|125|Too many levels|P:/old|old
H:/file|P:/up/new|0||/new|file
H:/a:b|P:/new|0||P:/new|colon
H:/empty|P:/dir|0||P:/dir/empty|directory
H:/nothing|P:/new|125|No such file|P:/new|-
H:/file/|P:/new|125|Not a directory|P:/new|-
P:/old|H:/new|0||H:/new|old
P:/old|H:/|0||H:/old|old
P:/old|H:/dir|0||H:/dir/old|old
P:/old|H:/file|0||H:/file|old
P:/old|H:/none/|125|there is no such directory|H:/none|-
P:/tree|H:/dir|0||H:/dir/tree/sub/inner|tree
P:/tree/.|H:/new|0||H:/new/sub/inner|tree
P:/tree/|H:/new|0||H:/new/sub/inner|tree
P:/tree|H:/file|125|a directory cannot take its place|H:/file|file
P:/old|H:/to-file|0||H:/file|old
P:/link|H:/empty|0||H:/empty/link/in-real|real
P:/absolute/in-real|H:/new|0||H:/new|real
P:/outside|H:/new|0||H:/new|passwd of the pod
P:/proc-link|H:/new|125|proc-link|H:/new|-
P:/pipe|H:/new|125|neither a file nor a directory|H:/new|-
P:/none|H:/new|125|No such file|H:/new|-
P:/old|P:/tree|0||P:/tree/old|old
'

pod_files='rm -rf /w /new; mkdir -p /w/dir /w/real /w/tree/sub; cd /w
echo old >old; echo real >real/in-real; echo tree >tree/sub/inner
ln -s real link; ln -s /w/real absolute; ln -s real/made dangling; ln -s loop loop
ln -s ../../../../.. up; ln -s ../../../../../../etc/passwd-of-pod outside
ln -s /proc/1/root/etc proc-link; mkfifo pipe; echo passwd of the pod >/etc/passwd-of-pod'

# text FILE: of one on the host
text() {
	[ ! -d "$1" ] || { echo directory; return; }
	cat "$1" 2>/dev/null || echo -
}

check_forms() {
	local from to want message place content got
	while IFS='|' read -r from to want message place content; do
		[ -n "$from" ] || continue
		make_host
		runner exec c sh -c "$pod_files"
		same "files of the pod" 0 "$status$errors"
		runner cp "$(place "$from")" "$(place "$to")"
		same "cp $from $to: status" "$want" "$status$([ "$status" = "$want" ] || echo " $errors")"
		[ -z "$message" ] || has "cp $from $to" "$errors" "$message"
		[ "$(wc -l <<<"$errors")" -le 2 ] || problem "cp $from $to: $errors"
		case $place in
		H:*) got=$(text "$host${place#H:}") ;;
		P:*) got=$(in_pod "/w${place#P:}") ;;
		*) got=$(in_pod "$place") ;;
		esac
		same "cp $from $to: $place" "$content" "$got"
		same "cp $from $to: the host's own" "" "$(ls -d /new /etc/passwd-of-pod 2>/dev/null)"
	done <<<"$forms"
}

place() {
	case $1 in
	H:*) echo "$host${1#H:}" ;;
	P:*) echo "c:/w${1#P:}" ;;
	*) echo "$1" ;;
	esac
}

in_pod() {
	"$RUNNER" exec c sh -c 'test ! -d "$0" || { echo directory; exit; }; cat "$0" 2>/dev/null || echo -' "$1"
}

test_forms() {
	up c -- sleep 600
	check_forms
	runner rm -f c
	check_clean "at the end"
	finish "forms of FROM and TO"
}

# Of a pod that has ended, and of one that is not started.
test_stopped() {
	local upper=/var/lib/runner/pods/c/layer/upper
	make_host
	mkdir "$volume/inner" "$volume/below"
	echo stored >"$volume/inner/file"
	chown -R 5:6 "$volume/inner"
	up c -v "$volume:/data:idmap" -v "$volume/below:/data/inner/below:idmap" --tmpfs /scratch -- sh -c 'echo pod >/in-pod; chown 184:998 /in-pod; ln -s /data /to-data; exit 3'
	runner wait c
	runner cp "$host/file" c:/new
	same "into it" "0" "$status$out$errors"
	same "below" "file 0:0 644" "$(cat $upper/new) $(stat -c '%u:%g %a' $upper/new)"
	runner cp c:/in-pod "$host/new"
	same "out of it" "0pod" "$status$errors$(cat "$host/new")"
	runner cp c:/data/inner/file "$host/new"
	same "out of its volume" "0stored" "$status$errors$(cat "$host/new")"
	runner cp "$host/file" c:/to-data/inner
	same "into its volume, by a link" "0" "$status$errors"
	same "in the volume" "file 0:0" "$(cat "$volume/inner/file") $(stat -c '%u:%g' "$volume/inner/file")"
	same "nothing below it" '' "$(ls -A $upper/data)"
	runner cp "$host/file" c:/data/inner/below
	same "into a volume in the volume" "0 file" "$status$errors $(cat "$volume/below/file")"
	runner cp "$host/file" c:/scratch
	same "into a tmpfs" 125 "$status"
	has "into a tmpfs" "$errors" "Read-only file system"
	runner cp "$host/file" c:/dev/null
	same "into /dev" 125 "$status"
	runner cp "$host/file" c:/proc
	same "into /proc" 125 "$status"
	same "it has ended as before" "exited 3" "$(field status c) $(field exitStatus c)"
	runner start -a c
	runner exec c cat /new
	runner wait c
	same "an archive of it" "new 0/0" "$("$RUNNER" cp c:/new - | tar -tvf - 2>/dev/null | awk '{ print $6, $2 }')"
	runner rm c
	runner create --name c "$image" sleep 600
	runner cp "$host/file" c:/new
	same "into one that waits" "0" "$status$errors"
	runner start c
	same "it has it" file "$(in_pod /new)"
	runner rm -f c
	rm -rf "${volume:?}"/*
	check_clean "at the end"
	finish "pods that have ended or wait"
}

# What the owners are, above and below.
test_ids() {
	local upper=/var/lib/runner/pods/c/layer/upper base tar=$work/tar
	make_host
	up c -u user -- sleep 600
	base=$(field hostBase c)
	runner cp "$host/dir" c:/srv
	same "into it" "0" "$status$errors"
	runner exec c stat -c '%u:%g %a %n' /srv/dir /srv/dir/sub/inner
	same "the pod's user" "1000:1001 755 /srv/dir 1000:1001 4750 /srv/dir/sub/inner" "$(echo $out)"
	same "below" "1000:1001 4750 1000:1001" "$(stat -c '%u:%g %a' $upper/srv/dir/sub/inner) $(stat -c %u:%g $upper/srv/dir)"
	same "from outside" "$((base + 1000))" "$(stat -c %u "/proc/$(field pid c)/root/srv/dir/sub/inner")"
	same "a hard link" "$(stat -c %i $upper/srv/dir/hard)" "$(stat -c %i $upper/srv/dir/sub/inner)"
	same "a link" sub/inner "$(readlink $upper/srv/dir/link)"
	runner cp -a=false "$host/dir" c:/srv/kept
	runner exec c stat -c '%u:%g %a' /srv/kept/sub/inner
	same "--archive=false" "7:8 4750" "$out$errors"
	same "below" "7:8" "$(stat -c %u:%g $upper/srv/kept/sub/inner)"
	runner cp "$host/file" c:/srv
	same "its time" 981173106 "$(stat -c %Y $upper/srv/file)"
	chown 70000 "$host/file"
	runner cp -a=false "$host/file" c:/srv/other
	same "an owner that the pod has not" 125 $status
	has "an owner that the pod has not" "$errors" "other"
	runner exec -u 0 c sh -c 'chown 184:998 /srv/dir/sub; chmod 4755 /srv/dir/sub/inner; chmod 1777 /srv/dir'
	runner cp c:/srv/dir "$host/got"
	same "out of it" "0" "$status$errors"
	same "the caller's, and no set-ids" "0:0 755 0:0 1777" "$(stat -c '%u:%g %a' "$host/got/sub/inner" "$host/got" | xargs)"
	runner cp --archive=false c:/srv/dir "$host/numbers"
	same "--archive=false" "1000:1001 755 184:998" "$(stat -c '%u:%g %a' "$host/numbers/sub/inner") $(stat -c '%u:%g' "$host/numbers/sub")"
	timeout 20 "$RUNNER" cp c:/srv/dir - >"$tar" 2>"$work/err"
	same "an archive" "0 184/998 -rwsr-xr-x 1000/1001" "$?$(cat "$work/err") $(tar -tvf "$tar" 2>/dev/null | awk '$6 == "dir/sub/" { print $2 }') $(tar -tvf "$tar" 2>/dev/null | awk '$6 == "dir/sub/inner" || $6 == "dir/hard" && !/link to/ { print $1, $2 }' | head -n 1)"
	"$RUNNER" cp -a=false - c:/home <"$tar"
	same "and in again" "184:998 4755" "$(stat -c %u:%g $upper/home/dir/sub) $(stat -c %a $upper/home/dir/sub/inner)"
	runner rm -f c
	check_clean "at the end"
	finish "owners and modes, above and below"
}

# Names are bytes, and attributes go along.
test_names() {
	local name upper=/var/lib/runner/pods/c/layer/upper long
	make_host
	name=$(printf 'caf\351')
	long=$(printf 'n%.0s' $(seq 200))
	mkdir -p "$host/dir/$long/$long"
	echo deep >"$host/dir/$long/$long/x"
	ln -s "$name" "$host/dir/link-$name"
	setfattr -n user.note -v kept "$host/file" 2>/dev/null
	truncate -s 50M "$host/sparse"
	echo end >>"$host/sparse"
	up c -- sleep 600
	runner cp "$host/." c:/srv
	same "all" "0" "$status$errors"
	same "a name that is no UTF-8" byte "$(cat "$upper/srv/$name")"
	same "a link to one" "$name" "$(readlink "$upper/srv/dir/link-$name")"
	same "long names" deep "$(cat "$upper/srv/dir/$long/$long/x")"
	same "holes" "$(sha256sum <"$host/sparse")" "$(sha256sum <"$upper/srv/sparse")"
	if command -v getfattr >/dev/null; then
		same "an attribute" kept "$(getfattr --only-values -n user.note "$upper/srv/file" 2>/dev/null)"
	fi
	runner cp c:/srv/. "$host/back"
	same "back" "0" "$status$errors"
	same "no difference" '' "$(diff -r --no-dereference "$host/dir" "$host/back/dir" 2>&1; cmp "$host/sparse" "$host/back/sparse" 2>&1)"
	same "the name" byte "$(cat "$host/back/$name")"
	runner rm -f c
	check_clean "at the end"
	finish "names, attributes, holes"
}

# All of a pod: what the kernel shows is not of it.
test_whole() {
	up c -v "$volume:/data:idmap" -- sleep 600
	echo in-volume >"$volume/file"
	runner cp c:/ "$host-whole"
	same "all of it" "0" "$status$errors"
	same "its volume" in-volume "$(cat "$host-whole/data/file")"
	same "no /proc, /sys, devices" '' "$(find "$host-whole"/{proc,sys} -mindepth 1 2>/dev/null | head -n 3; find "$host-whole/dev" -type c -o -type b 2>/dev/null | head -n 3)"
	rm -rf "$host-whole" "${volume:?}"/*
	runner cp "$host/file" c:/proc/sys/kernel/core_pattern
	same "into /proc" 125 $status
	has "into /proc" "$errors" "is the kernel's"
	runner exec c ln -s /proc/sys/kernel /tmp/way
	runner cp "$host/file" c:/tmp/way/core_pattern
	same "into /proc, by a link" 125 $status
	runner rm -f c
	check_clean "at the end"
	finish "all of a pod"
}

# A pod that has links where the copy goes, and one that changes them meanwhile.
test_hostile() {
	local i
	make_host
	rm -rf "$work/secret"
	mkdir "$work/secret"
	echo secret >"$work/secret/file"
	# names of the host that the pod knows, and that it can have as well
	up c -- sh -c "mkdir -p /race/a/sub $work; echo mine >/race/a/sub/file; ln -s $work/secret /race/away; ln -s / /race/top
		echo ready; while :; do mv /race/a /race/b && ln -s $work/secret /race/a && rm /race/a && mv /race/b /race/a; done"
	for i in $(seq 30); do
		rm -rf "$host/out"
		timeout 20 "$RUNNER" cp c:/race/. "$host/out" >/dev/null 2>&1
		! grep -rqs secret "$host/out" || problem "the host's own came out"
		timeout 20 "$RUNNER" cp c:/race/a/sub "$host/out2" >/dev/null 2>&1
		timeout 20 "$RUNNER" cp "$host/dir" c:/race/a >/dev/null 2>&1
	done
	same "the host's own" "file" "$(ls -A "$work/secret")"
	same "its text" "secret" "$(cat "$work/secret/file")"
	runner cp c:/race/away/file "$host/got"
	same "a link to the host" 125 $status
	runner rm -f c
	# An archive with names that lead out, into a pod and out of one.
	up c -- sleep 600
	(cd "$work" && tar -cPf "$work/evil.tar" --transform 's,host/file,../../../../evil,' host/file)
	runner_in "$work/evil.tar" cp - c:/tmp
	same "a name that leads out" 125 $status
	has "a name that leads out" "$errors" "leads out"
	mkdir -p "$work/evil/l"
	ln -s /tmp "$work/evil/link"
	(cd "$work/evil" && echo x >l/x && tar -cf "$work/evil.tar" link && tar -rf "$work/evil.tar" --transform 's,^l/,link/,' l/x)
	runner_in "$work/evil.tar" cp - c:/home
	same "through a link of the archive" 125 $status
	same "below" '' "$(ls /var/lib/runner/pods/c/layer/upper/tmp 2>/dev/null)"
	head -c 700 /dev/urandom >"$work/evil.tar"
	runner_in "$work/evil.tar" cp - c:/home
	same "no archive" 125 $status
	runner rm -f c
	check_clean "at the end"
	finish "hostile pods and archives"
}

# image_of LAYOUT JSON FILES...: an OCI layout of $image, and of what is made by the
# commands FILES in a layer above, whose config has JSON besides
image_of() {
	local layout=$1 json=$2 above=$work/above
	rm -rf "$above" "$layout"
	mkdir "$above"
	(cd "$above" && eval "$3")
	python3 - "$layout" "$json" "$image" "$above" <<-'EOF'
		import gzip, hashlib, json, os, subprocess, sys
		layout, more, *trees = sys.argv[1:]
		blobs = os.path.join(layout, "blobs/sha256")
		os.makedirs(blobs)
		def put(data, kind):
		    digest = hashlib.sha256(data).hexdigest()
		    with open(os.path.join(blobs, digest), "wb") as f:
		        f.write(data)
		    return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}
		V = "application/vnd.oci.image."
		layers, ids = [], []
		for tree in trees:
		    tar = subprocess.run(["tar", "--xattrs", "--acls", "--numeric-owner", "-C", tree, "-c", "."],
		                         stdout=subprocess.PIPE, check=True).stdout
		    ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
		    layers.append(put(tar, V + "layer.v1.tar"))
		machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
		config = put(json.dumps({"architecture": machine, "os": "linux", "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], **json.loads(more)},
		                         "rootfs": {"type": "layers", "diff_ids": ids}}).encode(), V + "config.v1+json")
		manifest = put(json.dumps({"schemaVersion": 2, "mediaType": V + "manifest.v1+json", "config": config,
		                           "layers": layers}).encode(), V + "manifest.v1+json")
		with open(layout + "/index.json", "w") as f:
		    json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
		with open(layout + "/oci-layout", "w") as f:
		    f.write('{"imageLayoutVersion": "1.0.0"}')
	EOF
}

volumes=/var/lib/runner/volumes

# PLACES OF THE IMAGE'S VOLUMES|OPTIONS|WHAT THE POD SEES IN /data|VOLUMES ON THE HOST
all='184:998 2750 file:184:998:4755 link sub/deep'
image_volumes='
/data||ALL own|1
/data|--image-volume ignore|ALL root|0
/data|--image-volume tmpfs|0:0 1777 * own|0
/data|--tmpfs /data|0:0 1777 * own|0
/data|-v HOST:/data:idmap|7:8 700 host own|0
/data/|-v NAMED:/data|ALL own|1
/to-data||ALL own|1
/to-data|-v HOST:/data:idmap|7:8 700 host own|1
/up/../data||ALL own|1
/none;/to-outside;/da\nta||ALL root|3
/proc;/proc/sys;/sys/x;/dev;/;;data||ALL root|0
/file-there||error|1
/to-proc/sys||error|1
'

look='cd /data && echo $(stat -c "%u:%g %a" . && for f in *; do
	test -L $f && echo $f && continue; test -d $f && echo $f/$(ls $f) && continue; test $f = file && stat -c "%n:%u:%g:%a" $f || echo "$f"; done
	test "$(stat -c %d .)" = "$(stat -c %d /)" && echo root || echo own)'

test_image_volumes() {
	local place options want n host_dir=$volume/host
	mkdir -m 700 "$host_dir"
	: >"$host_dir/host"
	chown -R 7:8 "$host_dir"
	while IFS='|' read -r place options want n; do
		[ -n "$want" ] || continue
		image_of "$work/layout" "{\"Volumes\": {\"${place//;/\": {\}, \"}\": {}}}" '
			mkdir -p data/sub up; echo file >data/file; echo deep >data/sub/deep; ln -s file data/link
			chown -R 184:998 data; chmod 2750 data; chmod 4755 data/file
			ln -s data to-data; ln -s /proc to-proc; ln -s ../../../../../../../../../data/sub to-outside; : >file-there'
		options=${options//HOST/$host_dir}
		runner run --name v ${options//NAMED/named} "$work/layout" sh -c "$look"
		if [ "$want" = error ]; then
			same "$place $options: status" 125 "$status"
			n=0
		else
			same "$place $options: status" 0 "$status$([ $status = 0 ] || echo " $errors")"
			same "$place $options: in the pod" "${want/ALL/$all}" "$out"
			[ $n != 0 ] || [ -n "$options" ] || same "$place: said to be left out" 7 "$(grep -c 'is left out' <<<"$errors")"
		fi
		same "$place $options: volumes" "$n" "$(find $volumes -mindepth 1 -maxdepth 1 -name '[!.]*' 2>/dev/null | wc -l)"
		runner rm -iv v
		same "$place $options: rm -v" "0" "$status$errors"
		runner volume rm -f named
		runner rmi -f "$("$RUNNER" image ls -q)"
	done <<<"$image_volumes"
	same "nothing left" '' "$(ls -A $volumes)"
	rm -rf "$host_dir"
	check_clean "at the end"
	finish "Volumes of an image"
}

# What becomes of them: kept, removed, used again, listed.
test_volumes() {
	local name other
	image_of "$work/layout" '{"Volumes": {"/data": {}}}' '
		mkdir data; echo image >data/file; chown -R 184:998 data; chmod 750 data
		setfattr -n user.note -v kept data/file; setcap cap_net_raw=ep data/file; setfacl -m u:1234:r data/file'
	runner run --rm "$work/layout" sh -c 'cat /data/file; echo x >/data/new'
	same "--rm" "0image" "$status$out$errors"
	same "it is gone" '' "$(ls -A $volumes)"
	runner run "$work/layout" sh -c 'cat /data/file'
	same "without a name" "0image" "$status$out$errors"
	same "it is gone as well" '' "$(ls -A $volumes)"
	runner run --rm --name v "$work/layout" nosuch
	same "a start that fails" 127 "$status"
	same "it leaves none" '' "$(ls -A $volumes)"
	runner run --dry-run --name v "$work/layout" true
	same "--dry-run makes none" "0" "$status$(ls -A $volumes)"
	runner run -d --name v "$work/layout" sleep 600
	name=$(ls $volumes)
	runner volume ls
	same "volume ls" "$name 1 v" "$(tail -n +2 <<<"$out" | xargs)"
	same "on the host: owners and modes of the image" "184:998 750 184:998" "$(stat -c '%u:%g %a' $volumes/$name/data) $(stat -c %u:%g $volumes/$name/data/file)"
	if command -v getfattr getcap getfacl >/dev/null; then
		same "attributes" "kept cap_net_raw=ep user:1234:r--" "$(getfattr --only-values -n user.note $volumes/$name/data/file) $(getcap $volumes/$name/data/file | sed 's/.* //') $(getfacl -cp $volumes/$name/data/file | grep 1234)"
	fi
	same "for root only" 700 "$(stat -c %a $volumes)"
	runner exec v sh -c 'echo changed >/data/file; : >/data/of-root'
	same "stored" "changed 0:0" "$(cat $volumes/$name/data/file) $(stat -c %u:%g $volumes/$name/data/of-root)"
	same "not in the pod's layer" '' "$(find /var/lib/runner/pods/v/layer/upper/data -mindepth 1 2>/dev/null)"
	runner volume rm $name
	same "volume rm of one that is used" 125 "$status"
	has "volume rm of one that is used" "$errors" "is a pod's"
	runner run --rm -v $name:/other --userns $((ids + 65536 * 3)) "$image" cat /other/file
	same "another pod, with another range" "0changed" "$status$out$errors"
	runner stop -t 0 v
	runner start v
	runner exec v cat /data/file
	same "after a stop and a start" changed "$out$errors"
	runner cp v:/data/file "$host-cp"
	same "cp" changed "$(cat "$host-cp")"
	runner stop -t 0 v
	runner cp v:/data/file "$host-cp2"
	same "cp of a stopped one" "0changed" "$status$errors$(cat "$host-cp2")"
	cp /run/runner/pods/v/config.json "$work/config"
	echo '{' >/run/runner/pods/v/config.json
	runner volume prune
	same "prune, when a pod cannot be read" "$name" "$(ls $volumes)"
	cp "$work/config" /run/runner/pods/v/config.json
	runner run -d --name second "$work/layout" sleep 600
	other=$(find $volumes -mindepth 1 -maxdepth 1 ! -name "$name" -printf %f)
	same "another pod has its own" "image" "$(cat $volumes/$other/data/file)"
	runner rm v
	same "rm leaves it" "0$name" "$status$(find $volumes -maxdepth 1 -name "$name" -printf %f)"
	runner volume prune
	same "prune" "0$name" "$status$out$errors"
	same "the one that is used stays" "$other" "$(ls $volumes)"
	runner run -d --name third -v "$other:/d" "$image" sleep 600
	runner rm -f -v second
	same "rm -v leaves what another pod has" "0$other" "$status$errors$(ls -A $volumes)"
	runner rm -f -v third
	runner volume prune
	same "nothing left" "0" "$status$errors$(ls -A $volumes)"
	runner run -d --name second "$work/layout" sleep 600
	runner rm -f -v second
	same "rm -v" "0" "$status$errors$(ls -A $volumes)"
	check_clean "at the end"
	finish "anonymous volumes: kept, removed, used again"
}

test_named() {
	image_of "$work/layout" '{}' 'mkdir data; echo image >data/file; chown 184:998 data'
	runner run --rm -v store:/data "$work/layout" sh -c 'cat /data/file; echo pod >/data/file'
	same "filled at the first use" "0image" "$status$out$errors"
	runner run --rm -v store:/data:ro "$work/layout" sh -c 'cat /data/file; echo x >/data/file'
	same "kept, and ro" "1pod" "$status$out"
	runner run --rm --mount type=volume,source=store,destination=/m "$work/layout" cat /m/file
	same "--mount type=volume" "0pod" "$status$out$errors"
	runner run --rm -v /data "$work/layout" cat /data/file
	same "-v without a name" "0image" "$status$out$errors"
	runner run --rm --mount type=volume,dst=/data "$work/layout" cat /data/file
	same "--mount without a name" "0image" "$status$out$errors"
	same "stored" "184:998 store" "$(stat -c %u:%g $volumes/store/data) $(ls $volumes)"
	runner volume create more
	same "create" "0more" "$status$out$errors"
	runner volume create more
	same "create again" 125 "$status"
	runner volume ls -q
	same "ls -q" "more store" "$(echo $out)"
	runner volume path store
	same "path" "$volumes/store/data" "$out"
	runner volume prune
	same "prune leaves those with names" "0" "$status$out$errors"
	runner run --userns=host --rm -v store:/data "$image" cat /data/file
	same "--userns=host" "0pod" "$status$out$errors"
	runner volume rm store more
	same "rm" "0" "$status$errors$(ls -A $volumes)"
	runner run --rm -v ../x:/data "$image" true
	same "a path is no name" 125 "$status"
	runner run --rm -v .x:/data "$image" true
	same "no name" 125 "$status"
	has "no name" "$errors" "neither a path nor the name of a volume"
	runner volume lss
	has "did you mean" "$errors" "did you mean ls?"
	check_clean "at the end"
	finish "named volumes"
}

# runner_in FILE ARGUMENT...: with stdin
runner_in() {
	local file=$1
	shift
	status=0
	timeout 60 "$RUNNER" "$@" >"$work/out" 2>"$work/err" <"$file" || status=$?
	out=$(cat "$work/out")
	errors=$(cat "$work/err")
}

test_refused() {
	local want args message
	make_host
	while IFS='|' read -r args message; do
		[ -n "$args" ] || continue
		runner cp $args
		same "cp $args: status" 125 "$status"
		has "cp $args" "$errors" "$message"
		[ "$(wc -l <<<"$errors")" -le 2 ] || problem "cp $args: $errors"
	done <<-EOF
		$host/file|it needs [POD:]FROM [POD:]TO
		$host/file /tmp/x|neither of both is in a pod
		$host/file nobody:/x|there is no pod nobody
		nobody:/x $host/file|there is no pod nobody
		--overwrite a b:c|remove what is there
		- -|neither of both
	EOF
	check_clean "at the end"
	finish "copies that are refused"
}

modprobe -q shiftfs 2>/dev/null
modprobe -q overlay 2>/dev/null
make_root "$image" chown echo mkfifo mv
mkdir -m 777 "$image/srv"
run_tests "forms stopped ids names whole hostile refused image_volumes volumes named" "$@"
