"""Texts without keys: what is taken out, what stays, and output that comes in pieces."""

import base64
import json
import os
import time
from urllib.parse import quote

import pytest

from autoresearch_magic.keys.forms import looks_random
from autoresearch_magic.keys.redact import REMOVED, StreamCleaner, cleaned, holds_key, keys_in, known_keys, remember

KEY = "sk-ant-api03-Zx9yWv8uTs7rQp6oNm5lKj4iHg3fEd2cBa1Zz0Yy9Xx8Ww7Vv6Uu5Tt4Ss3"
OWN = 'h4sh/of "mine"+7f&9'


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("SOME_VENDOR_KEY", OWN)
    monkeypatch.setenv("OTHER_TOKEN", KEY.replace("sk-ant-", "zz-"))


def encoded(value):
    """The forms in which a program prints what it knows."""
    data = value.encode()
    return {
        "plain": value, "json": json.dumps({"a": value}), "repr": repr({"a": value}), "url": quote(value, safe=""),
        "base64": base64.b64encode(data).decode(), "base64 in a text": base64.b64encode(b"key=" + data + b"\n").decode(),
        "base64 by one": base64.b64encode(b"k" + data).decode(), "urlsafe": base64.urlsafe_b64encode(b"??" + data).decode(),
        "mime": base64.encodebytes(b"x" * 30 + data).decode(), "hex": data.hex(), "HEX": data.hex().upper(), "backwards": value[::-1],
    }  # fmt: skip


@pytest.mark.parametrize("form", encoded(""))
@pytest.mark.parametrize("value", [OWN, KEY.replace("sk-ant-", "zz-")])
def test_a_known_key_is_taken_out_in_every_form(form, value):
    text = encoded(value)[form]
    told = cleaned(f"before {text} after")
    assert REMOVED in told
    assert told.startswith("before ")
    assert told.endswith(" after")
    for kept in encoded(value).values():
        assert "".join(kept.split()) not in "".join(told.split())


def test_a_known_key_that_is_broken_over_lines_is_taken_out():
    value = KEY.replace("sk-ant-", "zz-")
    told = cleaned(f"Traceback:\n  ValueError: {value[:30]}\n    {value[30:]}\nend")
    assert told == f"Traceback:\n  ValueError: {REMOVED}\nend"


def test_half_of_a_known_key_is_taken_out_with_the_rest_of_its_word():
    value = KEY.replace("sk-ant-", "zz-")
    assert cleaned(f"it begins {value[:50]}… and") == f"it begins {REMOVED}… and"
    assert cleaned(f"it ends {value[20:]} so") == f"it ends {REMOVED} so"


LOOKS = [
    KEY, "sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2", "sk-a1B2c3D4e5F6g7H8i9J0k1L2", "ghp_" + "a1B2c3" * 6, "github_pat_" + "a1B2c3_" * 8, "glpat-a1B2c3D4e5F6g7H8i9J0",
    "xoxb-123456789012-a1B2c3D4e5F6", "AKIAIOSFODNN7EXAMPLE", "AIza" + "a1B2c" * 7, "hf_" + "a1B2c3D4" * 5, "npm_" + "a1B2c3" * 6, "pypi-" + "AgEIcHlwaS5vcmc" * 4,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", "sk_live_a1B2c3D4e5F6g7H8i9",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA=\n-----END OPENSSH PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\\nb3BlbnNzaC1rZXk\\nAAAA=\\n-----END RSA PRIVATE KEY-----",
]  # fmt: skip


@pytest.mark.parametrize("key", LOOKS)
def test_a_known_form_is_taken_out_whole(key):
    assert cleaned(f"got {key}, then") == f"got {REMOVED}, then"
    assert cleaned(json.dumps({"x": key})) == json.dumps({"x": REMOVED})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://user:pa55word@host/x", f"https://user:{REMOVED}@host/x"),
        ("Authorization: Bearer abcdEFGH12345678", f"Authorization: Bearer {REMOVED}"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", None),
        ("x-api-key: k9Jx82hsLq0aZx71", f"x-api-key: {REMOVED}"),
        ("API_KEY=k9Jx82hsLq0aZx71", f"API_KEY={REMOVED}"),
        ('{"password": "k9Jx82hsLq0aZx71"}', f'{{"password": "{REMOVED}"}}'),
        ("apiKey := 'k9Jx82hsLq0aZx71'", f"apiKey := '{REMOVED}'"),
        ("AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", f"{REMOVED} {REMOVED}"),
    ],
)
def test_passwords_headers_and_assignments(text, told):
    assert cleaned(text) == (text if told is None else told)


