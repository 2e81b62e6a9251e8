"""The server of the service."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.models.devices import Device

__all__ = ["check_installed", "serve"]

PATIENCE = 30
"""Seconds for which a service that ends waits for its answers, and for clients that have stalled."""


def check_installed() -> None:
    """Make sure that the service can run here.

    Raises:
        ImportError: The extra ``serve`` is not installed.
    """
    for package in ("fastapi", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f"structnn serve needs the package {package}: pip install 'structnn[serve]'"
            )


def serve(
    run: str | Path, host: str = "127.0.0.1", port: int = 8000, *, device: Device = "cpu"
) -> None:
    """Answer questions about texts over HTTP, with a saved run, until interrupted.

    Args:
        run: The folder of the run.
        host: The address to listen at; ``"0.0.0.0"`` is all of this machine.
        port: The port; 0 is any that is free.
        device: Where the model computes: ``"auto"``, a GPU if there is one, or ``"cpu"``.

    Raises:
        StorageError: There is no saved model in the folder.
        ValueError: The run can't be used on raw text, or there is no such choice of a device.
        OSError: The port is taken.
        ImportError: The extra ``serve`` is not installed.
    """
    check_installed()
    import socket

    import uvicorn

    from tasks.console import status
    from tasks.models.prediction import Predictor
    from tasks.serve.app import make_app

    predictor = Predictor(run, device=device)
    predictor.read(["A first sentence loads the parser."], trees=False)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise OSError(
                f"can't listen at {host}, port {port} ({error.strerror}): give another --port or --host"
            ) from error
        listening.listen()  # so that who asks as soon as the address is printed waits, and isn't refused
        shown = f"[{host}]" if ":" in host else host
        status.print(
            f"{predictor.run} at http://{shown}:{listening.getsockname()[1]} (Ctrl-C ends it)",
            markup=False,
        )
        config = uvicorn.Config(
            make_app(predictor), log_level="warning", timeout_graceful_shutdown=PATIENCE
        )
        uvicorn.Server(config).run([listening])
