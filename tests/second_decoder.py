#!/usr/bin/env python3
"""A second decoder of lossless nc files, written from FORMAT.md alone: `store`, `circuit`, and what
`nerv` stores or has constant.

Plain Python over integers: no floating point decides a symbol. It shows that FORMAT.md is enough
to read a file. It is a reference, not a tool: 300 records of 8 variables take a second.

    python3 second_decoder.py --model M.ncm FILE.nc ...          SHA-256 of what the output hash covers
    python3 second_decoder.py --model M.ncm --csv FILE.nc ...    the records as lines
    python3 second_decoder.py --model M.ncm --first FILE.nc ...  what the first streams hold, as lines
    python3 second_decoder.py --self-test                        arithmetic and hashes

Of several models (`--model` repeated) the one with the id that a file names is taken. Every CRC and
hash is checked; the first file that is damaged ends the run.
"""

import argparse
import hashlib
import json
import random
import struct
import sys


class Damaged(Exception):
    """The file or model breaks a rule of FORMAT.md."""


class Foreign(Damaged):
    """A file of a codec, or of a mode of one, that is not covered here."""


# Codecs, each with its kind of media, that are covered: of the last only frames that are stored or constant.
COVERED = ((0, 0), (2, 2), (3, 3))


def check(condition, message):
    if not condition:
        raise Damaged(message)


# --- IEEE single precision. A number, never negative here, is an integer multiple of 2^-149, the
# least positive single. Nothing in the walk comes near the greatest single, so none overflows.

ONE = 1 << 149


def nearest(n, shift):
    """The single nearest to n / 2^shift, half to even: 24 bits, and none below 2^-149."""
    drop = max(shift, n.bit_length() - 24)
    if drop == 0:
        return n
    kept = n >> drop
    rest, half = n & ((1 << drop) - 1), 1 << (drop - 1)
    if rest > half or (rest == half and kept & 1):
        kept += 1
    return kept << (drop - shift)


def add(a, b):
    return nearest(a + b, 0)


def multiply(a, b):
    return nearest(a * b, 149)


def divide(a, b):
    # Two more bits, the last of which also says whether anything follows it.
    quotient, rest = divmod(a << 151, b)
    return nearest(quotient | (rest != 0), 2)


THRESHOLD = divide(ONE, 10**30 * ONE)  # 1e-30 as a single


def normalise(row):
    """A row divided by its sum, which is taken in sixteen parts."""
    parts = [0] * 16
    for i, x in enumerate(row):
        parts[i % 16] = add(parts[i % 16], x)
    for width in (8, 4, 2, 1):
        for i in range(width):
            parts[i] = add(parts[i], parts[i + width])
    if parts[0] > THRESHOLD:
        reciprocal = divide(ONE, parts[0])
        return [multiply(x, reciprocal) for x in row]
    return [divide(ONE, len(row) * ONE)] * len(row)


# --- Hashes.

M32, M64 = 2**32 - 1, 2**64 - 1


def crc32c(data):
    crc = M32
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)  # 0x1EDC6F41 reflected
    return crc ^ M32


def u32(data, at):
    return int.from_bytes(data[at : at + 4], "little")


def u64(data, at):
    return int.from_bytes(data[at : at + 8], "little")


P32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
P64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def rotate_left(x, n):
    return (x << n | x >> 64 - n) & M64


def fold(a, b):
    product = a * b
    return product & M64 ^ product >> 64


def avalanche(h):
    h ^= h >> 37
    h = h * 0x165667919E3779F9 & M64
    return h ^ h >> 32


def avalanche_xxh64(h):
    h = (h ^ h >> 33) * P64[1] & M64
    h = (h ^ h >> 29) * P64[2] & M64
    return h ^ h >> 32


def xxh3(data):
    """XXH3-64 with seed 0, as in the specification of xxHash."""
    n = len(data)
    if n == 0:
        return avalanche_xxh64(u64(SECRET, 56) ^ u64(SECRET, 64))
    if n <= 3:
        h = data[0] << 16 | data[n >> 1] << 24 | data[n - 1] | n << 8
        return avalanche_xxh64(h ^ u32(SECRET, 0) ^ u32(SECRET, 4))
    if n <= 8:
        h = u32(data, n - 4) + (u32(data, 0) << 32) ^ u64(SECRET, 8) ^ u64(SECRET, 16)
        h ^= rotate_left(h, 49) ^ rotate_left(h, 24)
        h = h * 0x9FB21C651E98DF25 & M64
        h = (h ^ (h >> 35) + n) * 0x9FB21C651E98DF25 & M64
        return h ^ h >> 28
    if n <= 16:
        low = u64(data, 0) ^ u64(SECRET, 24) ^ u64(SECRET, 32)
        high = u64(data, n - 8) ^ u64(SECRET, 40) ^ u64(SECRET, 48)
        swapped = int.from_bytes(low.to_bytes(8, "big"), "little")
        return avalanche((n + swapped + high + fold(low, high)) & M64)
    return xxh3_middle(data, n) if n <= 240 else xxh3_long(data, n)


