# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The jobs of tests/check, which sources this file. A job is named GROUP[:TEST][@KERNEL], the same
# words on its command line, in its messages and in build/log/times. It is one command, which prints
# TAP.
# shellcheck disable=SC2034,SC2154 # tests/check has or uses them

# Today's kernel of those that take turns in make check.
kernel_of_today() {
	local turn
	mapfile -t turn < <(tests/vm/kernel --list turn)
	echo "${turn[$(($(date +%s) / 86400 % ${#turn[@]}))]}"
}

# programs FOLDER PREFIX: the names of the programs made of tests/FOLDER/PREFIX*.c.
programs() {
	local file
	for file in "tests/$1/$2"*.c; do basename "$file" .c; done
}

# take_turns NUMBER JOB...: so many of these jobs are in make check-all, others the next day.
take_turns() {
	local number=$1 place=0 day=$(($(date +%s) / 86400)) job form
	shift
	[ $# != 0 ] || return 0
	for job; do
		form=turn
		[ $(((place - day * number % $# + $#) % $#)) -ge "$number" ] || form=rest
		echo "$form $job"
		place=$((place + 1))
	done
}

# all_jobs: a line "FORM JOB" for each, in the order in which they start: long ones come first.
# FORM:
#   check  in make check and make check-all
#   brief  only make check: finds faults that any line of code can have by itself, as fast as possible
#   rest   only make check-all: more kernels, more time, more programs
#   turn   the same, on another day
all_jobs() {
	local name kernel today every always others=() whole=() medium=() arm64=()
	today=$(kernel_of_today)
	mapfile -t every < <(tests/vm/kernel --list)
	mapfile -t always < <(tests/vm/kernel --list always)
	echo "brief kernel:policies@6.12"
	echo "brief kernel:daemon@6.12"
	echo "brief kernel:parallel@6.12"
	echo "brief oci:brief@6.12"
	echo "brief kernel:memory@6.12"
	for kernel in "${always[@]}" "$today"; do echo "brief kernel:attacks@$kernel"; done
	[ -n "$under" ] || echo "brief kernel:attacks@arm64-6.12"
	echo "check cost@6.12"
	echo "brief service:brief@6.12"
	echo "brief real:brief@6.12"
	echo "brief harness:brief@6.12"
	echo "brief service:shutdown-brief@6.12"
	echo "check demo@7.3"
	echo "check libmseal:selftest@6.1"
	for kernel in 7.3 6.12; do echo "brief race:brief@$kernel"; done
	for name in tree abi model recipes messages release k8s metrics completion runtime; do
		echo "check tree:$name"
	done
	# Short jobs fill the end: no processor waits for the last VM.
	for name in $(programs fuzz fuzz_); do echo "brief fuzz:${name#fuzz_}"; done
	for name in $(programs unit test_); do echo "check unit:$name"; done

	# Of each line some a day, so that all fit into an hour of two processors. Half an hour each:
	[ -n "$under" ] || whole=(whole:{bookworm,trixie}@{6.12,6.1,7.3})
	take_turns 1 "${whole[@]}" "${always[@]/#/kernel:rest@}" "kernel:rest@$today" kernel:long@6.12 \
		kernel:t_survive@{6.1,7.3} real-all@6.12 "${always[@]/#/calls@}"
	# Its Debian lacks the libraries of sanitizers; and the package is built anew, without them. The
	# same holds for the disk of the engines.
	[ -n "$under" ] || medium=(sanitize@6.12 valgrind@6.12 oci:trixie@6.12 monitoring@6.12
		demo-system@7.3 engines:docker@7.3
		engines:{docker,docker-rootless,containerd,podman,quadlet,units}@6.12
		service:{service,shutdown,package}@{6.12,6.1} newcomer:{bookworm,trixie})
	# The kernel with override, built for it, has no driver of disks.
	take_turns 2 "${medium[@]}" "${always[@]/#/oci@}" "${always[@]/#/race:long@}" harness@{6.1,6.12,7.3}
	take_turns 2 "${always[@]/#/kernel:tables@}"
	for kernel in "${every[@]}"; do
		[[ " ${always[*]} " == *" $kernel "* ]] || others+=("$kernel")
	done
	take_turns 3 "${others[@]/#/kernel:attacks@}"
	[ ! -x build/arm64/mseald ] || [ -n "$under" ] ||
		arm64=({kernel:tables,kernel:rest,kernel:t_survive,calls,race:brief,demo}@arm64-{6.12,7.3}
			kernel:t_refused.sh@arm64-6.1 cost@arm64-6.12)
	[ ! -x build/arm64-16384/mseald ] || [ -n "$under" ] ||
		arm64+=({kernel:{tables,t_lock,t_match,t_start},race:brief,demo}@arm64-6.12-16k)
	take_turns 1 "${arm64[@]}"
	take_turns 2 real@{6.12,7.3} libmseal:selftest@{6.12,7.3} libmseal:services@{6.1,6.12} \
		compiler@{6.1,7.3} "${every[@]/#/cost:startup@}" cost:crowd@6.12 \
		tree:rpm tree:pictures tree:cross real-time
	for name in $(programs fuzz fuzz_); do echo "rest fuzz-long:${name#fuzz_}"; done
	echo "rest matrix"
	echo "rest real-table"
	echo "rest whole-table"
}

# turn_of KERNEL: a number that changes with the kernel and the day.
turn_of() {
	local place
	place=$(tests/vm/kernel --list | sed -n "/^$1\$/=" | head -n 1)
	echo $(($(date +%s) / 86400 + ${place:-0}))
}

# default_kernel GROUP: for a job without a kernel.
default_kernel() {
	case $1 in
	demo | demo-system) echo 7.3 ;;
	*) echo 6.12 ;;
	esac
}

# command_of JOB: sets $command and $limit, its limit in seconds. Status 1: no such job.
command_of() {
	local group test='' kernel='' rest=$1 brief
	case $rest in *@*) kernel=${rest##*@} rest=${rest%@*} ;; esac
	group=${rest%%:*}
	[ "$group" = "$rest" ] || test=${rest#*:}
	[ -n "$kernel" ] || kernel=$(default_kernel "$group")
	command=(env "MSEALD_BUILD=$build") limit=1200
	# For short forms: one processor is cheaper to emulate than two.
	brief=("MSEALD_TURN=${MSEALD_TURN:-$(turn_of "$kernel")}" "MSEALD_CPUS=${MSEALD_CPUS:-1}")
	case $group:$test in
	unit:?*) command=(env CMOCKA_MESSAGE_OUTPUT=TAP "$build/tests/unit/$test") ;;
	fuzz:?*) command+=(tests/lib/one "$test" tests/fuzz/run "${FUZZ_SECONDS:-3}" "fuzz_$test") ;;
	fuzz-long:?*) command+=(tests/lib/one "$test" tests/fuzz/run "${FUZZ_SECONDS:-30}" "fuzz_$test") ;;
	tree:?*) command+=("tests/$test") ;;
	newcomer:?*) command=(tests/newcomer "$test") limit=3600 ;;
	harness:brief) command=(tests/vm/selftest --brief "$kernel") ;;
	harness:) command=(tests/vm/selftest "$kernel") ;;
	kernel:attacks | kernel:memory | kernel:policies | kernel:daemon)
		command+=("${brief[@]}" tests/kernel/run "$kernel" "$test") limit=3600
		;;
	kernel:) command+=(tests/kernel/run "$kernel") limit=3600 ;;
	kernel:parallel)
		command+=("MSEALD_TURN=${MSEALD_TURN:-$(turn_of "$kernel")}")
		command+=(tests/kernel/run "$kernel" "$test") limit=3600
		;;
	kernel:*) command+=(tests/kernel/run "$kernel" "$test") limit=3600 ;;
	calls:)
		command+=("MSEALD_FUZZ_SECONDS=${MSEALD_FUZZ_SECONDS:-600}"
			tests/kernel/run "$kernel" fuzz_calls)
		limit=$((${MSEALD_FUZZ_SECONDS:-600} + 1200))
		;;
	matrix:) command+=(tests/matrix --check) ;;
	race:brief) command+=("MSEALD_RACE_SECONDS=${MSEALD_RACE_SECONDS:-5}" tests/race --brief "$kernel") ;;
	race:long) command+=(tests/race "$kernel") ;;
	race:?*-?*) command+=(tests/race "$kernel" "${test%-*}" "${test##*-}") ;;
	real:brief) command+=(MSEALD_BRIEF=1 "${brief[@]}" tests/real/exact/run "$kernel") ;;
	real:) command+=(tests/real/exact/run "$kernel") ;;
	real-all:) command+=(tests/real/run --all --kernel "$kernel") limit=3600 ;;
	real-all:?*) command+=(tests/real/run --kernel "$kernel" "$test") ;;
	real-time:) command+=(tests/real/run --all --time) limit=3600 ;;
	real-table:) command+=(tests/real/table --check) ;;
	whole:?*) command+=(tests/whole/run "$test" "$kernel") limit=7200 ;;
	whole-table:) command+=(tests/whole/table --check) ;;
	service:brief) command+=("${brief[@]}" tests/service/run "$kernel") ;;
	service:service) command+=(tests/service/run "$kernel") ;;
	service:shutdown-brief) command+=("${brief[@]}" tests/service/shutdown "$kernel" no) ;;
	service:shutdown | service:package) command+=("tests/service/$test" "$kernel") ;;
	oci:) command+=(tests/oci/run "$kernel") limit=2400 ;;
	oci:brief)
		command+=(MSEALD_BRIEF=1 "${brief[@]}" tests/oci/run "$kernel" bare nginx podman daemonset)
		;;
	oci:trixie) command+=(MSEALD_ROOT_SUITE=trixie tests/oci/run "$kernel" restarts) ;;
	oci:?*) command+=(tests/oci/run "$kernel" "$test") ;;
	monitoring:) command+=(tests/monitoring/run "$kernel") limit=3000 ;;
	engines:?*) command+=(tests/oci/engines "$kernel" "$test") limit=3000 ;;
	cost:) command+=(tests/lib/one cost tests/bench/run --check --crowd 1000 "$kernel") ;;
	cost:crowd) command+=(tests/lib/one crowd tests/bench/run --check "$kernel") ;;
	cost:startup) command+=(tests/lib/one startup tests/bench/run --startup "$kernel") ;;
	compiler:) command+=(tests/lib/compiler "$kernel") ;;
	libmseal:?*) command+=("tests/libmseal/$test" "$kernel") ;;
	demo:) command+=(tests/lib/one demo tests/demo/run "$kernel") ;;
	demo-system:) command+=(tests/lib/one demo-system tests/demo/system "$kernel") limit=2400 ;;
	sanitize:) command+=(tests/lib/sanitized "$kernel") limit=3600 ;;
	valgrind:) command+=(MSEALD_VALGRIND=1 "MSEALD_SOAK=${MSEALD_SOAK:-300}" tests/kernel/run \
		"$kernel" t_soak) limit=3600 ;;
	*) return 1 ;;
	esac
	case $kernel in
	arm64-*) [ -x "$(tests/lib/built "$kernel")/mseald" ] ||
		command=(echo "1..0 # SKIP it is not built: make ARCH=arm64 all kernel-programs") ;;
	esac
	[ -z "$under" ] || limit=$((limit * 3))
}

