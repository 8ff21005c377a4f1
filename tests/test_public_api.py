"""The names that ``import autoresearch_magic`` offers."""

import pytest

import autoresearch_magic


@pytest.mark.parametrize("name", autoresearch_magic.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(autoresearch_magic, name) is not None
    assert name in dir(autoresearch_magic)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_like_it"):
        autoresearch_magic.nothing_like_it  # noqa: B018
