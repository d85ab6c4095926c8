#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/troubleshooting.md: each symptom is produced, what the page says to look at shows it, and with the
# remedy the program works. Most programs are copies of trouble.c. For busybox sh, as root in the VM; needs
# mseald and msealctl. $MSEALD_EXPECT_GATE (override or kill) and $MSEALD_EXPECT_NATIVE say which symptoms
# this kernel has.
# tests/tree compares with the page what stands in single quotes behind section, shows and remedy.

# shellcheck source=tests/kernel/tap.sh
. "$(dirname "$0")/tap.sh"
PATH=$(dirname "$0"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
tests=$(realpath "$(dirname "$0")")
dir=/tmp/trouble-test etc=/etc/mseald/policy.d srv=/srv/trouble
daemon='' job='' pid=''
export COLUMNS=300
trap '' PIPE

bail() {
	echo "Bail out! $*"
	tail -n 20 $dir/mseald.log | sed 's/^/# /'
	exit 1
}
section() { note "$1, at $(cut -d. -f1 /proc/uptime) s"; }

# --- what the page says to look at, and to do ---

log() { cat $dir/mseald.log; } # journalctl -u mseald
says() {                       # WORDS COMMAND...
	says=$1
	shift
	"$@" >$dir/said 2>&1
	grep -qF -- "$says" $dir/said
}
# shows WORDS COMMAND...: what it prints has these words, in some seconds at most. about NAME: and this one.
shows() {
	waits 15 says "$@"
	shown=$?
	words=$1
	shift
	ok $shown "$*: $words"
	[ $shown = 0 ] || tail -n 20 $dir/said | sed 's/^/# /'
}
about() {
	grep -qF -- "$1" $dir/said
	ok $? "and is about $1"
}
remedy() { "$@"; }
# policy PROGRAM [KEY=VALUE...]: its policy, with these lines in [Seal].
policy() {
	policy=${1##*/}
	printf '[Match]\nExe=%s\n[Seal]\n' "$1" >$etc/"$policy".conf
	shift
	[ $# = 0 ] || printf '%s\n' "$@" >>$etc/"$policy".conf
	msealctl policy reload >$dir/reload 2>&1 || bail "$(cat $dir/reload)"
}
config() { # [KEY=VALUE...]
	printf '%s\n' '[Mseald]' 'Settle=2s' "$@" >/etc/mseald/mseald.conf
}
daemon() {
	mseald >>$dir/mseald.log 2>&1 &
	daemon=$!
	waits 180 msealctl status || bail 'mseald does not answer'
}

# --- programs ---

# run COMMAND...: its status in $status, what it prints in $dir/out. It reads a line.
run() {
	echo 2>/dev/null | "$@" >$dir/out 2>&1
	status=$?
}
# ends STATUS WHAT COMMAND...
ends() {
	wanted=$1 what=$2
	shift 2
	run "$@"
	[ $status = "$wanted" ]
	ok $? "$what ($status)"
	[ $status = "$wanted" ] || sed 's/^/# /' $dir/out
}
prints() { # WORDS, what run printed
	grep -qF -- "$1" $dir/out
	ok $? "it prints: $1"
}
# begin PROGRAM: a copy of started; its pid in $pid. ask ORDER: its answer in $answer. talk NAME: to one that
# began earlier.
begin() {
	talk=${1##*/}
	rm -f $dir/in-"$talk" $dir/answers-"$talk"
	mkfifo $dir/in-"$talk" $dir/answers-"$talk"
	"$1" <>$dir/in-"$talk" >$dir/answers-"$talk" 2>&1 &
	job=$!
	until command exec 8<$dir/answers-"$talk"; do :; done 2>/dev/null
	read -r pid <&8 || bail "$1 does not start"
}
talk() {
	talk=$1
	until command exec 8<$dir/answers-"$talk"; do :; done 2>/dev/null
}
ask() {
	echo "$*" >$dir/in-"$talk"
	answer='no answer'
	read -r answer <&8 || :
}
end() {
	exec 8<&-
	kill -9 "$job"
	wait "$job" 2>/dev/null
}
answers() { # WORDS WHAT
	case $answer in *"$1"*) ok 0 "$2: $1" ;; *) ok 1 "$2: $answer" ;; esac
}
state() { msealctl policy list | awk -v pid="$1" '$1 == pid { print $4 }'; }
is_state() { [ "$(state "$1")" = "$2" ]; }
has_seal() { msealctl list "$1" | grep -q "$2"; } # PID WORDS

case $MSEALD_EXPECT_GATE in
override) kills='' ;;
kill) kills=1 ;;
*) bail "MSEALD_EXPECT_GATE is \"$MSEALD_EXPECT_GATE\"; set it to override or kill" ;;
esac
native=${MSEALD_EXPECT_NATIVE:+1}
# Can munmap be denied by an error?
stays=0
[ -n "$kills" ] && [ -z "$native" ] || stays=1

