from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import Pipeline

texts = ["good movie", "great film and great cast", "awful plot", "bad acting", "what a great show", "terrible, just terrible",
         "i liked it", "boring and bad", "a good cast", "not good", "really great", "really awful"] * 4
labels = [1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0] * 4

pipe = Pipeline([
    ("tfidf", TfidfVectorizer(ngram_range=(1, 2), min_df=1, max_df=0.9, max_features=500, sublinear_tf=True)),
    ("clf", LogisticRegression(C=1.0, max_iter=200)),
])
pipe.fit(texts[:36], labels[:36])
probs = pipe.predict_proba(texts[36:])[:, 1]
brier = sum((p - l) ** 2 for p, l in zip(probs, labels[36:])) / 12
print(f"brier_score: {brier:.6f}")
