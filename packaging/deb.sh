#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# deb.sh [FOLDER [ARCH]]: builds mseald, libmseal0 and libmseal-dev, FOLDER/NAME_VERSION_ARCH.deb
# (default: build, for this machine), with debhelper, and prints their paths, mseald's last. It works
# in a copy of the tree with packaging/debian as debian/, so build/ itself is unchanged.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

die() {
	printf 'deb.sh: %s\n' "$*" >&2
	exit 1
}
out=$(realpath -m "${1:-build}")
arch=${2:-$(dpkg --print-architecture)}
version=$(cat VERSION)
command -v dh >/dev/null || die "debhelper is not installed; run: packaging/deps.sh build"
[ "$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)" = "$version" ] ||
	die "packaging/debian/changelog is not about $version, which VERSION says; add an entry"
# debhelper hides the home folder from the build, and with it the cache of packaging/sysroot.
export MSEALD_CACHE="${MSEALD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mseald}"
log=$out/log/deb.out
mkdir -p "$out/log"
# Not below build/, whose *.d belong to make.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/mseald-$version"
# The tracked files, as they are now; without git (a release), all files but the built ones.
if git rev-parse --git-dir >/dev/null 2>&1; then
	git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
		[ ! -e "$file" ] || printf '%s\0' "$file"
	done | tar -c --null -T - | tar -x -C "$work/mseald-$version"
else
	tar -c --exclude=./build . | tar -x -C "$work/mseald-$version"
fi
cp -r packaging/debian "$work/mseald-$version/debian"
(cd "$work/mseald-$version" && DEB_BUILD_OPTIONS="parallel=$(nproc) noautodbgsym" dpkg-buildpackage -b -us \
	-uc -d -a "$arch") >"$log" 2>&1 || {
	tail -n 30 "$log" >&2
	die "the package was not built, see $log"
}
mv "$work"/*.deb "$out/"
for package in libmseal0 libmseal-dev mseald; do
	echo "$out/${package}_${version}_$arch.deb"
done
