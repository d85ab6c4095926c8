#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# An unmodified nginx: sealed by pid with --segments=all, master and workers, while it serves;
# attacked from inside; reloaded; ended. For busybox sh, as root in the VM; needs mseald, msealctl,
# nginx, inject and httpload. $MSEALD_EXPECT_GATE (override or kill): the expected result of a call
# that only a gate can deny.

# shellcheck source=tests/kernel/tap.sh
. "$(dirname "$0")/tap.sh"
PATH=$(dirname "$0"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
dir=/tmp/nginx-test
port=8080
master='' daemon=''

# No process may keep the port. The master is stopped first, so that it makes no new worker; a
# worker without its title yet is killed as well.
kill_nginx() {
	kill -STOP "$master" 2>/dev/null && waits 10 grep -q '^State:.T' "/proc/$master/status"
	# shellcheck disable=SC2046 # several pids
	kill -9 "$master" $(cat "/proc/$master/task/$master/children" 2>/dev/null) 2>/dev/null
}
finish() {
	[ -z "$master" ] || kill_nginx
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null
}
bail() {
	echo "Bail out! $*"
	for log in $dir/mseald.log $dir/error.log; do
		tail -n 10 "$log" 2>/dev/null | sed "s|^|# |"
	done
	finish
	exit 1
}

case $MSEALD_EXPECT_GATE in
override) stopped=EPERM ;;
kill) stopped='killed SIGKILL' ;;
*) bail "MSEALD_EXPECT_GATE is \"$MSEALD_EXPECT_GATE\"; set it to override or kill" ;;
esac
# With mseal(2) the kernel itself refuses all of these except discarding: the contents of a file, and,
# on newer kernels, the vdso.
refused=$stopped
[ -z "${MSEALD_EXPECT_NATIVE-}" ] || refused=EPERM

# --- nginx ---

# The ready workers: children of the master that are not about to exit.
workers() {
	# shellcheck disable=SC2013 # a line of words
	for pid in $(cat "/proc/$master/task/$master/children" 2>/dev/null); do
		tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q '^nginx: worker process *$' &&
			echo "$pid"
	done
}
first_worker() { workers | head -n 1; }
two_workers() { [ "$(workers | wc -l)" = 2 ]; }
# Two workers, other than the named ones.
other_workers() {
	two_workers || return 1
	for pid; do
		[ ! -d "/proc/$pid" ] || return 1
	done
}
answers() { httpload $port /file 1 1; }

start_nginx() {
	nginx -e $dir/error.log -c $dir/nginx.conf &
	master=$!
	waits 30 two_workers || bail "nginx has no two workers"
	waits 30 answers || bail "nginx does not answer"
}
signal_nginx() { nginx -e $dir/error.log -c $dir/nginx.conf -s "$1"; }

# --- mappings of a worker, from /proc/PID/maps ---

mapping() { # PID PERMISSIONS NAME: the first mapping of that kind
	awk -v permissions="$2" -v name="$3" '$2 == permissions && $6 ~ name { print $1; exit }' \
		"/proc/$1/maps"
}
text() { mapping "$1" r-xp '/nginx$'; }
libc() { mapping "$1" r-xp '/libc[.-]'; }
vdso() { mapping "$1" r-xp '^.vdso.$'; }
# The first read-only mapping after the text.
rodata() { \
	awk \
	'$6 ~ /\/nginx$/ && text && $2 == "r--p" { print $1; exit } $6 ~ /\/nginx$/ && $2 == "r-xp" {
		text = 1 }' "/proc/$1/maps"; }
# The read-only mapping directly before the data.
relro() { awk \
	'$6 ~ /\/nginx$/ { if ($2 == "rw-p" && before != "") { print before
			exit } before = $2 == "r--p" ? $1 : "" }' "/proc/$1/maps"; }

