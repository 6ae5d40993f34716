"""A release is refused before anything is built if its version, its changelog and its commit do not agree."""

import shutil
import subprocess
from pathlib import Path

import pytest

from daemon import __version__
from tests.support.command import Ran, run
from tests.support.daemon_process import plain_environment

pytestmark = pytest.mark.needs("git")

SOURCES = Path(__file__).parents[2]
COPIED = (".ci/release", "daemon/__init__.py", "CHANGELOG.md", ".gitignore")
DATED = f"# Changes\n\n## {__version__}, 2026-01-31\n"


class Checkout:
    """A commit with as much of this project as the checks read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copy(SOURCES / name, root / name)
        self._git("init", "--quiet")

    def commit(self, changelog: str) -> None:
        """Commit it with a changelog."""
        (self.root / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
        self._git("add", "--all")
        self._git("-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "--quiet", "--message", "a test")

    def release(self, *words: str, **environ: str) -> Ran:
        """Build a release. If nothing is refused, it ends because this checkout has no environment."""
        return run("sh", ".ci/release", *words, environ=plain_environment(self.root) | environ, directory=self.root)

    def _git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, check=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def accepted(ran: Ran) -> bool:
    """Whether the checks of the version found nothing."""
    assert ran.code == 1
    return "run sh .ci/setup test" in ran.errors


def test_a_version_with_a_dated_entry_is_built(checkout: Checkout) -> None:
    checkout.commit(DATED)
    assert accepted(checkout.release())


def test_a_tree_with_changes_is_refused_and_they_are_named(checkout: Checkout) -> None:
    checkout.commit(DATED)
    (checkout.root / "daemon/forgotten.py").touch()
    ran = checkout.release()
    assert not accepted(ran)
    assert "the tree has changes" in ran.errors
    assert "daemon/forgotten.py" in ran.errors


@pytest.mark.parametrize(
    "first", ["0.0.9, 2026-01-31", f"{__version__}.1, 2026-01-31", __version__, f"{__version__}, soon"]
)
def test_a_version_without_an_entry_is_refused(checkout: Checkout, first: str) -> None:
    checkout.commit(f"# Changes\n\n## {first}\n\n## {__version__}, 2026-01-31\n")
    ran = checkout.release(UNRELEASED="1")
    assert not accepted(ran)
    assert f"has version {__version__}, but CHANGELOG.md begins with '{first}'" in ran.errors


def test_a_version_that_is_called_unreleased_is_only_rehearsed(checkout: Checkout) -> None:
    checkout.commit(f"# Changes\n\n## {__version__}, unreleased\n")
    ran = checkout.release()
    assert not accepted(ran)
    assert f"CHANGELOG.md calls {__version__} unreleased" in ran.errors
    assert accepted(checkout.release(UNRELEASED="1"))


def test_a_directory_that_holds_something_is_left_alone(checkout: Checkout) -> None:
    checkout.commit(DATED)
    place = checkout.root.with_name("place")
    place.mkdir()
    (place / "mine").touch()
    assert not accepted(checkout.release(str(place)))
    assert (place / "mine").exists()


def test_this_project_can_be_rehearsed(checkout: Checkout) -> None:
    checkout.commit((SOURCES / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert accepted(checkout.release(UNRELEASED="1"))
