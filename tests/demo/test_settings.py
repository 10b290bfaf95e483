"""Flags and environment variables."""

import pytest

from demo.settings import Settings, env_name, parse


def test_defaults():
    assert parse([], {}) == Settings()


def test_environment_then_flags():
    environ = {"SAFECLIP_PROFILE": "vit-l-14", "SAFECLIP_PORT": "8001", "SAFECLIP_PRESENT": "yes"}
    assert parse([], environ) == Settings(profile="vit-l-14", port=8001, present=True)
    assert parse(["--port", "8002", "--no-present"], environ) == Settings(profile="vit-l-14", port=8002)


def test_a_flag_may_be_repeated_and_a_variable_holds_several():
    assert parse(["--seat", "A=a", "--seat", "B=b"], {}).seat == ("A=a", "B=b")
    assert parse([], {"SAFECLIP_SEAT": "A=a; B=b"}).seat == ("A=a", "B=b")
    assert parse(["--seat", "C=c"], {"SAFECLIP_SEAT": "A=a"}).seat == ("C=c",)
    assert parse(["--tasks", "retrieval,captioning"], {}).tasks == ("retrieval", "captioning")


def test_a_space_names_its_host_and_port():
    assert parse([], {"GRADIO_SERVER_NAME": "0.0.0.0"}).host == "0.0.0.0"
    assert parse([], {"GRADIO_SERVER_NAME": "0.0.0.0", "SAFECLIP_HOST": "::1"}).host == "::1"
    assert parse([], {"SPACE_ID": "somebody/safe-clip"}).host == "0.0.0.0"
    assert parse([], {"SPACE_ID": "somebody/safe-clip", "GRADIO_SERVER_NAME": "::1"}).host == "::1"
    assert parse([], {"GRADIO_SERVER_PORT": "8001"}).port == 8001
    assert parse(["--port", "8003"], {"GRADIO_SERVER_PORT": "8001", "SAFECLIP_PORT": "8002"}).port == 8003
    assert parse([], {"GRADIO_SERVER_PORT": "8001", "SAFECLIP_PORT": "8002"}).port == 8002


def test_a_wrong_port_of_a_space_is_named(capsys):
    with pytest.raises(SystemExit):
        parse([], {"GRADIO_SERVER_PORT": "http"})
    assert "GRADIO_SERVER_PORT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("port", "http", "whole number"),
        ("port", "70000", "from 1 to 65535"),
        ("present", "maybe", "neither on nor off"),
    ],
)
def test_a_wrong_variable_is_named(name, text, said, capsys):
    with pytest.raises(SystemExit) as stop:
        parse([], {env_name(name): text})
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert env_name(name) in message and said in message


def test_a_wrong_flag_is_named(capsys):
    with pytest.raises(SystemExit) as stop:
        parse(["--queue-size", "0"], {})
    assert stop.value.code == 2
    assert "--queue-size" in capsys.readouterr().err


def test_help_names_every_flag_and_variable(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"], {})
    text = capsys.readouterr().out
    for name in Settings.__dataclass_fields__:
        assert "--" + name.replace("_", "-") in text
        assert env_name(name) in text


def test_presenting_locks_reveal():
    assert Settings(present=True).reveal_locked
    assert Settings(lock_reveal=True).reveal_locked
    assert not Settings().reveal_locked
