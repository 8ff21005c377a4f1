import random
from collections import deque

class Building:
    floors = 12
    speed = 1.5        # seconds per floor
    door_time = 4.0
    arrival_rate = 0.08

class Dispatcher:
    """Chooses an elevator by a weighted distance."""
    def __init__(self):
        self.direction_bonus = 2.0
        self.load_penalty = 0.7
        self.idle_floor_weight = 0.3

    def choose(self, call, lifts):
        def cost(l):
            c = abs(l["floor"] - call)
            if (call - l["floor"]) * l["dir"] > 0:
                c -= self.direction_bonus
            c += self.load_penalty * len(l["queue"])
            c += self.idle_floor_weight * abs(l["floor"] - Building.floors / 2)
            return c
        return min(lifts, key=cost)

def simulate(seconds=2000, n_lifts=3, seed=21):
    rnd = random.Random(seed)
    d = Dispatcher()
    lifts = [{"floor": 0, "dir": 0, "queue": deque(), "busy": 0.0} for _ in range(n_lifts)]
    waits = []
    for t in range(seconds):
        if rnd.random() < Building.arrival_rate:
            f = rnd.randrange(Building.floors)
            d.choose(f, lifts)["queue"].append((t, f))
        for l in lifts:
            if t >= l["busy"] and l["queue"]:
                t0, f = l["queue"].popleft()
                travel = abs(f - l["floor"]) * Building.speed + Building.door_time
                waits.append(t + travel - t0)
                l["dir"] = (f > l["floor"]) - (f < l["floor"])
                l["floor"], l["busy"] = f, t + travel
    return sum(waits) / max(1, len(waits))

print("mean wait:", simulate())
