#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# msealctl against a real daemon. A wrong call gives one clear line on stderr, nothing on stdout, a
# status that is not zero (2 for usage, 3 if mseald refuses, 4 if it does not run, else 1), and
# seals nothing; a correct call works. For busybox sh, as root in the VM; needs mseald and msealctl.

# shellcheck source=tests/kernel/tap.sh
. "$(dirname "$0")/tap.sh"
PATH=$(dirname "$0"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
dir=/tmp/ctl-test
daemon='' victim=''
nothing_sealed() { [ "$(msealctl list)" = 'Nothing is sealed.' ]; }

# wrong STATUS WORD WHAT COMMAND...: exits with that status and gives the reason, in a line that
# contains WORD.
wrong() {
	status=$1 word=$2 what=$3 got=0
	shift 3
	"$@" >$dir/out 2>$dir/err </dev/null || got=$?
	awk -v word="$word" 'NR <= 3 { said = said "# " substr($0, 1, 300) "\n" }
		{ good = NR == 1 && length < 499 && (word == "" || index(tolower($0), tolower(word))) }
		END { printf "%s", said; exit !good }' $dir/err >$dir/said &&
		[ $got = "$status" ] && [ ! -s $dir/out ]
	ok $? "$what: status $status, one line"
	cat $dir/said
	[ $got = "$status" ] || echo "# status $got"
	# In the short form only after all of them.
	[ -z "$daemon" ] || [ -n "${MSEALD_BRIEF-}" ] || nothing_sealed || ok 1 "$what: nothing is sealed"
}

rm -rf $dir
mkdir -p $dir
sleep 1000 &
victim=$!
# In the middle of its exec it has none.
text=''
while [ -z "$text" ]; do
	text=$(awk '$2 == "r-xp" { print "0x" $1; exit }' "/proc/$victim/maps" | sed 's/-/-0x/')
done
start=$(printf '0x%x' "${text%-*}") end=$(printf '0x%x' "${text#*-}")
text=$start-$end

wrong 4 mseald 'no daemon' msealctl list

mseald >$dir/mseald.log 2>&1 &
daemon=$!
if ! waits 60 msealctl status; then
	echo 'Bail out! mseald does not answer'
	sed 's/^/# /' $dir/mseald.log
	exit 1
fi

wrong 3 4194000 'no such pid' msealctl seal 4194000
wrong 3 'kernel thread' 'a kernel thread' msealctl seal 2
wrong 2 pid 'no pid' msealctl seal
wrong 2 abc 'pid is a word' msealctl seal abc
wrong 2 -- 'pid is negative' msealctl seal -- -5
wrong 2 '1.5' 'pid is no whole number' msealctl seal 1.5
wrong 2 99999999999999999999 'pid is beyond 64 bits' msealctl seal 99999999999999999999
wrong 2 "${victim}x" 'pid with something behind' msealctl seal "${victim}x"
wrong 2 align 'end not aligned' msealctl seal $victim "$start"'-'"$(printf 0x%x $((end + 1)))"
wrong 3 '' 'not mapped' msealctl seal $victim 0x10000-0x11000
wrong 3 '' 'partly not mapped' msealctl seal $victim "$start-0x7fffffff0000"
wrong 2 '' 'reversed' msealctl seal $victim "$end-$start"
wrong 2 '' 'empty' msealctl seal $victim "$start-$start"
wrong 2 '' 'overflowing' msealctl seal $victim 0xfffffffffffff000+0x2000
wrong 2 '' 'beyond 64 bits' msealctl seal $victim 0x10000000000000000-0x10000000000001000
wrong 2 '' 'kernel addresses' msealctl seal $victim 0xffffffff81000000-0xffffffff81001000
wrong 2 zz 'a range that is garbage' msealctl seal $victim zz-yy
wrong 2 '' 'an empty range' msealctl seal $victim ''
wrong 2 0x1000 'half a range' msealctl seal $victim 0x1000
wrong 2 '' 'one good range, one that is garbage' msealctl seal $victim "$text" 0x1000-0xg000
wrong 3 '' 'one good range, one that is not mapped' msealctl seal $victim "$text" 0x10000-0x11000
wrong 2 txet 'an unknown segment' msealctl seal --segments=txet $victim
wrong 2 '' 'no segment' msealctl seal --segments= $victim
wrong 2 everything 'an unknown deny' msealctl seal --deny=everything $victim
wrong 2 forgive 'an unknown action' msealctl seal --action=forgive $victim
wrong 2 nothing 'an unknown option' msealctl seal --nothing $victim
wrong 2 seel 'an unknown command' msealctl seel $victim
wrong 2 program 'run of nothing' msealctl run
wrong 2 nothing 'run with an unknown option' msealctl run --nothing true
wrong 127 nosuch 'run of a program that does not exist' msealctl run nosuchprogram
wrong 126 /etc 'run of a folder' msealctl run /etc
wrong 1 'cannot seal' 'run of what cannot be sealed' msealctl run --segments=relro --revocable -- \
	/tests/runme-static-norelro exit 0
wrong 3 '' 'unseal of a process that is not sealed' msealctl unseal $victim
wrong 3 4194000 'list, no such pid' msealctl list 4194000
wrong 2 '' 'explain without an address' msealctl explain $victim
wrong 1 none 'ranges from a file that is not there' msealctl seal --ranges-from=/none $victim
# More than one message can hold: 8 MB.
many=${MSEALD_BRIEF:+250000}
awk -v many="${many:=1000000}" 'BEGIN {
	for (i = 0; i < many; i++) printf "0x%x000+0x1000\n", 65536 + 2 * i }' >$dir/many