HONEST = r"""
commit 9fceb02d0ae598e95dc970b74767f19372d61af8  (tag: v1.2.3, origin/main)
run 123e4567-e89b-12d3-a456-426614174000 sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
tokens/s: 12345.6789  tokens=1048576  token: 50257  total_tokens = 100000000000  max_token_length: 1024
loss 2.3415e-01 val_bpb: 1.234567890123  key: 3  primary_key=id  sort_key: created_at_timestamp2
tensor([[ 0.1234, -1.2345], [ 3.4567e-05, 7.8901e+02]], device='cuda:0', grad_fn=<MmBackward0>)
KeyError: 'model.layers.0.self_attn.q_proj.weight'   Missing key(s) in state_dict: "encoder.layer.11.output.dense.bias"
key: layers.12.attention.query_key_value.weight   cache_key = "resnet50_imagenet_v2_224x224"
tests/test_auth.py::test_token_refresh[password-hash-sha256] PASSED   [ 33%]
Collecting torch==2.13.0  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (821.2 MB)
--hash=sha256:a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90
array([1.00000000e+00, 2.71828183e+00, 7.38905610e+00])  dtype('<f8')  0x7f3a2c1d4e50
<class 'sk-toggleable__label-arrow'> sk-estimator-doc-link fitted sk-container-id-1 sk-top-container
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
tokenizer=gpt2-medium-v2   Authorization: required   a secret: nobody_knows_it_at_all   password: ********
https://example.org/a:b@c  https://user:$PASSWORD@host  postgres://user:password@localhost/db  git@github.com:o/r.git
jax.random.PRNGKey(0) secret_number = 42   SECRET_SANTA_DATE=2026-12-24T18:00:00  api_key=os.environ["API_KEY"]
auth_token=settings.auth_token_from_environment   CREDENTIALS_PATH=/home/me/.config/gcloud/credentials2.json
hf_hub_download hf_transformer_1_layer_benchmark_results_of_2026  npm_config_registry npm_lifecycle_event
epoch 3/10: 100%|##########| 1875/1875 [00:12<00:00, 152.31it/s, loss=0.0123]
"""


@pytest.mark.parametrize("line", HONEST.strip().splitlines())
def test_honest_output_stays(line):
    assert cleaned(line) == line


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("OPENAI_API_KEY", "abcdefgh12", True), ("DB_PASSWORD", "letmeinplease", True), ("SSH_AUTH_SOCK", "/tmp/ssh-x/agent.1", False),
        ("GIT_AUTHOR_NAME", "Jane Doe Smith 3rd", False), ("AUTH_METHOD", "kerberos", False), ("TOKENIZERS_PARALLELISM", "disabled1", False),
        ("KEYBOARD_LAYOUT", "de-latin1-nodeadkeys", False), ("MY_TOKEN", "true", False), ("TOKEN_LIMIT", "100000000", False),
        ("AUTH_URL", "https://auth.example/oauth", False), ("PATH", "abcdefgh12", False),
    ],
)  # fmt: skip
def test_which_variables_hold_keys(name, value, held):
    assert holds_key(name, value) is held


