#!/usr/bin/env python
"""Skip-gram with negative sampling on a toy corpus. Prints the average margin of known pairs."""
from __future__ import print_function
import numpy as np

CORPUS = ("king queen man woman royal crown throne king crown queen crown man work woman work "
          "cat dog pet food cat food dog food pet cat pet dog ") * 12
PAIRS = [("king", "crown"), ("queen", "crown"), ("cat", "food"), ("dog", "pet")]

def train_vectors(text, dim_vec=12, window=2, negatives=3, alpha=0.08, min_alpha=0.01, passes=3, subsampling=1e-2, power=0.75):
    rng = np.random.default_rng(0)
    words = text.split()
    vocab = sorted(set(words))
    ix = {w: i for i, w in enumerate(vocab)}
    freq = np.array([words.count(w) for w in vocab], float)
    noise = freq ** power
    noise /= noise.sum()
    U = (rng.random((len(vocab), dim_vec)) - 0.5) / dim_vec
    V = np.zeros_like(U)
    total = passes * len(words)
    seen = 0
    for _ in range(passes):
        for p, w in enumerate(words):
            seen += 1
            if rng.random() > (subsampling / (freq[ix[w]] / len(words))) ** 0.5 + 0.5:
                continue
            lr = max(min_alpha, alpha * (1 - seen / total))
            for q in range(max(0, p - window), min(len(words), p + window + 1)):
                if q == p:
                    continue
                targets = [ix[words[q]]] + list(rng.choice(len(vocab), negatives, p=noise))
                labels = np.array([1.0] + [0.0] * negatives)
                g = lr * (labels - 1 / (1 + np.exp(-V[targets] @ U[ix[w]])))
                dv = np.outer(g, U[ix[w]])
                U[ix[w]] += g @ V[targets]
                V[targets] += dv
    return ix, U

def margin(ix, U):
    N = U / np.linalg.norm(U, axis=1, keepdims=True)
    return np.mean([N[ix[a]] @ N[ix[b]] for a, b in PAIRS]) - (N @ N.T).mean()

print("margin: %.6f" % margin(*train_vectors(CORPUS)))
