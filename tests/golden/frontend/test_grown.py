#!/usr/bin/env python3
"""Grown programs through the formatter: N laid out badly, and N in its own style.

    test_grown.py ROUNDTRIP N [SEED]"""
import pathlib
import subprocess
import sys
import tempfile

import grow

roundtrip, n = sys.argv[1], int(sys.argv[2])
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
bad = 0
for how, flags in ((grow.program, []), (grow.neat, ["--neat"])):
    with tempfile.TemporaryDirectory() as folder:
        for i in range(n):
            (pathlib.Path(folder) / f"grown_{i:04}.sgl").write_text(how(seed * 1_000_003 + i))
        bad += subprocess.run([roundtrip, *flags, folder]).returncode
sys.exit(bad != 0)
