"""Retry-After headers as servers send them."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from autoresearch_magic.agents.llm.retry_after import retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "tomorrow"}, None),
    ],
)
def test_header_values(headers, seconds):
    assert retry_after(headers) == seconds


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_dates_in_any_time_zone(zone):
    then = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True).replace("GMT", zone)
    seconds = retry_after({"retry-after": then})
    assert seconds is not None
    assert 3600 < seconds <= 7200
