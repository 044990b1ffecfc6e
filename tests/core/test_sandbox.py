"""Which sandbox comes of what a script asks for, what the setting says, and what a host can do."""

from __future__ import annotations

import re

import pytest

from wave_runner.core.sandbox import Host, Level, Opens, Sandbox, peers, settle
from wave_runner.core.workflow import ScriptSpec

ABLE = Host(landlock=7, filters=True, bubblewrap="/usr/bin/bwrap")
BARE = Host(landlock=7, filters=True, no_namespaces="it needs bubblewrap")
OLD = Host(landlock=2, filters=True)
STRANGE = Host(landlock=7, filters=False)
NOTHING = Host(landlock=0, filters=True)


def settled(host: Host, asked: str = "", default: Level | None = None, **declared: object) -> Sandbox:
    """Return the sandbox of a script that says so much."""
    spec = ScriptSpec(name="save", entry="", sandbox=asked, **declared)  # type: ignore[arg-type]
    return settle(spec, default, host, project="/srv/project", home="/home/wave")


@pytest.mark.parametrize(
    ("host", "asked", "default", "level"),
    [
        (ABLE, "", None, Level.OWN),
        (OLD, "", None, Level.NONE),
        (STRANGE, "", None, Level.NONE),
        (NOTHING, "", None, Level.NONE),
        (ABLE, "", Level.STRICT, Level.STRICT),
        (ABLE, "none", Level.STRICT, Level.NONE),
        (NOTHING, "none", Level.OWN, Level.NONE),
        (BARE, "own", Level.STRICT, Level.OWN),
    ],
)
def test_the_scripts_own_word_goes_before_the_setting_and_that_before_what_the_host_can(
    host: Host, asked: str, default: Level | None, level: Level
) -> None:
    found = settled(host, asked, default)
    assert (found.level, found.missing) == (level, "")


@pytest.mark.parametrize(
    ("host", "asked", "default", "says", "less"),
    [
        (NOTHING, "own", None, "this kernel has it not", '`sandbox = "none"`'),
        (OLD, "own", None, "this kernel has version 2 of it", '`sandbox = "none"`'),
        (OLD, "", Level.OWN, "Linux 6.2", '`sandbox = "none"`'),
        (STRANGE, "own", None, "x86_64 and aarch64", '`sandbox = "none"`'),
        (BARE, "strict", None, "it needs bubblewrap", '`sandbox = "own"` or `sandbox = "none"`'),
        (BARE, "", Level.STRICT, "it needs bubblewrap", '`sandbox = "own"`'),
        (NOTHING, "strict", None, "Landlock", '`sandbox = "none"`'),
    ],
)
def test_what_was_asked_for_and_is_not_to_be_had_is_missing_and_said(
    host: Host, asked: str, default: Level | None, says: str, less: str
) -> None:
    missing = settled(host, asked, default).missing
    assert missing.startswith("save does not run here")
    assert says in missing
    assert less in missing


def test_paths_start_at_the_project_or_at_home() -> None:
    found = settled(ABLE, may_read=("/data", "~/rows", "../beside"), may_write=("out", "~"))
    assert found.may_read == ("/data", "/home/wave/rows", "/srv/project/../beside")
    assert found.may_write == ("/srv/project/out", "/home/wave")


def test_a_host_is_open_by_the_name_and_on_the_ports_that_were_said() -> None:
    found = settled(ABLE, network=("API.example", "other.example:8443"), private_hosts=("[::1]:81", "10.0.0.1:82"))
    assert (found.network, found.has_door) == (False, True)
    public = [("api.example", 80), ("Api.Example", 443), ("other.example", 8443)]
    assert [found.opens(*peer) for peer in public] == [Opens.IN_PUBLIC] * 3
    assert [found.opens(*peer) for peer in [("::1", 81), ("10.0.0.1", 82)]] == [Opens.ANYWHERE] * 2
    others = [("api.example", 8443), ("other.example", 443), ("x.api.example", 443), ("::1", 80), ("10.0.0.1", 80)]
    assert [found.opens(*peer) for peer in others] == [Opens.NOWHERE] * 5


def test_there_is_no_door_where_there_are_no_walls_or_all_is_open() -> None:
    assert not settled(NOTHING, network=("api.example",)).has_door
    assert [settled(ABLE, network=given).has_door for given in (True, False, ())] == [False] * 3
    assert settled(ABLE, network=True).network


@pytest.mark.parametrize(
    "text",
    ["", "*.example", "https://a.example", "a.example/x", "a.example.", "a:0", "a:65536", "a:b", "::1", "[::1", "a b"],
)
def test_what_names_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(text) + "$"):
        peers(text)


def test_an_event_says_the_level_and_the_version_that_holds_it() -> None:
    assert settled(ABLE).said == "own/7"
    assert settled(ABLE, "none").said == "none"
