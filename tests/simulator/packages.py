"""The independent clients, which a virtual environment from before their tests lacks."""

import importlib
import os
from typing import Any

import pytest

from tests.conftest import MUST_NOT_SKIP


def package(name: str) -> Any:
    """Import a package; without it skip the test's module, but fail where nothing may be skipped."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        if os.environ.get(MUST_NOT_SKIP) == "1":
            raise
        pytest.skip(f"needs {name}: sh .ci/setup test", allow_module_level=True)
