#!/usr/bin/env python3
"""std.io in a folder of its own, with leave to use it and without.

    test_io.py SGLRUN DIR"""
import os
import pathlib
import subprocess
import sys
import tempfile

sglrun, here = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()


def run(program, folder, *flags):
    env = dict(os.environ, SGL_TEST_NAME="value")
    done = subprocess.run([sglrun, "test", "--no-model", *flags, str(here / program)], cwd=folder, env=env,
                          capture_output=True, text=True, timeout=60)
    if done.returncode != 0 or " 0 skipped" not in done.stdout:
        print(f"{program}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return 1
    return 0


with tempfile.TemporaryDirectory() as outer:
    folder = pathlib.Path(outer) / "work"
    folder.mkdir()
    (pathlib.Path(outer) / "secret.txt").write_text("secret")
    os.symlink(outer, folder / "link")
    bad = run("io.sgl", folder, "--allow-read=.", "--allow-write=.") + run("closed.sgl", folder)
    if (pathlib.Path(outer) / "made.txt").exists():
        bad += 1
        print("a file was written outside the folder")
print(f"{2 - bad} passed, {bad} failed")
sys.exit(1 if bad else 0)
