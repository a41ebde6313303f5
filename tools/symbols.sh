#!/bin/sh
# symbols.sh OUT.a LIB.a... - makes libsgl.a: one object in which every symbol but sgl_* is local.
#
# Inside, names are plain nouns (struct radix, radix_insert).  In a shared library the version
# script hides them; in an archive only this step keeps them from meeting the host's names.
set -eu
out=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${LD:-ld}" -r --whole-archive "$@" --no-whole-archive -o "$tmp/sgl.o"
"${OBJCOPY:-objcopy}" --wildcard --keep-global-symbol='sgl_*' "$tmp/sgl.o"
rm -f "$out"
"${AR:-ar}" rcs "$out" "$tmp/sgl.o"
