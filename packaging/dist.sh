#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# dist.sh [FOLDER]: makes FOLDER/mseald-VERSION.tar.gz (default: build), the sources of a release:
# the committed files, or all of an unpacked release. The same sources give the same bytes
# everywhere: names are sorted, times are that of the last commit (SOURCE_DATE_EPOCH overrides it),
# and user and umask have no effect.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
export LC_ALL=C TZ=UTC0

out=$(realpath -m "${1:-build}")
version=$(cat VERSION)
name=mseald-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/$name"
if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$PWD" ]; then
	[ -z "$(git status --porcelain --untracked-files=no)" ] ||
		echo 'dist.sh: what is not committed is left out' >&2
	git archive HEAD | tar -x -C "$work/$name"
	time=$(git log -1 --format=%ct)
else
	tar -c --exclude=./build . | tar -x -C "$work/$name"
	time=$(stat -c %Y VERSION)
fi
tar -c --sort=name --format=ustar --mtime="@${SOURCE_DATE_EPOCH:-$time}" --owner=0 --group=0 --numeric-owner \
	--mode=u+rwX,go=rX -C "$work" "$name" | gzip -n9 >"$out/$name.tar.gz.new"
mv "$out/$name.tar.gz.new" "$out/$name.tar.gz"
echo "$out/$name.tar.gz"
