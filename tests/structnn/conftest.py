from __future__ import annotations

import pytest
import torch
from hypothesis import settings

# Generous with time, for slow machines; the number of examples keeps the whole suite quick.
settings.register_profile("structnn", deadline=None, max_examples=20)
settings.load_profile("structnn")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
