#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Policies: programs are sealed as they start, however they are linked and started, and continue to
# work; other programs are not affected. For busybox sh, as root in the VM; needs mseald, msealctl
# and started (started.c). $MSEALD_EXPECT_GATE (override or kill) and $MSEALD_EXPECT_NATIVE: the
# expected result of munmap.

# shellcheck source=tests/kernel/tap.sh
. "$(dirname "$0")/tap.sh"
PATH=$(dirname "$0"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
tests=$(realpath "$(dirname "$0")")
dir=/tmp/policy-test
bin=/srv/sealed
etc=/etc/mseald/policy.d
daemon='' pid=''
trap '' PIPE

bail() {
	echo "Bail out! $*"
	tail -n 20 $dir/mseald.log | sed 's/^/# /'
	exit 1
}

# --- programs: one at a time is controlled, by descriptors 7 and 8 ---

# begin COMMAND...: starts it; sets $pid to the pid that it reports.
begin() {
	rm -f $dir/in $dir/out
	mkfifo $dir/in $dir/out
	"$@" <$dir/in >$dir/out 2>&1 &
	job=$!
	exec 7<>$dir/in
	# The end of another child may interrupt it.
	until command exec 8<$dir/out; do :; done 2>/dev/null
	read -r pid <&8 || pid=''
}
ask() {
	answer='' asked=$*
	echo "$*" >&7
	read -r answer <&8 || died
}
died() {
	answer='no answer'
	wait $job
	died=$?
	echo "# it has ended with status $died after: $asked"
	[ $died = 137 ] || tail -n 8 $dir/mseald.log | sed 's/^/# /'
}
end() {
	exec 7>&- 8<&-
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
	wait $job 2>/dev/null
	pid=''
}
state() { msealctl policy list | awk -v pid="$1" '$1 == pid { print $4 }'; }
policy_of() { msealctl policy list | awk -v pid="$1" '$1 == pid { print $3 }'; }
reason() {
	msealctl --json policy list | tr -d ' \n' | tr '{' '\n' | grep "\"pid\":$1," |
		sed -n 's/.*"reason":"\([a-z]*\)".*/\1/p'
}
is_sealed() { [ "$(state "$1")" = sealed ]; }
seals() { msealctl list "$1" | grep -c "^$1 "; }
# Executable mappings of files, and those of them that no seal covers.
texts() { awk '$2 ~ /x/ && $6 ~ /^\// { sub(/-.*/, "", $1); sub(/^0*/, "", $1); print $1 }' "/proc/$1/maps"; }
unsealed_texts() {
	msealctl list "$1" >$dir/list
	awk -v list=$dir/list '
		function no_more(a, b) { return length(a) != length(b) ? length(a) < length(b) : a <= b }
		function split_range(range) {
			sub(/^0x/, "", range); sub(/-0x/, "-", range); split(range, ends, "-")
			sub(/^0*/, "", ends[1]); sub(/^0*/, "", ends[2])
		}
		function covers(i) { return no_more(from[i], ends[1]) && no_more(ends[2], to[i]) }
		FILENAME == list {
			if (match($0, /0x[0-9a-f]+-0x[0-9a-f]+/)) {
				split_range(substr($0, RSTART, RLENGTH))
				from[++count] = ends[1]; to[count] = ends[2]
			}
			next
		}
		$2 ~ /x/ && $6 ~ /^\// {
			split_range($1)
			for (i = 1; i <= count && !covers(i); i++);
			if (i > count) print
		}' $dir/list "/proc/$1/maps"
}
# Is all executable memory of files sealed?
all_text() {
	unsealed_texts "$1" >$dir/unsealed
	[ ! -s $dir/unsealed ]
	ok $? "$2: all of its text is sealed"
	sed 's/^/# not sealed: /' $dir/unsealed
}

# Is the library sealed that was loaded last?
libz_sealed() {
	! unsealed_texts "$pid" | grep -q libz
}

policy() { # NAME, the file on stdin
	cat >$etc/"$1".conf
	chmod 644 $etc/"$1".conf
}
reload() { msealctl policy reload >$dir/reload 2>&1; }
daemon() {
	mseald --debug >>$dir/mseald.log 2>&1 &
	daemon=$!
	waits 180 msealctl status || bail "mseald does not answer"
}

