"""The fetcher stages everything once, stops where it should, and never calls a part the whole."""

import itertools
import json
from pathlib import Path

import pytest
from tests.support.scripted_http import Answer, scripted_site

from wave_runner.projects.job_postings.actors.db_job_fetcher import SAMPLE, JobFetcher, located, project_folder, stage
from wave_runner.projects.job_postings.actors.documents import SourceError
from wave_runner.projects.job_postings.actors.sources import pages
from wave_runner.projects.job_postings.actors.web import PoliteClient

NYC = Path(__file__).parents[2] / "data/nyc"


def fetch(source, staged, *, limit=None, get=None):
    """Fetch on after what `staged` holds, and add to it."""
    after = staged[-1]["position"] if staged else None
    found = pages(str(source), after=after, base=Path(), fetch=get)
    return stage(found, after=after, limit=limit, add=staged.extend)


def test_a_source_read_to_its_end_is_complete():
    staged = []
    fetched = fetch(NYC, staged)
    assert fetched.model_dump() == {"staged": 8, "complete": True, "pages": 2, "reason": "end of source"}
    assert [json.loads(row["raw"])["job_id"] for row in staged][:4] == ["134280", "148050", "148620", "152823"]


@pytest.mark.parametrize(("limit", "read"), [(1, 1), (4, 1), (5, 2), (8, 2)])
def test_a_fetch_cut_by_its_limit_is_not_complete(limit, read):
    staged = []
    fetched = fetch(NYC, staged, limit=limit)
    assert fetched.model_dump() == {"staged": limit, "complete": False, "pages": read, "reason": "limit"}
    assert len(staged) == limit


def test_a_limit_beyond_the_source_changes_nothing():
    assert fetch(NYC, [], limit=9).complete


@pytest.mark.parametrize("limit", [None, 7])
def test_an_interrupted_fetch_goes_on_and_reports_itself_whole(limit):
    undisturbed = []
    whole = fetch(NYC, undisturbed, limit=limit)
    for kept in range(1, len(undisturbed)):
        staged = undisturbed[:kept]
        assert fetch(NYC, staged, limit=limit) == whole
        assert [row["raw"] for row in staged] == [row["raw"] for row in undisturbed]


def test_a_limit_that_was_reached_before_the_interruption_stages_nothing_more():
    staged = []
    fetch(NYC, staged, limit=5)
    assert fetch(NYC, staged, limit=5).model_dump()["staged"] == 5
    assert len(staged) == 5


def odata(*numbers, link=None, count=None):
    page = {"value": [{"n": number} for number in numbers]}
    page |= {"@odata.nextLink": link} if link else {}
    page |= {"@odata.count": count} if count is not None else {}
    return Answer(json.dumps(page).encode())


def test_an_error_in_mid_fetch_keeps_what_was_staged_and_a_retry_gets_the_rest():
    with scripted_site() as site, PoliteClient(wait=lambda seconds: None, private_hosts=["127.0.0.1"]) as client:
        site.on("/jobs", odata(1, 2, link="/jobs?page=2"))
        site.on("/jobs?page=2", Answer(status=500), odata(3, 4))
        staged = []
        with pytest.raises(SourceError, match="answered 500"):
            fetch(f"{site.url}/jobs", staged, get=client.get)
        assert [json.loads(row["raw"])["n"] for row in staged] == [1, 2]
        fetched = fetch(f"{site.url}/jobs", staged, get=client.get)
        assert fetched.model_dump() == {"staged": 4, "complete": True, "pages": 2, "reason": "end of source"}
        assert [json.loads(row["raw"])["n"] for row in staged] == [1, 2, 3, 4]


def test_a_garbage_page_in_mid_fetch_is_no_end():
    with scripted_site() as site, PoliteClient(wait=lambda seconds: None, private_hosts=["127.0.0.1"]) as client:
        site.on("/jobs", odata(1, link="/jobs?page=2"))
        site.on("/jobs?page=2", Answer(b"<html>maintenance</html>"))
        with pytest.raises(SourceError, match="no JSON"):
            fetch(f"{site.url}/jobs", [], get=client.get)


def test_a_source_that_gives_less_than_it_announced_is_not_complete():
    with scripted_site() as site, PoliteClient(wait=lambda seconds: None, private_hosts=["127.0.0.1"]) as client:
        site.on("/jobs", odata(1, 2, count=2558))
        fetched = fetch(f"{site.url}/jobs", [], get=client.get)
    assert not fetched.complete
    assert fetched.reason == "the source announced 2558 rows and gave 2"


def test_what_was_announced_is_still_known_after_an_interruption():
    with scripted_site() as site, PoliteClient(wait=lambda seconds: None, private_hosts=["127.0.0.1"]) as client:
        site.on("/jobs", odata(1, 2, link="/jobs?page=2", count=6))
        site.on("/jobs?page=2", odata(3, 4, link="/jobs?page=3"))
        site.on("/jobs?page=3", Answer(status=500), odata())
        staged = []
        with pytest.raises(SourceError, match="answered 500"):
            fetch(f"{site.url}/jobs", staged, get=client.get)
        fetched = fetch(f"{site.url}/jobs", staged, get=client.get)
    assert not fetched.complete
    assert fetched.reason == "the source announced 6 rows and gave 4"


def test_an_empty_source_is_complete_with_nothing_staged():
    with scripted_site() as site, PoliteClient(wait=lambda seconds: None, private_hosts=["127.0.0.1"]) as client:
        site.on("/jobs", odata(count=0))
        assert fetch(f"{site.url}/jobs", [], get=client.get).model_dump()["staged"] == 0


def test_every_page_is_staged_before_the_next_is_asked_for():
    order = []
    found = pages(str(NYC), after=None, base=Path(), fetch=None)
    noted = itertools.chain.from_iterable((order.append("read"), page)[1:] for page in found)
    stage(noted, after=None, limit=None, add=lambda rows: order.append("staged"))
    assert order == ["read", "staged", "read", "staged"]


@pytest.mark.parametrize("name", ["sample", "sample:"])
def test_the_special_source_sample_is_the_projects_own_data(name):
    assert located(name) == SAMPLE
    assert located("samples") == "samples"


def test_relative_sources_start_at_the_folder_that_the_runner_names(tmp_path):
    assert project_folder({"WAVE_PROJECT_DIR": str(tmp_path)}) == tmp_path
    assert project_folder({}) == Path.cwd()


@pytest.mark.parametrize("given", [{"source": ""}, {"source": "x", "limit": 0}, {}])
def test_senseless_input_is_refused(given):
    with pytest.raises(ValueError, match="validation error"):
        JobFetcher.Input.model_validate(given, strict=True)