rm -rf $dir $etc $srv /srv/early /srv/cases /usr/lib/mseald /etc/mseald
mkdir -p $dir $etc $srv /srv/early /srv/cases
for name in tool t-kill t-flags t-fork t-own t-own-bpf; do cp "$tests"/case-trouble $srv/$name; done
for name in t-reload t-stack t-grow t-pending t-debugged t-change t-stop t-kept; do
	cp "$tests"/started $srv/$name
done
for name in t-grows t-whole; do cp "$tests"/case-advised $srv/$name; done
cp "$tests"/case-trouble-php $srv/t-php
cp "$tests"/case-trouble-leak $srv/t-leak
for name in t-packed t-late t-vdso; do cp "$tests"/case-trouble-packed $srv/$name; done
cp "$tests"/case-trouble-holes.so $srv/holes.so
cp "$tests"/case-trouble-stack.so $srv/stack.so
cp "$tests"/early "$tests"/libearly.so /srv/early/
cp "$tests"/case-reopen "$tests"/case-reopen.so /srv/cases/

# --- not sealed they all work ---

ends 0 'not sealed: discard' $srv/t-kill discard
ends 0 'not sealed: flags' $srv/t-flags flags
ends 0 'not sealed: fork' $srv/tool as 1000 $srv/t-fork fork 5
ends 0 'not sealed: php' $srv/t-php
ends 0 'not sealed: leak' $srv/t-leak
ends 0 'not sealed: packed' $srv/t-packed
ends 0 'not sealed: grows' $srv/t-grows grows
ends 0 'not sealed: whole' $srv/t-whole whole
ends 0 'not sealed: reopen' /srv/cases/case-reopen
begin $srv/t-stack
for library in holes stack; do
	ask open $srv/$library.so
	# Since glibc 2.41 (Debian 13) no library gets an executable stack.
	case $library$answer in
	'stack'*'cannot enable executable stack'*) no_stack=1 ;;
	*) is "$answer" ok "not sealed: $library.so" ;;
	esac
	ask close
done
end

config UserSpaces=3
daemon
# What needs some seconds goes on beside the rest.
policy $srv/t-late
remedy policy $srv/t-vdso 'Segments=vdso stack'
policy $srv/t-own
policy $srv/t-own-bpf 'Gate=bpf'
policy $srv/t-kept
begin $srv/t-kept
kept=$pid kept_job=$job
(
	$srv/t-late 9000
	echo $? >$dir/late
) &
(
	$srv/t-vdso 9000
	echo $? >$dir/vdso
) &
(
	$srv/t-own-bpf traced
	echo $? >$dir/own-bpf
) &

section 'Status 137'
policy $srv/t-kill
if [ -n "$kills" ]; then
	ends 137 'a gate can only kill for this call' $srv/t-kill discard
	shows 'killed madvise of' log
	shows 'SIGKILL' msealctl status
	shows 'killed for' msealctl policy report t-kill
	remedy policy $srv/t-kill 'Gate=deny'
	ends 0 'Gate=deny' $srv/t-kill discard
