import math, random

weights = [12, 7, 11, 8, 9, 6, 7, 3, 5, 14, 10, 4]
values = [24, 13, 23, 15, 16, 11, 13, 5, 9, 28, 19, 7]
CAPACITY = 45

def objective(sel):
    w = sum(a for a, s in zip(weights, sel) if s)
    v = sum(a for a, s in zip(values, sel) if s)
    return v - 50 * max(0, w - CAPACITY)

def anneal():
    rng = random.Random(10)
    sel = [0] * len(weights)
    best = cur = objective(sel)
    T = 10.0
    cooling = 0.97
    n_iter = 300
    while n_iter > 0:
        n_iter -= 1
        i = rng.randrange(len(sel))
        sel[i] ^= 1
        new = objective(sel)
        if new >= cur or rng.random() < math.exp((new - cur) / T):
            cur = new
            best = max(best, cur)
        else:
            sel[i] ^= 1
        T = max(T * cooling, 1e-3)
    return best

print("value:", anneal())
