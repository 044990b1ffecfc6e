"""The pages: what a browser is given before anybody is known, and what it is told about it."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import httpx2 as httpx
from fastapi import FastAPI
from tests.support.projects import WAVE, Ground
from tests.support.serving import Served

from wave_runner.api import pages
from wave_runner.api.needs import PAGES
from wave_runner.core.event import EventType
from wave_runner.core.interaction import State
from wave_runner.core.projection import STATE_AFTER

ROOT = Path(__file__).parents[2]
UI = ROOT / "ui/src"
INDEX = f"<!doctype html><head>{pages.BASE}</head><script src='./assets/index-1.js'></script>"


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


def built(folder: Path) -> Path:
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX, encoding="utf-8")
    (folder / "assets/index-1.js").write_text("a();" * 1000, encoding="utf-8")
    (folder / "BUILD_SHA256").write_text("not for browsers", encoding="ascii")
    return folder


def ask(folder: Path, *paths: str, **headers: str) -> list[httpx.Response]:
    """Ask the pages of a folder, as they are served behind the gate."""

    async def asked() -> list[httpx.Response]:
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        pages.install(app, folder)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(asked())


def test_each_page_is_the_same_and_knows_where_the_root_is_from_where_it_is_itself(tmp_path: Path):
    found = dict(zip(PAGES, ask(built(tmp_path / "dist"), *map(filled, PAGES)), strict=True))
    bases = {path: re.search(r'<base href="([^"]*)" />', answer.text) for path, answer in found.items()}
    root = httpx.URL("https://proxy.example/tools/wave/")
    for path, answer in found.items():
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache"), path
        base = bases[path]
        assert base is not None
        # Behind a proxy that serves it below a path of its own, too, and whatever that is.
        assert root.join(filled(path)[1:]).join(base[1]) == root, path
    assert len({answer.text.replace(bases[path][0], "") for path, answer in found.items()}) == 1  # type: ignore[index]


def test_what_a_page_loads_is_kept_for_ever_and_is_nothing_but_what_was_built_for_it(tmp_path: Path):
    folder = built(tmp_path / "dist")
    wrong = [
        "/assets/index-2.js",
        "/assets/..%2FBUILD_SHA256",
        "/assets/%2e%2e/BUILD_SHA256",
        "/BUILD_SHA256",
        "/assets/",
    ]
    asset, *others = ask(folder, "/assets/index-1.js", *wrong)
    assert (asset.text, asset.headers["content-encoding"]) == ("a();" * 1000, "gzip")
    assert asset.headers["content-type"].startswith("text/javascript")
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert [answer.status_code for answer in others] == [404] * len(wrong)
    [plain] = ask(folder, "/assets/index-1.js", **{"Accept-Encoding": "identity"})
    assert (plain.text, "content-encoding" in plain.headers) == ("a();" * 1000, False)


def test_no_page_may_load_anything_from_elsewhere_or_stand_in_another(tmp_path: Path):
    for answer in ask(built(tmp_path / "dist"), "/", "/runs/1", "/assets/index-1.js"):
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["script-src"] == policy["base-uri"] == "'self'"
        assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_where_they_were_not_built_one_page_says_so_and_how_to_build_them(tmp_path: Path):
    for answer in ask(tmp_path, "/", "/runs/1"):
        assert answer.status_code == 200
        assert "not built" in answer.text
        assert "make ui" in answer.text
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_the_pages_are_for_everybody_and_the_address_that_is_printed_leads_to_them(served: Served, worked: Ground):
    for path in PAGES:
        page = served.ask("GET", filled(path), "")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8"), path
        assert "content-security-policy" in page.headers
        assert not any(said in page.text for said in ("item 0001", "completed", "ground"))
        assert served.ask("POST", filled(path), "").status_code == 405, path
        assert served.ask("GET", filled(path), "", Host="attacker.example").status_code == 421, path
    with served.browser() as browser:
        shown = browser.get(served.opens, follow_redirects=True)
        assert str(shown.url) == f"{served.url}/"
        assert browser.get("/api/v1/session").status_code == 200


def test_wave_serve_says_whether_it_has_pages(worked: Ground):
    command = [WAVE, "--project", worked.folder, "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("open "):
                break
        process.terminate()
    assert ("the pages were not built" in said) is not pages.are_built()


def test_the_server_knows_every_page_that_the_pages_know():
    places = (UI / "places.ts").read_text(encoding="utf-8")
    named = re.findall(r'to: "([^"]+)"', places) + re.findall(r'"(/\w+/\$\w+)"', places)
    assert {re.sub(r"\$(\w+)", r"{\1}", path) for path in named} == set(PAGES)
    routes = re.findall(r'\bpath: "([^"]+)"', (UI / "router.tsx").read_text(encoding="utf-8"))
    assert sorted(routes) == sorted(named)


def test_the_pages_read_events_as_the_projection_does():
    said = re.findall(
        r"^  (interaction_\w+): \"(\w+)\",$", (UI / "pages/past.ts").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert dict(said) == {**STATE_AFTER, EventType.INTERACTION_INVALIDATED: State.INVALIDATED}
