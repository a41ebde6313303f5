"""A GGUF file in double precision, read without our own reader: the references of goldens stand on it.

Tensors of F32, F16, BF16, Q4_1, Q5_0, Q8_0, Q4_K and Q6_K."""
import struct

import numpy as np

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


class File:
    """meta: values by key.  info: (shape, type, offset) by name of a tensor."""

    def __init__(self, path):
        self.f = open(path, "rb")
        assert self.f.read(4) == b"GGUF"
        _, n_tensor, n_key = struct.unpack("<IQQ", self.f.read(20))
        self.meta = {}
        for _ in range(n_key):
            key = self.text()
            self.meta[key] = self.value(self.number("<I"))
        self.info = {}
        for _ in range(n_tensor):
            name = self.text()
            dims = [self.number("<Q") for _ in range(self.number("<I"))]
            self.info[name] = (dims[::-1], self.number("<I"), self.number("<Q"))
        align = self.meta.get("general.alignment", 32)
        self.base = (self.f.tell() + align - 1) // align * align

    def number(self, form):
        return struct.unpack(form, self.f.read(struct.calcsize(form)))[0]

    def text(self):
        return self.f.read(self.number("<Q")).decode("utf-8", "replace")

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            elem, n = self.number("<I"), self.number("<Q")
            return [self.value(elem) for _ in range(n)]
        return self.number(SCALARS[kind])

    def tensor(self, name):
        dims, kind, off = self.info[name]
        n = int(np.prod(dims))
        self.f.seek(self.base + off)

        def raw(form, count):
            form = np.dtype(form)
            return np.frombuffer(self.f.read(count * form.itemsize), form)

        if kind == 0:
            flat = raw("<f4", n)
        elif kind == 1:
            flat = raw("<f2", n)
        elif kind == 30:
            flat = (raw("<u2", n).astype(np.uint32) << 16).view(np.float32)
        elif kind == 3:
            flat = q4_1(raw([("d", "<f2"), ("m", "<f2"), ("q", "u1", 16)], n // 32))
        elif kind == 6:
            flat = q5_0(raw([("d", "<f2"), ("h", "<u4"), ("q", "u1", 16)], n // 32))
        elif kind == 8:
            b = raw([("d", "<f2"), ("q", "i1", 32)], n // 32)
            flat = b["d"].astype(np.float64)[:, None] * b["q"]
        elif kind == 12:
            flat = q4_k(raw([("d", "<f2"), ("m", "<f2"), ("s", "u1", 12), ("q", "u1", (4, 32))], n // 256))
        elif kind == 14:
            flat = q6_k(raw([("l", "u1", (2, 2, 32)), ("h", "u1", (2, 32)), ("s", "i1", 16), ("d", "<f2")], n // 256))
        else:
            raise SystemExit(f"{name}: tensor type {kind}")
        return flat.astype(np.float64).reshape(dims)


def q4_1(b):
    q = np.concatenate([b["q"] & 15, b["q"] >> 4], axis=1)
    return b["d"].astype(np.float64)[:, None] * q + b["m"].astype(np.float64)[:, None]


def q5_0(b):
    high = (b["h"][:, None] >> np.arange(32, dtype=np.uint32) & 1) << 4
    q = np.concatenate([b["q"] & 15, b["q"] >> 4], axis=1) | high
    return b["d"].astype(np.float64)[:, None] * (q.astype(np.float64) - 16)


def q4_k(raw):
    s = raw["s"].astype(np.int64)
    low, high = s[:, :4], s[:, 8:]
    scale = np.concatenate([low & 63, high & 15 | low >> 6 << 4], axis=1)
    least = np.concatenate([s[:, 4:8] & 63, high >> 4 | s[:, 4:8] >> 6 << 4], axis=1)
    q = np.stack([raw["q"] & 15, raw["q"] >> 4], axis=2).reshape(len(raw), 8, 32)
    d, m = raw["d"].astype(np.float64)[:, None], raw["m"].astype(np.float64)[:, None]
    return (d * scale)[..., None] * q - (m * least)[..., None]


def q6_k(raw):
    low, high = raw["l"], raw["h"][:, :, None, :] >> np.array([0, 2, 4, 6], dtype=np.uint8)[None, None, :, None] & 3
    q = np.concatenate([low & 15, low >> 4], axis=2).astype(np.int64) | high.astype(np.int64) << 4
    by = (raw["d"].astype(np.float64)[:, None] * raw["s"])[..., None]
    return by * (q.reshape(len(raw), 16, 16) - 32.0)
