import sqlite3
import math
from collections import Counter

DOCS = [
    "the cat sat on the mat", "dogs and cats living together", "the stock market fell today", "shares and stocks are up",
    "a recipe for apple pie", "apple releases a new phone", "how to bake bread at home", "bread and butter pudding",
]
QUERIES = [("cat", {0, 1}), ("stock market", {2, 3}), ("apple pie recipe", {4}), ("bake bread", {6, 7})]
DB_PAGE_SIZE = 4096

K1 = 1.2
B = 0.75
TITLE_BOOST = 2.0
TOP_K = 2

def connect():
    con = sqlite3.connect(":memory:", timeout=5.0)
    con.execute(f"PRAGMA page_size = {DB_PAGE_SIZE}")
    con.execute("CREATE TABLE terms (doc INTEGER, term TEXT, tf INTEGER, first INTEGER)")
    for i, d in enumerate(DOCS):
        words = d.split()
        for w, n in Counter(words).items():
            con.execute("INSERT INTO terms VALUES (?, ?, ?, ?)", (i, w, n, words.index(w) < 2))
    return con

def rank(con, query):
    avg = sum(len(d.split()) for d in DOCS) / len(DOCS)
    scores = Counter()
    for word in query.split():
        rows = con.execute("SELECT doc, tf, first FROM terms WHERE term = ? OR term = ? || 's' LIMIT 100", (word, word)).fetchall()
        idf = math.log(1 + (len(DOCS) - len(rows) + 0.5) / (len(rows) + 0.5))
        for doc, tf, first in rows:
            norm = tf * (K1 + 1) / (tf + K1 * (1 - B + B * len(DOCS[doc].split()) / avg))
            scores[doc] += idf * norm * (TITLE_BOOST if first else 1.0)
    return [d for d, _ in scores.most_common(TOP_K)]

con = connect()
recall = sum(len(set(rank(con, q)) & rel) / len(rel) for q, rel in QUERIES) / len(QUERIES)
print("recall@2:", recall)
