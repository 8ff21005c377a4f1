"""The garbage collector rests while a journal is read, and works again afterwards, whatever happens."""

import gc

import pytest

from autoresearch_magic.study.garbage import uncollected


def test_it_rests_and_works_again():
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_after_an_error():
    with pytest.raises(ZeroDivisionError), uncollected():
        1 / 0  # noqa: B018
    assert gc.isenabled()


def test_where_a_person_has_switched_it_off_it_stays_off():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
