_at_agg() {
	local word cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} kind=
	[ "$cur" != = ] || cur=
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD-2]}
	COMPREPLY=()
	case $prev in
	-b|--by) kind=columns ;;
	-T|--tenant) kind=tenants ;;
	esac
	if [ "$kind" ]; then
		while IFS= read -r word; do
			[[ $word != "$cur"* ]] || COMPREPLY+=("$(printf %q "$word")")
		done < <(at-query --complete "$kind" 2> /dev/null)
		return
	fi
	case $cur in
	-*) COMPREPLY=($(compgen -W '--window= --by= --aggregates= --where= --format= --metric= --lateness= --late= --rejects= --updates= --idle= --states --save --state= --lossy --strict --store= --tenant= --config= --quiet --verbose --color= --progress= --now= --tz= --show-config --help --version ' -- "$cur"))
		[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace ;;
	esac
}
complete -o default -F _at_agg at-agg
