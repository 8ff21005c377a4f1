import json
import sys
import numpy as np

VERSION = 1.2
PENALTY_PER_VIOLATION = 10.0
N_INSTANCES = 6


def schedule(jobs, machines, lookahead=3, slack_weight=0.4, priority_power=1.5):
    """List scheduling with a priority rule. Returns the loads of the machines."""
    order = sorted(jobs, key=lambda j: -(j["time"] ** priority_power) + slack_weight * j["due"])
    loads = [0.0] * machines
    late = 0
    while order:
        window = order[:lookahead]
        job = min(window, key=lambda j: j["due"])
        order.remove(job)
        m = loads.index(min(loads))
        loads[m] += job["time"]
        late += loads[m] > job["due"]
    return loads, late


def evaluate():
    rng = np.random.default_rng(31)
    values = []
    for _ in range(N_INSTANCES):
        jobs = [{"time": float(t), "due": float(d)} for t, d in zip(rng.integers(1, 20, 40), rng.integers(20, 120, 40))]
        loads, late = schedule(jobs, machines=4)
        values.append(max(loads) + PENALTY_PER_VIOLATION * late / len(jobs))
    return {"makespan": float(np.mean(values)), "version": VERSION, "instances": N_INSTANCES}


if __name__ == "__main__":
    json.dump(evaluate(), sys.stdout, indent=2)
    print()
