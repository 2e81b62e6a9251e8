"""Files of any bytes: what can't be read ends in one class of error, which names the file."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.command.toml_options import read_options
from tasks.data.examples import DataError, is_visible
from tasks.data.files import read_examples
from tasks.data.options import DataOptions, TextOptions
from tasks.data.texts import read_texts

PIECES = st.sampled_from(
    [
        *("text", "label", "id", "heads", "relations", ",", "\t", "\n", "\r", '"', '""', "'", " "),
        *(
            '{"text": "a", "label": "b"}',
            '{"text": ["a"], "label": 1, "heads": [0]}',
            "{",
            "}",
            "[",
        ),
        *("]", ":", "null", "NaN", "1e999", "-", "\\ud800", "\\u0000", "\u200b", "\ufeff", "\x00"),
        *(
            "\x85",
            "\u2028",
            "text,label\na,b\n",
            "text\tlabel\na\tb\n",
            "data = 1\n",
            "[[",
            "=",
            "#",
        ),
    ]
)
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.lists(PIECES, max_size=14).map(lambda pieces: "".join(pieces).encode()),
    st.tuples(
        st.sampled_from(
            [b'text,label\n"a",b\n', b"text\tlabel\n", b'{"text": "a", "label": "b"}\n']
        ),
        st.lists(PIECES, max_size=6).map(lambda pieces: "".join(pieces).encode()),
    ).map(b"".join),
)


def outcome(read):
    """What a reader gives, or its error."""
    try:
        return read()
    except DataError as fault:
        return fault


@settings(max_examples=400, deadline=None)
@given(
    CONTENTS,
    st.sampled_from([".csv", ".tsv", ".jsonl", ".txt"]),
    st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-7", "unicode_escape"]),
)
def test_texts(tmp_path_factory, content, ending, encoding):
    path = tmp_path_factory.mktemp("hostile") / f"a{ending}"
    path.write_bytes(content)
    found = outcome(lambda: read_texts(str(path), TextOptions(encoding=encoding)))
    if isinstance(found, DataError):
        assert path.name in str(found)
        return
    for record in found:
        assert record.text == "" or is_visible(record.plain)
        for text in (record.plain, *record.columns.values()):
            text.encode()


@settings(max_examples=400, deadline=None)
@given(
    CONTENTS,
    st.sampled_from([".csv", ".tsv", ".jsonl"]),
    st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-7", "unicode_escape"]),
)
def test_examples(tmp_path_factory, content, ending, encoding):
    path = tmp_path_factory.mktemp("hostile") / f"a{ending}"
    path.write_bytes(content)
    found = outcome(lambda: read_examples(path, DataOptions(encoding=encoding)))
    if isinstance(found, DataError):
        assert path.name in str(found)
        return
    for example in found:
        assert is_visible(example.label)
        for text in (example.plain_text, example.label, *sum(example.columns.items(), ())):
            text.encode()


@settings(max_examples=200, deadline=None)
@given(CONTENTS)
def test_toml(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("hostile") / "a.toml"
    path.write_bytes(content)
    found = outcome(lambda: read_options(path, ("data", "text", "label"), ["label"], ["text"]))
    if isinstance(found, DataError):
        assert path.name in str(found)
    else:
        assert all(isinstance(value, str | list | bool) for value in found.values())
