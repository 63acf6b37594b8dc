_at_query() {
	local word cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} kind=
	[ "$cur" != = ] || cur=
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD-2]}
	COMPREPLY=()
	case $prev in
	-f|--format) kind=formats ;;
	--by) kind=columns ;;
	--without) kind=events ;;
	--start) kind=events ;;
	--return) kind=events ;;
	--event) kind=events ;;
	-T|--tenant) kind=tenants ;;
	esac
	if [ "$kind" ]; then
		while IFS= read -r word; do
			[[ $word != "$cur"* ]] || COMPREPLY+=("$(printf %q "$word")")
		done < <(at-query --complete "$kind" 2> /dev/null)
		return
	fi
	case $cur in
	-*) COMPREPLY=($(compgen -W '--format= --param= --input= --input-format= --csv-safe --ascii --timeout= --max-memory= --no-pager --complete= --range= --by= --every= --from= --to= --filters= --within= --each= --without= --strict --start= --return= --n= --depth= --gap= --user= --event= --last= --follow --store= --tenant= --config= --quiet --verbose --color= --progress= --now= --tz= --show-config --help --version ' -- "$cur"))
		[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace ;;
	*) [ "$COMP_CWORD" -gt 1 ] || COMPREPLY=($(compgen -W 'metric funnel retention paths sessions match events schema explain ' -- "$cur")) ;;
	esac
}
complete -o default -F _at_query at-query
