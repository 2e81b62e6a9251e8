"""Texts from right to left within sentences."""

from tasks.directions import isolated


def test_only_texts_from_right_to_left_are_isolated():
    assert [isolated(text) for text in ("", "yes", "是", "12 %")] == ["", "yes", "是", "12 %"]
    for text in ("نعم", "כן", "a כן b"):
        assert isolated(text) == f"\u2068{text}\u2069"
