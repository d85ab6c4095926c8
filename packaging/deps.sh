#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# deps.sh [build|test]: installs the packages for building mseald (build) or also for testing it
# (test, the default) on Debian 12 or newer, with apt-get, by sudo unless root. If everything is
# installed it does nothing and is quick. With dnf or pacman instead, it prints the missing packages
# and the command to install them: the names (packaging/deps.list) have not been tried there.
# deps.sh --names apt|dnf|pacman [build|test]: only prints the names.
# With ARCH=arm64 in the environment (make deps ARCH=arm64) on another machine, also the compiler and
# QEMU for that: the libraries are packaging/sysroot's.
# QEMU must be 10 or newer. If Debian's own is older, it comes from backports, by a separate apt
# configuration.
set -euo pipefail

list=$(dirname "$(realpath "$0")")/deps.list

qemu_least=1:10

die() {
	printf 'deps.sh: %s\n' "$*" >&2
	exit 1
}

# names MANAGER build|test: the packages of deps.list, by their names for this package manager.
names() {
	local column
	case $1 in
	apt) column=2 ;;
	dnf) column=3 ;;
	pacman) column=4 ;;
	*) die "there are no names for '$1'; there are apt, dnf and pacman" ;;
	esac
	awk -v column=$column -v all="$2" '
		!/^#/ && ($1 == "build" || all == "test") && $column != "-" { print $column }' "$list"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "cannot install packages: not root, and there is no sudo; run this as root"
	fi
}

# missing PACKAGE...: prints the packages that are not installed.
missing() {
	local have p
	have=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
		sed -n 's/^installed //p' | tr '\n' ' ')"
	for p; do
		[[ $have == *" $p "* ]] || printf '%s ' "$p"
	done
}

# apt_get ARGUMENT...: as root, and silent unless it fails.
apt_get() {
	local out
	out=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-confold "$@" </dev/null 2>&1) || {
		printf '%s\n' "$out" >&2
		die "apt-get ${*: -1} failed, see above"
	}
}

apt_install() { apt_get install -y --no-install-recommends "$@"; }

qemu_is_new() { dpkg --compare-versions \
	"$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo 0)" ge $qemu_least; }

# Installs nginx without starting it now or at the next boot: it is only a program to seal.
install_nginx() {
	local guard=/usr/sbin/policy-rc.d
	if [ -e $guard ]; then
		apt_install nginx-light
	else
		trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
		printf '#!/bin/sh\nexit 101\n' | as_root tee $guard >/dev/null
		as_root chmod 755 $guard
		apt_install nginx-light
		as_root rm -f $guard
		trap - EXIT
	fi
	if command -v systemctl >/dev/null; then
		as_root systemctl -q disable nginx.service 2>/dev/null || true
	fi
	as_root rm -f /etc/systemd/system/multi-user.target.wants/nginx.service
}

# Installs QEMU from the machine's own sources if it is new enough there, else with the release's
# backports added, in a separate configuration with separate package lists: those of the machine are
# unchanged.
install_qemu() { # PACKAGE
	local package=$1 candidate codename vm dir list parts
	candidate=$(apt-cache policy "$package" | sed -n 's/^ *Candidate: //p')
	if dpkg --compare-versions "${candidate:-0}" ge $qemu_least; then
		apt_install "$package"
		return
	fi
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	vm=$(dirname "$(realpath "$0")")/../tests/vm
	dir=${MSEALD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mseald}/apt/deps
	list='' parts=''
	eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
	mkdir -p "$dir/lists/partial" "$dir/parts"
	find "$dir/parts" -type l -delete
	for f in "$list" "${parts%/}"/*.list "${parts%/}"/*.sources; do
		[ ! -f "$f" ] || ln -s "$f" "$dir/parts/"
	done
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	echo \
		"deb [signed-by=$keyring] $("$vm/mirror") $codename-backports main" \
		>"$dir/backports.list"
	set -- -o Dir::Etc::SourceList="$dir/backports.list" -o Dir::Etc::SourceParts="$dir/parts" \
		-o Dir::State::Lists="$dir/lists" -o APT::Sandbox::User=root
	apt_get "$@" update
	apt_install "$@" {"$package",qemu-system-{common,data},seabios}"/$codename-backports"
	qemu_is_new "$package" ||
		die \
		"$package is older than ${qemu_least#*:} in $codename-backports too;\
 install a newer one"
}

# Prints the missing packages if there is no apt-get, and exits.
say_missing() {
	local manager=$1 install=$2 lacks=()
	shift 2
	for p; do
		case $manager in
		dnf) rpm -q --whatprovides "$p" >/dev/null 2>&1 || lacks+=("$p") ;;
		pacman) pacman -T "$p" >/dev/null 2>&1 || lacks+=("$p") ;;
		esac
	done
	[ ${#lacks[@]} -gt 0 ] || exit 0
	die "missing, by names that have not been tried: $install ${lacks[*]}"
}

[ -r "$list" ] || die "there is no $list, the names of the packages"
[ "${1:-}" != --names ] || { names "${2:-}" "${3:-test}" && exit; }
what=${1:-test}
case $what in build | test) ;; *) die "usage: deps.sh [build|test], or deps.sh --names apt|dnf|pacman" ;; esac
if ! command -v apt-get >/dev/null; then
	for manager in dnf pacman; do
		command -v $manager >/dev/null || continue
		mapfile -t known < <(names $manager "$what")
		case $manager in dnf) install='dnf install' ;; pacman) install='pacman -S' ;; esac
		say_missing $manager "$install" "${known[@]}"
	done
fi
mapfile -t known < <(names apt "$what")
want=$(missing "${known[@]}")
if [ "$what" = test ]; then
	command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || want="${want}nginx-light "
	command -v kubectl >/dev/null || want="${want}kubernetes-client "
	qemu_is_new qemu-system-x86 || want="${want}qemu-system-x86 "
fi
if [ "${ARCH:-}" = arm64 ] && [ "$(uname -m)" != aarch64 ]; then
	want="$want$(missing gcc-aarch64-linux-gnu)"
	[ "$what" != test ] || want="$want$(missing lld)"
	[ "$what" != test ] || qemu_is_new qemu-system-arm || want="${want}qemu-system-arm "
fi
[ -n "$want" ] || exit 0
command -v apt-get >/dev/null ||
	die "there is no apt-get here; install what stands for these Debian packages: $want"

echo "deps.sh: installing ${want% }"
apt_get update
plain=()
for p in $want; do
	case $p in
	nginx-light | qemu-system-*) ;;
	*) plain+=("$p") ;;
	esac
done
[ ${#plain[@]} = 0 ] || apt_install "${plain[@]}"
case $want in *nginx-light*) install_nginx ;; esac
for p in $want; do
	case $p in qemu-system-*) install_qemu "$p" ;; esac
done