else
	ends 1 'an override gate returns an error' $srv/t-kill discard
fi
policy $srv/t-kill 'Action=kill'
ends 137 'Action=kill' $srv/t-kill discard
shows 'killed madvise of' log
remedy policy $srv/t-kill 'Deny=mprotect unmap'
ends 0 'without discard in the deny mask' $srv/t-kill discard

section 'EPERM'
policy $srv/t-grows
ends 1 'MAP_GROWSDOWN' $srv/t-grows grows
shows 'denied mmap of' log
shows 'a mapping that grows down' msealctl policy report t-grows
remedy policy $srv/t-grows 'Deny=mprotect discard'
ends 0 'MAP_GROWSDOWN is allowed' $srv/t-grows grows
policy $srv/t-whole
ends 1 'munmap of all of the memory' $srv/t-whole whole
shows 'all of its memory at once' msealctl policy report t-whole
remedy policy $srv/t-whole 'Deny=mprotect discard'
ends 0 'munmap of all of the memory is allowed' $srv/t-whole whole

section 'dlopen'
begin $srv/t-reload
ask open $srv/holes.so
msealctl seal --revocable --deny=mprotect "$pid" >$dir/out 2>&1
ok $? 'sealed by hand, with the library, without unmap'
ask close
is "$answer" ok 'the library is unloaded'
ask open $srv/holes.so
answers 'cannot change memory protections' 'and loaded anew'
shows 'denied mprotect of' log
remedy msealctl unseal "$pid" >$dir/out 2>&1
ask open $srv/holes.so
is "$answer" ok 'unsealed, it is loaded'
end
remedy policy $srv/t-reload 'Deny=mprotect' 'Dlopen=no'
begin $srv/t-reload
for round in 1 2; do
	ask open $srv/holes.so
	is "$answer" ok "Dlopen=no: loaded ($round)"
	ask close
done
end
if [ -n "${no_stack-}" ]; then
	ok 0 'a library that wants an executable stack # SKIP this C library gives it none'
else
	# glibc first makes a variable of its own, in its RELRO, writable.
	policy $srv/t-stack
	begin $srv/t-stack
	ask open $srv/stack.so
	answers 'cannot change memory protections' 'a library that wants an executable stack'
	end
	shows ' relro ' msealctl policy report t-stack
	policy $srv/t-stack 'Segments=text rodata data vdso stack'
	begin $srv/t-stack
	waits 30 has_seal "$pid" ' stack '
	ok $? 'the stack is sealed'
	ask open $srv/stack.so
	answers 'cannot enable executable stack' 'the same without relro'
	end
	shows 'the stack made executable' msealctl policy report t-stack
	remedy policy $srv/t-stack 'Segments=text rodata data vdso'
	begin $srv/t-stack
	ask open $srv/stack.so
	is "$answer" ok 'without relro and stack among the segments'
	end
fi

section 'Huge pages'
policy $srv/t-php
ends 139 'PHP: SIGSEGV' $srv/t-php
shows 'denied mmap of' log
shows 'text on huge pages' msealctl policy report t-php
remedy policy $srv/t-php 'Segments=rodata relro data vdso stack'
ends 0 'without text among the segments' $srv/t-php

section 'Own data'
policy $srv/t-flags
ends 134 'V8: SIGABRT' $srv/t-flags flags
prints 'Failed to protect data memory'
shows ' data ' msealctl policy report t-flags
remedy policy $srv/t-flags 'Segments=text rodata relro vdso stack'
ends 0 'without data among the segments' $srv/t-flags flags
policy /srv/cases/case-reopen
ends 134 'RELRO made writable again: SIGABRT' /srv/cases/case-reopen
shows ' relro ' msealctl policy report case-reopen
remedy policy /srv/cases/case-reopen 'Segments=text rodata data vdso stack'
ends 0 'without relro among the segments' /srv/cases/case-reopen

