# -*- coding: utf-8 -*-
import random
EMPTY, BLACK, WHITE = 0, 1, 2
SIZE = 6
EVAL = {"corner": 25.0, "edge": 2.0, "mobility": 1.5, "discs": 0.1, "x_square": -8.0}
LOOKAHEAD = 1

def start():
    b = [[EMPTY] * SIZE for _ in range(SIZE)]
    m = SIZE // 2
    b[m - 1][m - 1] = b[m][m] = WHITE
    b[m - 1][m] = b[m][m - 1] = BLACK
    return b

def flips(b, r, c, who):
    if b[r][c]:
        return []
    out = []
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            line, y, x = [], r + dr, c + dc
            while (dr or dc) and 0 <= y < SIZE and 0 <= x < SIZE and b[y][x] == 3 - who:
                line.append((y, x)); y += dr; x += dc
            if line and 0 <= y < SIZE and 0 <= x < SIZE and b[y][x] == who:
                out += line
    return out

def moves(b, who):
    return [(r, c) for r in range(SIZE) for c in range(SIZE) if flips(b, r, c, who)]

def put(b, mv, who):
    n = [row[:] for row in b]
    for y, x in flips(b, *mv, who) + [mv]:
        n[y][x] = who
    return n

def static_value(b, who):
    v = 0.0
    for r in range(SIZE):
        for c in range(SIZE):
            s = 1 if b[r][c] == who else -1 if b[r][c] else 0
            at_edge = (r in (0, SIZE - 1)) + (c in (0, SIZE - 1))
            v += s * (EVAL["corner"] if at_edge == 2 else EVAL["edge"] if at_edge else EVAL["discs"])
            if r in (1, SIZE - 2) and c in (1, SIZE - 2):
                v += s * EVAL["x_square"]
    return v + EVAL["mobility"] * (len(moves(b, who)) - len(moves(b, 3 - who)))

def best(b, who, depth):
    return max(moves(b, who), key=lambda m: static_value(put(b, m, who), who) if depth <= 1 else -static_value(put(b, m, who), 3 - who))

def match(rng):
    b, who, passes = start(), BLACK, 0
    while passes < 2:
        ms = moves(b, who)
        passes = 0 if ms else passes + 1
        if ms:
            b = put(b, best(b, who, LOOKAHEAD) if who == BLACK else rng.choice(ms), who)
        who = 3 - who
    flat = sum(b, [])
    return flat.count(BLACK) - flat.count(WHITE)

print("disc_margin:", sum(match(random.Random(s)) for s in range(8)) / 8)
