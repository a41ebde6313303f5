#!/bin/sh
# The page of diagnostics is what tools/diagdoc.py makes of the registry.
#
#     check_pages.sh SOURCE_DIR
cd "$1" && exec python3 tools/diagdoc.py --check src/frontend/diag_codes.h docs/diagnostics.md docs/codes/*.md