wrong 1 '' "$many ranges" msealctl seal --ranges-from=$dir/many $victim
head -c 100000 /dev/urandom | tr '\n' ' ' >$dir/random
wrong 1 '' 'ranges from random bytes' msealctl seal --ranges-from=$dir/random $victim
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "\351\007" }' >$dir/unprintable
wrong 1 'line 1: range' 'ranges from bytes that cannot be shown' msealctl seal \
	--ranges-from=$dir/unprintable $victim
printf '%s\0more\n' "$text" >$dir/nul
wrong 1 'line 1 holds a NUL byte' 'a range, a NUL byte, more' msealctl seal --ranges-from=$dir/nul $victim
sleep 0.2 &
short=$!
wait $short
wrong 3 '' 'a process that has exited' msealctl seal $short
msealctl seal $victim $short >$dir/out 2>$dir/err
[ $? = 3 ] && [ ! -s $dir/out ] && grep -q 'no process was changed: 1 of 2 processes cannot be' $dir/err
ok $? 'two processes, one of them gone: status 3'
wrong 2 'ranges apply to one process' 'two processes and a range' msealctl seal $victim 1 "$text"
wrong 1 'no process' 'a name that no process has' msealctl seal --comm=no-such-name
wrong 3 '' 'a dry run of what is refused' msealctl seal --dry-run $victim 0x10000-0x11000
nothing_sealed
ok $? 'after all of that nothing is sealed'

# The seals are those of the dry run.
msealctl seal --dry-run --revocable --segments=text,relro $victim >$dir/plan 2>$dir/err
ok $? 'seal --dry-run'
sed 's/^/# /' $dir/plan $dir/err
nothing_sealed
ok $? 'seals nothing'
msealctl seal --revocable --segments=text,relro $victim >$dir/out 2>$dir/err
ok $? 'the same without'
sed -n 's/^pid [0-9]*: would seal \([^ ]* in [0-9]*\) .* would have \([0-9]* seals*\)$/\1, \2/p' \
	$dir/plan >$dir/said
sed -n 's/^pid [0-9]*: sealed \([^ ]* in [0-9]*\) .* has \([0-9]* seals*\)$/\1, \2/p' $dir/out >$dir/did
[ -s $dir/said ] && cmp -s $dir/said $dir/did
ok $? 'and seals as much as that said'
awk '/^0x/ { print $1 }' $dir/plan | while read -r range; do
	msealctl list $victim | grep -q "${range%-*}" || echo "# not sealed: $range"
done >$dir/missing
[ ! -s $dir/missing ]
ok $? 'each range of it'
cat $dir/missing
msealctl unseal --dry-run $victim | grep -q '^pid .*: would unseal .* would have 0 seals$'
ok $? 'unseal --dry-run'
! nothing_sealed
ok $? 'unseals nothing'
msealctl unseal $victim >$dir/out 2>$dir/err && nothing_sealed
ok $? 'and unseal does'

# Several at once, by pid and by name.
sleep 1001 &
other=$!
until [ "$(cat /proc/$other/comm)" = sleep ]; do :; done
msealctl seal --revocable $victim $other >$dir/out 2>$dir/err && [ "$(wc -l <$dir/out)" = 2 ]
ok $? 'seal of two processes'
[ "$(msealctl list --json $victim $other | grep -c '"id"')" = 2 ]
ok $? 'list of two processes'
msealctl unseal --comm=sleep >$dir/out 2>$dir/err && nothing_sealed
ok $? 'unseal --comm: of both'
sed 's/^/# /' $dir/out $dir/err
kill -9 $other
wait $other 2>/dev/null
msealctl list | head -n 0
ok $? 'list into a pipe that is closed'

# And correct calls.
msealctl seal $victim "$text" >$dir/out 2>$dir/err
ok $? 'seal of a range'
[ -s $dir/out ] && [ ! -s $dir/err ]
ok $? 'it says so on stdout'
msealctl list $victim | grep -q "$start"
ok $? 'list shows it'
for command in "list $victim" list status check "map $victim" "explain $victim $start"; do
	# shellcheck disable=SC2086 # several words
	msealctl $command >$dir/out 2>$dir/err && [ -s $dir/out ] && [ ! -s $dir/err ]
	ok $? "msealctl $command"
	! grep -q "$(printf '\033')" $dir/out
	ok $? "msealctl $command: no colour where there is no terminal"
	# shellcheck disable=SC2086
	msealctl --json $command >$dir/out 2>$dir/err && grep -q '^[[{]' $dir/out && [ ! -s $dir/err ]
	ok $? "msealctl --json $command"
done
msealctl unseal $victim >$dir/out 2>$dir/err
[ $? = 3 ] && [ ! -s $dir/out ] && [ "$(wc -l <$dir/err)" = 1 ]
ok $? 'unseal of permanent seals: status 3, one line'
sed 's/^/# /' $dir/err
msealctl list $victim | grep -q "$start"
ok $? 'and it stays sealed'
msealctl --help >$dir/out 2>$dir/err && [ -s $dir/out ] && [ ! -s $dir/err ]
ok $? '--help goes to stdout'

kill -9 $victim
wait $victim 2>/dev/null
waits 20 nothing_sealed
ok $? 'nothing is sealed in the end'
kill $daemon
wait $daemon
ok $? 'mseald ends with status 0'
done_testing
