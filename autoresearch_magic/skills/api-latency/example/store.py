"""The database, as far as the server knows: it is eight milliseconds away. Frozen: no experiment may change it."""

import threading
import time

AWAY = 0.008
ITEMS = 40

_lock = threading.Lock()
prices = {f"item-{n}": 100 + n * n % 97 for n in range(ITEMS)}


def read(name):
    """Return the price of an item; None when there is no such item."""
    time.sleep(AWAY)
    with _lock:
        return prices.get(name)


def write(name, price):
    """Set the price of an item."""
    time.sleep(AWAY)
    with _lock:
        prices[name] = price
