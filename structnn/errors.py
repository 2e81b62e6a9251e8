"""The one base class of the errors that are about what a user has given."""

__all__ = ["InputError"]


class InputError(ValueError):
    """A file, a text or a value can't be used; the message says which, why, and how to mend it.

    It is the base class of the errors of all readers, so that ``except InputError`` is enough to go on
    after a bad file.
    """
