"""References that stand for keys in a study's texts."""

import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.keys.redact import cleaned
from autoresearch_magic.source import key_references
from autoresearch_magic.source.key_references import given_back, keys_of, put_away, references, with_known

KEY = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def test_a_key_comes_back_where_the_text_is_run():
    text = f"TOKEN = {KEY!r}  # {KEY}\n"
    put = put_away(text)
    (name,) = references(put)
    assert name.startswith("AUTORESEARCH_KEY_")
    assert KEY not in put
    assert put_away(put) == put == cleaned(put)
    assert put_away(f"again {KEY}") == f"again [key removed: {name}]"
    assert given_back(put, "setup") == with_known(put) == text


def test_the_reference_of_a_key_of_the_environment_is_its_name(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "an-own-value-17")
    assert put_away("use an-own-value-17") == "use [key removed: SOME_API_KEY]"


def test_another_process_needs_the_variable(monkeypatch):
    put = put_away(f"x {KEY[:-1]}z")
    (name,) = references(put)
    monkeypatch.setattr(key_references, "_kept", {})
    with pytest.raises(
        UserError, match=f"The setup needs a key that is not stored .* set the environment variable {name} to it"
    ):
        given_back(put, "setup")
    assert with_known(put) == put
    monkeypatch.setenv(name, "the-value-again")
    assert given_back(put, "setup") == "x the-value-again"
    assert cleaned("it is the-value-again") == "it is [key removed]"


def test_a_text_without_keys_stays():
    assert put_away("LR = 3e-4") == given_back("LR = 3e-4", "target") == "LR = 3e-4"
    assert keys_of("LR = 3e-4") == []
