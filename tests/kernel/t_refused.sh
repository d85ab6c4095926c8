#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A kernel to whose functions no BPF program can be attached: msealctl check and mseald both say so, and
# from which version on they can. For busybox sh, as root in the VM; needs mseald and msealctl.

# shellcheck source=tests/kernel/tap.sh
. "$(dirname "$0")/tap.sh"
PATH=$(dirname "$0"):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
reason="Linux $(uname -r): BPF programs cannot be attached to its functions"

msealctl check >/tmp/check 2>&1
is $? 1 'msealctl check fails'
grep -qF "missing  kernel      $reason" /tmp/check && grep -q -- '-> boot Linux 6\.4 or newer' /tmp/check &&
	grep -q '^mseald cannot run here' /tmp/check
ok $? 'it has the reason, and what helps'
note "$(cat /tmp/check)"

timeout 60 mseald >/tmp/mseald 2>&1
is $? 1 'mseald does not start'
is "$(cat /tmp/mseald)" "mseald: $reason; boot Linux 6.4 or newer" 'it says the same, in one line'
[ ! -e /sys/fs/bpf/mseald ] && [ ! -S /run/mseald/io.mseald ]
ok $? 'and leaves nothing behind'

done_testing
