# bash completion for msealctl(1)

# Completes the last word of a list with commas: _msealctl_list WORD...
_msealctl_list() {
	local cur=${COMP_WORDS[COMP_CWORD]} done='' word
	[[ $cur == = ]] && cur=''
	[[ $cur == *,* ]] && done=${cur%,*},
	compopt -o nospace
	COMPREPLY=()
	for word in "$@"; do
		[[ ,$done == *",$word,"* ]] && continue
		[[ $done$word == "$cur"* ]] && COMPREPLY+=("$done$word")
	done
}

_msealctl_pids() {
	local entry cur=$1
	COMPREPLY=()
	for entry in /proc/[0-9]*; do
		entry=${entry#/proc/}
		[[ $entry == "$cur"* ]] && COMPREPLY+=("$entry")
	done
}

_msealctl_comms() {
	mapfile -t COMPREPLY < <(compgen -W "$(cat /proc/[0-9]*/comm 2>/dev/null | sort -u)" -- "$1")
}

_msealctl_units() {
	local units
	units=$(systemctl list-units --plain --no-legend --type=service,scope,slice 2>/dev/null | cut -d ' ' -f 1)
	mapfile -t COMPREPLY < <(compgen -W "$units" -- "$1")
}

# Completes words after "policy": _msealctl_policy CURRENT WORD..., the words so far.
_msealctl_policy() {
	local cur=$1 folder name commands='list reload report check show list-files enable disable'
	shift
	COMPREPLY=()
	if [[ $# == 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		return
	fi
	case $1 in
	check | show)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	esac
	case $1 in
	show | enable | disable | report)
		for folder in /etc /usr/lib /usr/local/lib; do
			for name in "$folder"/mseald/policy.d/*.conf; do
				name=${name##*/}
				name=${name%.conf}
				[[ $name != '*' && $name == "$cur"* && " ${COMPREPLY[*]} " != *" $name "* ]] && COMPREPLY+=("$name")
			done
		done
		;;
	esac
}

_msealctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='seal run unseal list coverage map explain monitor status metrics check policy version help'
	local global='--json --socket= --help' own='' command='' word arguments=0 words=() i

	# "=" breaks words in bash: --deny = text
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	--segments) _msealctl_list text rodata relro data vdso stack all; return ;;
	--deny) _msealctl_list mprotect unmap discard foreign-write file-write all; return ;;
	--verdict) _msealctl_list denied killed audited; return ;;
	--state) _msealctl_list sealed partly weaker unsealed; return ;;
	--action)
		word='deny kill audit'
		[[ " ${COMP_WORDS[*]} " == *' policy enable '* ]] && word='deny audit'
		mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
		return
		;;
	--comm) _msealctl_comms "$cur"; return ;;
	--unit) _msealctl_units "$cur"; return ;;
	--root)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--socket | --ranges-from | --textfile)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		=) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=$word
			elif [[ ${COMP_WORDS[i - 1]} != = ]]; then
				((arguments++))
				words+=("$word")
			fi
			;;
		esac
	done

	# Words after the program belong to the program.
	if [[ $command == run && $arguments -gt 0 ]]; then
		COMPREPLY=()
		compopt -o default
		return
	fi
	if [[ $cur == -* ]]; then
		case $command in
		'') own=--version ;;
		run) own='--segments= --deny= --action= --revocable' ;;
		seal) own='--segments= --deny= --action= --revocable --ranges-from= --dry-run --unit= --comm=' ;;
		unseal) own='--ranges-from= --dry-run --unit= --comm=' ;;
		list) own='--summary --unit= --comm=' ;;
		coverage) own='--require= --state= --svg --unit= --comm=' ;;
		map) own=--svg ;;
		monitor) own='--operation= --verdict= --unit= --comm=' ;;
		metrics) own=--textfile= ;;
		policy) case ${words[0]:-} in
			report) own=--reset ;;
			list | reload) ;;
			enable) own='--action= --root=' ;;
			*) own=--root= ;;
			esac ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$global $own" -- "$cur")
		[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
		return
	fi
	case $command in
	'') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	run) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	help) ((arguments == 0)) && mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	policy) _msealctl_policy "$cur" "${words[@]}" ;;
	seal | unseal | list | coverage | monitor) _msealctl_pids "$cur" ;;
	map | explain) ((arguments == 0)) && _msealctl_pids "$cur" ;;
	esac
}

complete -F _msealctl msealctl
