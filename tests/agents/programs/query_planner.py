import sqlite3, time, random, json

CACHE_KB = 2000
BATCH_ROWS = 500
PAGE_SIZE = 4096
USE_INDEX = False
SYNC_MODE = "FULL"  # one of: OFF, NORMAL, FULL

N_ROWS = 8000
N_QUERIES = 30

def setup(path=":memory:"):
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    db.execute(f"PRAGMA synchronous = {SYNC_MODE}")
    db.execute("CREATE TABLE t (id INTEGER, v INTEGER, s TEXT)")
    return db

def load(db):
    r = random.Random(0)
    batch = []
    for i in range(N_ROWS):
        batch.append((i, r.randrange(1000), "x" * r.randrange(20)))
        if len(batch) == BATCH_ROWS:
            db.executemany("INSERT INTO t VALUES (?,?,?)", batch)
            batch = []
    db.executemany("INSERT INTO t VALUES (?,?,?)", batch)
    if USE_INDEX:
        db.execute("CREATE INDEX idx ON t(v)")

begin = time.perf_counter()
db = setup()
load(db)
hits = sum(db.execute("SELECT COUNT(*) FROM t WHERE v = ?", (q * 7,)).fetchone()[0] for q in range(N_QUERIES))
elapsed = (time.perf_counter() - begin) * 1000
print(json.dumps({"elapsed_ms": elapsed, "hits": hits}))
