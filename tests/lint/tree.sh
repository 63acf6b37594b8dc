#!/bin/sh
# The top level is fixed; nothing else may stand there. TAP.
cd "$(dirname "$0")/../.." || exit
echo 1..1
odd=$(ls | grep -vxE 'Makefile|cmd|lib|man|completions|examples|tests|README\.md|LICENSE|build|compile_commands\.json')
[ -z "$odd" ] && echo "ok 1 - top level" || echo "not ok 1 - top level has" $odd
