#!/bin/sh
# Installs the library into a scratch folder and builds the example hosts against it: C and C++,
# shared and static; then runs them.
#
#     test_embed.sh BUILD_DIR SOURCE_DIR
set -eu

build=$1
source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

DESTDIR=$work meson install -C "$build" --no-rebuild --quiet
pc=$(find "$work" -name sgl.pc | head -n 1)
PKG_CONFIG_PATH=$(dirname "$pc")
PKG_CONFIG_SYSROOT_DIR=$work
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
export LD_LIBRARY_PATH

for header in sgl.h sgl_engine.h; do
    echo "#include <sgl/$header>" >"$work/alone.c"
    cc -std=c99 -pedantic -Wall -Wextra -Werror -c "$work/alone.c" -o "$work/alone.o" $(pkg-config --cflags sgl)
    cp "$work/alone.c" "$work/alone.cpp"
    c++ -Wall -Wextra -Werror -c "$work/alone.cpp" -o "$work/alone.o" $(pkg-config --cflags sgl)
done

embed=$source/examples/embed
cc -Wall -Wextra "$embed/hello.c" $(pkg-config --cflags --libs sgl) -o "$work/hello"
c++ -Wall -Wextra "$embed/engine.cpp" $(pkg-config --cflags --libs sgl) -o "$work/engine"
# The sysroot is for our own library only; what it needs comes from the system.
static_lib=$(find "$work" -name libsgl.a | head -n 1)
private=$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --libs --static sgl | tr ' ' '\n' | grep -v -e '^-lsgl$' -e "^-L" || true)
cc -Wall -Wextra "$embed/hello.c" $(pkg-config --cflags sgl) "$static_lib" $private -o "$work/hello_static"

for host in hello engine hello_static; do
    "$work/$host" >"$work/$host.out"
    test -s "$work/$host.out"
    echo "$host: $(head -c 200 "$work/$host.out" | tr '\n' ' ')"
done
cmp "$work/hello.out" "$work/hello_static.out"
python3 -c '
import json, sys
text = sys.stdin.read()
cat = json.loads(text[text.index("{"):])
assert set(cat) == {"name", "age"} and 0 <= cat["age"] <= 20 and len(cat["name"]) <= 12, cat' <"$work/engine.out"
echo "3 hosts ran"
