# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Which jobs of the rest have their turn, when there is no time for all (MSEALD_DEADLINE): to be sourced by tests/check. A file in
# the cache has a line "JOB EPOCH SECONDS" for each that has run without a failure: when it ended and how long it took.
# shellcheck disable=SC2154 # tests/check has $logs
ran=${MSEALD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mseald}/ran

# has_run JOB FAILED: keeps it in mind.
has_run() {
	local seconds
	[ "$2" = 0 ] || return 0
	seconds=$(awk -F'\t' -v job="$1" '$1 == job { s = $2 } END { printf "%.0f", s }' "$logs/times")
	mkdir -p "$(dirname "$ran")"
	(
		flock 9
		{ awk -v job="$1" '$1 != job' "$ran" 2>/dev/null; echo "$1 $(date +%s) $seconds"; } >"$ran.new" && mv "$ran.new" "$ran"
	) 9>"$ran.lock"
}

# The commit that this tree is to be compared with: that of the last merge.
merged() {
	local base
	base=${MSEALD_BASE:-$(git merge-base HEAD origin/main 2>/dev/null)}
	[ -n "$base" ] && [ "$(git rev-parse HEAD)" != "$(git rev-parse "$base")" ] || base=$(git rev-parse -q --verify HEAD~1) || return 0
	echo "$base"
}

# in_turn JOB...: the same, in the order of their turn.
in_turn() {
	local base job
	base=$(merged)
	for job; do
		# shellcheck disable=SC2046 # folders
		if [ -n "$base" ] && [ -n "$(sources_of "${job%%[:@]*}")" ] &&
			! git diff --quiet "$base" -- $(sources_of "${job%%[:@]*}") 2>/dev/null; then
			printf '0 '
		else
			printf '1 '
		fi
		awk -v job="$job" '$1 == job { when = $2 } END { print when + 0, job }' "$ran" 2>/dev/null || echo "0 $job"
	done | sort -s -k1,1n -k2,2n | cut -d' ' -f3
}

# fits JOB: whether there is time for it before the deadline, where there is one: a half more than it took the last time, or 10 minutes where it never has.
fits() {
	[ -n "${MSEALD_DEADLINE-}" ] || return 0
	local seconds
	seconds=$(awk -v job="$1" '$1 == job { s = $3 * 1.5 } END { printf "%d", s ? s : 600 }' "$ran" 2>/dev/null)
	[ $(($(date +%s) + ${seconds:-600} + 30)) -le "$MSEALD_DEADLINE" ]
}
