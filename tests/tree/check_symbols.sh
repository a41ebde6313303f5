#!/bin/sh
# check_symbols.sh LIBSGL.so LIBSGL.a HEADER... - both forms of the library export exactly the functions
# that the public headers declare, all of them named sgl_*.
set -eu
so=$1
archive=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$so" | awk '$2 ~ /[TDBRVW]/ { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/so"
nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort -u >"$work/a"
# A declaration begins a line with its type and names a function before a parenthesis.
sed 's/\/\*.*\*\///' "$@" | grep -v -e '^typedef' -e '^ \*' -e '^    ' |
    grep -o 'sgl_[a-z0-9_]*(' | tr -d '(' | sort -u >"$work/headers"

failed=0
passed=0
compare() {
    if diff "$2" "$3" >"$work/diff"; then
        passed=$((passed + 1))
    else
        echo "$1:"
        cat "$work/diff"
        failed=$((failed + 1))
    fi
}
compare "headers (<) against the shared library (>)" "$work/headers" "$work/so"
compare "shared library (<) against the archive (>)" "$work/so" "$work/a"
echo "symbols: $passed passed, $failed failed"
[ "$failed" = 0 ]
