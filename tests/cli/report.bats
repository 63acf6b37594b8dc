#!/usr/bin/env bats
# at-insight report: a dashboard with words in front, in four forms.

load ../helper

none() { ! "$@"; }                    # a bare ! does not fail a test
setup() {
	export AT_NOW=2026-11-23T23:59:59Z
	awk -f "$root/examples/demo/shop.awk" -v days=3 | at-ingest -q
	cat > shop.json <<'END'
{"id":"shop","title":"The shop","timeRange":"24h","widgets":[{"id":"card","type":"metric_card","title":"Purchases","metric":"purchase"},
 {"id":"errors","type":"line_chart","title":"Errors","metric":"payment_error","interval":"1h"},
 {"id":"where","type":"bar_chart","title":"Errors by country","metric":"payment_error","groupBy":"country"},
 {"id":"pages","type":"table","title":"Pages","query":"SELECT page, COUNT(*) AS n FROM events WHERE event = 'page_view' AND timestamp >= :from AND timestamp < :to GROUP BY 1 ORDER BY 2 DESC, 1"},
 {"id":"f","type":"funnel_chart","title":"Funnel","steps":["page_view","purchase"]},{"id":"t","type":"text","title":"Note","text":"a note"}]}
END
}

@test "text, Markdown, HTML and PDF, by -f or by the file's end; a run twice gives the same bytes" {
	for f in txt md html pdf; do
		at-insight report --dashboard shop.json -o one.$f
		at-insight report --dashboard shop.json -o two.$f
		cmp one.$f two.$f
	done
	at-insight report --dashboard shop.json -f markdown | cmp - one.md
	AT_THREADS=1 at-insight report --dashboard shop.json -f html | cmp - one.html
	AT_THREADS=2 at-insight report --dashboard shop.json -f html | cmp - one.html
	n=$(at-query -f csv "SELECT COUNT(*) FROM events WHERE event = 'purchase' AND timestamp >= '2026-11-22T23:59:59.000Z' AND timestamp < '2026-11-23T23:59:59.001Z'" | tail -1)
	n=$(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<< "$n")
	for f in txt md html; do grep -q "$n" one.$f; grep -q 'The shop' one.$f; grep -q 'a note' one.$f; done
	grep -q "^| /[a-z]* | [0-9],[0-9]* |$" one.md
	none grep -q '<script' one.html
	[ "$(head -c 5 one.pdf)" = '%PDF-' ]
	if command -v pdftotext > /dev/null; then
		pdftotext -layout one.pdf pdf.txt
		grep -q "$n" pdf.txt && grep -q 'The shop' pdf.txt && grep -q 'checkout\|page_view' pdf.txt
	fi
}

@test "words say what changed in the period" {
	at-insight report --dashboard shop.json > out
	grep -q '^• Payment errors came to [0-9]*; in the period before there was nothing' out
}

@test "where an event begins is no step up of it, however far a report looks back" {
	export AT_STORE=$BATS_TEST_TMPDIR/begins AT_NOW=2026-06-17T12:00:00Z
	for d in $(seq 80); do for i in 1 2 3 4 5 6 7 8 9; do echo "{\"event\":\"login\",\"timestamp\":$((1781697600 - d * 86400 + i * 1000)),\"user_id\":\"u$i\"}"; done; done | at-ingest -q
	for range in 400d 2000d 10000d; do
		at-insight report --range $range -f text > out
		run -1 grep 'stepped\|stayed there' out
	done
}

@test "what is wrong is told: a form, a dashboard, a widget" {
	run -2 at-insight report -f doc
	[[ $output == *"'doc' is no form of a report"* ]]
	run -1 at-insight report --dashboard nope
	[[ $output == *"'nope' is none and no file; there are: overview"* ]]
	run -2 at-insight report words
	echo '{"id":"x","widgets":[{"id":"w","type":"table","query":"SELECT nope FROM events"}]}' > bad.json
	run -1 --separate-stderr at-insight report --dashboard bad.json
	[[ $stderr == *'w: '*nope* ]]
}

@test "hostile texts are text in every form; letters that PDF's fonts do not have are told as such" {
	printf '{"event":"x","timestamp":"2026-11-23T12:00:00Z","properties":{"page":"<script>alert(1)</script>|`*\\u001b[2J"}}\n{"event":"x","timestamp":"2026-11-23T12:00:00Z","properties":{"page":"日本 (é) \\\\"}}\n' | at-ingest -q
	echo '{"id":"x","title":"a\u001b[2J|b","widgets":[{"id":"w","type":"bar_chart","title":"<b>","metric":"x","groupBy":"page"},{"id":"v","type":"table","query":"SELECT page FROM events WHERE event = '"'x'"'"}]}' > hostile.json
	for f in txt md html pdf; do at-insight report --dashboard hostile.json -o h.$f; done
	none env LC_ALL=C grep -q "$(printf '[\001-\011\013-\037]')" h.txt h.md h.html
	none grep -q '<script>alert' h.html
	none grep -q '[^\\]<script' h.md
	if command -v pdftotext > /dev/null; then pdftotext h.pdf - | grep -q '?? (é)'; fi
}

@test "a report that cannot be written leaves the file as it was, and nothing beside it" {
	at-insight report --dashboard shop.json -o r.md
	chmod 640 r.md
	cp r.md before
	if [ -z "$SANITIZED" ] && strace -f -o /dev/null true 2> /dev/null; then
		run -1 --separate-stderr strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:error=ENOSPC at-insight report --dashboard shop.json -o r.md
		[[ $stderr == *'cannot write r.md: No space left on device'* ]]
		cmp r.md before
		run -1 strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:error=ENOSPC at-insight report --dashboard shop.json -o new.md
		[ ! -e new.md ]
	fi
	local drop=(); [ "$(id -u)" != 0 ] || drop=(setpriv --bounding-set=-dac_override)      # what root may besides
	if "${drop[@]}" true 2> /dev/null; then
		chmod 440 r.md                  # nor one that must not be written to
		run -1 --separate-stderr "${drop[@]}" at-insight report --dashboard shop.json -f text -o r.md
		[[ $stderr == *'r.md: Permission denied'* ]]
		cmp r.md before
		chmod 640 r.md
	fi
	ln -s r.md link.md
	mkdir d && chmod 700 d
	at-insight report --dashboard shop.json -o link.md
	[ -L link.md ]
	[ "$(stat -c %a r.md)" = 640 ]
	at-insight report --dashboard shop.json -f text -o /dev/null
	at-insight report --dashboard shop.json -f text -o /dev/stdout | grep -q 'The shop'
	run -1 --separate-stderr at-insight report --dashboard shop.json -f text -o /dev/full
	[[ $stderr == *'cannot write /dev/full: No space left on device'* ]]
	run -1 at-insight report --dashboard shop.json -o none/r.md
	[ -z "$(ls | grep 'md\.')" ]
}