section 'LeakSanitizer'
policy $srv/t-leak
ends 0 'LeakSanitizer works' $srv/t-leak
policy $srv/t-leak 'ForeignWrite=deny'
ends 23 'foreign writes are denied: LeakSanitizer fails' $srv/t-leak
prints 'LeakSanitizer does not work under ptrace'
shows 'denied ptrace of' log
remedy policy $srv/t-leak 'ForeignWrite=allow'
ends 0 'foreign writes are allowed' $srv/t-leak
# The daemon traces for some milliseconds, which the child may miss.
own=0
for round in 1 2 3; do
	[ -n "$native" ] && [ $own = 0 ] || continue
	run $srv/t-own traced
	own=$status
done
is $own ${native:-0} 'a program that traces itself meets mseald'
waits 15 test -s $dir/own-bpf
is "$(cat $dir/own-bpf)" 0 'Gate=bpf: it does not'

section 'Status 127'
ends 127 'msealctl run of a packed program' msealctl run -- $srv/t-packed
[ ! -s $dir/out ]
ok $? 'nothing is printed'
shows 'denied mprotect of' log
shows 'mprotect' msealctl policy report -
about t-packed
ends 0 'without its text' msealctl run --segments=vdso,stack -- $srv/t-packed
waits 30 test -s $dir/late
waits 30 test -s $dir/vdso
is "$(cat $dir/late)" 127 'a policy: it unpacks after Settle='
shows 'mprotect' msealctl policy report t-late
about t-late
is "$(cat $dir/vdso)" 0 'without its text'

section 'EAGAIN at fork'
policy $srv/t-fork
mkfifo $dir/go
$srv/tool as 1000 $srv/t-fork fork 5 <$dir/go >$dir/out 2>&1 &
job=$!
exec 9>$dir/go
waits 20 grep -q children $dir/out
prints 'Resource temporarily unavailable'
prints '2 children'
shows 'forks of sealed processes were refused (EAGAIN)' log
shows '(room for 3)' $srv/tool as 1000 msealctl status
shows 'user_spaces' msealctl metrics
exec 9>&-
wait $job
kill -9 $daemon
wait $daemon 2>/dev/null
remedy config 'UserSpaces=20000'
daemon
ends 0 'five children' $srv/tool as 1000 $srv/t-fork fork 5

section 'Pending'
policy $srv/t-pending 'ForeignWrite=deny'
$srv/tool debug $srv/t-pending >$dir/debugger 2>&1 &
debugger=$!
waits 20 test -s $dir/debugger
read -r pid <$dir/debugger
waits 20 is_state "$pid" pending
ok $? 'a process that is traced, with foreign-write'
shows 'the process is traced' msealctl policy list
shows 'is traced by pid' log
shows 'could not be sealed, or not in time' msealctl status
kill $debugger
waits 30 is_state "$pid" sealed
ok $? 'without the tracer it is sealed'
kill -9 "$pid"

section 'Debuggers'
policy $srv/t-debugged 'ForeignWrite=deny'
$srv/t-debugged --sleep &
job=$!
waits 30 has_seal $job foreign-write
ends 1 'PTRACE_SEIZE' $srv/tool seize $job
prints 'Operation not permitted'
shows 'denied ptrace of' log
shows 'foreign-write' msealctl list $job
kill -9 $job
remedy policy $srv/t-debugged 'ForeignWrite=allow'
$srv/t-debugged --sleep &
job=$!
waits 30 is_state $job sealed
ends 0 'foreign writes are allowed: PTRACE_SEIZE' $srv/tool seize $job
kill -9 $job

section 'Files'
policy /srv/early/early 'FileWrite=deny'
/srv/early/early stay >$dir/early 2>&1 &
job=$!
waits 30 has_seal $job file-write
ends 1 'a write to a library' dd if="$tests"/libearly.so of=/srv/early/libearly.so
shows 'denied file-write of' log
shows 'file-write' msealctl list $job
cp "$tests"/libearly.so /srv/early/new && mv /srv/early/new /srv/early/libearly.so
ok $? 'renaming a new file into place'
kill -9 $job
remedy policy /srv/early/early 'FileWrite=allow'
/srv/early/early stay >$dir/early 2>&1 &
job=$!
waits 30 is_state $job sealed
ends 0 'file writes are allowed: a write to a library' dd if="$tests"/libearly.so of=/srv/early/libearly.so
kill -9 $job

