# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The scripts of the VM harness source this. They share where the cache is, how to fail, and how to
# wait for one another. A failure message has three parts: what failed, why, what to do.

# shellcheck disable=SC2034 # used by the scripts that source this
VM=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
export MSEALD_CACHE=${MSEALD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mseald}
mkdir -p "$MSEALD_CACHE"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Ends the script with status 1, or with $STATUS where the caller has set one.
die() {
	say "$@"
	exit "${STATUS:-1}"
}

# have COMMAND: dies when COMMAND is not installed.
have() {
	command -v "$1" >/dev/null || die "$1 is not installed; run: make deps"
}

# lock FILE: waits for all other holders of FILE. The lock is held until the script and all its
# children end.
lock() {
	mkdir -p "$(dirname "$1")"
	exec 9>"$1"
	flock -w 3 9 && return
	say "waiting for another one that works on $1"
	flock 9
}

# sealed FILE: whether FILE is there and still has the sha256 it had when stamp FILE was called.
sealed() {
	[ -s "$1" ] && [ -s "$1.sha256" ] && [ "$(sha256sum <"$1")" = "$(cat "$1.sha256")" ]
}

# stamp FILE: notes the sha256 of FILE beside it, for sealed.
stamp() { sha256sum <"$1" >"$1.sha256"; }

# arch_of KERNEL: prints the Debian architecture of a kernel of kernels.list, by its name.
arch_of() { case $1 in arm64-*) echo arm64 ;; *) echo amd64 ;; esac; }
