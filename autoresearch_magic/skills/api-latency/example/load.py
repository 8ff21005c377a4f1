"""How long a client waits: eight clients ask for prices, some items far more often than others.

Prints the 50th and the 95th percentile in milliseconds. Every answer is compared with the true price, and a wrong one ends
the run with an error: a fast wrong answer is worth nothing.
"""

import contextlib
import random
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection

import store

CLIENTS = 8
VISITS, REQUESTS = 6, 10  # a client comes so often, each time with a new connection, and asks for so many prices
WARM_UP = 20  # visits of a client of its own, before anything is counted


@contextlib.contextmanager
def running_server():
    """Start the server in a process of its own, and yield its port."""
    process = subprocess.Popen([sys.executable, "server.py"], stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def ask(connection, name, method="GET", body=None):
    """Send a request; return status and text."""
    connection.request(method, f"/price/{name}", body)
    response = connection.getresponse()
    return response.status, response.read().decode()


def client(port, number, visits, milliseconds, wrong):
    """Send the requests of one client: wait for each answer, note how long it took and whether it was wrong."""
    draw = random.Random(number)
    names = [f"item-{n}" for n in range(store.ITEMS)]
    weights = [1 / (rank + 1) for rank in range(store.ITEMS)]
    for _ in range(visits):
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        for name in draw.choices(names, weights, k=REQUESTS):
            start = time.perf_counter()
            answer = ask(connection, name)
            milliseconds.append(1000 * (time.perf_counter() - start))
            if answer != (200, str(store.prices[name])):
                wrong.append((name, answer))
        connection.close()


def main():
    milliseconds, wrong = [], []
    with running_server() as port:
        client(port, CLIENTS, WARM_UP, [], wrong)
        clients = [
            threading.Thread(target=client, args=(port, number, VISITS, milliseconds, wrong))
            for number in range(CLIENTS)
        ]
        for thread in clients:
            thread.start()
        for thread in clients:
            thread.join()
    if wrong or len(milliseconds) < CLIENTS * VISITS * REQUESTS:
        sys.exit(f"wrong or missing answers: {wrong[:3]}, {len(milliseconds)} were timed")
    milliseconds.sort()
    print(f"p50_ms: {milliseconds[len(milliseconds) // 2]:.3f}")
    print(f"p95_ms: {milliseconds[len(milliseconds) * 95 // 100]:.3f}")


if __name__ == "__main__":
    main()