section 'Growing memory'
policy $srv/t-grow 'Dlopen=yes'
begin $srv/t-grow
is_covered() { msealctl coverage "$1" | awk -v pid="$1" '$1 == pid { print $4 }' | grep -qx sealed; }
for round in 1 2; do
	ask open $srv/holes.so
	[ $stays = 0 ] || waits 30 is_covered "$pid"
	ask close
done
is "$(grep -c 'r-xp.*holes.so' "/proc/$pid/maps")" $((stays * 2)) 'copies of an unloaded library'
[ $stays = 0 ] || shows 'Dlopen=no, if it is dlclose(3)' msealctl policy report t-grow
end
remedy policy $srv/t-grow 'Dlopen=no'
begin $srv/t-grow
for round in 1 2; do
	ask open $srv/holes.so
	ask close
done
is "$(grep -c 'holes.so' "/proc/$pid/maps")" 0 'Dlopen=no: it is gone'
end

section 'Policies'
policy $srv/t-change
echo nonsense >>$etc/t-change.conf
run msealctl policy reload
is $status 1 'a fault: reload'
run msealctl policy check
prints 't-change.conf:4:'
$srv/t-change --sleep &
job=$!
waits 30 is_state $job sealed
ok $? 'the last good version is active'
remedy policy $srv/t-change
printf '[Match]\nExe=%s/\n[Seal]\nSegments=none\n' $srv >$etc/00-first.conf
msealctl policy reload >$dir/reload 2>&1
shows 'policy is never used' msealctl policy check
shows 'as it was when it started' msealctl policy list
has_seal $job text
ok $? 'what runs stays sealed'
kill -9 $job
$srv/t-change --sleep &
job=$!
waits 30 is_state $job exempt
ok $? 'what starts is matched by the earlier policy'
is "$(msealctl policy list | awk -v pid="$job" '$1 == pid { print $3 }')" 00-first 'which policy list names'
kill -9 $job
rm $etc/00-first.conf

section 'Start of mseald'
run $srv/tool as 1000 mseald
[ $status != 0 ]
ok $? 'as a user'
prints 'must be run as root'
run mseald
[ $status != 0 ]
ok $? 'a second mseald'
prints 'another mseald is running'
mkdir -p /etc/mseald/mseald.conf.d
printf '[Mseald]\nSettel=3s\n' >/etc/mseald/mseald.conf.d/wrong.conf
ends 78 'a mistake in the configuration' mseald
prints 'the configuration has'
rm -r /etc/mseald/mseald.conf.d
run msealctl check
is $status 0 'msealctl check: this machine has all'

section 'Stop enforcing'
if [ -n "$native" ]; then
	waits 30 has_seal "$kept" native
	shows 'native' msealctl list "$kept"
fi
policy $srv/t-stop 'Gate=bpf'
begin $srv/t-stop
waits 30 is_state "$pid" sealed
ask attack mprotect text
is "$answer" EPERM 'sealed'
kill $daemon
wait $daemon
is $? 0 'mseald ends'
ask attack mprotect text
is "$answer" EPERM 'sealed memory stays sealed'
rm -r /sys/fs/bpf/mseald
is_free() {
	ask attack mprotect text
	[ "$answer" = ok ]
}
waits 30 is_free
ok $? 'without the pins it is not'
end
if [ -n "$native" ]; then
	talk t-kept
	ask attack mprotect text
	is "$answer" EPERM 'but what mseal(2) has sealed is'
fi
job=$kept_job
end
rm -rf $etc/*.conf /etc/mseald/mseald.conf $srv /srv/early /srv/cases
done_testing