def test_the_password_in_the_address_of_a_variable_is_known(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://u:correcthorse@db/x")
    assert cleaned("it is correcthorse") == f"it is {REMOVED}"


def test_a_remembered_key_is_known_and_a_trivial_one_is_not():
    remember("r3member-this-one", "/home/me/a-path", "short")
    assert cleaned("r3member-this-one at /home/me/a-path is short") == f"{REMOVED} at /home/me/a-path is short"
    assert "short" not in known_keys()


def test_a_known_key_that_begins_a_longer_one_takes_it_along(monkeypatch):
    monkeypatch.setenv("SHORT_TOKEN", "sk-ant-api03-Qq9yWv8u")
    assert cleaned("it is sk-ant-api03-Qq9yWv8uTs7rQp6oNm5lKj4i, so") == f"it is {REMOVED}, so"


def test_keys_in_a_text_are_listed_once():
    assert keys_in(f"{KEY} and {KEY}, https://u:pa55word@h") == [KEY, "pa55word"]


def test_words_that_a_person_writes_do_not_look_random():
    assert not any(
        map(
            looks_random,
            ("resnet50_imagenet_v2", "2026-12-24T18:00:00", "v1.2.3.4.5.6.7", "/usr/lib/x86_64", "gpt2-medium-large"),
        )
    )
    assert looks_random("k9Jx82hsLq0aZx71")


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        "a",
        "token=",
        "://",
        "eyJ",
        "sk-",
        "AKIA",
        "-----BEGIN PRIVATE KEY-----\n",
        "key_",
        "authorization: ",
        "\n",
        "api_key='a1",
    ],
)
def test_the_time_grows_with_the_length_alone(part):
    took = []
    for size in (100_000, 800_000):
        text = (part * (size // len(part) + 1))[:size]
        begun = time.process_time()
        cleaned(text)
        took.append(time.process_time() - begun)
    assert took[1] < 30 * took[0] + 0.2  # eight times; the square would be 64


# -- output as it comes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 64, 5000])
def test_a_key_in_two_pieces_of_output_is_taken_out(size):
    value = KEY.replace("sk-ant-", "zz-")
    pem = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBg\n" * 20 + "-----END PRIVATE KEY-----"
    text = f"start\n{KEY} x\r10%\r{base64.encodebytes(b'12' + value.encode()).decode()}end {pem} \xff ünd\nlast {value[:40]}\n{value[40:]}"
    data, stream = text.encode("latin-1"), StreamCleaner()
    told = b"".join(stream.feed(data[i : i + size]) for i in range(0, len(data), size)) + stream.flush()
    assert told.count(REMOVED.encode()) >= 4
    assert told.startswith(b"start\n[key removed] x\r10%\r")
    assert b"\xff \xfcnd\nlast " in told
    for secret in (
        KEY,
        value,
        "MIIEvQ",
        value[13:40],
        value[40:],
        base64.b64encode(b"12" + value.encode()).decode()[8:60],
    ):
        assert secret.encode() not in told.replace(b"\n", b"")


def test_whole_lines_are_told_at_once_and_endless_ones_in_parts():
    stream = StreamCleaner()
    assert stream.feed(b"one\ntwo") == b"one\n"
    assert stream.feed(b"\n") == b"two\n"
    told = b"".join(stream.feed(b"x" * 10_000) for _ in range(50))
    assert len(told) > 450_000
    assert len(told + stream.flush()) == 500_000


def test_the_end_of_an_environment_is_known_at_once(monkeypatch):
    assert cleaned("brandnew-value-1") == "brandnew-value-1"
    monkeypatch.setenv("BRAND_NEW_TOKEN", "brandnew-value-1")
    assert cleaned("brandnew-value-1") == REMOVED
    assert "brandnew-value-1" in os.environ.values()


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.slack.com/services/T01ABCDEF/B02ABCDEF/aB3dE5gH7jK9mN1pQ3sT5vW7",
        "https://discord.com/api/webhooks/123456789012345678/aB3-dE5_gH7jK9mN1pQ3sT5vW7",
    ],
)
def test_what_stands_behind_the_host_of_a_webhook_is_a_key(address):
    host = address.split("/")[2]
    said = cleaned(f"POST {address} failed")
    assert said.startswith(f"POST https://{host}/")
    assert said.endswith("[key removed] failed")
    assert "aB3" not in said
    assert (
        cleaned("see https://hooks.slack.com/services/ and /webhooks/")
        == "see https://hooks.slack.com/services/ and /webhooks/"
    )
