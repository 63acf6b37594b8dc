#!/usr/bin/env bats
# make install puts everything where a distribution expects it, and uninstall takes it all away.

load ../helper
load serve

setup_file() {
	[ -z "$SANITIZED" ] || return 0
	make -s -C "$root" B="${B:-$root/build}" DESTDIR="$BATS_FILE_TMPDIR/a stage" PREFIX=/usr install > /dev/null
}

setup() {
	[ -z "$SANITIZED" ] || skip "the same under a sanitizer"
	stage="$BATS_FILE_TMPDIR/a stage"
}

@test "commands, libraries, header, pages and completions land in their places" {
	for c in "$root"/cmd/*/; do
		c=$(basename "$c")
		[ -x "$stage/usr/bin/$c" ]
		[ -f "$stage/usr/share/man/man1/$c.1" ]
		[ -f "$stage/usr/share/bash-completion/completions/$c" ]
		[ -f "$stage/usr/share/zsh/site-functions/_$c" ]
		[ -f "$stage/usr/share/fish/vendor_completions.d/$c.fish" ]
	done
	[ -f "$stage/usr/lib/libat.a" ] && [ -L "$stage/usr/lib/libat.so" ] && [ -f "$stage/usr/lib/pkgconfig/at.pc" ]
	grep -qx 'prefix=/usr' "$stage/usr/lib/pkgconfig/at.pc"         # though it was made for another
	"$stage/usr/bin/at-agg" --version
}

@test "a program links with the installed library, shared and static, and only at_ names can be seen" {
	cat > p.c <<-'C'
	#include <at.h>
	#include <stdio.h>
	int main(void) { puts(at_version()); return 0; }
	C
	${CC:-cc} -I"$stage/usr/include" p.c -L"$stage/usr/lib" -lat -o shared
	LD_LIBRARY_PATH=$stage/usr/lib run -0 ./shared
	[[ $output =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
	libs=$(sed -n 's/^Libs.private: //p' "$stage/usr/lib/pkgconfig/at.pc")
	${CC:-cc} -I"$stage/usr/include" p.c "$stage/usr/lib/libat.a" $libs -o static
	run -0 ./static
	run -1 bash -c "nm -D --defined-only '$stage/usr/lib/libat.so.0' | awk '{ print \$3 }' | grep -v '^at_'"
	[ -z "$output" ]
}

@test "the library stores events and answers SQL, and says why it cannot" {
	cat > p.c <<-'C'
	#include <at.h>
	#include <stdio.h>
	static int show(void *self, const char *json, size_t len) { (void)self, (void)len; return puts(json) < 0; }
	int main(void) {
		struct at *at = at_open("store", NULL);
		if (!at || at_track(at, "{\"event\":\"a\",\"n\":9007199254740993}", 0) || at_track(at, "{\"event\":\"b\"}", 0)) return 1;
		if (at_track(at, "{nope", 0) == 0) return 2;
		puts(at_error(at));
		if (at_commit(at) || at_query(at, "SELECT event, n FROM events ORDER BY event", show, NULL)) return 3;
		if (at_query(at, "SELECT nope FROM events", show, NULL) == 0) return 4;
		puts(at_error(at));
		if (at_track(at, "{\"event\":\"c\"}", 0) || at_commit(at)) return 5;
		at_close(at);
		return at_open("/dev/null/x", NULL) ? 6 : 0;
	}
	C
	${CC:-cc} -I"$stage/usr/include" p.c -L"$stage/usr/lib" -lat -o p
	LD_LIBRARY_PATH=$stage/usr/lib run -0 ./p
	[[ ${lines[0]} == *'not valid JSON'* ]]
	[ "${lines[1]}" = '{"event":"a","n":9007199254740993}' ]
	[ "${lines[2]}" = '{"event":"b","n":null}' ]
	[[ ${lines[3]} == *nope* ]]
}

@test "the same calls go to a server: what is refused is told, what is away is tried again and counts once" {
	cat > p.c <<-'C'
	#include <at.h>
	#include <stdio.h>
	#include <stdlib.h>
	static int show(void *self, const char *json, size_t len) { (void)self, (void)len; return puts(json) < 0; }
	int main(int argc, char **argv) {
		struct at *at = at_open(argv[1], getenv("KEY"));
		if (!at || at_track(at, "{\"event\":\"a\",\"n\":9007199254740993}", 0) || at_track(at, "{\"event\":\"b\"}", 0)) return 1;
		if (at_track(at, "{nope", 0) == 0) return 2;
		if (argc > 2 && at_commit(at) == 0) return 7;
		if (argc > 2) { puts(at_error(at)); at_close(at); return 0; }
		if (at_commit(at) || at_commit(at) || at_query(at, "SELECT event, n FROM events ORDER BY event", show, NULL)) { puts(at_error(at)); return 3; }
		if (at_query(at, "SELECT nope FROM events", show, NULL) == 0) return 4;
		puts(at_error(at));
		at_close(at);
		return at_open(argv[1], NULL) ? 6 : 0;
	}
	C
	${CC:-cc} -I"$stage/usr/include" p.c -L"$stage/usr/lib" -lat -o p
	serve_start
	export KEY LD_LIBRARY_PATH=$stage/usr/lib
	run -0 ./p "$U/"
	[ "${lines[0]}" = '{"event":"a","n":9007199254740993}' ]
	[ "${lines[1]}" = '{"event":"b","n":null}' ]
	[[ ${lines[2]} == *'422'*nope* || ${lines[2]} == *'400'*nope* ]]
	KEY=at_wrong run -0 ./p "$U" refused
	[[ ${lines[0]} == *401* ]]
}

@test "metrics and insights are the same from a store and from a server" {
	cat > p.c <<-'C'
	#include <at.h>
	#include <stdio.h>
	#include <stdlib.h>
	static int show(void *self, const char *json, size_t len) { (void)self, (void)len; return puts(json) < 0; }
	int main(int argc, char **argv) {
		struct at *at = at_open(argv[1], getenv("KEY"));
		if (!at) return 1;
		if (argc > 2 && at_config(at, argv[2])) { puts(at_error(at)); return 2; }
		if (at_metrics(at, "a b", "{\"timeRange\":\"2026-11-01/2026-11-03\",\"interval\":\"1d\",\"groupBy\":\"plan\"}", show, NULL) ||
		    at_metrics(at, "none", "{\"timeRange\":\"2026-11-01/2026-11-03\"}", show, NULL) ||
		    at_insights(at, "web", "{\"timeRange\":\"2026-11-02/2026-11-03\",\"metrics\":[\"a b\",\"user_engagement\"],\"includeRecommendations\":true}", show, NULL) ||
		    at_insights(at, NULL, "{\"from\":\"2026-11-02\",\"to\":\"2026-11-03\"}", show, NULL)) { puts(at_error(at)); return 3; }
		if (at_metrics(at, "a b", "{\"interval\":\"x\"}", show, NULL) == 0 || at_insights(at, "nobody", NULL, show, NULL) == 0 ||
		    at_metrics(at, "a b", "{\"typo\":1}", show, NULL) == 0 || at_metrics(at, "a b", "[]", show, NULL) == 0 || at_metrics(at, "a b", "{", show, NULL) == 0) return 4;
		puts(at_error(at) + 0);
		at_close(at);
		return 0;
	}
	C
	${CC:-cc} -I"$stage/usr/include" p.c -L"$stage/usr/lib" -lat -o p
	mkdir config
	echo '{"sources":{"web":{"type":"events","where":".properties.plan == \"pro\""}}}' > config/data-sources.json
	for day in 1 2; do for i in 1 2 3 4; do
		printf '{"event":"a b","user_id":"u%d","timestamp":"2026-11-0%dT10:00:00Z","properties":{"plan":"%s"}}\n' $i $day "$([ $i = 1 ] && echo free || echo pro)"
	done; done | at-ingest -q
	export LD_LIBRARY_PATH=$stage/usr/lib
	KEY=default ./p "$AT_STORE" config > local
	jq -e '.total == 8 and (.series | length) == 2' <<< "$(sed -n 1p local)"
	jq -e '.series == [] and (.note | length) > 0' <<< "$(sed -n 2p local)"
	jq -e '.insights[0].evidence.current == 3 and .insights[1].evidence.users == 3' <<< "$(sed -n 3p local)"
	serve_start -c config
	export KEY
	./p "$U" > there
	diff local there
}

@test "filters load no library that they do not use: neither cryptography nor a client" {
	for filter in at-query at-agg at-ingest; do
		run ldd "$stage/usr/bin/$filter"
		[[ $output != *libcrypto* && $output != *libcurl* ]]
	done
	for command in "$stage"/usr/bin/at-*; do        # what few runs want is loaded when it is wanted
		run ldd "$command"
		[[ $output != *libcurl* && $output != *libhpdf* && $output != *libjq* && $output != *readline* ]]
	done
}

@test "a filter has in itself what each run uses, where the system has archives: starting is a quarter of a short query" {
	for library in lmdb sqlite3 zstd z; do
		[[ $(${CC:-cc} -print-file-name="lib$library.a") == /* ]] || skip "no lib$library.a here"
	done
	run ldd "$stage/usr/bin/at-query"
	[[ $output != *liblmdb* && $output != *libsqlite3* && $output != *libzstd* && $output != *libz.so* ]]
}

@test "uninstall leaves nothing behind" {
	make -s -C "$root" B="${B:-$root/build}" DESTDIR="$stage" PREFIX=/usr uninstall > /dev/null
	run find "$stage" ! -type d
	[ -z "$output" ]
}
