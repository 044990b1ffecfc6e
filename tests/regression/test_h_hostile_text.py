"""H: whatever text a step gives, its event is written, what it gives is read back byte for byte, or refused by name.

In the first Wave Runner a line break in an output made its event invalid, and the event took the result with it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.audit.test_live import verified
from tests.support.projects import COUNT_STEP, Ground, script
from tests.support.verifying import told

from wave_runner.engine import Engine
from wave_runner.reports.explain import explain
from wave_runner.reports.export import Wanted, export

MIB, MEBIBYTE = 1024 * 1024, 'ä"\\\n'  # so much text does not come in as a row: the step makes it
KEPT = {
    "newline": "one\ntwo\r\nthree\u2028four",
    "tab": "a\tb",
    "double quote": 'she said "no"',
    "single quote": "it's; DROP TABLE items; --'",
    "backslash": "C:\\new\\table \\u0000 \\",
    "emoji": "👩‍🚀 🇩🇪 é",
    "directions": "\u202eabc\ufeff",
    "control": "\x01\x1f\x7f",
    "json": '{"state": "completed", "$1": "%s %(name)s {{ text }}"}',
    "empty": "",
    "a mebibyte": MEBIBYTE * (MIB // 5),
}
REFUSED = {"nul": "a\x00b", "half a surrogate": "a\ud800b"}
TABLES = """\
CREATE TABLE items (
    item_id bigint PRIMARY KEY REFERENCES records (record_id), name text NOT NULL UNIQUE, text text, note text
);
CREATE TABLE tags (item_id bigint NOT NULL REFERENCES items, tag text NOT NULL);
"""
SAY = script(
    """
    unit, times = json.loads(item["text"])
    ctx.write("items", {"note": unit * times})
    return {"said": unit * times}
    """
)
DONE = """
    SELECT r.key, i.output, i.output_nonce, e.data, e.sha256
    FROM interactions i
    JOIN records r USING (record_id)
    JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id)
    JOIN interaction_events e ON e.run_id = i.run_id AND e.interaction_id = i.interaction_id
        AND e.type = 'interaction_completed'
    WHERE s.name = 'say'
"""


def test_regression_h_hostile_text_is_kept_byte_for_byte_or_refused_by_a_named_rule(ground: Ground, tmp_path: Path):
    ground.project(
        rows=[{"name": name, "text": json.dumps(_made_of(text))} for name, text in (KEPT | REFUSED).items()],
        steps=COUNT_STEP.replace("count", "say").replace("words", "note"),
        actors={"say": f"import json\n\n{SAY}"},
        tables=TABLES,
    )
    assert ground.run() == "failed"  # by the two that are refused, and by nothing else

    assert ground.troubles() == dict.fromkeys(REFUSED, "unstorable_text")
    assert {row["name"]: row["note"] for row in ground.sql("SELECT name, note FROM items")} == KEPT | dict.fromkeys(
        REFUSED
    )
    done = {row["key"]: row for row in ground.sql(DONE)}
    assert done.keys() == KEPT.keys()
    for key, row in done.items():
        assert json.loads(row["output"]) == {"said": KEPT[key]}
        assert bytes(row["sha256"]) == hashlib.sha256(row["data"].encode()).digest()
        promised = hashlib.sha256(bytes(row["output_nonce"]) + row["output"].encode()).hexdigest()
        assert json.loads(row["data"])["output"] == promised
    assert verified(ground).findings.sorted() == []
    an_outsider_reads_the_same(ground, tmp_path)


def _made_of(text: str) -> tuple[str, int]:
    return (MEBIBYTE, MIB // 5) if text.startswith(MEBIBYTE * 2) else (text, 1)


def an_outsider_reads_the_same(ground: Ground, tmp_path: Path) -> None:
    async def tell(engine: Engine) -> dict[str, str]:
        await export(engine.database, tmp_path / "bundle", Wanted(), source=engine.source(), older=[])
        collections = engine.project().collections
        return {
            key: (await explain(engine.database, "items.note", key=key, collections=collections)).now for key in KEPT
        }

    assert ground.do(tell) == KEPT
    code, said = told(str(tmp_path / "bundle"))
    assert code == 0, said
    outputs = {path.read_bytes() for path in (tmp_path / "bundle/payloads").rglob("*") if path.is_file()}
    assert outputs
