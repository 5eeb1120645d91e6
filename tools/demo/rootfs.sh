#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes the root filesystem which the demo's pods share, a Debian 12 of the
# smallest kind, as a tar archive, once, in the cache folder.  Prints its path.
#
#   rootfs.sh [-p PACKAGE[,PACKAGE]...] [CACHE-FOLDER]
#
# With -p it is one that has these packages too, another archive.
set -eu

packages=''
if [ "${1:-}" = -p ]; then
	packages=$2
	shift 2
fi

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${1:-${SHIFTFS_CACHE:-$top/build/cache}}
tar=$cache/demo-debian-12${packages:+-$packages}.tar

mkdir -p "$cache"
exec 9>"$cache/lock.demo-debian"
flock 9
if [ ! -s "$tar" ]; then
	if ! command -v mmdebstrap >/dev/null; then
		echo "rootfs.sh: mmdebstrap is missing: apt-get install mmdebstrap" >&2
		exit 1
	fi
	# The machine's own archive, whichever it is; only the suite is ours.
	# shellcheck disable=SC2016 # apt's own variable
	uri=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
		sed -n 1p)
	if [ -z "$uri" ]; then
		echo "rootfs.sh: no Debian archive in apt's sources; run apt-get update" >&2
		exit 1
	fi
	echo "rootfs.sh: making a Debian 12 root filesystem ${packages:+ with $packages} (a minute or some, once)" >&2
	mmdebstrap --variant=minbase --mode=root --format=tar \
		${packages:+--include="$packages"} \
		--aptopt='Acquire::Languages "none"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		bookworm "$tar.partial" "$uri" >&2
	mv "$tar.partial" "$tar"
fi
echo "$tar"
