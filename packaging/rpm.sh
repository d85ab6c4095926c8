#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# rpm.sh [FOLDER]: builds mseald, libmseal and libmseal-devel,
# FOLDER/NAME-VERSION-RELEASE.x86_64.rpm (default: build), with packaging/rpm/mseald.spec, from the
# archive of dist.sh, which has the committed files. Prints their paths.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

die() {
	printf 'rpm.sh: %s\n' "$*" >&2
	exit 1
}
out=$(realpath -m "${1:-build}")
command -v rpmbuild >/dev/null || die "rpmbuild is not installed; run: make deps"
log=$out/log/rpm.out
mkdir -p "$out/log"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packaging/dist.sh "$work/SOURCES" >"$log"
# Debian's rpm does not know the installed packages.
nodeps=$([ ! -e /etc/debian_version ] || echo --nodeps)
rpmbuild -bb ${nodeps:+"$nodeps"} --define "_topdir $work" packaging/rpm/mseald.spec >>"$log" 2>&1 || {
	tail -n 30 "$log" >&2
	die "the package was not built, see $log"
}
for file in "$work"/RPMS/*/*.rpm; do
	mv "$file" "$out/"
	echo "$out/$(basename "$file")"
done
