"""The data, cut once and for all: what models are compared on, and what is kept back. Frozen."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

x, y = load_digits(return_X_y=True)  # 1,797 pictures of 8 by 8 pixels; comes with scikit-learn
x, x_kept_back, y, y_kept_back = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
