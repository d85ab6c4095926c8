#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# msealctl coverage: a process in each state, with its reason, and the totals; mseald itself is sealed
# by a policy as any other program. For busybox sh, as root in the VM; needs mseald, msealctl and started.

# shellcheck source=tests/kernel/tap.sh
. "$(dirname "$0")/tap.sh"
PATH=$(dirname "$0"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
tests=$(realpath "$(dirname "$0")")
dir=/tmp/coverage-test etc=/etc/mseald/policy.d
trap '' PIPE

policy() { # NAME, the file on stdin
	cat >$etc/"$1".conf
	chmod 644 $etc/"$1".conf
}
# start NAME: starts a process that waits; its pid in $pid.
start() {
	rm -f $dir/in-"$1" $dir/out-"$1"
	mkfifo $dir/in-"$1" $dir/out-"$1"
	"/srv/$1/started" <>$dir/in-"$1" >$dir/out-"$1" 2>&1 &
	until command exec 8<$dir/out-"$1"; do :; done 2>/dev/null
	read -r pid <&8
}
ask() { # NAME WORDS: to the last started
	echo "$2" >$dir/in-"$1"
	read -r _ <&8
}
field() { # PID COLUMN
	COLUMNS=300 msealctl coverage "$1" 2>/dev/null |
		awk -v pid="$1" -v column="$2" '$1 == pid { print $column }'
}
why() {
	COLUMNS=300 msealctl coverage "$1" 2>/dev/null |
		awk -v pid="$1" '$1 == pid' | sed 's/  *$//; s/.*  //'
}
is_state() { [ "$(field "$1" 4)" = "$2" ]; }

rm -rf $dir $etc /usr/lib/mseald
mkdir -p $dir $etc
for name in sealed exempt audit weak hand; do
	mkdir -p /srv/$name
	cp "$tests"/started /srv/$name/
done
policy 10-exempt <<END
[Match]
Exe=/srv/exempt/
[Seal]
Segments=none
END
policy 20-audit <<END
[Match]
Exe=/srv/audit/
[Seal]
Action=audit
END
policy 30-weak <<END
[Match]
Exe=/srv/weak/
[Seal]
Gate=deny
END
policy 40-sealed <<END
[Match]
Exe=/srv/sealed/
Exe=$(command -v mseald)
END
mseald --debug >$dir/log 2>&1 &
daemon=$!
waits 180 msealctl status || { tail $dir/log && echo 'Bail out! mseald does not answer' && exit 1; }

start hand
hand=$pid
is "$(field "$hand" 4) $(why "$hand")" 'unsealed no policy applies' 'without a policy'
text=$(awk '$2 == "r-xp" { print "0x" $1; exit }' "/proc/$hand/maps" | sed 's/-/-0x/')
msealctl seal "$hand" "$text" >$dir/out 2>&1
ok $? 'one range is sealed by hand'
is "$(field "$hand" 4)" partly 'which is a part of it'
why "$hand" | grep -q '^sealed by hand: .* more$'
ok $? "and the files that are not sealed are named ($(why "$hand"))"

start sealed
sealed=$pid
waits 60 is_state "$sealed" sealed
ok $? 'by a policy'
is "$(field "$sealed" 3) $(field "$sealed" 5) $(field "$sealed" 8)" '40-sealed 100 deny' \
	'its policy, share and action'
ask sealed 'open libz.so.1'
is "$(field "$sealed" 4)" partly 'it loads a library, which Dlopen=no leaves out'
why "$sealed" | grep -q '^a library loaded later: libz.so'
ok $? 'which is named'
start exempt
is "$(field "$pid" 4) $(why "$pid")" 'unsealed exempt by 10-exempt' 'exempt'
start audit
waits 60 is_state "$pid" sealed
ok $? 'Action=audit'
is "$(field "$pid" 8)" audit 'its seals only log'
start weak
waits 60 msealctl list "$pid"
case $MSEALD_EXPECT_GATE in
override) is_state "$pid" sealed && ok $? 'Gate=deny: all can be denied here' ;;
*)
	waits 10 is_state "$pid" weaker
	ok $? 'Gate=deny: the seals deny less than the policy'
	why "$pid" | grep -q '^not denied: .*discard.*; this kernel can only kill for the rest'
	ok $? "and what they do not deny is said ($(why "$pid"))"
	msealctl policy list | grep -q "^ *$pid .* weaker "
	ok $? 'policy list tells it from sealed'
	;;
esac

# --- mseald ---

waits 60 is_state $daemon sealed
ok $? "mseald itself is sealed by a policy ($(field $daemon 4): $(why $daemon))"
msealctl status >/dev/null && msealctl policy reload >/dev/null && start sealed
ok $? 'and goes on to work'
waits 60 is_state "$pid" sealed
ok $? 'and to seal'

# Seals on the daemon must not deny the probes that a daemon makes at its start.
kill -9 $daemon
wait $daemon 2>/dev/null
mseald --debug >$dir/log 2>&1 &
daemon=$!
waits 180 msealctl status
ok $? 'another one that is sealed as it starts'
waits 60 is_state $daemon sealed
ok $? 'is sealed, too'
is "$(grep -c 'by mseald\[' $dir/log)" 0 'and nothing is denied to it'

# --- all ---

msealctl coverage >$dir/out 2>$dir/err
is $? 0 'nothing is unexpectedly unsealed'
cat $dir/out $dir/err | tail -n 30 | sed 's/^/# /'
grep -q '^file code .* % ' $dir/out &&
	grep -q 'processes: .*, .* partly, .*; the seals of 1 only log.*; [0-9]* kernel threads' $dir/out
ok $? 'the totals'
grep -q kthreadd $dir/out
is $? 1 'kernel threads have no lines'
msealctl coverage --json >$dir/json && grep -q '"reason": "kernel-thread"' $dir/json &&
	grep -q '"file_executable_sealed": [1-9]' $dir/json
ok $? 'but are in the JSON document'
msealctl coverage --state=partly,weaker | awk '/^$/ { exit } NR > 1 { print $4 }' | sort -u | xargs >$dir/out
grep -qE '^partly( weaker)?$' $dir/out
ok $? "only those in these states ($(cat $dir/out))"
msealctl coverage --require=0.5 >/dev/null 2>$dir/err
is $? 0 'half a percent is reached'
msealctl coverage --require=100 >/dev/null 2>$dir/err
is $? 1 'and 100 are not'
grep -q '^msealctl: .* % of the executable memory of files is sealed, and 100.00 % are required$' $dir/err
ok $? 'which is said'
for wrong in --require=101 --require=x --require= --state=half; do
	msealctl coverage "$wrong" >$dir/out 2>$dir/err
	[ $? = 2 ] && [ ! -s $dir/out ] && [ "$(wc -l <$dir/err)" = 1 ]
	ok $? "refused: $wrong"
done
msealctl coverage 999999 >$dir/out 2>$dir/err
is $? 3 'no such process'

rm $etc/*.conf
msealctl policy reload >/dev/null
kill $daemon
wait $daemon
is $? 0 'mseald ends'
# shellcheck disable=SC2046
kill -9 $(pidof started)
done_testing
