#!/bin/sh
# The top level is fixed; nothing else may stand there. And no script of ours hides a module of Python's own from those beside it. TAP.
cd "$(dirname "$0")/../.." || exit
echo 1..2
odd=$(ls | grep -vxE 'Makefile|cmd|lib|man|completions|examples|tests|README\.md|LICENSE|build|compile_commands\.json')
[ -z "$odd" ] && echo "ok 1 - top level" || echo "not ok 1 - top level has" $odd
hiding=$(find tests examples -name '*.py' | python3 -c 'import os, sys
for path in sys.stdin:
    if os.path.basename(path).rstrip()[:-3] in sys.stdlib_module_names: print(path.rstrip())')
[ -z "$hiding" ] && echo "ok 2 - scripts" || echo "not ok 2 - named like a module of Python:" $hiding
