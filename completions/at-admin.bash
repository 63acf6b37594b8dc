_at_admin() {
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
	-*) COMPREPLY=($(compgen -W '--all --dry-run --yes --format= --before= --until= --keep= --user= --role= --scope= --expires= --sees= --from= --to= --store= --tenant= --config= --quiet --verbose --color= --progress= --now= --tz= --show-config --help --version ' -- "$cur"))
		[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace ;;
	*) [ "$COMP_CWORD" -gt 1 ] || COMPREPLY=($(compgen -W 'init stats verify compact tenant user key role audit silence letters feedback retain backup restore archive export erase ' -- "$cur")) ;;
	esac
}
complete -o default -F _at_admin at-admin
