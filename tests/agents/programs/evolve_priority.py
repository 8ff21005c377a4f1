"""Finds large cap sets (sets of n-dimensional vectors over F_3 without three on a line)."""
import itertools

import numpy as np


def solve(n: int) -> np.ndarray:
    all_vectors = np.array(list(itertools.product((0, 1, 2), repeat=n)), dtype=np.int32)
    powers = 3 ** np.arange(n - 1, -1, -1)
    priorities = np.array([priority(tuple(vector), n) for vector in all_vectors], dtype=float)
    capset = np.empty(shape=(0, n), dtype=np.int32)
    while np.any(priorities != -np.inf):
        max_index = np.argmax(priorities)
        vector = all_vectors[None, max_index]
        blocking = np.einsum("cn,n->c", (-capset - vector) % 3, powers)
        priorities[blocking] = -np.inf
        priorities[max_index] = -np.inf
        capset = np.concatenate([capset, vector], axis=0)
    return capset


def evaluate(n: int) -> int:
    return len(solve(n))


# EVOLVE-BLOCK-START
def priority(element, n):
    ones = sum(1 for e in element if e == 1)
    twos = sum(1 for e in element if e == 2)
    balance_weight = 0.8
    mirror = sum(1 for a, b in zip(element, reversed(element)) if a == b)
    return 1.3 * ones - balance_weight * abs(ones - twos) + 0.25 * mirror
# EVOLVE-BLOCK-END


print("size:", evaluate(4))
