#!/usr/bin/env bats
# MATCH_RECOGNIZE: sequences of rows in SQL.

load ../helper

setup() {
	cat > t.csv <<-'END'
	symbol,timestamp,price
	ACME,2026-11-01T00:00:00Z,12
	ACME,2026-11-01T00:00:01Z,17
	ACME,2026-11-01T00:00:02Z,25
	ACME,2026-11-01T00:00:03Z,18
	ACME,2026-11-01T00:00:04Z,14
	ACME,2026-11-01T00:00:05Z,24
	ACME,2026-11-01T00:00:06Z,25
	ACME,2026-11-01T00:00:07Z,19
	GLOBO,2026-11-01T00:00:00Z,5
	GLOBO,2026-11-01T00:00:01Z,3
	GLOBO,2026-11-01T00:00:02Z,8
	END
}
q() { at-query -f csv -i t.csv "$1" | tail -n +2 | paste -sd ';'; }
is() { local got; got=$(q "$1"); [ "$got" = "$2" ] || { echo "$1"; echo "$got"; return 1; }; }
V="PATTERN (STRT DOWN+ UP+) DEFINE DOWN AS price < PREV(price), UP AS price > PREV(price)"

@test "one row for each match: its partition and its measures" {
	is "SELECT * FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES STRT.price AS top, LAST(DOWN.price) AS bottom, LAST(UP.price) AS back, COUNT(*) AS n $V)" \
	    'ACME,25,14,25,5;GLOBO,5,3,8,3'
	is "SELECT m.symbol, low * 2 FROM input AS i MATCH_RECOGNIZE (PARTITION BY i.symbol ORDER BY i.timestamp MEASURES MIN(i.price) AS low $V) AS m WHERE low < 10" 'GLOBO,6'
}

@test "all rows of each match: running and final values, variables and numbers; empty and unmatched ones" {
	is "SELECT symbol, n, c, price, low FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES COUNT(*) AS n, CLASSIFIER() AS c, FINAL LAST(DOWN.price) AS low ALL ROWS PER MATCH $V) WHERE symbol = 'GLOBO'" \
	    'GLOBO,1,STRT,5,3;GLOBO,2,DOWN,3,3;GLOBO,3,UP,8,3'
	is "SELECT price, m FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES MATCH_NUMBER() AS m ALL ROWS PER MATCH WITH UNMATCHED ROWS $V) WHERE symbol = 'ACME'" \
	    '12,;17,;25,1;18,1;14,1;24,1;25,1;19,'
	is "SELECT price, c, m FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES CLASSIFIER() AS c, MATCH_NUMBER() AS m ALL ROWS PER MATCH PATTERN (A*) DEFINE A AS price < 6) WHERE symbol = 'GLOBO'" \
	    '5,A,1;3,A,1;8,,2'
	is "SELECT c, b, f FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES CLASSIFIER() AS c, PREV(CLASSIFIER()) AS b, FINAL LAST(CLASSIFIER(), 1) || FINAL FIRST(CLASSIFIER(), 1) AS f
	    ALL ROWS PER MATCH PATTERN (A B C)) WHERE symbol = 'GLOBO'" 'A,,BB;B,A,BB;C,B,BB'
	is "SELECT price FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp ALL ROWS PER MATCH OMIT EMPTY MATCHES PATTERN (A*) DEFINE A AS price < 6)" '5;3'
}

@test "rows in {- -} belong to the match, but do not come out" {
	out() { is "SELECT price, n FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES COUNT(*) AS n $1 PATTERN ($2) DEFINE DOWN AS price < PREV(price), UP AS price > PREV(price)) WHERE symbol = 'ACME'" "$3"; }
	out 'ALL ROWS PER MATCH' 'STRT {- DOWN+ -} UP+' '25,1;24,4;25,5'
	out 'ALL ROWS PER MATCH' '{-STRT-} ({-DOWN-} | UP){3}' '17,2;25,3;24,2;25,3'
	out 'ALL ROWS PER MATCH' 'STRT {- (DOWN | UP {- UP -})+ -}' '12,1'
	out 'ALL ROWS PER MATCH WITH UNMATCHED ROWS' '{- STRT DOWN+ -} UP' '12,;17,;24,4;25,;19,'
}

