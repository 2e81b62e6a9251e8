"""A saved run as a service over HTTP."""

from tasks.serve.limits import Limits
from tasks.serve.server import serve

__all__ = ["Limits", "serve"]
