"""The last words of command-line programs, as people have reported them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from autoresearch_magic.agents.llm.limit_texts import MARGIN, explain_ending, seconds_until

NOW = datetime(2026, 3, 10, 14, 30, tzinfo=ZoneInfo("Europe/Berlin"))  # a Tuesday
HOUR = 3600.0


def explain(output, code=1, errors="", asked=""):
    return explain_ending("claude", code, output, errors, asked, NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Claude AI usage limit reached|{epoch}", 2 * HOUR + MARGIN),
        ("You've hit your limit · resets 5pm", 2.5 * HOUR + MARGIN),
        ("You've hit your session limit · resets 4:20am (Europe/Warsaw)", 13 * HOUR + 50 * 60 + MARGIN),
        ("You've hit your limit · resets 1pm (America/New_York)", 3.5 * HOUR + MARGIN),
        ("5-hour limit reached ∙ resets 3pm", 0.5 * HOUR + MARGIN),
        ("Claude usage limit reached. Your limit will reset at 9am.", 18.5 * HOUR + MARGIN),
        ("You've hit your weekly limit · resets Mar 12, 2pm", 47.5 * HOUR + MARGIN),
        ("You've hit your limit · resets Thu 2:30 PM", 48 * HOUR + MARGIN),
        ("ERROR: You've hit your usage limit. Upgrade to Pro or try again in 5 days 22 hours 11\nminutes.",
         5 * 24 * HOUR + 22 * HOUR + 11 * 60),
        ("You've hit your usage limit. Visit the settings page or try again at Mar 11th, 2026 10:05 AM.", 19 * HOUR + 35 * 60 + MARGIN),
        ("You've hit your usage limit. To get more access now, try again at 3:05 PM.", 35 * 60 + MARGIN),
        ('{"error":{"type":"usage_limit_reached","message":"The usage limit has been reached","resets_in_seconds":13872}}', 13872),
        ('{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED"}}', None),
        ('status: "RESOURCE_EXHAUSTED", "retryDelay": "34s"', 34),
        ("You exceeded your current quota. Please retry in 34.074824224s.", 34.074824224),
        ("You have exhausted your capacity on this model. Your quota will reset after 18h41m51s.", 18 * HOUR + 41 * 60 + 51),
        ("Rate limit reached for gpt-5 in organization org-x on tokens per min (TPM). Please try again in 1.898s.", 1.898),
        ("Rate limit reached. Please try again in 6m0s.", 360),
        ("Rate limit reached. Please try again in 850ms.", 0.85),
        ("API Error: Rate limit reached", None),
        ('API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', None),
        ("exceeded retry limit, last status: 429 Too Many Requests", None),
        ("litellm.RateLimitError: try again later. Retry-After: 20", 20),
        ("rate limit: retry after 2 hours", 2 * HOUR),
        ("HTTP 503: The model is overloaded. Please try again later.", None),
        ("Rate limited until 2026-03-10T15:30:00Z", 2 * HOUR + MARGIN),
        ("Rate limit exceeded, resets at 16:30 UTC", 3 * HOUR + MARGIN),
        ("usage limit reached, resets 2pm", None),  # half an hour ago: an old message
        ("usage limit reached, resets 31pm", None),
        ("usage limit reached, try again 3 times", None),
    ],
)  # fmt: skip
def test_limits(text, seconds):
    text = text.replace("{epoch}", str(int((NOW + timedelta(hours=2)).timestamp())))
    for code, output, errors in ((1, text, ""), (1, "", text), (0, text, ""), (0, "", text)):
        found = explain(output, code, errors)
        assert found is not None
        assert found.kind == "limit"
        assert found.seconds == (None if seconds is None else pytest.approx(seconds))
        assert found.line.startswith("claude is at its limit: ")
        assert "\n" not in found.line


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Invalid API key · Please run /login", 1),
        ("Invalid API key · Please run /login", 0),
        ('API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"OAuth token has expired."}}', 1),
        ("Not logged in · Please run /login", 1),
        ("Credit balance is too low", 1),
        ('Error code: 429 - {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}', 1),
        ("There's an issue with the selected model (claude-x). It may not exist or you may not have access to it.", 1),
        ("error: unknown option '--no-such'", 1),
        ("python: can't open file '/x/agent.py': [Errno 2] No such file or directory", 2),
        ("sh: 1: claude: not found", 127),
    ],
)  # fmt: skip
def test_refusals(text, code):
    found = explain(text, code)
    assert found is not None
    assert found.kind == "refused"
    assert found.line.startswith("claude cannot work: ")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Traceback (most recent call last):\n  File 'a.py', line 429, in <module>\nKeyError: 'x'", 1),
        ("error on line 429, status line 401", 1),
        ("panic: out of memory", 101),
        ("", 1),
        ("```python\nRATE_LIMIT = 3  # too many requests\n```", 0),
        ("<summary>handle rate limits</summary>\nX = 1", 0),
        ("I would raise the limit of steps. " * 40 + "rate limit", 0),
    ],
)
def test_what_says_nothing_of_either(text, code):
    assert explain(text, code) is None


def test_a_program_that_repeats_its_question_means_nothing_by_it():
    asked = "# Goal\nHandle 'usage limit reached' better.\n"
    assert explain("", 1, f"user:\n{asked}panic\n", asked) is None
    assert explain("", 1, f"{asked}ERROR: usage limit reached\n", asked) is not None


def test_keys_are_not_shown(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "abc-0123456789")
    assert "abc-0123456789" not in explain("Invalid API key abc-0123456789", 1).line


def test_a_time_without_a_zone_is_local():
    now = datetime(2026, 3, 10, 23, 0, tzinfo=UTC)
    assert seconds_until("resets 1am", now) == 2 * HOUR + MARGIN
