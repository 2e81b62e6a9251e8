"""Pack trained models into a Stanza model directory, in half precision and without local paths."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

PROCESSORS = ("tokenize", "mwt", "pos", "depparse")

_PATHS = ("_dir", "_file", "_gold", "_name", "_path")  # options with paths of the training machine


def halved(value: Any) -> Any:
    """A nested structure with every floating-point tensor in half precision.

    Stanza copies the tensors into single-precision weights when it loads them.
    """
    if isinstance(value, torch.Tensor):
        return value.detach().half() if value.is_floating_point() else value.detach().clone()
    if isinstance(value, Mapping):
        return {key: halved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [halved(item) for item in value]
    return value


def pack(models: Mapping[str, Path], output: Path, *, lang: str, package: str) -> int:
    """Write a model directory that ``stanza.Pipeline`` loads.

    The table of word vectors stays in single precision, as Stanza uses it in the precision of the file.

    Args:
        models: The model file of each of :data:`PROCESSORS` (``mwt`` may be missing) and, if word
            vectors were used, of ``pretrain``.
        output: The directory, for ``resources.json`` and ``<lang>/<processor>/<package>.pt``.
        lang: The language code.
        package: The name of the package.

    Returns:
        The size of the files in bytes.
    """
    written = []
    for processor, source in models.items():
        state = torch.load(source, weights_only=True, map_location="cpu")
        if processor != "pretrain":
            state["model"] = halved(state["model"])
            state["config"] = {
                key: None if key.endswith(_PATHS) else value
                for key, value in state["config"].items()
            }
            state["config"].update(_inference_options(processor))
        target = output / lang / processor / f"{package}.pt"
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, target, _use_new_zipfile_serialization=False)
        written.append(target)
    present = [processor for processor in PROCESSORS if processor in models]
    needs_table = {"dependencies": [{"model": "pretrain", "package": package}]}
    entry: dict[str, Any] = {
        processor: {
            package: needs_table
            if "pretrain" in models and processor in ("pos", "depparse")
            else {}
        }
        for processor in present
    }
    if "pretrain" in models:
        entry["pretrain"] = {package: {}}
    own = dict.fromkeys(present, package)
    entry["packages"] = {package: own, "default": own}
    resources = output / "resources.json"
    known = json.loads(resources.read_text(encoding="utf-8")) if resources.is_file() else {}
    known[lang] = entry
    resources.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return sum(path.stat().st_size for path in [*written, resources])


def _inference_options(processor: str) -> dict[str, Any]:
    from parsers.training.tokenizer import MAXIMUM_TOKEN

    if processor == "tokenize":  # the training window would also cut tokens at its length
        return {"max_seqlen": MAXIMUM_TOKEN}
    if processor == "depparse":
        return {"batch_size": 600}
    return {}
