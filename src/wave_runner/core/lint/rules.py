"""Every rule that `wave check` knows: its code, what it means, how it is mended. docs/reference/lint.md shows them."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """What a finding means for a run."""

    ERROR = "error"  # nothing of the project runs
    OBJECTION = "objection"  # a run of the workflow starts only with `--force`, and its first event says so
    WARNING = "warning"  # it runs; somebody should look


@dataclass(frozen=True)
class Rule:
    """One rule. `code` never changes its meaning and is never given again; `name` is what people read."""

    code: str
    name: str
    means: str
    fix: str
    severity: Severity = Severity.ERROR


_ALL = (
    # 1: a file by itself
    Rule("W101", "unreadable_file", "A file is missing, is not UTF-8, or is no YAML or TOML.", "Mend the line."),
    Rule("W102", "unknown_key", "A key that nobody reads; often a slip of the pen.", "Take the nearest key."),
    Rule("W103", "missing_key", "A key without which the part cannot work.", "Add it."),
    Rule("W104", "wrong_type", "A value of another type than the key takes.", "Write the type that is named."),
    Rule("W105", "bad_value", "A value that the key cannot have.", "Write one of those that are named."),
    Rule("W106", "unknown_file", "A file that is named and not there.", "Name the file, or make it."),
    Rule("W107", "bad_schema", "A file under schemas/ is no JSON Schema.", "Mend the key that is named."),
    Rule("W108", "bad_prompt", "A prompt is no template.", "Mend the line."),
    Rule("W109", "bad_query", "A file under sql/ cannot be a query.", "Mend the line."),
    Rule("W110", "bad_script", "A script imports what is not pinned with it, or cannot be read.", "Move it."),
    Rule("W111", "name_taken", "One name for two things.", "Give one of them another name."),
    # 2: the flow
    Rule("W201", "unknown_step", "A route or an `after` names a step that is not there.", "Take the nearest."),
    Rule("W202", "uncapped_loop", "A circle that nothing ends.", "`{loop: STEP, max: N, else: STEP}`."),
    Rule("W203", "unreachable_step", "No path leads to the step.", "Lead to it, or take it away."),
    Rule("W204", "no_records", "No step brings records, and nothing selects them.", "`once: true`, or `select`."),
    Rule("W205", "once_after_records", "A step that runs once per run comes after records.", "Move it before them."),
    Rule("W206", "each_without_once", "`each: promoted` after a step of a record.", "Let it follow a `once` step."),
    Rule("W207", "each_without_record", "A list fanned out where there is no record.", "`each: promoted`."),
    Rule("W208", "record_without_each", "A step of a record right after a `once` step.", "`next: {each: …, to: …}`."),
    Rule("W209", "fork_without_record", "Branches where there is no record.", "Keep `once` steps in one line."),
    Rule("W210", "reached_twice", "A step that two branches can reach at once.", "Let it wait: `after: [a, b]`."),
    Rule("W211", "join_without_way", "`after` names a step that does not lead there.", "Lead to it, or take it out."),
    Rule("W212", "way_without_join", "A step leads to a join that does not wait for it.", "Name it in `after`."),
    Rule("W213", "each_to_join", "`each` leads to a step that waits for others.", "Put a step between."),
    Rule("W214", "join_unclear", "Nobody could tell when an input no longer comes.", "Let that step wait itself."),
    Rule("W215", "loop_forward", "A loop to a step that does not lie before.", "`to` instead of `loop`."),
    Rule("W216", "loop_entered_twice", "A loop with a second way in.", "Lead every path through its first step."),
    Rule("W217", "loop_to_join", "A loop back to a step that waits for others.", "Go back to a step behind it."),
    Rule("W218", "loop_counted_twice", "One loop with two different `max`.", "Write the same."),
    Rule("W219", "crossed_loops", "Two loops that cross.", "Put one inside the other."),
    Rule("W220", "loop_with_open_branch", "A loop goes back while another branch is under way.", "Join them first."),
    Rule("W221", "each_in_each", "A list inside of a list's items.", "Close the first by a join."),
    Rule("W222", "item_without_each", "A step of an item is reached without its list.", "Reach it by `each` alone."),
    # 3: what a step is given
    Rule("W301", "bad_source", "A source that cannot be read as one.", "Write `scope.name`."),
    Rule("W302", "undefined_variable", "A name that nothing defines.", "Take the nearest, or declare it."),
    Rule("W303", "undefined_field", "A field that the schema does not have.", "Take the nearest."),
    Rule("W304", "no_record", "A `once` step reads a record.", "Read it in a step of the record."),
    Rule("W305", "not_before", "A source that does not come before its reader.", "Read an earlier step."),
    Rule("W306", "not_on_every_path", "An input that some path does not fill.", "Name a second source: `[a.x, b.x]`."),
    Rule("W307", "not_a_text", "`min_chars`, `max_chars` on what is no text.", "Take them away, or read a text."),
    Rule("W308", "missing_input", "A script's `Input` needs a field that the step does not give.", "Give it."),
    Rule("W309", "type_mismatch", "A value of a type that its reader does not take.", "Mend the schema or `Input`."),
    # 4: where it goes
    Rule("W401", "missing_route", "A value of the enum has no way to go.", "Give it a case."),
    Rule("W402", "impossible_route", "A case for a value that never comes.", "Take it away, or mend the schema."),
    Rule("W403", "route_on_open_field", "A route on a field that is no enum.", "Make it an `enum` of texts."),
    Rule("W404", "dead_case", "A case that an earlier one always takes.", "Order the cases, or take it away."),
    Rule("W405", "not_a_list", "`each` over a field that is no list.", "Name a field of type `array`."),
    # 5: who does it, and what it may do
    Rule("W501", "unknown_actor", "A script or model that is not there.", "Take the nearest, or declare it."),
    Rule("W502", "no_actor", "A step without an actor and without a decision.", "Name an actor, or conditions."),
    Rule("W503", "key_without_use", "A key that this kind of step does not use.", "Take it away."),
    Rule("W504", "bad_condition", "A text that is no CEL.", "Mend it at the place that is named."),
    Rule("W505", "unknown_collection", "A collection that wave.toml does not have.", "Take the nearest."),
    Rule("W506", "unknown_table", "A table that is not of the collection.", "Take the nearest, or declare it."),
    Rule("W507", "unknown_column", "A column that cannot be one, or is not there.", "Name a column of the table."),
    Rule("W508", "write_to_key", "A write to what says which record a row is.", "Write another column."),
    Rule("W509", "write_without_record", "A `once` step that writes.", "Write in a step of the record."),
    Rule("W510", "write_hides_changes", "A workflow with `select` writes its whole table.", "Name the columns."),
    Rule("W511", "limit_too_small", "A limit that no record can stay within.", "Raise it to what the way takes."),
    Rule("W512", "no_price", "A limit on money, and a model without a price.", "`price` in wave.toml, or no limit."),
    Rule(
        "W513",
        "no_bound",
        "A budget, and a model whose calls have no bound.",
        "`max_tokens` in its options, or `timeout_s`.",
    ),
    Rule("W514", "canary_without_records", "A canary in a workflow that begins no records.", "Take it away."),
    Rule(
        "W515",
        "gate_on_other_field",
        "A gate or a `stop` counts the values of a field that is no enum, or the length of what is no text.",
        "Name an `enum` of texts, or a text for `length`.",
    ),
    # 6: whether it comes to anything
    Rule(
        "W601",
        "unsaved_output",
        "The output of a model, a query or people reaches no step that writes and decides nothing: work for nothing.",
        "Hand it to a step with `writes`, or take the step away.",
        Severity.OBJECTION,
    ),
    Rule(
        "W602",
        "nothing_ensured",
        "The workflow writes, and says nothing of what must be true when a record is done.",
        "`ensures: [record.summary != null]`.",
        Severity.WARNING,
    ),
    Rule(
        "W603",
        "unread_field",
        "A field of an output that nobody reads.",
        "Read it, or take it out of the schema: a model is paid by the word.",
        Severity.WARNING,
    ),
    Rule(
        "W604",
        "unused_file",
        "A prompt or a schema that no workflow names.",
        "Take it away, or name it.",
        Severity.WARNING,
    ),
    Rule("W605", "unused_actor", "A model that no workflow names.", "Take it away.", Severity.WARNING),
    Rule(
        "W606",
        "undecided_rows",
        "A script stages rows, and no script of the workflow decides about them: none becomes a record.",
        "Let a `once` step follow whose script calls `ctx.staging.decide`.",
        Severity.OBJECTION,
    ),
    Rule(
        "W607",
        "loaded_in_two_ways",
        "Models of one server name the same weights and differ in an option that is settled when they are loaded.",
        "Give them the same `num_ctx`, and the same of every other such option.",
        Severity.WARNING,
    ),
)

RULES = {rule.name: rule for rule in _ALL}
"""Every rule by its name."""
