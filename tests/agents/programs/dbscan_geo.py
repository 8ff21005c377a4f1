import numpy as np
from sklearn.cluster import DBSCAN, AgglomerativeClustering
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import LocalOutlierFactor

pts, labels = make_blobs(n_samples=500, centers=5, cluster_std=0.9, random_state=21)
lof = LocalOutlierFactor(n_neighbors=25, contamination=0.02).fit_predict(pts)
kept = pts[lof > 0]
db = DBSCAN(eps=0.6, min_samples=6, n_jobs=1).fit(kept)
n_found = len(set(db.labels_)) - 1
agg = AgglomerativeClustering(n_clusters=max(2, n_found), linkage="ward").fit(kept)
print("ari: {:.4f}".format(adjusted_rand_score(labels[lof > 0], agg.labels_)))