rm -rf $dir $bin $etc /usr/lib/mseald
mkdir -p $dir $bin $etc /srv/others
for program in "$tests"/started*; do cp "$program" $bin/; done
cp "$tests"/started /srv/others/
case $MSEALD_EXPECT_GATE in
override) refused=EPERM ;;
kill) refused='no answer' ;;
*) bail "MSEALD_EXPECT_GATE is \"$MSEALD_EXPECT_GATE\"; set it to override or kill" ;;
esac
[ -z "${MSEALD_EXPECT_NATIVE-}" ] || refused=EPERM

# --- attacks that succeed unsealed ---

for attack in 'mprotect text' 'mprotect relro' 'mprotect rodata' 'madvise text' 'mprotect data'; do
	begin $bin/started
	ask "attack $attack"
	is "$answer" ok "unsealed: $attack"
	end
done

# --- before the daemon ---

policy 50-sealed <<END
[Match]
Exe=$bin/
[Seal]
Segments=all
END
begin $bin/started
ask open libz.so.1
is "$answer" ok 'before the daemon: it loads a library'
unshare -p -f --mount-proc mseald >$dir/err 2>&1
[ $? = 1 ] && grep -q 'does not see all processes' $dir/err
ok $? 'in a pid namespace of its own mseald does not start'
daemon
waits 120 is_sealed "$pid"
ok $? 'a program that ran before the daemon is sealed'
is "$(policy_of "$pid")" 50-sealed 'policy list says by which policy'
msealctl metrics | grep -qx 'mseald_processes_late_total{reason="found"} 1'
ok $? 'it is counted as late'
msealctl status | grep -q '^starts     .* started, 1 sealed late, [0-9]* ended unsealed'
ok $? 'status says so'
unsealed_texts "$pid" >$dir/unsealed
is "$(grep -c -v libz $dir/unsealed)" 0 'before the daemon: all text but of what it loaded itself'
is "$(grep -c libz $dir/unsealed)" 1 'before the daemon: what it loaded itself is left alone'
ask close
is "$answer" ok 'before the daemon: it unloads that'
ask attack mprotect text
is "$answer" EPERM 'before the daemon: mprotect of its text'
end

# --- linked in every way ---

for program in started started-nopie started-norelro started-static started-static-pie \
	started-static-norelro; do
	begin $bin/$program
	waits 120 is_sealed "$pid"
	ok $? "$program: sealed as it starts"
	all_text "$pid" $program
	ask attack mprotect text
	is "$answer" EPERM "$program: mprotect of text"
	ask attack mprotect rodata
	is "$answer" EPERM "$program: mprotect of constants"
	case $program in
	*norelro) ;;
	*)
		ask attack mprotect relro
		is "$answer" EPERM "$program: mprotect of RELRO"
		ask attack mmap relro
		is "$answer" EPERM "$program: mmap over RELRO"
		;;
	esac
	ask attack mprotect data
	is "$answer" EPERM "$program: mprotect of data"
	case $program in
	*static*) ;;
	*)
		ask attack mprotect text libc
		is "$answer" EPERM "$program: mprotect of the C library's text"
		ask attack mprotect relro ld-linux
		is "$answer" EPERM "$program: mprotect of the loader's RELRO"
		;;
	esac
	if [ -n "${MSEALD_EXPECT_NATIVE-}" ]; then
		waits 120 sh -c "! msealctl list $pid | grep '^$pid ' | grep -qv native" ||
			{ note "$(msealctl list $pid; grep "pid $pid " $dir/mseald.log)" && false; }
		ok $? "$program: each seal is made by mseal(2), too"
	fi
	ask attack munmap rodata
	is "$answer" "$refused" "$program: munmap of constants"
	end
done

# --- started in every way ---

begin $bin/started --fork
waits 120 is_sealed "$pid"
ok $? 'a daemon that forks at once: the child is sealed'
all_text "$pid" 'a daemon that forks at once'
end

begin $bin/started
waits 120 is_sealed "$pid"
ask fork
waits 120 is_sealed "$answer"
ok $? 'a child is sealed'
all_text "$answer" 'a child'
kill -9 "$answer"
ask vfork $bin/started-nopie
waits 120 is_sealed "$answer"
ok $? 'vfork and exec: the new program is sealed'
all_text "$answer" 'vfork and exec'
kill -9 "$answer"
before=$(texts "$pid")
ask exec $bin/started-norelro
is "$answer" "$pid" 'it becomes another program'
waits 120 is_sealed "$pid"
ok $? 'exec: sealed again'
all_text "$pid" 'exec'
[ "$before" != "$(texts "$pid")" ]
ok $? 'exec: as what it is now'
ask exec /srv/others/started
sleep 1
is "$(seals "$pid")" 0 'exec of a program that no policy matches: nothing is sealed'
ask attack mprotect text
is "$answer" ok 'exec of a program that no policy matches: it may change its text'
end