# The sum of the bytes of a range START-END of PID.
contents() {
	dd if="/proc/$1/mem" bs=4096 skip=$((0x${2%-*} / 4096)) count=$(((0x${2#*-} - 0x${2%-*}) / 4096)) \
		2>/dev/null | md5sum
}
# The protection of the mapping that begins there.
protection() { awk -v start="${2%-*}" 'index($1, start "-") == 1 { print $2 }' "/proc/$1/maps"; }

# --- attacks ---

# strike PID RANGE HOW: prints the result.
strike() {
	case $3 in
	mprotect) inject "$1" mprotect "$2" 7 ;;
	mmap) inject "$1" mmap "$2" 3 0x32 -1 0 ;;
	munmap) inject "$1" munmap "$2" ;;
	madvise) inject "$1" madvise "$2" 4 ;;
	mremap) inject "$1" mremap "$2" $((0x${2#*-} - 0x${2%-*})) 3 0x10000000 ;;
	esac 2>&1
}
LSM='mprotect mmap'
GATE='munmap madvise mremap'
SEGMENTS='text rodata relro'

# In the short form one of three attacks, another for the next segment, and for another
# $MSEALD_TURN.
attack=0
its_turn() {
	attack=$((attack + 1))
	[ -z "${MSEALD_BRIEF-}" ] || [ $(((attack + ${MSEALD_TURN:-0}) % 3)) = 0 ]
}

# Unsealed: each attack works. The remaining state of the worker is not checked; the master makes
# another.
attack_unsealed() {
	attack=0
	for segment in $SEGMENTS; do
		for how in $LSM $GATE; do
			its_turn || continue
			waits 30 two_workers
			worker=$(first_worker)
			result=$(strike "$worker" "$($segment "$worker")" "$how")
			is "${result%% *}" ok "not sealed: $how of the $segment of a worker succeeds"
			kill -9 "$worker" 2>/dev/null
			waits 10 test ! -d "/proc/$worker"
		done
	done
}

attack_sealed() {
	attack=0
	for segment in $SEGMENTS libc vdso; do
		for how in $LSM $GATE; do
			its_turn || continue
			waits 30 two_workers
			worker=$(first_worker)
			range=$($segment "$worker")
			before=$(contents "$worker" "$range") was=$(protection "$worker" "$range")
			result=$(strike "$worker" "$range" "$how")
			case $how:$segment in
			mprotect:* | mmap:*) is "$result" EPERM "sealed: $how of the $segment of a worker" ;;
			munmap:* | mremap:*)
				is "$result" "$refused" "sealed: $how of the $segment of a worker"
				;;
			*) is "$result" "$stopped" "sealed: $how of the $segment of a worker" ;;
			esac
			if [ "$result" = EPERM ]; then
				[ "$(contents "$worker" "$range")" = "$before" ] &&
					[ "$(protection "$worker" "$range")" = "$was" ]
				ok $? "sealed: $how of the $segment has changed nothing"
			else
				waits 30 other_workers "$worker"
				ok $? "sealed: the master has made a new worker"
				other=$(workers | tail -n 1)
				is "$(strike "$other" "$($segment "$other")" mprotect)" EPERM \
					"sealed: and it is sealed as well"
			fi
		done
	done
	# Beside the seals it can still change its own memory.
	worker=$(first_worker)
	address=$(inject "$worker" mmap 0 8192 3 0x22 -1 0)
	address=${address#ok }
	is "$(inject "$worker" mprotect "$address" 4096 1)" "ok 0" \
		"sealed: a worker can protect memory of its own"
	is "$(inject "$worker" munmap "$address" 8192)" "ok 0" "sealed: a worker can unmap memory of its own"
	is "$(inject "$master" mprotect "$(text "$master")" 7)" EPERM \
		"sealed: mprotect of the text of the master"
}

all_sealed() {
	for pid in $master $(workers); do
		msealctl list "$pid" | grep -q ' text ' || return 1
	done
}

# --- the test ---

# In the short form, a fifth of the requests.
few=${MSEALD_BRIEF:+5}
: "${few:=1}"

rm -rf $dir
mkdir -p $dir/www
chmod 755 $dir $dir/www
dd if=/dev/urandom of=$dir/www/file bs=1000 count=20 2>/dev/null
cat >$dir/nginx.conf <<END
user www-data;
worker_processes 2;
daemon off;
pid $dir/pid;
error_log $dir/error.log notice;
events { worker_connections 128; }
http {
	access_log off;
	server {
		listen 127.0.0.1:$port;
		root $dir/www;
	}
}
END

mseald >$dir/mseald.log 2>&1 &
daemon=$!
waits 60 msealctl status || bail "mseald does not answer"

start_nginx
attack_unsealed
kill_nginx
wait "$master" 2>/dev/null
sleep 0.5
rm -f $dir/error.log $dir/pid

start_nginx
for pid in $master $(workers); do
	msealctl seal --segments=all "$pid"
	ok $? "msealctl seal --segments=all of $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d' ' -f1-3)"
done
all_sealed
ok $? "master and workers are listed"
httpload $port /file $((2000 / few)) 4
ok $? "$((2000 / few)) requests, a connection each, are answered"
httpload $port /file $((2000 / few)) 4 50
ok $? "$((2000 / few)) requests, 50 a connection, are answered"
attack_sealed
all_sealed
ok $? "master and workers are listed after the attacks"
httpload $port /file $((1000 / few)) 4
ok $? "$((1000 / few)) requests after the attacks are answered"

old=$(workers)
httpload $port /file $((3000 / few)) 4 &
load=$!
sleep 0.5
signal_nginx reload
ok $? "nginx -s reload"
# shellcheck disable=SC2086 # a list of pids
waits 60 other_workers $old
ok $? "reload: the old workers have gone, two new ones are there"
wait $load
ok $? "$((3000 / few)) requests during the reload are answered"
all_sealed
ok $? "reload: the new workers are listed as sealed"
for pid in $(workers); do
	is "$(inject "$pid" mprotect "$(text "$pid")" 7)" EPERM "reload: mprotect of the text of a new worker"
done
httpload $port /file $((2000 / few)) 4
ok $? "$((2000 / few)) requests after the reload are answered"

signal_nginx quit
ok $? "nginx -s quit"
waits 60 test ! -d "/proc/$master" || bail "nginx does not end"
wait "$master"
is $? 0 "nginx has stopped cleanly, with status 0"
master=''
grep -E '\[(alert|emerg|crit)\]' $dir/error.log | grep -v 'exited on signal 9' >$dir/complaints
[ ! -s $dir/complaints ]
ok $? "nginx has complained of nothing, but of workers that were killed"
note "$(cat $dir/complaints)"

nothing_left() { [ "$(msealctl list)" = 'Nothing is sealed.' ]; }
waits 20 nothing_left
ok $? "nothing is sealed when nginx has gone"
detached() { msealctl --json status | tr -d ' \n' | grep -q '"attached":false'; }
waits 30 detached
ok $? "and no program is attached" || note "$(msealctl --json status) $(msealctl --json metrics)"
kill "$daemon"
wait "$daemon"
is $? 0 "mseald ends with status 0"
daemon=''
done_testing
