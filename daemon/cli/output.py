"""Output that cannot be written: a full disk, a closed pipe."""

import errno
import os
import sys
from typing import IO, Any

import click

from daemon.exit_codes import IO_ERROR, READER_GONE

_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EPIPE})
"""Errors of writing. They name no file if unbuffered output (PYTHONUNBUFFERED) caused them."""


class Unwritten(click.ClickException):
    """Ends the command because its output could not be written."""

    exit_code = IO_ERROR


class ReaderGone(Unwritten):
    """Ends the command silently: nobody reads its output any more."""

    exit_code = READER_GONE

    def show(self, file: IO[Any] | None = None) -> None:
        """Print nothing."""


def unwritten(error: OSError) -> Exception:
    """Return :class:`Unwritten` if the output cannot be written, else the error itself."""
    try:
        if error.errno in _UNWRITABLE and error.filename is None:
            raise error
        sys.stdout.flush()
    except OSError as failed:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # the interpreter flushes the rest when it ends
        os.close(nowhere)
        if failed.errno == errno.EPIPE:
            return ReaderGone("the reader of the output has ended")
        return Unwritten(f"the output could not be written: {failed.strerror}")
    return error
