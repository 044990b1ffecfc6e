"""Pages and lines are read whole or refused with a reason; a broken row costs nobody but itself."""

import gzip
import io
import json

import pytest

from wave_runner.projects.job_postings.actors import documents
from wave_runner.projects.job_postings.actors.documents import SourceError, parse_document, parse_lines


def lines(body):
    return list(parse_lines(io.BytesIO(body), "rows.jsonl"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_an_odata_page_gives_its_rows_packed_or_not_with_or_without_a_byte_order_mark(pack, mark):
    body = mark + b'{"@odata.count": 7, "value": [{"a": 1}, {"b": "\xc3\xa9"}], "@odata.nextLink": "p2"}'
    document = parse_document(pack(body), "page")
    assert document.rows == ['{"a":1}', '{"b":"\\u00e9"}']
    assert (document.next_link, document.announced) == ("p2", 7)


@pytest.mark.parametrize(
    ("page", "link", "announced"),
    [
        ({"@odata.nextLink": "p2", "@odata.count": "7"}, "p2", 7),
        ({"@nextLink": "p2", "@count": 7}, "p2", 7),
        ({"odata.nextLink": "p2", "odata.count": "7"}, "p2", 7),
        ({"nextLink": "p2"}, "p2", None),
        ({"@odata.nextLink": "", "@odata.count": "many"}, None, None),
        ({"@odata.nextLink": None, "@odata.count": True}, None, None),
    ],
)
def test_the_next_link_and_the_count_are_known_in_each_version_of_odata(page, link, announced):
    document = parse_document(json.dumps({"value": [1]} | page).encode(), "page")
    assert (document.next_link, document.announced) == (link, announced)


def test_a_next_link_that_cannot_be_followed_is_no_end():
    with pytest.raises(SourceError, match="page-1 has a link to a next page that is no text"):
        parse_document(b'{"value": [1], "@odata.nextLink": {"href": "p2"}}', "page-1")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000, "-" + "9" * 5000])
def test_a_number_beyond_all_bounds_stays_a_text_in_its_row(number):
    written = f'{{"a":{number}}}'
    assert parse_document(f"[{written}, 2]".encode(), "page").rows == [f'{{"a":"{number}"}}', "2"]
    assert lines(f"{written}\n".encode()) == [f'{{"a":"{number}"}}']


def test_an_array_is_a_page_too():
    assert parse_document(b'[{"a":1}, 2]', "page").rows == ['{"a":1}', "2"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>Bad gateway</html>", "no JSON"),
        (b"", "no JSON"),
        (b'{"value": [1, 2', "no JSON"),
        (b'{"value": [NaN]}', "NaN"),
        (b"[" * 100_000, "no JSON"),
        (b'{"error": "quota"}', "no page of rows"),
        (b'"text"', "no page of rows"),
        # A time of its own in the header would give the test another name on each worker.
        (gzip.compress(b'{"value": []}' * 50, mtime=0)[:-12], "broken gzip"),
    ],
)
def test_a_page_that_is_none_is_refused_by_name(body, says):
    with pytest.raises(SourceError, match=says) as refused:
        parse_document(body, "page-3")
    assert "page-3" in str(refused.value)


def test_every_character_travels_as_ascii():
    row = parse_document(b'[{"a": "\\u0000 \\ud800 \xf0\x9f\x98\x80 \xff"}]', "page").rows[0]
    assert row.isascii()
    assert json.loads(row)["a"] == "\0 \ud800 😀 \udcff"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lines_are_rows_and_blank_ones_are_none(pack):
    assert lines(pack(b'\xef\xbb\xbf{"a":1}\n\n  \r\n{"b":2}\r\n{"c":3}')) == ['{"a":1}', '{"b":2}', '{"c":3}']


def test_a_line_that_is_no_json_becomes_a_json_string_of_itself():
    rows = lines(b'{"a":1}\nno "JSON"\n{"a": "raw \x00 nul"}\n{"n": Infinity}\n')
    assert [json.loads(row) for row in rows] == [{"a": 1}, 'no "JSON"', '{"a": "raw \0 nul"}', '{"n": Infinity}']


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lines_that_are_cut_off_are_refused_after_the_whole_ones(pack):
    found = parse_lines(io.BytesIO(pack(b'{"a":1}\n{"b":2')), "rows.jsonl")
    assert next(found) == '{"a":1}'
    with pytest.raises(SourceError, match=r"rows\.jsonl is cut off in the middle of a line, it ends with '\{\"b\":2'"):
        next(found)


def test_a_line_nested_too_deep_is_a_string_and_no_crash():
    assert json.loads(lines(b"[" * 100_000 + b"\n")[0]) == "[" * 100_000


def test_lines_in_a_truncated_gzip_file_are_refused_after_the_sound_ones():
    body = gzip.compress(b"".join(b'{"row":%d}\n' % number for number in range(5000)))
    found = parse_lines(io.BytesIO(body[:-20]), "rows.jsonl.gz")
    assert next(found) == '{"row":0}'
    with pytest.raises(SourceError, match=r"rows\.jsonl\.gz is a broken gzip file"):
        list(found)


def test_a_page_larger_than_the_cap_is_refused_even_when_it_is_packed():
    bomb = gzip.compress(b" " * (documents.MAX_BYTES + 1))
    with pytest.raises(SourceError, match="larger than"):
        parse_document(bomb, "page")
