#!/bin/sh
# Every schema of the folder compiles, every valid instance is accepted, every invalid one rejected.
#
#     test_smoke.sh MASKBENCH DIR
set -eu
out=$("$1" "$2" --list)
echo "$out"
files=$(ls "$2" | wc -l)
echo "$out" | grep -Eq "compiled +$files\b" || { echo "not all $files schemas compiled"; exit 1; }
if echo "$out" | grep -E "FALSE REJECT +[1-9]|FALSE ACCEPT +[1-9]"; then
    exit 1
fi
