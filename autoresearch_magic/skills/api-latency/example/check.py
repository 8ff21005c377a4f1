"""Whether the server still answers as it must; ends with an error when it does not."""

from http.client import HTTPConnection

import store
from load import ask, running_server


def main():
    with running_server() as port:
        one = HTTPConnection("127.0.0.1", port, timeout=20)
        assert ask(one, "item-3") == (200, str(store.prices["item-3"])), "a known item"
        assert ask(one, "item-999999")[0] == 404, "an unknown item"
        one.close()
        for price in (7, 8):  # an old price must not come out of a cache
            two = HTTPConnection("127.0.0.1", port, timeout=20)
            assert ask(two, "item-3", "PUT", str(price)) == (200, str(price)), "a change"
            assert ask(two, "item-3") == (200, str(price)), "the price after a change"
            two.close()
        three = HTTPConnection("127.0.0.1", port, timeout=20)
        for n in range(40):
            assert ask(three, f"item-{n}")[0] == 200, "many items"
        assert ask(three, "item-3") == (200, "8"), "the changed price, after many others"
        three.close()
    print("all answers are right")


if __name__ == "__main__":
    main()
