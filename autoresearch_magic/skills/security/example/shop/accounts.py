"""Customers' passwords and sign-in tokens."""

import hashlib
import random

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def hash_password(password, salt):
    """Return what is stored of a password."""
    return hashlib.md5((salt + password).encode()).hexdigest()


def check_password(password, salt, stored):
    """Whether a password is the one that was stored."""
    return hash_password(password, salt) == stored


def new_token(length=24):
    """Make a token by which a customer is known after signing in."""
    return "".join(random.choice(ALPHABET) for _ in range(length))


def new_salt():
    """Make a salt for a new password."""
    return "".join(random.choice(ALPHABET) for _ in range(8))
