# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# TAP for the tests that are shell scripts (busybox sh): `. ./tap.sh` first, `done_testing` last.

n=0 failed=0

# ok STATUS NAME: one check; STATUS 0 means success.
ok() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=$((failed + 1))
	fi
}
# is GOT WANTED NAME
is() {
	[ "$1" = "$2" ]
	ok $? "$3 ($1)"
}
note() { echo "$*" | sed 's/^/# /'; }
# waits SECONDS COMMAND...: waits until the command succeeds; fails after that time.
waits() {
	tenths=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tenths=$((tenths - 1))
		[ $tenths -gt 0 ] || return 1
		sleep 0.1
	done
}
# Prints the plan; returns the exit status.
done_testing() {
	echo "1..$n"
	[ $failed = 0 ]
}
