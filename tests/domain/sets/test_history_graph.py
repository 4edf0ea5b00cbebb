from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.sets.history_graph import Node, draw


def picture(*nodes):
    drawn = draw([Node(id=item, parents=parents) for item, parents in nodes])
    return [(line.lanes, line.node) for line in drawn]


def test_a_line_of_revisions_is_one_lane():
    assert picture((3, (2,)), (2, (1,)), (1, ())) == [("*", 3), ("*", 2), ("*", 1)]


def test_a_merge_opens_a_lane_and_the_fork_closes_it():
    assert picture((4, (2, 3)), (3, (1,)), (2, (1,)), (1, ())) == [
        ("*", 4),
        ("|\\", None),
        ("| *", 3),
        ("* |", 2),
        ("|/", None),
        ("*", 1),
    ]


def test_a_set_forked_and_gone_on_has_two_heads():
    assert picture((3, (1,)), (2, (1,)), (1, ())) == [
        ("*", 3),
        ("| *", 2),
        ("|/", None),
        ("*", 1),
    ]


def test_two_neighbours_join_left_of_a_third_lane():
    assert picture((5, (3,)), (4, (3,)), (6, (1,)), (3, (1,)), (2, (1,)), (1, ())) == [
        ("*", 5),
        ("| *", 4),
        ("| | *", 6),
        ("|/ |", None),
        ("* |", 3),
        ("| | *", 2),
        ("| |/", None),
        ("|/", None),
        ("*", 1),
    ]


def test_a_lane_opens_left_of_another_and_a_merge_may_join_over_it():
    assert picture((5, (4,)), (3, (1,)), (4, (2, 1)), (2, (1,)), (1, ())) == [
        ("*", 5),
        ("| *", 3),
        ("* |", 4),
        ("|\\ \\", None),
        ("* | |", 2),
        ("| |/", None),
        ("|/", None),
        ("*", 1),
    ]


@st.composite
def histories(draw_from):
    size = draw_from(st.integers(1, 12))
    nodes = []
    for item in range(size, 0, -1):
        older = st.integers(1, item - 1) if item > 1 else st.nothing()
        parents = draw_from(st.lists(older, unique=True, max_size=2)) if item > 1 else []
        nodes.append(Node(id=item, parents=tuple(parents)))
    return nodes


@given(histories())
def test_every_node_has_one_line_with_one_star(nodes):
    lines = draw(nodes)
    assert [line.node for line in lines if line.node] == [node.id for node in nodes]
    for line in lines:
        assert line.lanes.count("*") == (1 if line.node else 0)
        assert line.lanes == line.lanes.rstrip()
