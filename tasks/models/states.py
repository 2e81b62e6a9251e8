"""States of frozen contextual models in a file, so that no run computes those of a sentence again."""

from __future__ import annotations

import json
import sqlite3
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["StoredStates"]

_BUSY_SECONDS = 60.0
_LOOK_UP = 500  # keys in one query

Tokens = tuple[str, ...]


class StoredStates:
    """An SQLite file of states, by the tokens of sentences; see :class:`structnn.embeddings.StateStore`.

    Several processes may share it. Where it can't be read or written, a warning says so, and states
    are computed anew.

    Args:
        path: The file; made with its folder if it isn't there.
        dim: The width of states.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self.path, self.dim = path, dim
        self._usable = True

    def __repr__(self) -> str:
        return f"StoredStates({str(self.path)!r})"

    def load(self, sentences: Sequence[Tokens]) -> dict[Tokens, Tensor]:
        """The states of those sentences that are there."""
        tokens_of = {json.dumps(tokens): tokens for tokens in sentences}
        keys = list(tokens_of)
        found: dict[Tokens, Tensor] = {}
        for begin in range(0, len(keys), _LOOK_UP):
            part = keys[begin : begin + _LOOK_UP]
            marks = ",".join("?" * len(part))
            query = f"SELECT key, states FROM states WHERE key IN ({marks})"
            for key, states in self._run(partial(_select, query=query, keys=part)):
                tokens = tokens_of[key]
                values = np.frombuffer(states, dtype=np.float32)
                if values.size and values.size % (len(tokens) * self.dim) == 0:
                    shaped = values.reshape(-1, len(tokens), self.dim)
                    found[tokens] = torch.from_numpy(shaped.copy())
        return found

    def save(self, states: Mapping[Tokens, Tensor]) -> None:
        """Keep the states of sentences."""
        rows = [
            (json.dumps(tokens), value.float().contiguous().numpy().tobytes())
            for tokens, value in states.items()
        ]
        statement = "INSERT OR REPLACE INTO states VALUES (?, ?)"
        self._run(lambda connection: connection.executemany(statement, rows))

    def _run(
        self, run: Callable[[sqlite3.Connection], Iterable[tuple[str, bytes]]]
    ) -> list[tuple[str, bytes]]:
        if not self._usable:
            return []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A connection for each call is safe with forks and threads.
            with (
                closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS)) as connection,
                connection,
            ):
                connection.execute("PRAGMA synchronous = OFF")  # what is lost is computed again
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS states (key TEXT PRIMARY KEY, states BLOB)"
                )
                return list(run(connection))
        except (sqlite3.DatabaseError, OSError) as fault:
            self._usable = False
            warnings.warn(
                f"the states in {self.path} can't be used ({fault}), so they are computed for each "
                "batch; delete the file, and see that its folder is writable and the disk has room",
                stacklevel=4,
            )
            return []


def _select(
    connection: sqlite3.Connection, query: str, keys: Sequence[str]
) -> Iterable[tuple[str, bytes]]:
    return connection.execute(query, keys)
