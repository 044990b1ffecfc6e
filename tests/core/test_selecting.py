from wave_runner.core.selecting import columns_read
from wave_runner.core.workflow import ActorKind, InputRef, Step


def step(*sources: str, writes: tuple[str, ...] = ()) -> Step:
    refs = {f"i{n}": InputRef(sources=(source,)) for n, source in enumerate(sources)}
    return Step(name="s", line=0, actor="a", kind=ActorKind.SCRIPT, input=refs, writes=writes)


def test_a_workflow_reads_every_column_that_a_step_names():
    steps = [step("record.text", "params.x", "other.text"), step("record.title", "record.data.inner")]
    assert columns_read(steps, "items") == ("data", "text", "title")


def test_what_a_step_writes_is_no_reason_to_look_again():
    steps = [step("record.text"), step("record.words", "record.tags", writes=("items.words", "tags", "others.text"))]
    assert columns_read(steps, "items") == ("tags", "text")


def test_a_table_of_a_schema_has_columns_of_its_own():
    assert columns_read([step("record.a", "record.b", writes=("hr.items.a",))], "hr.items") == ("b",)
