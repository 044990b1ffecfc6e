"""What a project says of its tables, against the columns that there are."""

import pytest

from wave_runner.core.columns import collection_findings, workflow_findings
from wave_runner.core.workflow import ActorKind, CollectionSpec, InputRef, Next, Step, Workflow

ITEMS = CollectionSpec(name="items", table="items", key="name", record_column="item_id", rows={"shop.tags": "item_id"})
TABLES = {"items": ("item_id", "name", "text", "words"), "shop.tags": ("item_id", "tag")}


def workflow(
    *, source: str = "record.text", writes: str = "items.words", ensures: str = "record.words > 0"
) -> Workflow:
    step = Step(
        name="count",
        line=1,
        actor="count",
        kind=ActorKind.SCRIPT,
        route=Next(to="end"),
        input={"text": InputRef(sources=("params.text", source))},
        writes=("shop.tags", writes),
    )
    return Workflow(name="work", path="", collection="items", params={}, steps={"count": step}, ensures=(ensures,))


def test_what_is_there_is_no_finding():
    assert [*collection_findings(ITEMS, TABLES), *workflow_findings(workflow(), ITEMS, TABLES)] == []


@pytest.mark.parametrize(
    ("tables", "at", "message"),
    [
        ({"items": ()}, "table", "the database has no table `items`"),
        ({"items": ("item_id", "title")}, "key", "the table `items` has no column `name`"),
        ({"items": ("id", "name")}, "record_column", "the table `items` has no column `item_id`"),
        ({"shop.tags": ()}, "rows", "the database has no table `shop.tags`"),
        ({"shop.tags": ("id", "tag")}, "rows", "the table `shop.tags` has no column `item_id`"),
    ],
)
def test_what_a_collection_names_and_is_not_there_is_found(tables, at, message):
    found = next(collection_findings(ITEMS, TABLES | tables))
    assert (found.at[:3], found.message) == (("collections", "items", at), message)


@pytest.mark.parametrize(
    ("said", "at", "message"),
    [
        ({"source": "record.txt.0"}, ("steps", "count", "input", "text"), "the table `items` has no column `txt`"),
        ({"writes": "items.wrods"}, ("steps", "count", "writes", 1), "the table `items` has no column `wrods`"),
        ({"writes": "shop.tags.tga"}, ("steps", "count", "writes", 1), "the table `shop.tags` has no column `tga`"),
        ({"ensures": "record.wrds > 0"}, ("ensures", 0), "the table `items` has no column `wrds`"),
    ],
)
def test_what_a_workflow_reads_writes_or_ensures_and_is_not_there_is_found(said, at, message):
    [found] = workflow_findings(workflow(**said), ITEMS, TABLES)
    assert (found.at, found.message) == (at, message)
    assert found.hint.startswith("did you mean")
