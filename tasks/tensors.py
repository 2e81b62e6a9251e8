"""Tensors in safetensors files that hold a checksum of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tasks.storage import MAKE_AGAIN, StorageError, atomically

__all__ = ["read_tensors", "write_tensors"]

SEALED = "sealed"
"""The key of the metadata that holds the note and the checksum."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], note: object = None) -> None:
    """Write tensors, a JSON note and a checksum of both in one safetensors file, atomically.

    Raises:
        OSError: The disk is full, say.
    """
    whole = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    # One entry, since safetensors writes several in any order, and equal tensors make equal files.
    metadata = {SEALED: json.dumps({"sha256": _checksum(whole, note), "note": note})}

    def save(temporary: str) -> None:
        try:
            save_file(whole, temporary, metadata)
        except SafetensorError as error:  # a full disk
            raise OSError(str(error)) from error

    atomically(path, save)


def read_tensors(path: Path, remedy: str = MAKE_AGAIN) -> tuple[dict[str, Tensor], Any]:
    """The tensors of a safetensors file, and its note.

    Files of earlier versions have no checksum; they are read unchecked.

    Args:
        path: The file.
        remedy: What the user can do if it is damaged; for the message.

    Raises:
        StorageError: It can't be read, or its content is not what was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
        if SEALED in metadata:
            sealed = json.loads(metadata.pop(SEALED))
            note = sealed["note"]
            if sealed["sha256"] != _checksum(tensors, note):
                raise ValueError("its checksum is that of another content")
        else:
            note = json.loads(metadata.pop("note", "null"))
        if unknown := metadata.keys() - {"format"}:  # the one that safetensors itself writes
            raise ValueError(f"unknown metadata: {', '.join(sorted(unknown))}")
        return tensors, note
    except FileNotFoundError:
        raise StorageError(f"{path} is not there; {remedy}") from None
    except OSError as error:
        raise StorageError(f"{path} can't be read ({error.strerror or error}); {remedy}") from None
    # Of a damaged header anything may be asked, from unknown types to more memory than there is.
    except (SafetensorError, ArithmeticError, LookupError, MemoryError, RecursionError) as error:
        raise StorageError(f"{path} is damaged ({error}); {remedy}") from None
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise StorageError(f"{path} is damaged ({error}); {remedy}") from None


def _checksum(tensors: Mapping[str, Tensor], note: object) -> str:
    """SHA-256 of tensors, with their names, types and shapes, and of a note."""
    digest = hashlib.sha256(json.dumps(note, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), *tensor.shape]).encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