@test "greedy and reluctant counts, alternatives in their order, permutations, anchors, subsets" {
	n() { is "SELECT n, c FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES COUNT(*) AS n, CLASSIFIER() AS c PATTERN ($1) ${3:-}) WHERE symbol = 'GLOBO'" "$2"; }
	n 'A+' '3,A'
	n 'A+?' '1,A;1,A;1,A'
	n 'A{2}' '2,A'
	n 'A{,2}? B' '1,B;1,B;1,B'
	n 'A | B' '1,B;1,A;1,A' 'DEFINE A AS price <> 5'
	n 'PERMUTE(A, B, C)' '3,A' 'DEFINE A AS price = 8, B AS price = 5, C AS price = 3'
	n '^ A' '1,A'
	n 'A $' '1,A'
	n '(A B?)+ | C' '3,A' 'DEFINE B AS price < 4'
	is "SELECT u FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES SUM(U.price) AS u PATTERN (A B C) SUBSET U = (A, C)) WHERE symbol = 'GLOBO'" 13
}

@test "after a match: past its last row, to the next one, to a variable; within" {
	on() { is "SELECT p FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES FIRST(price) AS p AFTER MATCH SKIP $1 PATTERN (A B C) ${2:-})" "$3"; }
	on 'PAST LAST ROW' '' '12;18;5'
	on 'TO NEXT ROW' '' '12;17;25;18;14;24;5'
	on 'TO FIRST B' '' '12;17;25;18;14;24;5'
	on 'TO LAST C' '' '12;25;14;5'
	on 'TO C' "WITHIN INTERVAL '1' SECOND" ''
	on 'TO NEXT ROW' "WITHIN INTERVAL '2 seconds' DEFINE C AS price > 20" '12;18;14'
	is "SELECT top FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp DESC MEASURES FIRST(price) AS top PATTERN (A B+ C) WITHIN INTERVAL '2' SECOND)" '19;14;8'
	run -1 at-query -i t.csv "SELECT * FROM input MATCH_RECOGNIZE (ORDER BY timestamp MEASURES 1 AS x AFTER MATCH SKIP TO FIRST A PATTERN (A B))"
	[[ $output == *"would find it for ever"* ]]
}

@test "conditions are SQL: functions, casts, CASE, navigation in navigation; the rows may come of any SELECT, and it may stand in any" {
	is "WITH a AS (SELECT *, price * 2 AS double FROM input), b AS (SELECT * FROM a MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES A.double AS x, LAST(B.timestamp)::DATE AS d PATTERN (A B) DEFINE B AS double > PREV(double)))
	    SELECT b.symbol, x, d FROM b JOIN (SELECT DISTINCT symbol FROM a) s ON s.symbol = b.symbol ORDER BY 2" 'GLOBO,6,2026-11-01;ACME,24,2026-11-01;ACME,28,2026-11-01'
	is "SELECT n FROM (SELECT * FROM input WHERE price BETWEEN 4 AND 20) MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp MEASURES CASE WHEN COUNT(*) > 2 THEN 'many' ELSE 'few' END AS n
	    PATTERN (A B*) DEFINE B AS abs(price - PREV(FIRST(price, 0), 0)) < 20 AND NEXT(price) IS NOT NULL)" 'many;few;few;few'
	is "SELECT count(*) FROM (SELECT * FROM input MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY timestamp ALL ROWS PER MATCH PATTERN (A B))) MATCH_RECOGNIZE (ORDER BY timestamp MEASURES 1 AS x PATTERN (C))" 10
	at-ingest -q <<< '{"event":"a","user_id":"u","timestamp":"2026-11-01T00:00:00Z","properties":{"amount":3}}
	{"event":"b","user_id":"u","timestamp":"2026-11-01T00:01:00Z","properties":{"amount":5}}'
	run -0 at-query -f csv "SELECT * FROM events MATCH_RECOGNIZE (PARTITION BY user_id ORDER BY timestamp MEASURES B.amount - A.amount AS more PATTERN (A B) DEFINE A AS event = 'a', B AS B.properties.amount > A.properties.amount)"
	[ "${lines[1]}" = u,2 ]
}

