_at_detect() {
	local word cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} kind=
	[ "$cur" != = ] || cur=
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD-2]}
	COMPREPLY=()
	case $prev in
	-T|--tenant) kind=tenants ;;
	esac
	if [ "$kind" ]; then
		while IFS= read -r word; do
			[[ $word != "$cur"* ]] || COMPREPLY+=("$(printf %q "$word")")
		done < <(at-query --complete "$kind" 2> /dev/null)
		return
	fi
	case $cur in
	-*) COMPREPLY=($(compgen -W '--sensitivity= --fields= --all --each --changes --absent= --exit-status --pattern= --rules= --notify --backtest --labels= --follow --name= --lateness= --timeouts --state= --model= --exec= --exec-timeout= --save --lossy --strict --store= --tenant= --config= --quiet --verbose --color= --progress= --now= --tz= --show-config --help --version ' -- "$cur"))
		[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace ;;
	esac
}
complete -o default -F _at_detect at-detect
