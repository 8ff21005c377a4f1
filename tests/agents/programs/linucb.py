"""Contextual bandit; average reward after T rounds."""
import numpy as np

class LinUCB:
    def __init__(self, n_arms, dim, alpha=1.0, ridge=1.0):
        self.alpha = alpha
        self.A = [np.eye(dim) * ridge for _ in range(n_arms)]
        self.b = [np.zeros(dim) for _ in range(n_arms)]

    def pick(self, x):
        scores = []
        for A, b in zip(self.A, self.b):
            inv = np.linalg.inv(A)
            theta = inv @ b
            scores.append(theta @ x + self.alpha * np.sqrt(x @ inv @ x))
        return int(np.argmax(scores))

    def update(self, arm, x, r, forget=0.99):
        self.A[arm] = forget * self.A[arm] + np.outer(x, x)
        self.b[arm] = forget * self.b[arm] + r * x

def simulate(rounds=300, n_arms=4, dim=6, noise=0.1, seed=11):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n_arms, dim))
    agent = LinUCB(n_arms, dim)
    total = 0.0
    for t in range(rounds):
        x = rng.normal(size=dim)
        arm = agent.pick(x)
        r = truth[arm] @ x + noise * rng.normal()
        agent.update(arm, x, r)
        total += r
    return total / rounds

print(f"reward={simulate():.6f}")
