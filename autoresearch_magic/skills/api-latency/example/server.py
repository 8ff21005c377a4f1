"""A small web service for prices: GET and PUT /price/NAME, plain text. Prints its port when it is ready."""

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import store

WORKERS = 2  # 1 .. 32 log, threads that answer
CACHE = 0  # one of: 0, 8, 32, 128; prices that are kept in memory
KEEP_ALIVE = False  # let a client send its next request over the same connection
NO_DELAY = False  # send small packets at once (TCP_NODELAY)

_cache = OrderedDict()
_lock = threading.Lock()


def price_of(name):
    """Return an item's price, from memory where it is known."""
    with _lock:
        if name in _cache:
            _cache.move_to_end(name)
            return _cache[name]
    price = store.read(name)
    if price is not None:
        _remember(name, price)
    return price


def _remember(name, price):
    with _lock:
        _cache[name] = price
        while len(_cache) > CACHE:
            _cache.popitem(last=False)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1" if KEEP_ALIVE else "HTTP/1.0"
    disable_nagle_algorithm = NO_DELAY

    def do_GET(self):
        price = price_of(self.path.removeprefix("/price/"))
        if price is None:
            self._answer(404, "no such item")
        else:
            self._answer(200, str(price))

    def do_PUT(self):
        name = self.path.removeprefix("/price/")
        price = int(self.rfile.read(int(self.headers["Content-Length"])))
        store.write(name, price)
        _remember(name, price)
        self._answer(200, str(price))

    def _answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


class Server(HTTPServer):
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self._workers = ThreadPoolExecutor(WORKERS)

    def process_request(self, request, client_address):
        self._workers.submit(self._work, request, client_address)

    def _work(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except OSError:  # the client has gone
            pass
        finally:
            self.shutdown_request(request)


if __name__ == "__main__":
    server = Server()
    print(server.server_port, flush=True)
    server.serve_forever()
