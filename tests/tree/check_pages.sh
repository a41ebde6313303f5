#!/bin/sh
# The page of diagnostics is what tools/diagdoc.py makes of the registry, the page of the library
# what tools/stdlibdoc.py makes of its comments.
#
#     check_pages.sh SOURCE_DIR
cd "$1" || exit 1
python3 tools/stdlibdoc.py --check docs/library.md stdlib || exit 1
exec python3 tools/diagdoc.py --check src/frontend/diag_codes.h docs/diagnostics.md docs/codes/*.md
