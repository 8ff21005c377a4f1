"""How long `close_pairs` takes, in milliseconds: the fastest of several rounds, which other load disturbs least."""

import random
import time

from near import close_pairs

ROUNDS = 5
POINTS = 1200
RADIUS = 0.01


def main():
    draw = random.Random(1)
    points = [(draw.random(), draw.random()) for _ in range(POINTS)]
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        pairs = close_pairs(points, RADIUS)
        seconds.append(time.perf_counter() - start)
    print(f"pairs: {len(pairs)}")
    print(f"ms: {1000 * min(seconds):.4f}")


if __name__ == "__main__":
    main()
