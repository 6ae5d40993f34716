"""The wheel carries the service: the contents of ``systemd/``, as files, not as links."""

import zipfile
from pathlib import Path

import pytest

from daemon.installing.plan import shipped

SOURCES = Path(__file__).parents[2]
PLACE = "daemon/installing/files"


def sources() -> dict[str, bytes]:
    """Read what there is to carry, by the names it has in the package; monitoring is another machine's matter."""
    units = SOURCES / "systemd"
    found = {str(path.relative_to(units)): path.read_bytes() for path in units.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.startswith("monitoring/")}


def test_every_file_of_the_service_is_in_the_package() -> None:
    links = SOURCES / PLACE
    assert {str(path.relative_to(links)) for path in links.rglob("*") if path.is_symlink()} == set(sources())
    assert {name: shipped(name) for name in sources()} == sources()


def test_the_wheel_holds_their_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = pytest.importorskip("flit_core.buildapi", reason="the build back end")
    monkeypatch.chdir(SOURCES)
    with zipfile.ZipFile(tmp_path / build.build_wheel(str(tmp_path))) as wheel:
        packed = {name: wheel.read(name) for name in wheel.namelist() if name.startswith(f"{PLACE}/")}
    assert packed == {f"{PLACE}/{name}": content for name, content in sources().items()}
