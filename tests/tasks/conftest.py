from __future__ import annotations

import pytest
import torch

from tasks.parsing import ParsedDataset
from tests.tasks.toys import make_parsed


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def parsed() -> ParsedDataset:
    return make_parsed()
