#!/usr/bin/env python3
import random

GRID_W = 5
GRID_H = 5
GOAL = (4, 4)
ACTIONS = [(0, 1), (0, -1), (1, 0), (-1, 0)]

def step(state, action):
    x = min(max(state[0] + action[0], 0), GRID_W - 1)
    y = min(max(state[1] + action[1], 0), GRID_H - 1)
    if (x, y) == GOAL:
        return (x, y), 1.0, True
    return (x, y), -0.04, False

def learn(episodes=150, alpha=0.5, gamma=0.95, epsilon=0.2, max_steps=100):
    q = {}
    for ep in range(episodes):
        s, done, t = (0, 0), False, 0
        while not done and t < max_steps:
            if random.random() < epsilon:
                a = random.choice(ACTIONS)
            else:
                a = max(ACTIONS, key=lambda a: q.get((s, a), 0.0))
            s2, r, done = step(s, a)
            best = 0.0 if done else max(q.get((s2, b), 0.0) for b in ACTIONS)
            q[(s, a)] = q.get((s, a), 0.0) + alpha * (r + gamma * best - q.get((s, a), 0.0))
            s, t = s2, t + 1
    return q

def evaluate(q, n_eval=20, limit=50):
    total = 0.0
    for _ in range(n_eval):
        s, done, t = (0, 0), False, 0
        while not done and t < limit:
            a = max(ACTIONS, key=lambda a: q.get((s, a), 0.0))
            s, r, done = step(s, a)
            total += r
            t += 1
    return total / n_eval

if __name__ == "__main__":
    random.seed(3)
    print("mean_return:", evaluate(learn()))
