#!/usr/bin/env python
# Scores an eviction policy on a synthetic trace and prints one line of JSON.
import json
import random


def trace(length=3000, keys=200, skew=1.1, seed=12):
    rng = random.Random(seed)
    weights = [1 / (k + 1) ** skew for k in range(keys)]
    return rng.choices(range(keys), weights, k=length)


class Policy:
    """Evicts the key with the lowest score of frequency and recency."""

    freq_weight = 0.6
    recency_weight = 1.0
    half_life = 80.0

    def __init__(self, size=40):
        self.size = size
        self.table = {}
        self.clock = 0

    def score(self, key):
        count, last = self.table[key]
        age = self.clock - last
        return self.freq_weight * count - self.recency_weight * age / self.half_life

    def access(self, key):
        self.clock += 1
        hit = key in self.table
        if not hit and len(self.table) >= self.size:
            del self.table[min(self.table, key=self.score)]
        count = self.table[key][0] if hit else 0
        self.table[key] = (count + 1, self.clock)
        return hit


if __name__ == "__main__":
    policy = Policy()
    seq = trace()
    hits = sum(policy.access(k) for k in seq)
    print(json.dumps({"hit_rate": hits / len(seq), "requests": len(seq), "ok": True}))
