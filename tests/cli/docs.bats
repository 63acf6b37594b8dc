#!/usr/bin/env bats
# Help, man pages and completions say the same, for every command.

load ../helper

each() { for dir in "$root"/cmd/*/; do "$1" "$(basename "$dir")" || { echo "$1 $dir"; return 1; }; done; }

same_options() {
	diff <("$1" --help=mdoc) <(sed -n '/^\.\\" options/,/^\.\\" end/{//d;p}' "$root/man/$1.1")
}
same_completion() {
	diff <("$1" --help=bash) "$root/completions/$1.bash" &&
	    diff <("$1" --help=zsh) "$root/completions/_$1" && diff <("$1" --help=fish) "$root/completions/$1.fish"
}
first_screen() {
	"$1" --help > help && [ "$(wc -l < help)" -le 40 ] && [ "$(grep -c '^  \$ ' help)" -ge 3 ] && grep -q '^Exit: ' help &&
	    ! awk 'length > 132 { exit 1 } END { exit 0 }' help | grep .
}
one_line_version() { [[ $("$1" --version) =~ ^$1\ [0-9]+\.[0-9]+\.[0-9]+$ ]]; }
libraries_with_v() {
	run -0 "$1" --version -v
	[[ ${lines[0]} =~ ^$1\ [0-9] && $output == *$'\n  zlib '[0-9]* && $("$1" -vV) == "$output" ]]
	if [ "$1" = at-dash ]; then
		[[ $output == *$'\n  ncurses '[0-9]* ]]
	else
		[[ $output == *$'\n  LMDB 0.'* && $output == *$'\n  zstd '[0-9]* ]]
	fi
}
unknown_option() {
	run -2 --separate-stderr "$1" --no-such-option
	[ "$(wc -l <<< "$stderr")" = 1 ] && [[ $stderr == "$1: no option --no-such-option"* ]]
}

@test "each command says the same of itself as its page, and names the verbs that its synopsis has" {
	for page in "$root"/man/at-*.1; do
		name=$(basename "$page" .1)
		$name --help > help
		[ "$(sed -n 's/^\.Nd //p' "$page")" = "$(sed -n 2p help)" ]
		sed -n 1p help | grep -q "^usage: $name \[OPTION…\]" && not grep -q ' $' <(sed -n 1p help)
	done
	at-admin --help | sed -n 's/^  \([a-z]*\) .*/\1/p' > verbs
	for verb in $(cat verbs); do
		sed -n '/^.Sh SYNOPSIS/,/^.Sh DESC/p' "$root/man/at-admin.1" | grep -q "^\.Cm.*\<$verb\>"
		grep -q "^\.It Cm $verb\>" "$root/man/at-admin.1" || { echo "nothing is said of $verb"; return 1; }
	done
}

@test "OPTIONS in each page is the option table" { each same_options; }
@test "each completion is the option table, in three shells" { each same_completion; }
@test "help fits a screen, with three examples and the exit statuses" { each first_screen; }
@test "--version is one line" { each one_line_version; }
@test "--version -v names the libraries and theirs" {
	each libraries_with_v
	[[ $(at-query -Vv) == *$'\n  SQLite 3.'* && $(at-agg -Vv) != *SQLite* ]]
}
settings_with_origins() {
	run -0 env XDG_DATA_HOME=/d XDG_CONFIG_HOME=/c NO_COLOR=1 AT_TENANT=t AT_STORE= "$1" --show-config --tz UTC
	diff <(tr -s ' ' <<< "$output") <(printf '%s\n' 'store /d/at (default)' 'tenant t (AT_TENANT)' 'config /c/at (default)' 'tz UTC (option)' \
	    'now (clock)' 'color never (NO_COLOR)' 'progress auto (default)')
}
@test "--show-config says where each setting comes from" { each settings_with_origins; }
@test "help, version and settings that cannot be written are an error" {
	for dir in "$root"/cmd/*/; do
		for option in --help --version --show-config; do
			run -1 bash -c "$(basename "$dir") $option > /dev/full"
			[[ $output == *'No space left'* ]]
		done
	done
	for call in 'funnel --help' '--complete verbs'; do
		run -1 bash -c "at-query $call > /dev/full"
		[[ $output == *'No space left'* ]]
	done
}
@test "an unknown option is named, in one line, and exits 2" { each unknown_option; }

@test "mandoc finds nothing to say about any page" {
	for page in "$root"/man/*.[1-8]; do
		mandoc -Tlint -Wwarning "$page"
	done
}

@test "every page that is referred to is there" {
	for ref in $(sed -n 's/^\.Xr \(at[a-z-]*\) \([1-8]\).*/\1.\2/p' "$root"/man/*.[1-8] | sort -u); do
		[ -f "$root/man/$ref" ] || { echo "$ref is missing"; return 1; }
	done
}

@test "completions load in the shells that are here" {
	for c in "$root"/completions/*.bash; do bash -n "$c"; done
	if command -v zsh > /dev/null; then for c in "$root"/completions/_*; do zsh -n "$c"; done; fi
	if command -v fish > /dev/null; then for c in "$root"/completions/*.fish; do fish -n "$c"; done; fi
}

@test "bash completes verbs, options and what the store has, which is data and never run" {
	at-ingest -q <<< '{"event":"$(touch run) x","properties":{"country":1}}'
	at-admin -q tenant add ta
	source "$root/completions/at-query.bash"
	completes() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _at_query 2> /dev/null; echo "${COMPREPLY[*]}"; }
	[ "$(completes at-query fu)" = funnel ]
	[ "$(completes at-query --tenant = t)" = ta ]
	[ "$(completes at-query -T '')" = 'default ta' ]
	[ "$(completes at-query metric --by cou)" = country ]
	[ "$(completes at-query events --event '')" = '\$\(touch\ run\)\ x' ]
	[[ $(completes at-query --fo) = *--format=* && ! -e run ]]
}