# sources_of GROUP: folders and files whose change makes jobs of that group run first: there the
# rest of the group is likely to find faults that make check misses.
sources_of() {
	case $1 in
	kernel) echo bpf tests/vm/kernels.list ;;
	calls) echo bpf tests/kernel/fuzz_*.c ;;
	race) echo bpf tests/race tests/kernel/r_race.c ;;
	real*) echo user/daemon/trace/native.c user/daemon/api/method_run.c user/daemon/policy/look.c \
		user/daemon/seal/attempt.c bpf/exec_match.bpf.c policy tests/real \
		tests/vm/programs-disk.list ;;
	whole*) echo bpf user/daemon policy systemd packaging/debian packaging/deb.sh tests/whole \
		tests/vm/whole-disk tests/vm/whole-disk.list ;;
	service) echo systemd packaging/debian packaging/deb.sh user/daemon/bpf/lock.c bpf/lock.bpf.c \
		bpf/lock_pins.bpf.c tests/service ;;
	oci | engines) echo user/oci packaging/oci packaging/k8s packaging/image \
		user/daemon/policy/containers.c tests/oci ;;
	monitoring) echo packaging/monitoring systemd user/ctl/cmd/metrics.c \
		user/daemon/api/method_metrics.c tests/monitoring tests/vm/monitoring-disk ;;
	harness) echo tests/vm ;;
	newcomer) echo Makefile packaging/deps.list packaging/deps.sh ;;
	compiler) echo bpf ;;
	libmseal) echo user/libmseal tests/libmseal ;;
	fuzz*) echo user/lib user/oci user/daemon/base/config.c user/daemon/api/params.c tests/fuzz ;;
	sanitize) echo user/lib user/ctl user/oci ;;
	valgrind) echo user/daemon ;;
	esac
}
