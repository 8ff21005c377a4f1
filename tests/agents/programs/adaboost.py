import numpy as np
from sklearn import ensemble, tree, metrics, datasets

Data = datasets.load_breast_cancer()
mask = np.arange(len(Data.target)) % 4 == 0
base = tree.DecisionTreeClassifier(max_depth=2, min_samples_split=4, splitter='best')
booster = ensemble.AdaBoostClassifier(base, n_estimators=25, learning_rate=0.8, random_state=11)
booster.fit(Data.data[~mask], Data.target[~mask])
proba = booster.predict_proba(Data.data[mask])[:, 1]
cutoff = 0.5
print("balanced accuracy =", metrics.balanced_accuracy_score(Data.target[mask], proba > cutoff))
print("auc =", metrics.roc_auc_score(Data.target[mask], proba))
