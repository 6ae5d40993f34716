"""The pages themselves: their length, their form, their links, their words."""

import re
from pathlib import Path

import pytest

from daemon.manual import topics
from tests.manual.blocks import MANUAL, pages
from tests.manual.generate import ROOT

PAGES = {path.relative_to(ROOT).as_posix(): path for path in pages()}
TOPICS = {
    "concepts",
    "bot",
    "launches",
    "live",
    "installing",
    "fleet",
    "operating",
    "money",
    "symptoms",
    "monitoring",
    "simulator",
}
TERMS = (
    "signal", "order", "attempt", "resource", "lock", "lease", "lease queue", "successor", "fencing token",
    "idempotency key", "deadline", "dispatch", "in doubt", "lost", "resolve", "dead letter", "backoff", "preflight",
    "halt, kill switch", "operator",
)  # fmt: skip
"""What the glossary explains at least."""

RETIRED = (
    "somebody", "whoever", "of late", "in vain", "so many", "so long a", "stands in line", "is told of", "witness",
    "sighting", "ruling",
)  # fmt: skip
"""Words of an earlier vocabulary that the pages do not use."""

page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len(PAGES["README.md"].read_text(encoding="utf-8").splitlines()) <= 150


def test_the_readme_shows_the_dashboard_and_its_picture_loads_fast() -> None:
    assert "](.ci/dashboard.png)" in PAGES["README.md"].read_text(encoding="utf-8")
    assert (ROOT / ".ci" / "dashboard.png").stat().st_size < 150_000


def test_every_topic_has_a_page() -> None:
    assert topics().keys() >= TOPICS


@page
def test_a_page_is_short_enough_to_be_read(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 280


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(MANUAL.glob("*.md"))], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(path), f"{target}: {path.name} has no such heading"


@pytest.mark.parametrize("topic", topics())
def test_every_page_of_the_handbook_is_reached_from_the_readme(topic: str) -> None:
    assert f"](daemon/manual/{topic}.md)" in PAGES["README.md"].read_text(encoding="utf-8")


def test_the_glossary_explains_the_terms() -> None:
    glossary = (MANUAL / "concepts.md").read_text(encoding="utf-8").partition("## Glossary")[2]
    explained = re.findall(r"^\| ([^|]+) \|", glossary, re.MULTILINE)
    assert set(TERMS) <= set(explained)


@page
def test_a_page_uses_none_of_the_retired_words(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL).lower()
    assert [word for word in RETIRED if re.search(rf"\b{word}\b", prose)] == []


def anchors(path: Path) -> set[str]:
    """Return the anchors that a page's headings make."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
