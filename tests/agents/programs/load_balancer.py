"""
Program evolved by an outer loop: choose a server for each request.
Only the marked block is mutated.
"""
import heapq
import json
import random

# EVOLVE-BLOCK-START
def choose_server(servers, request, now):
    """Return the index of the server that takes the request."""
    queue_coef = 1.0
    speed_bias = 0.25
    recent = 0.15
    best, best_cost = 0, float("inf")
    for i, s in enumerate(servers):
        wait = max(0.0, s["free_at"] - now)
        cost = queue_coef * wait + request["work"] / s["speed"] * 0.6 - speed_bias * s["speed"]
        cost += recent * s["served"] ** 0.8
        if cost < best_cost:
            best, best_cost = i, cost
    return best
# EVOLVE-BLOCK-END

SPEEDS = [1.0, 1.5, 3.0, 0.7]
ARRIVALS_PER_SECOND = 3.2
SLO_SECONDS = 2.5
PENALTY = 0.05


def run(n_requests=1500, seed=1):
    rng = random.Random(seed)
    servers = [{"free_at": 0.0, "speed": s, "served": 0} for s in SPEEDS]
    now, waits, late = 0.0, [], 0
    for _ in range(n_requests):
        now += rng.expovariate(ARRIVALS_PER_SECOND)
        work = rng.gammavariate(2.0, 0.6)
        s = servers[choose_server(servers, {"work": work}, now)]
        start = max(now, s["free_at"])
        s["free_at"] = start + work / s["speed"]
        s["served"] += 1
        waits.append(s["free_at"] - now)
        late += waits[-1] > SLO_SECONDS
    return sum(waits) / len(waits) + PENALTY * late / len(waits)


if __name__ == "__main__":
    print(json.dumps({"combined_score": -run(), "seconds": 0.0}))
