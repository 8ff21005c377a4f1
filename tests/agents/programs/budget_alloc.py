# EVOLVE-BLOCK-START
def allocate(projects, budget):
    """Greedy allocation with a risk-adjusted index. projects: list of (cost, value, risk)."""
    risk_aversion = 0.6
    size_discount = 0.12

    def index(p):
        cost, value, risk = p
        return value * (1 - risk_aversion * risk) / cost ** (1 + size_discount)

    chosen, spent = [], 0
    for i, p in sorted(enumerate(projects), key=lambda t: -index(t[1])):
        if spent + p[0] <= budget:
            chosen.append(i)
            spent += p[0]
    return chosen
# EVOLVE-BLOCK-END

import random

BUDGET_SHARE = 0.35

def evaluate_allocation(seed=1, repetitions=30, n_projects=40):
    r = random.Random(seed)
    total = 0.0
    for _ in range(repetitions):
        ps = [(r.randint(5, 60), r.randint(10, 100), r.random() * 0.9) for _ in range(n_projects)]
        chosen = allocate(ps, BUDGET_SHARE * sum(p[0] for p in ps))
        total += sum(ps[i][1] for i in chosen if r.random() > ps[i][2])
    return total / repetitions

if __name__ == "__main__":
    result = {"score": evaluate_allocation(), "n": 30}
    print(result)
