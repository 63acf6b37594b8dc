#!/bin/bash
# What the documents show is what happens: each ```console block of README.md and examples/*.md, and each literal display
# of a man page, is run, a document in an empty folder of its own; lines after "$ " are typed ("> " goes on), the others
# must come out. A line "…" stands for any lines; times, rates and temporary names are told apart by nothing else. TAP.
root=$(cd "$(dirname "$0")/../.." && pwd)
export B=${B:-$root/build} PATH=${B:-$root/build}/bin:$PATH LC_ALL=C.UTF-8 TZ=UTC TERM=dumb
unset AT_TENANT AT_CONFIG AT_NOW NO_COLOR CLICOLOR_FORCE
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
awk '
	/^(```console|\.Bd -literal)/ { on = 1; next }
	/^(```|\.Ed)/                 { if (cmd) print cmd "\034" out; cmd = ""; on = 0; next }
	FILENAME ~ /[0-9]$/           { sub(/^\\&/, ""); gsub(/\\e/, "\\"); gsub(/\\-/, "-"); gsub(/\\(aq|\(aq)/, "\047") }
	on && /^\$ /  { if (cmd) print cmd "\034" out; cmd = FILENAME "\034" FNR "\034" substr($0, 3); out = ""; next }
	on && /^> /   { cmd = cmd "\035" substr($0, 3); next }
	on && cmd     { out = out $0 "\035" }
	END           { if (cmd) print cmd "\034" out }
' "$root"/README.md "$root"/examples/*.md "$root"/man/*.[1-8] > "$work/steps"

# Is the output what the document shows? "…" alone on a line stands for any number of lines, within a line for any text.
same() {
	python3 - "$1" "$2" <<-'PY'
	import re, sys
	want, got = (open(f, encoding="utf-8", errors="replace").read() for f in sys.argv[1:3])
	parts = [("(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n") for line in want.splitlines()]
	if not re.fullmatch("".join(parts), got if got == "" or got.endswith("\n") else got + "\n"):
	    sys.stderr.write("shown:\n%scame:\n%s" % (want, got)); sys.exit(1)
	PY
}

n=0 last=
while IFS=$'\034' read -r file line cmd out; do
	n=$((n + 1))
	if [ "$file" != "$last" ]; then
		last=$file dir=$work/$(basename "$file")
		mkdir -p "$dir" && cd "$dir" && export AT_STORE=$dir/store HOME=$dir
	fi
	printf %s "$out" | tr '\035' '\n' > "$work/want"
	eval "$(tr '\035' '\n' <<< "$cmd")" > "$work/got" 2>&1 < /dev/null
	if same "$work/want" "$work/got"; then
		echo "ok $n - ${file#"$root"/}:$line"
	else
		echo "not ok $n - ${file#"$root"/}:$line: $cmd"
	fi
done < "$work/steps"
echo "1..$n"
