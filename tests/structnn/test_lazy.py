"""Packages whose names are imported when they are first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import parsers
import parsers.drawing
import structnn

PACKAGES = (structnn, parsers, parsers.drawing)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_name_is_there(package):
    assert package.__all__ == sorted(package.__all__)
    assert {*package.__all__} <= {*dir(package)}
    for name in package.__all__:
        assert getattr(package, name) is vars(package)[name]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_another_name_is_not(package):
    with pytest.raises(
        AttributeError, match=f"^module '{package.__name__}' has no attribute 'nothing'$"
    ):
        package.nothing  # noqa: B018


def test_a_name_loads_its_own_module_alone():
    code = (
        "import structnn, sys; structnn.Sentence; "
        "assert 'torch' not in sys.modules; assert 'structnn.sentence' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
