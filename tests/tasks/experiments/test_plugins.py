"""The user's own code."""

from __future__ import annotations

import pytest

from structnn import ENCODERS
from tasks.experiments.plugins import PluginError, load_plugins

PLUGIN = """
from structnn import Encoder, register_encoder

class Own(Encoder):
    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "mean"):
        super().__init__(input_dim, input_dim, readout=readout)
    def encode(self, x, batch):
        return x.tanh()

register_encoder({name!r}, Own)
"""


@pytest.fixture
def plugin(tmp_path):
    before = dict(ENCODERS._entries)

    def make(folder: str, name: str) -> str:
        file = tmp_path / folder / "own.py"
        file.parent.mkdir()
        file.write_text(PLUGIN.format(name=name))
        return str(file)

    yield make
    ENCODERS._entries = before


def test_two_plugins_of_one_stem_are_both_loaded(plugin):
    files = [plugin("one", "own_one"), plugin("two", "own_two")]
    load_plugins([*files, files[0]])
    classes = [ENCODERS[name].cls for name in ("own_one", "own_two")]
    assert classes[0] is not classes[1]
    load_plugins(files)
    assert [ENCODERS[name].cls for name in ("own_one", "own_two")] == classes


def test_two_plugins_of_one_encoder_are_refused(plugin):
    with pytest.raises(
        PluginError, match=r"two/own.py can't be imported: .* already an encoder 'own'"
    ):
        load_plugins([plugin("one", "own"), plugin("two", "own")])
    with pytest.raises(PluginError, match=r"already an encoder 'gat'"):
        load_plugins([plugin("three", "gat")])


@pytest.mark.parametrize("code", ["exit()", "raise SystemExit(0)", "1/0", "import nowhere", "def"])
def test_a_plugin_that_fails_is_named(tmp_path, code):
    file = tmp_path / "bad.py"
    file.write_text(code)
    for _ in range(2):
        with pytest.raises(PluginError, match=r"bad.py can't be imported: "):
            load_plugins([str(file)])
