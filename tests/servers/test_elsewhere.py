"""A server that the environment names is used instead of one of our own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.openai_stub import OpenAIStub

from wave_runner.errors import ModelServerError, SettingsError
from wave_runner.servers.binary import free_port
from wave_runner.servers.elsewhere import configured_elsewhere, model_elsewhere, ollama_url
from wave_runner.servers.options import portable_options


def test_nothing_named_is_nothing_elsewhere():
    assert configured_elsewhere({}) is None
    assert configured_elsewhere({"WAVE_MODEL_URL": " ", "OLLAMA_HOST": ""}) is None


def test_a_named_url_and_key_become_a_server_whose_key_stays_in_the_environment():
    environ = {"WAVE_MODEL_URL": "http://far/v1", "WAVE_MODEL_KEY": "s3cret", "WAVE_MODEL_NAME": "big"}
    spec = configured_elsewhere(environ)
    assert spec is not None
    assert (spec.driver, spec.url, spec.api_key_env) == ("openai", "http://far/v1", "WAVE_MODEL_KEY")
    assert "s3cret" not in repr(spec)
    assert model_elsewhere(spec, environ) == "big"


def test_without_a_name_the_first_model_that_the_server_lists_is_taken(tmp_path: Path):
    with OpenAIStub(tmp_path, models=["first", "second"]) as stub:
        spec = configured_elsewhere({"WAVE_MODEL_URL": stub.url})
        assert spec is not None
        assert model_elsewhere(spec, {}) == "first"


def test_a_server_without_models_or_without_a_list_says_to_name_one(tmp_path: Path):
    for url in (f"http://127.0.0.1:{free_port()}/v1", None):
        with OpenAIStub(tmp_path, models=[]) as stub:
            spec = configured_elsewhere({"WAVE_MODEL_URL": url or stub.url})
            assert spec is not None
            with pytest.raises(ModelServerError) as refused:
                model_elsewhere(spec, {})
            assert "WAVE_MODEL_NAME" in refused.value.hint


@pytest.mark.parametrize("key", ["s3cret\nsecond line", "s3crèt"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(tmp_path: Path, key: str):
    with OpenAIStub(tmp_path) as stub:
        environ = {"WAVE_MODEL_URL": stub.url, "WAVE_MODEL_KEY": key}
        spec = configured_elsewhere(environ)
        assert spec is not None
        with pytest.raises(SettingsError, match="no HTTP header can carry") as refused:
            model_elsewhere(spec, environ)
        assert "s3cr" not in f"{refused.value} {refused.value.hint}"


def test_a_line_break_after_a_key_is_no_part_of_it(tmp_path: Path):
    with OpenAIStub(tmp_path) as stub:
        environ = {"WAVE_MODEL_URL": stub.url, "WAVE_MODEL_KEY": "s3cret\n"}
        spec = configured_elsewhere(environ)
        assert spec is not None
        assert model_elsewhere(spec, environ) == "stub"


def test_a_password_in_the_url_is_refused_without_being_shown():
    spec = configured_elsewhere({"WAVE_MODEL_URL": "http://me:s3cret@127.0.0.1:9/v1"})
    assert spec is not None
    with pytest.raises(SettingsError, match="holds a user name or password") as refused:
        model_elsewhere(spec, {})
    assert "s3cret" not in f"{refused.value} {refused.value.hint}"


def test_ollama_is_used_if_it_was_named_and_answers(tmp_path: Path):
    with OpenAIStub(tmp_path) as stub:
        host = stub.url.removeprefix("http://").removesuffix("/v1")
        spec = configured_elsewhere({"OLLAMA_HOST": host})
        assert spec is not None
        assert spec.url == stub.url
    assert configured_elsewhere({"OLLAMA_HOST": host}) is None


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("box:8080", "http://box:8080"),
        ("https://box/", "https://box:443"),
        ("http://10.0.0.7:11434", "http://10.0.0.7:11434"),
        (":8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://127.0.0.1:8080"),
        ("[fe80::7]", "http://[fe80::7]:11434"),
    ],
)
def test_a_host_as_ollama_writes_it_becomes_a_url(host: str, url: str):
    assert ollama_url(host) == url


def test_only_options_that_every_server_knows_travel_elsewhere():
    options = {"temperature": 0.0, "repeat_penalty": 1.1, "cache_prompt": True, "api": "completion", "max_tokens": 9}
    assert portable_options(options) == {"temperature": 0.0, "max_tokens": 9}