printf '#!%s --sleep\n' $bin/started >/srv/others/script
chmod 755 /srv/others/script
/srv/others/script &
job=$!
waits 120 is_sealed $job
ok $? 'a script whose interpreter a policy is about'
kill -9 $job
# A name that is not UTF-8.
cp "$tests"/started "$bin/$(printf 'na\377me')"
begin "$bin/$(printf 'na\377me')"
ask attack mprotect text
is "$answer" EPERM 'a program whose name is no UTF-8: mprotect of text'
msealctl list >$dir/list && grep -q "^$pid " $dir/list
ok $? 'list shows it as soon as the kernel has sealed it'
waits 10 sh -c "msealctl policy report | grep -q 'na?me'"
ok $? 'and the report, the attempt'
waits 120 is_sealed "$pid"
ok $? 'a program whose name is no UTF-8: sealed'
end
ln -s $bin/started /srv/others/link
begin /srv/others/link
waits 120 is_sealed "$pid"
ok $? 'started by a symbolic link'
end
cp "$tests"/started $bin/setuid
chmod 4755 $bin/setuid
chmod 755 /srv $bin
begin /srv/others/started --as 1234 $bin/setuid
waits 120 is_sealed "$pid"
ok $? 'a setuid program started by a user'
is "$(awk '/^Uid:/ { print $2, $3 }' "/proc/$pid/status")" '1234 0' 'which is root then'
end
mv $bin/setuid $bin/renamed
begin $bin/renamed
waits 120 is_sealed "$pid"
rm $bin/renamed
reload
is "$(state "$pid")" sealed 'its file is removed while it runs'
end

# --- libraries loaded later ---

begin $bin/started
waits 120 is_sealed "$pid"
ask open libz.so.1
is "$answer" ok 'Dlopen=no: it loads a library'
sleep 1
is "$(unsealed_texts "$pid" | grep -c libz)" 1 'Dlopen=no: which is left alone'
is "$(state "$pid") $(reason "$pid")" 'sealed library' 'Dlopen=no: policy list says so'
COLUMNS=300 msealctl policy list | grep -q "^ *$pid .* a library loaded later"
ok $? 'Dlopen=no: in words, too'
ask close
is "$answer" ok 'Dlopen=no: and can be unloaded'
is "$(grep -c libz "/proc/$pid/maps")" 0 'Dlopen=no: it is gone'
is "$(state "$pid") $(reason "$pid")" 'sealed ' 'Dlopen=no: and nothing is left'
end
policy 40-later <<END
[Match]
Exe=$bin/started-nopie
[Seal]
Segments=text rodata relro
Dlopen=yes
END
reload
begin $bin/started-nopie
waits 120 is_sealed "$pid"
is "$(policy_of "$pid")" 40-later 'the first policy by name decides'
for round in 1 2 3; do
	ask open libz.so.1
	is "$answer" ok "Dlopen=yes: it loads a library ($round)"
	# If munmap could only be answered with SIGKILL, and there is no mseal(2), dlclose must not
	# be affected.
	if [ "$refused" = EPERM ]; then
		waits 120 libz_sealed
		ok $? "Dlopen=yes: which is sealed ($round)"
		ask attack mprotect text libz
		is "$answer" EPERM "Dlopen=yes: mprotect of its text ($round)"
	else
		sleep 1
	fi
	ask close
	is "$answer" ok "Dlopen=yes: it unloads it, and lives ($round)"
done
ask attack mprotect text
is "$answer" EPERM 'Dlopen=yes: and its own text is sealed'
end

# --- the files that are mapped ---

