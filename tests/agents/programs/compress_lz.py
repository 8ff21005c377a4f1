"""Tiny LZ77 compressor; ratio on a synthetic log file (higher is better)."""
import random

MIN_MATCH = 4
WINDOW_BITS = 10
MAX_CHAIN = 16
LAZY = True
HASH_BYTES = 3

LINES = 300
TOKENS = ["GET", "POST", "/index", "/api/v1/items", "200", "404", "500", "curl", "Mozilla"]

def corpus():
    r = random.Random(5)
    return "\n".join(" ".join(r.choice(TOKENS) for _ in range(6)) for _ in range(LINES)).encode()

def longest(data, pos, table):
    best_len, best_dist, chain = 0, 0, 0
    for cand in reversed(table.get(data[pos:pos + HASH_BYTES], [])):
        if pos - cand > 1 << WINDOW_BITS or chain >= MAX_CHAIN:
            break
        chain += 1
        n = 0
        while pos + n < len(data) and n < 255 and data[cand + n] == data[pos + n]:
            n += 1
        if n > best_len:
            best_len, best_dist = n, pos - cand
    return best_len, best_dist

def compressed_bits(data):
    table, bits, pos = {}, 0, 0
    while pos < len(data):
        n, _ = longest(data, pos, table)
        table.setdefault(data[pos:pos + HASH_BYTES], []).append(pos)
        if LAZY and n >= MIN_MATCH and pos + 1 < len(data) and longest(data, pos + 1, table)[0] > n:
            n = 0
        if n >= MIN_MATCH:
            bits += 1 + WINDOW_BITS + 8
            pos += n
        else:
            bits += 9
            pos += 1
    return bits

data = corpus()
print("ratio=%.4f" % (8 * len(data) / compressed_bits(data)))
