"""Amounts of money, in cents, and how people write them."""


def read(text):
    """Return the cents that a text such as ``12.50``, ``-3`` or ``1,200.00`` means."""
    plain = text.strip().replace(",", "")
    sign = 1
    if plain.startswith("-"):
        sign, plain = -1, plain[1:]
    whole, point, rest = plain.partition(".")
    if not whole.isdigit() or (point and not rest.isdigit()):
        raise ValueError(f"{text!r} is no amount of money")
    if len(rest) > 2:
        raise ValueError(f"{text!r} has parts of a cent")
    return sign * (100 * int(whole) + int(rest.ljust(2, "0")))


def write(cents):
    """Write cents as people do, such as ``1,200.00``."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole:,}.{rest:02}"


def share(cents, people):
    """Share cents among people: nobody gets more than one cent more than another, and nothing is lost."""
    if people < 1:
        raise ValueError("there is nobody to share with")
    each, left = divmod(cents, people)
    return [each + 1] * left + [each] * (people - left)
