import math, numpy as np

class CFG:
    gamma = 0.98
    actor_lr = 0.02
    entropy_bonus = 0.01
    baseline_momentum = 0.9
    updates = 25
    episodes_per_update = 4
    max_episode_steps = 80
    gravity = 9.8
    pole_length = 0.5
    rng_seed = 12

class Pole:
    def __init__(self, rng):
        self.s = rng.uniform(-0.05, 0.05, 4)
    def step(self, a):
        x, xd, th, thd = self.s
        f = 10.0 if a else -10.0
        tmp = (f + 0.05 * thd ** 2 * math.sin(th)) / 1.1
        acc = (CFG.gravity * math.sin(th) - math.cos(th) * tmp) / (CFG.pole_length * (4 / 3 - 0.1 * math.cos(th) ** 2 / 1.1))
        xa = tmp - 0.05 * acc * math.cos(th) / 1.1
        self.s = np.array([x + 0.02 * xd, xd + 0.02 * xa, th + 0.02 * thd, thd + 0.02 * acc])
        return self.s, abs(self.s[0]) > 2.4 or abs(self.s[2]) > 0.21

rng = np.random.default_rng(CFG.rng_seed)
w = np.zeros(4)
b = 0.0
for u in range(CFG.updates):
    grad = np.zeros(4)
    for e in range(CFG.episodes_per_update):
        env, traj = Pole(rng), []
        for t in range(CFG.max_episode_steps):
            s = env.s
            p = 1 / (1 + np.exp(-w @ s))
            a = rng.random() < p
            _, done = env.step(a)
            traj.append((s, a, p))
            if done:
                break
        G = sum(CFG.gamma ** k for k in range(len(traj)))
        b = CFG.baseline_momentum * b + (1 - CFG.baseline_momentum) * G
        for s, a, p in traj:
            grad += (G - b) * (a - p) * s + CFG.entropy_bonus * (0.5 - p) * s
    w += CFG.actor_lr * grad / CFG.episodes_per_update
lengths = []
for _ in range(10):
    env = Pole(rng)
    for t in range(200):
        _, done = env.step(w @ env.s > 0)
        if done:
            break
    lengths.append(t + 1)
print("mean_length", np.mean(lengths))
