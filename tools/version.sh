#!/bin/sh
# version.sh - prints the version that include/sgl/sgl_engine.h states; the header is its one home.
set -eu
header="$(dirname "$0")/../include/sgl/sgl_engine.h"
part() {
    sed -n "s/^#define SGL_VERSION_$1[ 	]*\([0-9]*\).*/\1/p" "$header"
}
echo "$(part MAJOR).$(part MINOR).$(part PATCH)"
