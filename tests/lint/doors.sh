#!/bin/sh
# Each outside library has one door: the only place that includes its header. TAP, one test a library.
# And no string of a user ever meets a shell: system() and popen() are nowhere.
cd "$(dirname "$0")/../.." || exit
doors='lmdb.h lib/store/  jq.h lib/expr/jq.c  csv.h lib/formats/csv.c  sqlite3.h lib/query/  zstd.h lib/store/
       ncurses.h lib/dash/screen.c  hpdf.h lib/dash/pdf.c  zlib.h lib/base/gz.c  oniguruma.h lib/expr/regex.c  readline/ cmd/at-query/shell.c
       openssl/ lib/(crypt|http/tls.c)  curl/ lib/http/client.c
       liboath/ lib/crypt/totp.c'
set -- $doors
echo "1..$(($# / 2 + 1))"
n=0
while [ $# -gt 0 ]; do
	n=$((n + 1))
	bad=$(grep -rl "^#include <$1" lib cmd | grep -Ev "^$2")
	[ -z "$bad" ] && echo "ok $n - <$1> only in $2" || echo "not ok $n - <$1> also in" $bad
	shift 2
done
n=$((n + 1))
bad=$(grep -rnE '\b(system|popen) ?\(' lib cmd --include='*.[ch]')
[ -z "$bad" ] && echo "ok $n - no shell (fault 62)" || echo "not ok $n - a shell in" "$bad"
