#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes the root filesystem of the systemd demo, a Debian 12 with systemd,
# PostgreSQL, nginx and 389-ds, as a tar archive, once, in the cache folder.
# Prints its path.
#
#   systemd-rootfs.sh [CACHE-FOLDER]
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${1:-${SHIFTFS_CACHE:-$top/build/cache}}
tar=$cache/demo-systemd-12.tar

mkdir -p "$cache"
exec 9>"$cache/lock.demo-systemd"
flock 9
if [ ! -s "$tar" ]; then
	if ! command -v mmdebstrap >/dev/null; then
		echo "systemd-rootfs.sh: mmdebstrap is missing: apt-get install mmdebstrap" >&2
		exit 1
	fi
	# The machine's own archive, whichever it is; only the suite is ours.
	# shellcheck disable=SC2016 # apt's own variable
	uri=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
		sed -n 1p)
	if [ -z "$uri" ]; then
		echo "systemd-rootfs.sh: no Debian archive in apt's sources; run apt-get update" >&2
		exit 1
	fi
	echo "systemd-rootfs.sh: making a Debian 12 with systemd (some minutes, once)" >&2
	mmdebstrap --variant=minbase --mode=root --format=tar \
		--aptopt='Acquire::Languages "none"' \
		--include=systemd-sysv,dbus,nginx-light,postgresql,389-ds-base \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		bookworm "$tar.partial" "$uri" >&2
	mv "$tar.partial" "$tar"
fi
echo "$tar"
