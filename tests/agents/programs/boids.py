import numpy as np

N_BOIDS = 40
STEPS = 60
BOX = 50.0

def flock(positions, velocities, cohesion=0.01, alignment=0.125, separation=0.1, radius=8.0, max_speed=2.0):
    d = positions[:, None] - positions[None]
    dist = np.sqrt((d ** 2).sum(-1)) + 1e-9
    near = (dist < radius) & (dist > 1e-6)
    count = np.maximum(near.sum(1), 1)[:, None]
    centre = (near[:, :, None] * positions[None]).sum(1) / count
    heading = (near[:, :, None] * velocities[None]).sum(1) / count
    away = (near[:, :, None] * d / dist[:, :, None] ** 2).sum(1)
    v = velocities + cohesion * (centre - positions) + alignment * (heading - velocities) + separation * away
    speed = np.linalg.norm(v, axis=1, keepdims=True) + 1e-9
    return v * np.minimum(1.0, max_speed / speed)

def main():
    rng = np.random.default_rng(6)
    p = rng.uniform(0, BOX, (N_BOIDS, 2))
    v = rng.normal(0, 1, (N_BOIDS, 2))
    for _ in range(STEPS):
        v = flock(p, v)
        p = (p + v) % BOX
    order = np.linalg.norm((v / np.linalg.norm(v, axis=1, keepdims=True)).mean(0))
    print("order:", order)

main()
