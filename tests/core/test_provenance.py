"""Where a value comes from, decided from what is recorded."""

import hashlib
from dataclasses import replace

import pytest
from tests.core.test_chain import whole_chain

from wave_runner.core.event import commitment
from wave_runner.core.provenance import (
    Ancestor,
    Column,
    broken_causes,
    column_of,
    prompt_of,
    taken,
    unproven,
    unproven_evidence,
)
from wave_runner.core.workflow import ActorKind, CollectionSpec, InputRef, Next, Step

ITEMS = CollectionSpec(name="items", table="items", key="name", rows={"tags": "item_id"})
OTHERS = CollectionSpec(name="others", table="far.others", key="name", rows={"tags": "item_id"})
COLLECTIONS = {"items": ITEMS, "others": OTHERS}


def step(**sources):
    refs = {name: InputRef(sources=found) for name, found in sources.items()}
    return Step(name="save", kind=ActorKind.SCRIPT, actor="save", input=refs, route=Next(to="end"), line=1)


def ancestor(interaction_id, name, output, item=0):
    return Ancestor(interaction_id=interaction_id, step=name, item=item, output=output)


def came_from(sources, ancestors):
    [found] = taken(step(it=sources), ancestors)
    return found.source, found.column, found.interaction_ids


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("items.words", Column(table="items", column="words", collections=("items",))),
        ("far.others.words", Column(table="far.others", column="words", collections=("others",))),
        ("far.others", Column(table="far.others", column="*", collections=("others",))),
        ("tags", Column(table="tags", column="*", collections=("items", "others"))),
        ("tags.tag", Column(table="tags", column="tag", collections=("items", "others"))),
        ("others.words", None),
        ("words", None),
    ],
)
def test_a_name_means_a_column_of_a_table_or_all_its_rows(name, found):
    assert column_of(name, COLLECTIONS) == found


def test_a_column_of_the_record_is_named_even_where_only_a_part_of_it_is_read():
    assert came_from(("record.place.city",), []) == ("record.place.city", "place", ())
    assert came_from(("params.source",), []) == ("params.source", "", ())


def test_the_first_source_that_exists_was_taken():
    judged = ancestor(4, "judge", {"score": 1})
    reviewed = ancestor(7, "review", {"score": None})
    assert came_from(("review.score", "judge.score"), [reviewed, judged]) == ("review.score", "", (7,))
    assert came_from(("review.score", "judge.score"), [judged]) == ("judge.score", "", (4,))
    other = ancestor(7, "review", {"why": "no score in it"})
    assert came_from(("review.score", "judge.score"), [other, judged]) == ("judge.score", "", (4,))


def test_of_a_loop_the_nearest_round_was_read_and_of_a_list_every_item():
    rounds = [ancestor(9, "improve", {"text": "second"}), ancestor(5, "improve", {"text": "first"})]
    assert came_from(("improve.text",), rounds)[2] == (9,)
    items = [ancestor(8, "look", {"n": 2}, item=2), ancestor(7, "look", {"n": 1}, item=1)]
    assert came_from(("look.n",), items)[2] == (8, 7)


def test_what_nothing_gave_names_every_source_that_was_tried():
    assert came_from(("review.score", "judge.score"), []) == ("review.score or judge.score", "", ())


@pytest.mark.parametrize(
    ("request_text", "prompt"),
    [
        ('{"model": "m", "prompt": "Which?"}', "Which?"),
        (
            b'{"messages": [{"role": "user", "content": "Which?"}, {"role": "user", "content": "Say."}]}',
            "Which?\n\nSay.",
        ),
        ('{"messages": []}', None),
        ('{"messages": "none"}', None),
        ('["Which?"]', None),
        ("no JSON", None),
    ],
)
def test_the_prompt_is_found_in_what_was_sent(request_text, prompt):
    assert prompt_of(request_text) == prompt


NONCE = bytes(32)


def test_a_text_is_proven_by_the_commitment_of_its_event_and_by_nothing_else():
    data = {"output": commitment(NONCE, b"{}"), "payloads": [{"role": "answer", "c": commitment(NONCE, b"yes")}]}
    assert list(unproven(data, "output", NONCE, b"{}", of="ask")) == []
    assert list(unproven(data, "output", NONCE, b"{ }", of="ask")) == [
        "the output of ask is not what its event has committed to"
    ]
    assert list(unproven(data, "output", None, None, of="ask")) == ["the output of ask is not stored any more"]
    assert list(unproven({}, "output", NONCE, b"{}", of="ask")) == ["no event of ask commits to its output"]
    assert list(unproven_evidence(data, "answer", NONCE, b"yes", of="ask")) == []
    assert list(unproven_evidence(data, "request", NONCE, b"yes", of="ask")) == [
        "the request of ask is not what its event has committed to"
    ]


def test_a_chain_of_causes_holds_if_it_begins_with_what_nothing_has_caused_and_no_text_was_changed():
    links, _ = whole_chain()
    assert list(broken_causes(links)) == []
    assert list(broken_causes(links[1:])) == ["the cause of event 1.2, 1.1, is not there"]
    assert list(broken_causes([])) == ["the event that recorded the write is not there"]
    changed = replace(links[2], sha256=hashlib.sha256(b"other").digest())
    assert list(broken_causes([*links[:2], changed, *links[3:]])) == [
        "the data of event 2.1 is not what its SHA-256 says"
    ]
