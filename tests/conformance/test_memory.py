"""The bound on what is kept of constraints holds: many schemas, a small bound, little growth.

    test_memory.py MEMORY
"""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile


def growth(program, folder, vocab, mb):
    out = subprocess.run([program, folder, "--vocab", vocab, "--read", "--cache-mb", str(mb)],
                         capture_output=True, text=True, timeout=60, check=True).stdout
    print("%d MiB: %s" % (mb, " ".join(out.split("\n"))))
    assert "compiled 400," in out, out
    return float(re.search(r"at most ([0-9.]+) MiB", out).group(1))


def main():
    with tempfile.TemporaryDirectory() as d:
        vocab = os.path.join(d, "vocab.b64")
        with open(vocab, "wb") as f:
            for b in range(256):
                f.write(base64.b64encode(bytes([b])) + b"\n")
        for i in range(400):
            schema = {"type": "object", "required": ["k%d" % i], "properties": {
                "k%d" % i: {"enum": ["value %d of %d" % (k, i) for k in range(40)]}}}
            test = {"valid": True, "data": {"k%d" % i: "value 7 of %d" % i}}
            with open(os.path.join(d, "%03d.json" % i), "w") as f:
                json.dump({"schema": schema, "tests": [test]}, f)
        small, large = (growth(sys.argv[1], d, vocab, mb) for mb in (4, 256))
    if not (small < 16 and small < large / 2):
        sys.exit("a bound of 4 MiB: growth of %.1f MiB; of 256 MiB: %.1f MiB" % (small, large))


if __name__ == "__main__":
    main()
