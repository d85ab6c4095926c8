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

_msealctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='seal run unseal list map explain monitor status check version help'
	local global='--json --socket= --help' own='' command='' word arguments=0 i

	# "=" breaks words in bash: --deny = text
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	--segments) _msealctl_list text rodata relro data vdso stack all; return ;;
	--deny) _msealctl_list mprotect unmap discard foreign-write all; return ;;
	--action) mapfile -t COMPREPLY < <(compgen -W 'deny kill audit' -- "$cur"); return ;;
	--socket | --ranges-from)
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
			fi
			;;
		esac
	done

	# What follows the program is its own.
	if [[ $command == run && $arguments -gt 0 ]]; then
		COMPREPLY=()
		compopt -o default
		return
	fi
	if [[ $cur == -* ]]; then
		case $command in
		'') own=--version ;;
		run) own='--segments= --deny= --action= --revocable' ;;
		seal) own='--segments= --deny= --action= --revocable --ranges-from=' ;;
		unseal) own=--ranges-from= ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$global $own" -- "$cur")
		[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
		return
	fi
	case $command in
	'') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	run) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	help) ((arguments == 0)) && mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	seal | unseal | list | map | explain | monitor) ((arguments == 0)) && _msealctl_pids "$cur" ;;
	esac
}

complete -F _msealctl msealctl
