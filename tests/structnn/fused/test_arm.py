"""The operators' sources compile for ARM. They are not run there: PyTorch computes on such machines."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from structnn.fused import build

COMPILER = shutil.which("aarch64-linux-gnu-g++")


@pytest.mark.skipif(COMPILER is None, reason="needs aarch64-linux-gnu-g++")
@pytest.mark.parametrize("name", build._FUNCTIONS)
@pytest.mark.parametrize("number", build._NUMBERS.values())
def test_compiles(name, number, tmp_path):
    source = Path(build.__file__).with_name(f"{name}.cpp")
    made = tmp_path / "operator.so"
    command = [COMPILER, *build._FLAGS, "-fopenmp", f"-DSTRUCTNN_NUMBER={number}", str(source)]
    subprocess.run([*command, "-o", str(made)], check=True)
    symbols = subprocess.run(
        [COMPILER.replace("g++", "nm"), "-D", str(made)], check=True, capture_output=True, text=True
    )
    defined = {line.split()[-1] for line in symbols.stdout.splitlines() if " T " in line}
    assert defined >= set(build._FUNCTIONS[name])
