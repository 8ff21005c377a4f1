"""Ant colony optimisation for a small routing problem."""
import random
from dataclasses import dataclass
from math import hypot


@dataclass(frozen=True)
class ColonySettings:
    ants: int = 12
    rounds_of_ants: int = 25
    evaporation: float = 0.4
    pheromone_power: float = 1.0
    visibility_power: float = 2.5
    deposit: float = 1.0
    q0: float = 0.15


def make_towns(count=25, side=100.0, seed=4):
    r = random.Random(seed)
    return [(r.random() * side, r.random() * side) for _ in range(count)]


def tour_length(tour, towns):
    return sum(hypot(towns[a][0] - towns[b][0], towns[a][1] - towns[b][1]) for a, b in zip(tour, tour[1:] + tour[:1]))


def solve(towns, s: ColonySettings, r: random.Random):
    n = len(towns)
    tau = [[1.0] * n for _ in range(n)]
    best, best_len = None, float("inf")
    for _ in range(s.rounds_of_ants):
        tours = []
        for _ in range(s.ants):
            left = set(range(1, n))
            tour = [0]
            while left:
                i = tour[-1]
                weight = {j: tau[i][j] ** s.pheromone_power / (1e-9 + hypot(towns[i][0] - towns[j][0], towns[i][1] - towns[j][1])) ** s.visibility_power for j in left}
                if r.random() < s.q0:
                    j = max(weight, key=weight.get)
                else:
                    j = r.choices(list(weight), list(weight.values()))[0]
                tour.append(j)
                left.discard(j)
            tours.append((tour_length(tour, towns), tour))
        for row in tau:
            for j in range(n):
                row[j] *= 1 - s.evaporation
        for length, tour in tours:
            for a, b in zip(tour, tour[1:] + tour[:1]):
                tau[a][b] += s.deposit / length
                tau[b][a] += s.deposit / length
        if min(tours)[0] < best_len:
            best_len, best = min(tours)
    return best_len


if __name__ == "__main__":
    print(f"length: {solve(make_towns(), ColonySettings(), random.Random(7)):.2f}")
