from math import exp, inf
import random as rnd

def demand_points(k=30, spread=50.0, seed=8):
    r = rnd.Random(seed)
    return [(r.uniform(0, spread), r.uniform(0, spread), r.randint(1, 9)) for _ in range(k)]

VEHICLES = 3
CAPACITY = 70
OVERLOAD_PENALTY = 25.0

def cost(routes, pts):
    total = 0.0
    for route in routes:
        x = y = 25.0
        load = 0
        for i in route:
            px, py, d = pts[i]
            total += ((px - x) ** 2 + (py - y) ** 2) ** 0.5
            x, y, load = px, py, load + d
        total += ((x - 25.0) ** 2 + (y - 25.0) ** 2) ** 0.5 + OVERLOAD_PENALTY * max(0, load - CAPACITY)
    return total

class Annealer:
    start_temp = 30.0
    end_temp = 0.2
    sweeps = 2500
    swap_share = 0.4

    def run(self, pts, seed=0):
        r = rnd.Random(seed)
        routes = [list(range(i, len(pts), VEHICLES)) for i in range(VEHICLES)]
        current = best = cost(routes, pts)
        for n in range(self.sweeps):
            temp = self.start_temp * (self.end_temp / self.start_temp) ** (n / self.sweeps)
            backup = [list(q) for q in routes]
            a, b = r.choice(routes), r.choice(routes)
            if a and b and r.random() < self.swap_share:
                i, j = r.randrange(len(a)), r.randrange(len(b))
                a[i], b[j] = b[j], a[i]
            elif a:
                b.insert(r.randrange(len(b) + 1), a.pop(r.randrange(len(a)))) if b is not a else r.shuffle(a)
            new = cost(routes, pts)
            if new < current or r.random() < exp((current - new) / temp):
                current = new
                best = min(best, new)
            else:
                routes = backup
        return best

print("total_cost:", round(Annealer().run(demand_points()), 2))
