_at_dash() {
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
	-*) COMPREPLY=($(compgen -W '--once --render= --url= --range= --filter= --series= --points= --width= --ascii --plain --csv-safe --lossy --strict --store= --tenant= --config= --quiet --verbose --color= --progress= --now= --tz= --show-config --help --version ' -- "$cur"))
		[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace ;;
	esac
}
complete -o default -F _at_dash at-dash