# open_to_write FILE: opens it for writing, and changes nothing.
open_to_write() { (: >>"$1") 2>/dev/null; }
libc=$(awk '$6 ~ /\/libc[.-]/ { print $6; exit }' /proc/$daemon/maps)
policy 20-file <<END
[Match]
Exe=$bin/started-nopie
[Seal]
Segments=text rodata relro
FileWrite=deny
END
open_to_write "$libc"
ok $? 'the C library can be opened to be written'
reload
begin $bin/started-nopie
waits 120 is_sealed "$pid"
is "$(policy_of "$pid")" 20-file 'FileWrite=deny: sealed'
msealctl list "$pid" | grep -q 'text .*file-write'
ok $? 'FileWrite=deny: list says so'
if open_to_write "$libc"; then false; else true; fi
ok $? 'FileWrite=deny: the C library cannot be opened to be written'
open_to_write $dir/other
ok $? 'FileWrite=deny: other files can'
msealctl explain "$pid" "0x$(texts "$pid" | tail -n 1)" | grep -q 'write to its file by any process *EPERM'
ok $? 'FileWrite=deny: explain says so'
cp "$libc" "$libc.new" && mv "$libc.new" "$libc"
ok $? 'FileWrite=deny: a new version can be renamed over it'
open_to_write "$libc"
ok $? 'FileWrite=deny: which can be written'
end
rm $etc/20-file.conf
reload

# --- matched by other keys ---

policy 30-user <<END
[Match]
User=4321
Exe=/srv/others/started
[Seal]
Segments=text
Deny=mprotect
END
policy 31-unit <<END
[Match]
Unit=some@*.service
[Seal]
Segments=text
END
policy 32-cgroup <<END
[Match]
Cgroup=/apps/one
[Seal]
Segments=text
END
policy 33-glob <<END
[Match]
Exe=/srv/o*s/gl?b
END
policy 00-exempt <<END
[Match]
Exe=$bin/started-static
[Seal]
Segments=none
END
reload
ok $? 'policies of every kind'
begin /srv/others/started --as 4321 /srv/others/started
waits 120 is_sealed "$pid"
ok $? 'User='
ask attack mprotect text
is "$answer" EPERM 'User=: mprotect of text'
end
begin /srv/others/started --as 4322 /srv/others/started
sleep 1
is "$(seals "$pid")" 0 'User=: another user'
end
for group in 'a.slice/some@x.service' 'a.slice/other.service' apps/one/deep apps/two; do
	mkdir -p /sys/fs/cgroup/$group
	# shellcheck disable=SC2016 # for the inner shell
	begin sh -c 'echo $$ >/sys/fs/cgroup/$0/cgroup.procs; exec /srv/others/started' $group
	case $group in
	*some@* | apps/one*)
		waits 120 is_sealed "$pid"
		ok $? "in $group"
		;;
	*)
		sleep 1
		is "$(seals "$pid")" 0 "in $group: nothing"
		;;
	esac
	end