def xxh3_middle(data, n):
    def mix(at, key):
        return fold(u64(data, at) ^ u64(SECRET, key), u64(data, at + 8) ^ u64(SECRET, key + 8))

    h = n * P64[0]
    if n <= 128:
        for i in range((n - 1) // 32 + 1):
            h += mix(16 * i, 32 * i) + mix(n - 16 * (i + 1), 32 * i + 16)
        return avalanche(h & M64)
    h = avalanche(h + sum(mix(16 * i, 16 * i) for i in range(8)) & M64)
    h += sum(mix(16 * i, 16 * (i - 8) + 3) for i in range(8, n // 16))
    return avalanche(h + mix(n - 16, 119) & M64)


def xxh3_long(data, n):
    acc = [P32[2], P64[0], P64[1], P64[2], P64[3], P32[1], P64[4], P32[0]]

    def stripe(at, key):
        for i in range(8):
            value = u64(data, at + 8 * i)
            keyed = value ^ u64(SECRET, key + 8 * i)
            acc[i ^ 1] = acc[i ^ 1] + value & M64
            acc[i] = acc[i] + (keyed & M32) * (keyed >> 32) & M64

    for number in range((n - 1) // 64):
        stripe(64 * number, 8 * (number % 16))
        if number % 16 == 15:  # the end of a block of 1024 bytes
            for i in range(8):
                acc[i] = (acc[i] ^ acc[i] >> 47 ^ u64(SECRET, 128 + 8 * i)) * P32[0] & M64
    stripe(n - 64, 121)
    h = n * P64[0]
    for i in range(0, 8, 2):
        h += fold(acc[i] ^ u64(SECRET, 11 + 8 * i), acc[i + 1] ^ u64(SECRET, 19 + 8 * i))
    return avalanche(h & M64)


IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
QUARTERS = tuple((i, 4 + i, 8 + i, 12 + i) for i in range(4)) + tuple(
    (i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)
)
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8


def blake3_compress(chaining, block, counter, flags):
    """The new chaining value. Only the first 32 bytes of output are ever wanted here."""
    words = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*chaining, *IV[:4], counter & M32, counter >> 32, len(block), flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(QUARTERS):
            for word, first, second in ((words[2 * i], 16, 12), (words[2 * i + 1], 8, 7)):
                v[a] = v[a] + v[b] + word & M32
                x = v[d] ^ v[a]
                v[d] = (x >> first | x << 32 - first) & M32
                v[c] = v[c] + v[d] & M32
                x = v[b] ^ v[c]
                v[b] = (x >> second | x << 32 - second) & M32
        words = [words[i] for i in PERMUTATION]
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def blake3(data, counter=0, root=ROOT):
    """The hash of `data`, or the chaining value of a subtree whose first chunk is `counter`."""
    if len(data) <= 1024:
        chaining, blocks = IV, [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
        for i, block in enumerate(blocks):
            flags = CHUNK_START * (i == 0) | (CHUNK_END | root) * (i == len(blocks) - 1)
            chaining = blake3_compress(chaining, block, counter, flags)
    else:
        # The left subtree is the greatest power of two of whole chunks that leaves something.
        left = 1 << ((len(data) - 1) // 1024).bit_length() - 1
        block = blake3(data[: 1024 * left], counter, 0) + blake3(data[1024 * left :], counter + left, 0)
        chaining = blake3_compress(IV, block, 0, PARENT | root)
    return struct.pack("<8I", *chaining)


# --- The model.


class Model:
    """A circuit: per vertex its parent, states, edge shares and leaf, in the model's integers."""

    def __init__(self, data):
        end = 8 + u64(data, 0)
        header = json.loads(data[8:end].decode("utf-8"))
        if header["__metadata__"]["codec"] != "circuit":
            raise Foreign("the model is of another codec")
        config = json.loads(header["__metadata__"]["config"])
        self.parents, self.states = config["parents"], config["states"]
        self.variables, self.alphabets = config["variables"], config["alphabets"]
        self.open, self.first = config["open"], config.get("first", 0)

        def rows(name, shapes):
            """The rows of a tensor: for each (count, length) of `shapes` that many rows."""
            check(header[name]["dtype"] == "F16", "tensors are F16")
            start, stop = header[name]["data_offsets"]
            halves = struct.unpack("<%dH" % ((stop - start) // 2), data[end + start : end + stop])
            check(len(halves) == sum(count * length for count, length in shapes), name + ": wrong size")
            weights, at, found = [weight(bits) for bits in halves], 0, []
            for count, length in shapes:
                found.append([weights[at + i * length : at + (i + 1) * length] for i in range(count)])
                at += count * length
            return found

        up = [1 if parent < 0 else self.states[parent] for parent in self.parents]
        edges = rows("edges", list(zip(up, self.states)))
        self.edges = [[edge_shares(row) for row in table] for table in edges]
        bins = config.get("bins") or [[]] * len(self.states)
        # Per vertex its bins: first value and first state of each, and the ends.
        self.bins, shapes = [], []
        for variable, states, pairs in zip(self.variables, self.states, bins):
            values = self.alphabets[variable] if variable >= 0 else 0
            pairs = pairs or [[values, states]]
            ends = [[sum(pair[i] for pair in pairs[:n]) for n in range(len(pairs) + 1)] for i in (0, 1)]
            check(ends[0][-1] == values and ends[1][-1] == states, "bins that do not fit")
            self.bins.append(list(zip(*ends)))
            shapes += [tuple(pair) for pair in pairs if variable >= 0]
        tables = iter(rows("leaves", shapes))
        self.leaves = {}
        for v, variable in enumerate(self.variables):
            if variable < 0:
                continue
            count, leaf = self.alphabets[variable], []
            for (low, _), (high, _) in zip(self.bins[v], self.bins[v][1:]):
                for state in zip(*next(tables)):
                    inner = leaf_cumulative(state)
                    leaf.append([0] * low + inner + [1 << 20] * (count - high))
            self.leaves[v] = leaf
        texts = rows("texts", [(256, 256)])[0] if "texts" in header else [[1] * 256] * 256
        self.texts = [text_cumulative(row) for row in texts]


def weight(bits):
    """floor(p * 2^24) of a half: every half is a whole multiple of 2^-24."""
    check(bits <= 0x3C00, "a weight is not from 0 to 1")
    exponent, mantissa = bits >> 10, bits & 1023
    return (1024 + mantissa) << (exponent - 1) if exponent else mantissa


def edge_shares(row):
    """Shares of 2^16, as the singles s / 2^16."""
    row = row if any(row) else [1] * len(row)
    shares = [(w << 16) // sum(row) for w in row]
    shares[row.index(max(row))] += (1 << 16) - sum(shares)
    return [s << 149 - 16 for s in shares]


def leaf_cumulative(row):
    total, below, c = sum(row), 0, [0]
    for w in row:
        below += w
        c.append(((below << 20) + total // 2) // max(total, 1))
    c[-1] = 1 << 20
    return c


def text_cumulative(row):
    row = row if any(row) else [1] * 256
    total, below, starts = sum(row), 0, [0]
    for x, w in enumerate(row):
        below += w
        starts.append(below * (2**24 - 256) // total + x + 1)
    return starts


# --- The range coder.


class RangeDecoder:
    def __init__(self, data):
        self.data, self.at = data, 8
        self.lower, self.range = 0, M64
        self.point = int.from_bytes(data[:8].ljust(8, b"\0"), "big")

    def symbol(self, count, start):
        """The symbol x below `count` whose share `start(x) .. start(x + 1)` of 2^24 holds the quantile."""
        scale = self.range >> 24
        quantile = ((self.point - self.lower) & M64) // scale
        check(quantile < 1 << 24, "range coder")
        x, above = 0, count
        while above - x > 1:
            middle = (x + above) // 2
            x, above = (middle, above) if start(middle) <= quantile else (x, middle)
        left, right = start(x), start(x + 1)
        self.lower = (self.lower + left * scale) & M64
        self.range = (right - left) * scale
        if self.range < 1 << 32:
            word = int.from_bytes(self.data[self.at : self.at + 4].ljust(4, b"\0"), "big")
            self.at += 4
            self.lower, self.range = self.lower << 32 & M64, self.range << 32
            self.point = (self.point << 32 & M64) | word
        return x


# --- The walk.


def leave(m_c, shares, m_p):
    """Step 1: what was decoded below vertex c goes into its parent's `m`."""
    u = []
    for row in shares:
        total = 0
        for likelihood, s in zip(m_c, row):
            total = add(total, multiply(likelihood, s))
        u.append(total)
    return normalise(list(map(multiply, m_p, u)))


def enter(a_p, m_p, shares):
    """Step 2: the probability of a vertex's states from its parent's."""
    a = [0] * len(shares[0])
    for probability, likelihood, row in zip(a_p, m_p, shares):
        now = multiply(probability, likelihood)
        for j, s in enumerate(row):
            a[j] = add(a[j], multiply(now, s))
    return normalise(a)


def read_value(decoder, a, c):
    """Step 3: a value under the mixture of the states' cumulative tables."""
    n = len(c[0]) - 1
    w = [multiply(x, ((1 << 23) - len(a)) * ONE) // ONE for x in a]

    def start(x):
        if x == n:
            return 1 << 24
        mixed = sum(weight * row[x] for weight, row in zip(w, c))
        return ((mixed >> 19) * (2**24 - n) >> 24) + x

    return decoder.symbol(n, start)


def read_text(decoder, tables):
    text, byte = bytearray(), 0
    while True:
        byte = decoder.symbol(256, tables[byte].__getitem__)
        if byte == 0:
            return bytes(text)
        check(len(text) < 1 << 20, "a text is too long")
        text.append(byte)


def read_record(model, decoders, vertices):
    """One record: its values, and the text of each variable with its open value."""
    values, texts = [None] * len(model.alphabets), {}
    # Of each vertex on the path: a, m, and the states that are left.
    a, m, left, path = {}, {}, {}, []
    for v in vertices:
        parent, states = model.parents[v], model.states[v]
        while path and path[-1] != parent:
            c = path.pop()
            check(path, "vertices are not in preorder")
            if model.states[c] > 1:
                p = path[-1]
                edge = [[model.edges[c][i][j] for j in left[c]] for i in left[p]]
                m[p] = leave(m[c], edge, m[p])
        if path:
            a[v] = enter(a[parent], m[parent], [model.edges[v][i] for i in left[parent]])
        else:
            a[v] = normalise(model.edges[v][0])
        m[v], left[v] = [ONE] * states, range(states)
        path.append(v)
        variable = model.variables[v]
        if variable < 0:
            continue
        decoder, c = decoders[1 if 0 < model.first <= v else 0], model.leaves[v]
        x = read_value(decoder, a[v], c)
        values[variable] = x
        if x == model.open[variable]:
            texts[variable] = read_text(decoder, model.texts)
        for (_, low), (end, high) in zip(model.bins[v], model.bins[v][1:]):
            if x < end:
                left[v] = range(low, high)
                break
        a[v] = [a[v][k] for k in left[v]]
        # The count plus 1/16 is rounded, as every sum.
        m[v] = [add((c[k][x + 1] - c[k][x]) * ONE, ONE >> 4) for k in left[v]]
    return values, texts


def read_chunk(model, payload, units, first_only):
    """The records of a chunk's payload."""
    reader = Reader(payload)
    group = reader.varint()
    check(group > 0, "an empty group")
    streams = 2 if model.first else 1
    lengths = [reader.varint() for _ in range(streams * -(-units // group))]
    parts = [reader.take(length) for length in lengths]
    check(reader.at == len(payload), "streams do not fill the payload")
    vertices = range(model.first if first_only else len(model.parents))
    records = []
    for start in range(0, units, group):
        at = start // group * streams
        decoders = [RangeDecoder(part) for part in parts[at : at + streams]]
        for _ in range(min(group, units - start)):
            records.append(read_record(model, decoders, vertices))
    return records


def hashed_bytes(records):
    """What the output hash runs over, of one chunk. Texts of a record stand in the order of variables."""
    values = b"".join(struct.pack("<%dH" % len(values), *values) for values, _ in records)
    return values + b"".join(texts[v] + b"\0" for _, texts in records for v in sorted(texts))


# --- The container.


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        check(len(self.data) - self.at >= n, "the file ends too early")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.number(1)
            value |= (byte & 127) << shift
            if byte < 128:
                check((byte or not shift) and value <= M64, "a varint is not in shortest form")
                return value
        raise Damaged("a varint is too long")


def read_header(r):
    check(r.take(8) == bytes.fromhex("894e43460d0a1a0a"), "not an nc file")
    check(r.number(1) <= 1, "a newer major version")
    r.number(1)  # a newer minor version is no obstacle
    flags = r.number(1)
    check(flags < 16, "unknown flags")
    head = {"hashed": flags & 4, "single": flags & 8}
    head["codec"] = r.number(1)
    check(r.number(1) <= 1, "a newer bitstream")
    kind = r.number(1)
    if (head["codec"], kind) not in COVERED:
        raise Foreign("codec %d of media kind %d is not covered" % (head["codec"], kind))
    if kind == 2:
        head["variables"] = r.varint()
    elif kind == 3:
        head["size"] = [r.varint(), r.varint()]
        r.varint(), r.varint()
        layout = r.number(1)
        head["bits"], head["chroma"] = 8 + (layout >> 3), layout & 3
    head["length"] = r.varint() if flags & 1 else None
    head["model"] = r.take(8) if flags & 2 else None
    head["overlap"] = 0 if head["single"] else r.varint()
    r.take(r.varint())
    check(crc32c(r.data[: r.at]) == r.number(4), "header: CRC")
    check(not head["single"] or head["length"], "a single chunk without a length")
    return head


class Records:
    """Chunks of `circuit`: lists of records."""

    def __init__(self, head, models, first_only):
        check(head["model"] in models, "the model is none of those given")
        self.model, self.first_only = models[head["model"]], first_only
        check(head["variables"] == len(self.model.alphabets), "the model has other variables")
        check(head["overlap"] == 0, "records do not overlap")

    def read(self, payload, units):
        return read_chunk(self.model, payload, units, self.first_only)

    def output(self, chunk):
        return hashed_bytes(chunk)

    def symbols(self, chunk):
        return xxh3(hashed_bytes(chunk))


class Bytes:
    """Chunks of `store`: the bytes."""

    def read(self, payload, units):
        check(len(payload) == units, "chunk: another number of bytes")
        return payload

    def output(self, chunk):
        return chunk

    def symbols(self, chunk):
        return len(chunk)


class Frames:
    """Chunks of `nerv` that are stored or constant: a list of frames, each its samples."""

    def __init__(self, head):
        w, h = head["size"]
        small = {0: None, 1: ((w + 1) // 2, (h + 1) // 2), 2: ((w + 1) // 2, h), 3: (w, h)}
        colour = small[head["chroma"]]
        self.planes = [w * h] + [colour[0] * colour[1]] * 2 if colour else [w * h]
        self.bits = head["bits"]

    def read(self, payload, units):
        r = Reader(payload)
        mode = r.number(1)
        if mode not in (0, 1):
            raise Foreign("frames that are neither stored nor constant")
        if mode == 1:
            frame = [v for n in self.planes for v in [r.number(2)] * n]
            check(r.at == len(payload), "chunk: too long")
            return [frame] * units
        bits = self.bits * sum(self.planes) * units
        check(len(payload) - 1 == (bits + 7) // 8, "chunk: another length")
        value = int.from_bytes(payload[1:], "little")
        check(value >> bits == 0, "chunk: bits behind the samples")
        frames, mask = [], 2**self.bits - 1
        for t in range(units):
            at = t * sum(self.planes)
            part = value >> at * self.bits
            frames.append([part >> i * self.bits & mask for i in range(sum(self.planes))])
        return frames

    def output(self, chunk):
        size = 1 if self.bits == 8 else 2
        return b"".join(v.to_bytes(size, "little") for frame in chunk for v in frame)

    def symbols(self, chunk):
        return len(chunk)


def read_file(data, models, first_only):
    """The contents of each chunk, and the bytes that the output hash runs over."""
    r = Reader(data)
    head = read_header(r)
    first_only = first_only and head["codec"] == 2
    codec = {0: Bytes, 2: lambda: Records(head, models, first_only), 3: lambda: Frames(head)}
    codec = codec[head["codec"]]()

    def chunk(units, hash_size):
        length, crc, symbols = r.varint(), r.number(4), r.number(hash_size)
        payload = r.take(length)
        check(crc32c(payload) == crc, "chunk: CRC")
        chunks.append(codec.read(payload, units))
        if not first_only:
            mask = 2 ** (8 * hash_size) - 1
            check(codec.symbols(chunks[-1]) & mask == symbols, "chunk: hash of the symbols")

    chunks, starts, index, last = [], [], None, False
    if head["single"]:
        chunk(head["length"], 2)
    while True:
        start, tag = r.at, r.take(1)
        if tag in (b"C", b"L"):
            check(not head["single"] and not last, "a chunk after the last")
            last = tag == b"L"
            starts.append((r.varint(), start))
            chunk(starts[-1][0], 4)
        elif tag == b"E":
            break
        else:
            check(tag.islower(), "unknown record")
            length, crc = r.varint(), r.number(4)
            body = r.take(length)
            check(crc32c(body) == crc, "record: CRC")
            if tag == b"i":
                index = start
                check_index(Reader(body), starts)
    output = b"".join(map(codec.output, chunks)) if not first_only else b""
    if head["hashed"]:
        expected = r.number(4)
        check(first_only or xxh3(output) & M32 == expected, "end: hash of the output")
    check(head["single"] or r.number(8) == index or index is None, "end: offset of the index")
    check(head["single"] or last or not starts, "no last chunk")
    check(r.at == len(data), "something follows the end")
    check(head["length"] in (None, sum(map(len, chunks))), "another length than the header's")
    return chunks, output


def check_index(r, starts):
    before = 0
    for units, start in starts:
        check((r.varint(), r.varint() + before) == (units, start), "index")
        before = start
    check(r.at == len(r.data), "index")


# --- The command line.


def csv_line(record):
    """Values with commas between; in place of an open value its text in quotes."""
    values, texts = record
    fields = [b"" if x is None else b"%d" % x for x in values]
    for variable, text in texts.items():
        fields[variable] = b'"' + text.replace(b'"', b'""') + b'"'
    return b",".join(fields) + b"\n"


def self_test():
    """Arithmetic against the machine's doubles, which are exact enough to round from; known hashes."""

    def value(x):
        return struct.unpack("<f", struct.pack("<f", x))[0]

    def integer(x):
        numerator, denominator = x.as_integer_ratio()
        return numerator * ONE // denominator

    draw = random.Random(1)
    for _ in range(100_000):
        exponents = draw.choice([(-149, -100), (-20, 20), (-75, -60), (0, 0)])
        a, b = (value(draw.randrange(1, 1 << 24) * 2.0 ** draw.randint(*exponents)) for _ in "ab")
        assert add(integer(a), integer(b)) == integer(value(a + b)), (a, b)
        assert multiply(integer(a), integer(b)) == integer(value(a * b)), (a, b)
        assert divide(integer(a), integer(b)) == integer(value(a / b)), (a, b)
    assert crc32c(b"123456789") == 0xE3069283
    data = bytes(i % 251 for i in range(3000))
    hashes = b"".join(xxh3(data[:n]).to_bytes(8, "little") for n in range(1300))
    assert hashlib.sha256(hashes).hexdigest()[:16] == "5bab71af46d0988e"
    assert blake3(data).hex()[:16] == "5fade288bf27444b"


def main():
    parser = argparse.ArgumentParser(description="Decodes lossless nc files.")
    parser.add_argument("--model", action="append", default=[], help="a model file; may be repeated")
    parser.add_argument("--csv", action="store_true", help="print the records")
    parser.add_argument("--first", action="store_true", help="print what the first streams hold")
    parser.add_argument("--covered", action="store_true", help="pass over files and models that are not covered")
    parser.add_argument("--self-test", action="store_true", help="check the arithmetic and the hashes")
    parser.add_argument("files", nargs="*", metavar="FILE.nc")
    options = parser.parse_args()
    if options.self_test:
        self_test()
    models = {}
    for name in options.model:
        with open(name, "rb") as f:
            data = f.read()
        try:
            models[blake3(data)[:8]] = Model(data)
        except Foreign as error:
            if not options.covered:
                sys.exit("%s: %s" % (name, error))
    for name in options.files:
        with open(name, "rb") as f:
            data = f.read()
        try:
            chunks, output = read_file(data, models, options.first)
        except Foreign as error:
            if options.covered:
                print("%s: %s" % (name, error), file=sys.stderr)
                continue
            sys.exit("%s: %s" % (name, error))
        except Damaged as error:
            sys.exit("%s: %s" % (name, error))
        if options.csv or options.first:
            for record in (record for chunk in chunks for record in chunk):
                sys.stdout.buffer.write(csv_line(record))
        else:
            print(hashlib.sha256(output).hexdigest() + "  " + name)


if __name__ == "__main__":
    main()
