import numpy as np
from numpy.random import RandomState

prng = RandomState(5)
points = np.vstack([prng.normal(loc=c, scale=0.6, size=(60, 2)) for c in ((0, 0), (3, 3), (0, 4))])


def kmeans(pts, k=4, iterations=15, restarts=2, tolerance=1e-6):
    best = None
    for r in range(restarts):
        centers = pts[prng.choice(len(pts), k, replace=False)]
        previous = np.inf
        for i in range(iterations):
            d = ((pts[:, None] - centers[None]) ** 2).sum(-1)
            label = d.argmin(1)
            centers = np.array([pts[label == j].mean(0) if (label == j).any() else centers[j] for j in range(k)])
            inertia = d.min(1).sum()
            if previous - inertia < tolerance:
                break
            previous = inertia
        if best is None or inertia < best[0]:
            best = (inertia, label)
    return best


def silhouette(pts, label):
    from sklearn.metrics import silhouette_score
    return silhouette_score(pts, label) if len(set(label)) > 1 else -1.0


inertia, label = kmeans(points)
print("silhouette: {:.4f}".format(silhouette(points, label)))
