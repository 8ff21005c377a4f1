import pytest

from autoresearch_magic.config.converters import read_notify, read_track
from autoresearch_magic.config.effective import make_settings
from autoresearch_magic.config.option_words import option_words
from autoresearch_magic.config.program import parse_program
from autoresearch_magic.errors import UserError


def test_trackers_come_with_commas_or_in_a_list_each_once_and_none_is_none():
    assert read_track("mlflow:http://h:1, tensorboard,mlflow:http://h:1") == ("mlflow:http://h:1", "tensorboard")
    assert read_track(["mlflow", "wandb:online"]) == ("mlflow", "wandb:online")
    assert read_track("none") == read_track("") == ()


def test_an_address_in_place_of_a_tracker_is_refused_without_quoting_it():
    with pytest.raises(UserError) as error:
        read_track("//user:passw0rd@host")
    assert "passw0rd" not in str(error.value)


def test_a_command_of_notify_keeps_its_commas():
    assert read_notify("printf 'a, b'") == ("printf 'a, b'",)
    assert read_notify(["x", " x ", "none"]) == ("x",)


def test_both_are_read_back_from_the_options_that_give_them():
    settings = make_settings(
        {"metric": "loss", "minimize": True, "track": "mlflow,tensorboard", "notify": ["a, b", "c"]}
    )
    words = option_words(settings)
    assert "--track mlflow,tensorboard" in words
    assert words.count("--notify 'a, b'") == words.count("--notify c") == 1
    assert make_settings(settings.to_json()) == settings


def test_a_program_cannot_send_a_study_anywhere():
    assert "track" not in parse_program("Metric: loss\n\nTrack: mlflow\n").settings
    for front in ("track: mlflow", "notify: 'touch x'"):
        with pytest.raises(UserError, match="no key of a program"):
            parse_program(f"---\nmetric: loss\n{front}\n---\n# Lower it\n")
