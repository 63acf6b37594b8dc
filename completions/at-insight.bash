_at_insight() {
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
	-*) COMPREPLY=($(compgen -W '--horizon= --level= --reach= --holidays= --by= --every= --range= --format= --dashboard= --output= --user= --item= --top= --save --lossy --strict --store= --tenant= --config= --quiet --verbose --color= --progress= --now= --tz= --show-config --help --version ' -- "$cur"))
		[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace ;;
	*) [ "$COMP_CWORD" -gt 1 ] || COMPREPLY=($(compgen -W 'forecast ask explain summary report recommend ' -- "$cur")) ;;
	esac
}
complete -o default -F _at_insight at-insight
