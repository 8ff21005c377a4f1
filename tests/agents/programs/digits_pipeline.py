"""Recognise handwritten digits with a support vector machine."""
import numpy as np
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def main():
    digits = datasets.load_digits(n_class=6)
    data = digits.images.reshape((len(digits.images), -1))[:400]
    target = digits.target[:400]
    model = make_pipeline(
        StandardScaler(),
        PCA(n_components=20, whiten=False, random_state=0),
        SVC(C=1.0, kernel="rbf", gamma=0.02, cache_size=200),
    )
    scores = cross_val_score(model, data, target, cv=3, n_jobs=1)
    print(f"accuracy: {np.mean(scores):.5f}")
    print(f"std: {np.std(scores):.5f}")


if __name__ == "__main__":
    main()