@test "faults say where and how to mend it" {
	no() { run -2 --separate-stderr at-query -i t.csv "SELECT * FROM input MATCH_RECOGNIZE ($1)"; [[ $stderr == *"$2"* ]] || { echo "$1: $stderr"; return 1; }; }
	no 'ORDER BY timestamp' '1:56: MATCH_RECOGNIZE wants a PATTERN'
	no 'PATTERN (A B{3,2}) DEFINE A AS 1' '1:50: PATTERN: a count from more to less'
	no 'MEASURES 1 AS x PATTERN (A {- B )' 'a {- without its -}'
	no 'MEASURES 1 AS x PATTERN (A -} B)' 'a variable is expected here'
	no 'PATTERN (A) DEFINE B AS 1' "1:57: 'B' is no variable of the pattern"
	no 'MEASURES A.nothing AS x PATTERN (A)' "1:49: no column 'nothing'"
	no 'MEASURES A.price PATTERN (A)' '1:47: a measure wants a name'
	no 'MEASURES nonsense(A.price) AS x PATTERN (A)' "1:47: no function 'nonsense'"
	no 'MEASURES PREV(PREV(A.price)) AS x PATTERN (A)' 'PREV and NEXT stand around'
	no 'MEASURES 1 AS x PATTERN (A) WITHIN soon' 'WITHIN wants a span'
	no "MEASURES 1 AS x PATTERN (A) WITHIN INTERVAL '1' HOUR" 'WITHIN counts from the first column of ORDER BY'
	no 'MEASURES 1 AS x AFTER MATCH SKIP TO LAST C PATTERN (A)' "'C' is no variable"
	no 'MEASURES (SELECT 1) AS x PATTERN (A)' 'a SELECT or OVER has no place'
	no 'PARTITION BY lower(symbol) MEASURES 1 AS x PATTERN (A)' 'take columns'
	no 'PATTERN (A)' 'nothing comes out'
	run -2 --separate-stderr at-query -i t.csv "SELECT * FROM match_rows('{}')"
	[[ $stderr == *'no program of MATCH_RECOGNIZE'* ]]
}

@test "it stands behind VALUES and subqueries that name their columns, with AS or without" {
	for from in "(VALUES (1, 10), (2, 12), (3, 9), (4, 11)) AS v(t, p)" "(VALUES (1, 10), (2, 12), (3, 9), (4, 11)) v(t, p)" "(SELECT value, value % 3 FROM generate_series(1, 4)) AS v(t, p)" "generate_series(1, 4) AS v"; do
		is "SELECT n FROM $from MATCH_RECOGNIZE (MEASURES COUNT(*) AS n PATTERN (A{4})) AS m" 4
	done
	is "SELECT * FROM (VALUES (1, 10), (2, 12), (3, 9), (4, 11)) AS v(t, p) MATCH_RECOGNIZE (ORDER BY t MEASURES A.p AS top, LAST(B.p) AS low PATTERN (A B) DEFINE B AS p < A.p)" 12,9
}

@test "what has too many ways ends with a word, not with the day" {
	at-query -i t.csv -f csv "SELECT value AS x FROM generate_series(1, 60)" > many.csv
	run -1 --separate-stderr at-query -i many.csv "SELECT * FROM input MATCH_RECOGNIZE (ORDER BY x MEASURES 1 AS y PATTERN (((A | B)+)+ C) DEFINE A AS COUNT(B.*) >= 0, B AS COUNT(A.*) >= 0, C AS x > 100)"
	[[ $stderr == *'too many ways to match'* ]]
	run -0 at-query -f csv -i many.csv "SELECT * FROM input MATCH_RECOGNIZE (ORDER BY x MEASURES 1 AS y PATTERN (((A | B)+)+ C) DEFINE C AS x > 100)"
}

@test "what is remembered of states that failed has a bound, whatever the pattern's length" {
	long() { at-query -f csv "WITH s AS (SELECT value AS v FROM generate_series(1, 70000)) SELECT COUNT(*) AS n FROM s MATCH_RECOGNIZE (ORDER BY v MEASURES 1 AS y PATTERN (A+ B{1,$1}) DEFINE A AS v > 0, B AS v < 0)"; }
	run -1 --separate-stderr long 9000
	[[ $stderr == *'too many steps for a match of so many rows'* ]]
	run -0 long 9
}

@test "random patterns over random rows match as a reference does that tries every way" {
	run -0 python3 "$root/tests/peers/recognize.py" "${AT_RECOGNIZE_ROUNDS:-150}" 1
}