done
kill -STOP $daemon
begin sh -c 'echo $$ >/sys/fs/cgroup/apps/one/deep/cgroup.procs; exec /srv/others/started'
echo "$pid" >/sys/fs/cgroup/apps/two/cgroup.procs
kill -CONT $daemon
waits 120 is_sealed "$pid"
ok $? 'moved to another cgroup before it was looked at: that of the exec counts'
# By then no more of it is to be sealed, and only its seals are kept.
sleep 1
is "$(policy_of "$pid") $(state "$pid")" '32-cgroup sealed' 'and long after, too'
end
cp "$tests"/started /srv/others/glob
begin /srv/others/glob
waits 120 is_sealed "$pid"
ok $? 'Exe= with a pattern'
end
begin $bin/started-static
sleep 1
is "$(state "$pid") $(seals "$pid")" 'exempt 0' 'Segments=none'
end
# Like a linker with -z memory-seal; the note has room for one more property, of size 0.
note=$(od -A d -t x4 -w4 -v /srv/others/started 2>/dev/null |
	awk '$2 == "00000010" { size = $1; seen = 1; next } seen && $2 == "00000005" { next }
	seen && $2 == "00554e47" { print $1 + 4; exit } { seen = 0 }')
cp /srv/others/started /srv/others/marked
printf '\003\000\000\000\000\000\000\000\002\000\000\300\000\000\000\000' |
	dd of=/srv/others/marked bs=1 seek="$((note))" conv=notrunc 2>/dev/null
policy 60-marked <<END
[Match]
Marked=yes
END
reload
if [ -n "$note" ]; then
	begin /srv/others/marked
	waits 120 is_sealed "$pid"
	ok $? 'Marked=: a program that asks for it'
	end
else
	# On arm64 the linker makes none; t_match marks a program that has one of its own.
	ok 0 'Marked=: a program that asks for it # SKIP it has no note to change'
fi
for round in 1 2; do
	begin /srv/others/started
	sleep 1
	is "$(seals "$pid")" 0 "Marked=: one that does not ($round)"
	end
done
rm $etc/60-marked.conf $etc/00-exempt.conf

# --- changes ---

begin /srv/others/started
policy 70-new <<END
[Match]
Exe=/srv/others/started
[Seal]
Segments=text
Action=audit
END
reload
waits 120 is_sealed "$pid"
ok $? 'reload: a new policy seals what runs'
ask attack mprotect text
is "$answer" ok 'Action=audit: lets it through'
is "$(msealctl list "$pid" | awk 'NR == 2 { print $NF }')" 1 'Action=audit: and counts it'
end
echo nonsense >$etc/50-sealed.conf
reload
is $? 1 'a broken file: reload has status 1'
grep -q "50-sealed.conf:1: " $dir/reload
ok $? 'a broken file: named, with its line'
begin $bin/started
waits 120 is_sealed "$pid"
ok $? 'a broken file: its last good version is active'
kill -9 $daemon
wait $daemon 2>/dev/null
ask exec $bin/started-norelro
is "$answer" "$pid" 'without a daemon: exec'
daemon
waits 120 is_sealed "$pid"
ok $? 'the next daemon seals what started meanwhile, by the last good version'
all_text "$pid" 'started while there was no daemon'
end
rm $etc/50-sealed.conf
begin $bin/started
waits 120 is_sealed "$pid"
reload
is "$(seals "$pid" | sed 's/^[1-9].*/some/')" some 'a policy that is gone: sealed memory stays sealed'
end
begin $bin/started
sleep 1
is "$(seals "$pid")" 0 'a policy that is gone: what starts is not sealed'
end

# --- a hostile folder ---

cp /bin/busybox $etc/binary.conf
ln -s loop.conf $etc/loop.conf
mkfifo $etc/fifo.conf
mkdir $etc/folder.conf
ln -s /dev/null $etc/masked.conf
ln -s /dev/zero $etc/zero.conf
dd if=/dev/zero bs=1M count=8 2>/dev/null | tr '\0' '#' >$etc/huge.conf
printf '[Match]\nExe=/srv/others/writable\n' >$etc/writable.conf
chmod 666 $etc/writable.conf
policy 50-sealed <<END
[Match]
Exe=$bin/
END
reload
for file in binary loop fifo folder zero huge writable; do
	is "$(grep -c "/$file.conf" $dir/reload)" 1 "a hostile folder: one line on $file.conf"
done
begin $bin/started
waits 120 is_sealed "$pid"
ok $? 'a hostile folder: the others are active'
end
rm -rf ${etc:?}/*

# --- many ---

policy 50-sealed <<END
[Match]
Exe=$bin/
[Seal]
Segments=text rodata relro vdso
END
reload
seconds=$(date +%s)
storm=${MSEALD_BRIEF:+300}
begin /srv/others/started --storm "${storm:=1000}" $bin/started /srv/others/started
pids=$pid
echo "# $storm programs started in $(($(date +%s) - seconds)) s"
# The number of sealed ones: all at once, since each request starts a program.
count_sealed() {
	msealctl policy list |
		awk -v pids="$pids" 'BEGIN { n = split(pids, all, " ")
				for (i = 1; i <= n; i++) asked[all[i]] }
			$1 in asked && $4 == "sealed" { sealed++ } END { print sealed + 0 }'
}
all_sealed() { [ "$(count_sealed)" = "$(echo "$pids" | wc -w)" ]; }
waits 120 all_sealed
is "$(count_sealed)" $((storm / 25)) 'many programs at once: all that live are sealed'
for one in $pids; do
	unsealed_texts "$one"
done >$dir/unsealed
is "$(wc -l <$dir/unsealed)" 0 'many programs at once: with all of their text'
# shellcheck disable=SC2086 # pids
kill -9 $pids $job
exec 7>&- 8<&-

grep -v 'seals' $dir/mseald.log | grep -E 'error|cannot' | head -5 | sed 's/^/# /'
kill $daemon
wait $daemon
is $? 0 'mseald ends well'
done_testing
