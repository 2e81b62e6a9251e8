"""The user's own code, imported so that it can register encoders and readouts."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from structnn.errors import InputError

__all__ = ["PluginError", "load_plugins"]


class PluginError(InputError):
    """A plugin that can't be imported."""


def load_plugins(plugins: Sequence[str]) -> None:
    """Import modules, each once in a process; two files of one name in two folders are two modules.

    Args:
        plugins: Names of modules, or paths of ``.py`` files.

    Raises:
        PluginError: One is not there, or fails.
    """
    for plugin in plugins:
        name = _module_of(Path(plugin)) if plugin.endswith(".py") else plugin
        if name in sys.modules:
            continue
        try:
            if name == plugin:
                importlib.import_module(plugin)
            else:
                _import_file(name, Path(plugin))
        except (Exception, SystemExit) as error:  # one that calls exit() would end the command
            sys.modules.pop(name, None)
            raise PluginError(
                f"the plugin {plugin} can't be imported: {type(error).__name__}: {error}"
            ) from error


def _module_of(path: Path) -> str:
    """The name of the module of a file."""
    place = hashlib.sha256(str(path.resolve()).encode(errors="surrogateescape")).hexdigest()[:8]
    return f"structnn_plugin_{path.stem}_{place}"


def _import_file(name: str, path: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
