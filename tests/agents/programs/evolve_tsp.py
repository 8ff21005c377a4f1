import math
import random

N_CITIES = 40
CITY_SEED = 77

def cities():
    r = random.Random(CITY_SEED)
    return [(r.random() * 100, r.random() * 100) for _ in range(N_CITIES)]

def length(tour, pts):
    return sum(math.dist(pts[tour[i - 1]], pts[tour[i]]) for i in range(len(tour)))

# EVOLVE-BLOCK-START
INITIAL_TEMPERATURE = 40.0
COOLING = 0.9995
ITERATIONS = 4000

def solve(pts, rng):
    tour = list(range(len(pts)))
    current = length(tour, pts)
    temperature = INITIAL_TEMPERATURE
    for k in range(ITERATIONS):
        i, j = sorted(rng.sample(range(len(pts)), 2))
        new = tour[:i] + tour[i:j + 1][::-1] + tour[j + 1:]
        delta = length(new, pts) - current
        if delta < 0 or rng.random() < math.exp(-delta / max(temperature, 1e-9)):
            tour, current = new, current + delta
        temperature *= COOLING
    return tour
# EVOLVE-BLOCK-END

if __name__ == "__main__":
    pts = cities()
    print("tour_length: %.3f" % length(solve(pts, random.Random(5)), pts))
