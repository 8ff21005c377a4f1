import pytest

from autoresearch_magic.errors import UserError
from autoresearch_magic.keys.redact import cleaned
from autoresearch_magic.source.key_references import given_back
from autoresearch_magic.study.notifying.address import parse_address, without_secrets

SLACK = "https://hooks.slack.com/services/T01ABCDEF/B02ABCDEF/aB3dE5gH7jK9mN1pQ3sT5vW7"


@pytest.mark.parametrize(
    ("text", "form", "label"),
    [
        (SLACK, "slack", "Slack at hooks.slack.com"),
        ("https://discord.com/api/webhooks/1/abc", "discord", "Discord at discord.com"),
        ("https://ntfy.sh/mytopic", "ntfy", "ntfy at ntfy.sh"),
        ("ntfy:http://home.lan:8080/x", "ntfy", "ntfy at home.lan:8080"),
        ("slack:https://chat.example.org/hooks/x", "slack", "Slack at chat.example.org"),
        ("https://example.org/x?y=z", "json", "the webhook at example.org"),
        ("notify-send done", "command", "the command notify-send"),
        ("/opt/bin/say.sh https://example.org", "command", "the command say.sh"),
    ],
)
def test_the_form_is_that_of_the_host_or_is_said(text, form, label):
    found = parse_address(text)
    assert (found.form, found.label) == (form, label)


@pytest.mark.parametrize(
    "text", ["https://", "https://example.org/a b", "slack:T01/B02", "https://ntfy.sh/", "ntfy:mytopic"]
)
def test_an_address_that_cannot_work_is_refused_without_quoting_it(text):
    with pytest.raises(UserError) as error:
        parse_address(text)
    assert "T01/B02" not in str(error.value)


def test_settings_keep_the_host_and_a_reference():
    kept = without_secrets(SLACK)
    assert kept.startswith("https://hooks.slack.com/[key removed: AUTORESEARCH_KEY_")
    assert given_back(kept, "address", known=False) == SLACK
    assert without_secrets(kept) == kept


def test_the_secret_is_taken_out_of_every_other_text_and_a_short_topic_is_not():
    without_secrets("https://example.org/hooks/qqqqzzzzwwwwxxxxvvvv")
    assert cleaned("POST /hooks/qqqqzzzzwwwwxxxxvvvv") == "POST /[key removed]"
    assert "training" not in without_secrets("https://ntfy.sh/training")
    assert cleaned("training") == "training"


def test_an_address_in_the_environment_is_kept_as_its_variable(monkeypatch):
    monkeypatch.setenv("MY_HOOK", "https://example.org/hooks/one-two-three")
    kept = without_secrets("slack:https://example.org/hooks/one-two-three")
    assert kept == "slack:[key removed: MY_HOOK]"
    assert given_back(kept, "address", known=False) == "slack:https://example.org/hooks/one-two-three"


def test_a_command_is_kept_and_may_see_the_variables_that_it_names():
    text = 'curl -d "$AUTORESEARCH_MESSAGE" -H "Authorization: ${MY_TOKEN}" https://example.org'
    assert without_secrets(text) == text
    assert parse_address(text).variables == ("AUTORESEARCH_MESSAGE", "MY_TOKEN")


def test_user_and_password_are_put_away():
    kept = without_secrets("https://me:pass@example.org/x")
    assert "pass" not in kept
    assert given_back(kept, "address", known=False) == "https://me:pass@example.org/x"
