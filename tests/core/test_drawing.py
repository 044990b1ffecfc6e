import itertools
import xml.etree.ElementTree as ElementTree

from tests.support.workflows import accepted, step, workflow

from wave_runner.core.drawing import Way, layout, ways
from wave_runner.core.graph import edges
from wave_runner.core.workflow import END, Case, Choose, Fork, Next, RouteOn
from wave_runner.reports.diagram import mermaid, svg

MANY = 150


def test_every_way_between_two_steps_is_drawn_and_says_why_it_is_taken():
    found = ways(
        workflow(
            step("a", Fork(cases=(Case(to="b"), Case(to="c", when="x > 1")))),
            step("b", RouteOn(on="v", cases={"YES": Case(to="d"), "NO": Case(to="d"), "BACK": _loop("b", "d", 3)})),
            step("c", Choose(cases=(_loop("c", "d", 1, when="y"),), otherwise="d"), on_failure="d"),
            step("d", Next(to=END)),
        )
    )
    assert found == [
        Way("fetch", "a", "each of promoted"),
        Way("a", "b"),
        Way("a", "c", "x > 1"),
        Way("b", "d", "YES, NO, BACK, used up"),
        Way("b", "b", "BACK, at most 3×", "loop"),
        Way("c", "c", "y, at most 1×", "loop"),
        Way("c", "d", "y, used up"),
        Way("c", "d", "failed", "broken"),
        Way("d", END),
    ]


def _loop(to: str, otherwise: str, most: int, when: str = "") -> Case:
    return Case(to=to, otherwise=otherwise, loop=most, when=when)


def test_in_a_picture_every_way_leads_down_and_nothing_lies_on_something_else():
    for drawn in itertools.islice(accepted(7), MANY):
        found = ways(drawn)
        placed = layout(drawn, found)
        assert placed.steps.keys() - {END} == drawn.steps.keys()
        spots = [*placed.steps.values(), *(spot for bends in placed.bends.values() for spot in bends)]
        assert len(set(spots)) == len(spots)
        for way in found:
            if way.kind != "loop":
                layers = [placed.steps[way.start], *placed.bends[way], placed.steps[way.to]]
                assert [spot.layer for spot in layers] == list(range(layers[0].layer, layers[-1].layer + 1))


def test_nothing_that_can_follow_is_left_out():
    for drawn in itertools.islice(accepted(8), MANY):
        shown = {(way.start, way.to) for way in ways(drawn)}
        assert {(one.name, edge.to) for one in drawn.steps.values() for edge in edges(one)} <= shown


def test_texts_of_a_workflow_are_texts_in_the_picture():
    hostile = """x == "</title><script>alert('1')</script>" && `a` | b"""
    drawn = workflow(step("a", Choose(cases=(Case(to="b", when=hostile),), otherwise=END)), step("b", Next(to=END)))
    read = ElementTree.fromstring(svg(drawn))  # our own text
    tags = {element.tag.partition("}")[2] for element in read.iter()}
    assert "script" not in tags
    assert hostile in [element.text for element in read.iter()]
    line = next(line for line in mermaid(drawn).splitlines() if "script" in line)
    assert line.count('"') == 2
    assert "<" not in line.partition("|")[2]
