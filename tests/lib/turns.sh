# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Chooses jobs of the rest when there is no time for all (MSEALD_DEADLINE). Sourced by tests/check.
# A file in the cache has a line "JOB EPOCH SECONDS COMMIT" for each job that has run without a
# failure: when it ended, its duration, and the tested commit.
ran=${MSEALD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mseald}/ran

# has_run JOB SECONDS: records the run.
has_run() {
	local commit
	commit=$(git rev-parse -q --verify HEAD 2>/dev/null)
	mkdir -p "$(dirname "$ran")"
	(
		flock 9
		{ awk -v job="$1" '$1 != job' "$ran" 2>/dev/null; echo "$1 $(date +%s) $2 $commit"
		} >"$ran.new" &&
			mv "$ran.new" "$ran"
	) 9>"$ran.lock"
}

# The commit before the commits to be merged, or merged last.
merged() {
	local base head
	head=$(git rev-parse -q --verify HEAD) || return 0
	base=$(git merge-base HEAD origin/main 2>/dev/null)
	[ -n "$base" ] && [ "$base" != "$head" ] || base=$(git rev-parse -q --verify HEAD~1)
	echo "$base"
}

# in_turn JOB...: prints the jobs in the order of their turns.
in_turn() {
	local base job when commit sources changed
	base=$(merged)
	for job; do
		when=0 commit=$base changed=1
		read -r _ when _ commit < <(grep -s "^$job " "$ran" || echo "$job 0 0 $base")
		read -ra sources < <(sources_of "${job%%[:@]*}")
		if [ -z "$commit" ] || [ ${#sources[@]} = 0 ] ||
			git diff --quiet "$commit" -- "${sources[@]}" 2>/dev/null; then
			changed=0
		fi
		echo "$((1 - changed)) $when $job"
	done | sort -s -k1,1n -k2,2n | cut -d' ' -f3
}

# fits JOB: is there time for it before the deadline, if any? It is given half more than the last
# run took, or 10 minutes if it has never run.
fits() {
	[ -n "${MSEALD_DEADLINE-}" ] || return 0
	local seconds
	seconds=$(awk -v job="$1" '$1 == job { s = $3 * 1.5 } END { printf "%d", s ? s : 600 }' "$ran" \
		2>/dev/null)
	[ $(($(date +%s) + ${seconds:-600} + 30)) -le "$MSEALD_DEADLINE" ]
}
