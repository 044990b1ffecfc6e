"""A source is read page by page, and on from any row."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from wave_runner.projects.job_postings.actors.documents import SourceError
from wave_runner.projects.job_postings.actors.sources import Body, Page, natural_key, pages

NYC = Path(__file__).parents[2] / "data/nyc"


def given(answer):
    """What gets a page: `answer` says what is behind a URL."""
    return lambda url: Body(content=answer(url))


def read(source, *, after=None, base=Path(), fetch=None):
    return list(pages(str(source), after=after, base=base, fetch=fetch))


def rows(found):
    return [row for page in found for row in page.rows]


def ids(found):
    return [json.loads(row.raw)["n"] for row in rows(found)]


def write_lines(file, numbers, pack=bytes):
    file.write_bytes(pack("".join(f'{{"n":{number}}}\n' for number in numbers).encode()))


def test_names_are_ordered_as_people_order_them():
    names = ["jobs10", "jobs9", "jobs2.json", "10", "9", "a", "Jobs1", "jobs²"]
    assert sorted(names, key=natural_key) == ["9", "10", "Jobs1", "a", "jobs2.json", "jobs9", "jobs10", "jobs²"]


def test_a_folder_of_packed_pages_is_read_in_natural_order():
    found = read(NYC)
    assert [page.rows[0].source for page in found] == ["nycjobs2.json.gz#1", "nycjobs10.json.gz#1"]
    assert [len(page.rows) for page in found] == [4, 4]
    assert json.loads(found[0].rows[0].raw)["job_id"] == "134280"


def test_a_folder_leaves_other_files_alone(tmp_path):
    shutil.copy(NYC / "nycjobs2.json.gz", tmp_path)
    (tmp_path / "README.md").write_text("not a page")
    (tmp_path / "deeper.json").mkdir()
    assert len(read(tmp_path)) == 1


@pytest.mark.parametrize(("name", "pack"), [("rows.jsonl", bytes), ("rows.ndjson.gz", gzip.compress)])
def test_json_lines_come_in_pages_and_their_rows_keep_their_numbers(tmp_path, name, pack):
    write_lines(tmp_path / name, range(1, 1201), pack)
    found = read(tmp_path / name)
    assert [len(page.rows) for page in found] == [500, 500, 200]
    assert [dict(row.position)["row"] for row in rows(found)] == ids(found) == list(range(1, 1201))


def test_a_relative_path_starts_at_the_base(tmp_path):
    write_lines(tmp_path / "rows.jsonl", [1])
    assert ids(read("rows.jsonl", base=tmp_path)) == [1]


def test_reading_on_after_any_row_gives_exactly_the_rest(tmp_path):
    write_lines(tmp_path / "part2.jsonl", range(700))
    (tmp_path / "part10.json").write_text(json.dumps([{"n": n} for n in range(700, 705)]))
    everything = rows(read(tmp_path))
    assert len(everything) == 705
    for done in (1, 499, 500, 501, 699, 700, 702, 705):
        rest = rows(read(tmp_path, after=everything[done - 1].position))
        assert rest == everything[done:]


def test_files_whose_names_count_alike_are_each_read_once_also_after_an_interruption(tmp_path):
    for number, name in enumerate(["part1.json", "part01.json", "part001.json"]):
        (tmp_path / name).write_text(json.dumps([{"n": 2 * number}, {"n": 2 * number + 1}]))
    everything = rows(read(tmp_path))
    assert sorted(ids([Page(rows=everything)])) == list(range(6))
    for done in range(1, 7):
        assert rows(read(tmp_path, after=everything[done - 1].position)) == everything[done:]


def test_a_fetch_does_not_go_on_when_the_file_in_which_it_stopped_is_gone(tmp_path):
    write_lines(tmp_path / "part1.jsonl", range(3))
    write_lines(tmp_path / "part2.jsonl", range(3))
    position = rows(read(tmp_path))[1].position
    (tmp_path / "part1.jsonl").unlink()
    with pytest.raises(SourceError, match=r"part1\.jsonl, in which the fetch stopped, is gone"):
        read(tmp_path, after=position)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_source_that_is_not_there_is_refused_by_name(tmp_path, make):
    make(tmp_path / "gone")
    with pytest.raises(SourceError, match=r"gone"):
        read(tmp_path / "gone")


def odata(first, link=None, count=None):
    page = {"value": [{"n": first}, {"n": first + 1}]}
    page |= {"@odata.nextLink": link} if link else {}
    page |= {"@odata.count": count} if count else {}
    return json.dumps(page).encode()


SITE = {
    "https://a.example/jobs": odata(1, link="jobs?page=2", count=6),
    "https://a.example/jobs?page=2": odata(3, link="https://a.example/jobs?page=3"),
    "https://a.example/jobs?page=3": odata(5),
}


def test_next_links_are_followed_relative_or_not():
    found = read("https://a.example/jobs", fetch=given(SITE.__getitem__))
    assert ids(found) == [1, 2, 3, 4, 5, 6]
    assert found[0].announced == 6


def test_reading_on_asks_only_for_the_page_where_it_stopped_and_the_later_ones():
    everything = rows(read("https://a.example/jobs", fetch=given(SITE.__getitem__)))
    asked = []
    site = given(lambda url: asked.append(url) or SITE[url])
    rest = read("https://a.example/jobs", after=everything[2].position, fetch=site)
    assert ids(rest) == [4, 5, 6]
    assert asked == ["https://a.example/jobs?page=2", "https://a.example/jobs?page=3"]


@pytest.mark.parametrize(
    ("link", "says"),
    [("https://b.example/jobs", "another host"), ("http://a.example/x", "another host"), ("jobs", "read already")],
)
def test_a_next_link_to_another_host_or_in_a_circle_is_refused_after_the_page_that_has_it(link, says):
    site = given({"https://a.example/jobs": odata(1, link)}.__getitem__)
    found = pages("https://a.example/jobs", after=None, base=Path(), fetch=site)
    assert ids([next(found)]) == [1, 2]
    with pytest.raises(SourceError, match=says):
        next(found)


def test_a_source_that_gives_the_same_rows_under_ever_new_links_is_refused():
    answers = iter([odata(1, "jobs?token=a"), odata(3, "jobs?token=b"), odata(1, "jobs?token=c")])
    found = pages("https://a.example/jobs", after=None, base=Path(), fetch=given(lambda url: next(answers)))
    assert ids([next(found), next(found)]) == [1, 2, 3, 4]
    with pytest.raises(SourceError, match=r"jobs\?token=b gives the same rows as a page before it"):
        next(found)


def test_pages_without_rows_are_no_circle():
    site = {
        "https://a.example/1": b'{"value": [], "@odata.nextLink": "2"}',
        "https://a.example/2": b'{"value": [], "@odata.nextLink": "3"}',
        "https://a.example/3": odata(1),
    }
    assert ids(read("https://a.example/1", fetch=given(site.__getitem__))) == [1, 2]


def test_json_lines_behind_a_url_are_known_by_its_name():
    body = gzip.compress(b'{"n":1}\nbroken\n')
    found = read("https://a.example/all.jsonl.gz?key=1", fetch=given(lambda url: body))
    assert [row.raw for row in rows(found)] == ['{"n":1}', '"broken"']


def test_a_link_header_leads_on_where_the_page_itself_names_no_next_one():
    site = {
        "https://a.example/1": Body(content=b'[{"n":1}]', next_link="https://a.example/2"),
        "https://a.example/2": Body(content=b'[{"n":2}]'),
    }
    assert ids(read("https://a.example/1", fetch=site.__getitem__)) == [1, 2]
