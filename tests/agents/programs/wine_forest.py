from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=42, stratify=y)

clf = RandomForestClassifier(n_estimators=20, max_depth=4, min_samples_leaf=2, n_jobs=1, random_state=42)
clf.fit(X_train, y_train)
pred = clf.predict(X_test)
print("f1: %.4f" % f1_score(y_test, pred, average="macro"))
