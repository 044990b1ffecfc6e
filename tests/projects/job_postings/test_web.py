"""The client over real sockets: polite, patient to a point, and honest about what went wrong."""

import datetime
import email.utils
import gzip

import pytest
from tests.support.scripted_http import Answer, scripted_site

from wave_runner.projects.job_postings.actors import web
from wave_runner.projects.job_postings.actors.documents import SourceError
from wave_runner.projects.job_postings.actors.web import PAUSE_S, PoliteClient


@pytest.fixture
def site():
    with scripted_site() as site:
        yield site


@pytest.fixture
def waits():
    return []


@pytest.fixture
def client(waits):
    with PoliteClient(wait=waits.append, private_hosts=["127.0.0.1"]) as client:
        yield client


def test_it_says_who_it_is_and_keeps_a_distance_between_requests(site, client, waits):
    site.on("/a", Answer(b"[1]"))
    assert [client.get(f"{site.url}/a").content for _ in range(3)] == [b"[1]"] * 3
    assert waits == [PAUSE_S, PAUSE_S]
    assert {headers["user-agent"] for _, headers in site.requests} == {web.USER_AGENT}


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_the_server_asks_and_comes_back(site, client, waits, status):
    site.on("/a", Answer(status=status, headers={"Retry-After": "7"}), Answer(b"[1]"))
    assert client.get(f"{site.url}/a").content == b"[1]"
    assert waits == [7.0, PAUSE_S]


def test_a_retry_after_can_be_a_date(site, client, waits):
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=50)
    later = email.utils.format_datetime(moment, usegmt=True)
    site.on("/a", Answer(status=429, headers={"Retry-After": later}), Answer(b"[1]"))
    client.get(f"{site.url}/a")
    assert 30 < waits[0] <= 50


@pytest.mark.parametrize("value", ["86400", "soon", "-5x"])
def test_it_does_not_wait_for_ever_nor_for_nonsense(site, client, waits, value):
    site.on("/a", Answer(status=503, headers={"Retry-After": value}))
    with pytest.raises(SourceError, match=r"too long|no time"):
        client.get(f"{site.url}/a")
    assert waits == []


def test_a_server_that_always_asks_to_wait_is_given_up(site, client):
    site.on("/a", Answer(status=429, headers={"Retry-After": "1"}))
    with pytest.raises(SourceError, match="5 times"):
        client.get(f"{site.url}/a")
    assert len(site.requests) == web.MOST_WAITS


@pytest.mark.parametrize("status", [206, 404, 500, 503])
def test_an_error_answer_is_an_error_that_names_the_url_and_the_status(site, client, status):
    site.on("/a", Answer(b"sorry", status=status))
    with pytest.raises(SourceError, match=rf"/a answered {status}"):
        client.get(f"{site.url}/a")


def test_a_body_cut_off_in_the_middle_is_an_error(site, client):
    site.on("/a", Answer(b"[1, 2, 3]" * 100, cut=True))
    with pytest.raises(SourceError, match="cannot be read"):
        client.get(f"{site.url}/a")


def test_nobody_at_home_is_an_error_that_names_the_url(client):
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:1/a cannot be read"):
        client.get("http://127.0.0.1:1/a")


def test_a_body_over_the_cap_is_refused_however_well_it_is_packed(site, client):
    body = gzip.compress(b"0" * (web.MAX_BYTES + 1))
    site.on("/a", Answer(body, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SourceError, match="sends more than"):
        client.get(f"{site.url}/a")


@pytest.mark.parametrize("link", ["/b?page=2", "b?page=2"])
def test_it_knows_the_next_page_that_a_link_header_names(site, client, link):
    site.on("/a", Answer(b"[1]", headers={"Link": f'<{link}>; rel="next", </c>; rel="last"'}))
    assert client.get(f"{site.url}/a").next_link == f"{site.url}/b?page=2"


def test_a_page_that_drips_is_given_up(site):
    site.on("/a", Answer(b"[1]"))
    with PoliteClient(private_hosts=["127.0.0.1"], page_s=0) as client, pytest.raises(SourceError, match="too long"):
        client.get(f"{site.url}/a")


def test_nothing_of_a_network_of_ones_own_is_fetched_unless_it_is_named(site):
    site.on("/a", Answer(b"[1]"))
    with PoliteClient() as client, pytest.raises(SourceError, match="which is on no public network"):
        client.get(f"{site.url}/a")
    assert site.requests == []
