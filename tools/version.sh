#!/bin/sh
# version.sh - prints the version that include/sgl/sgl_engine.h states; the header is its one home.
set -eu
header="$(dirname "$0")/../include/sgl/sgl_engine.h"
version=""
if [ -f "$header" ]; then
    version=$(sed -n 's/^#define SGL_VERSION[ \t]*"\([^"]*\)".*/\1/p' "$header")
fi
echo "${version:-0.1.0}"
