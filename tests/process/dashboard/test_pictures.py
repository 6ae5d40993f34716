"""Every state of the page, on a desktop and a phone, light and dark: a picture, axe-core, and where things are.

The pictures are for people, in .ci/artefacts/dashboard; nothing compares them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.process.dashboard.accessibility import violations
from tests.process.dashboard.browser import Page
from tests.process.dashboard.dashboard import Dashboard
from tests.process.dashboard.looks import LOOKS, PHONE, Look, look, misplaced
from tests.process.dashboard.scenes import SCENES, Scene
from tests.support.stage import stage

pytestmark = pytest.mark.needs("axe-core")


BELOW = "'#figures', '#tiles', '#plots', '#orders', '#locks', '#queue', '#history'"
TOP = "(selector) => document.querySelector(selector).getBoundingClientRect().top"


class Shot(NamedTuple):
    """A scene with the name of its pictures."""

    name: str
    scene: Scene


@pytest.fixture(scope="module", params=SCENES)
def shot(request: pytest.FixtureRequest) -> Iterator[Shot]:
    """Make a scene for all its pictures."""
    with stage() as place:
        yield Shot(request.param, SCENES[request.param](place))


@pytest.mark.parametrize("screen", LOOKS, ids=lambda screen: screen.name)
async def test_every_state_is_accessible_and_in_its_place(page: Page, shot: Shot, screen: Look) -> None:
    await look(page, screen)
    await shot.scene.enter(page)
    await look(page, screen)
    await page.picture(f"{shot.name}-{screen.name}")
    assert await violations(page) == []
    assert await misplaced(page, screen) == []
    tone = await page.js("document.querySelector('header').dataset.tone")
    assert (tone == "good") == shot.scene.is_well, tone


@pytest.mark.parametrize("screen", LOOKS, ids=lambda screen: screen.name)
@pytest.mark.parametrize("shot", ["lost"], indirect=True)
async def test_a_lost_order_is_in_view_above_all_tiles_charts_and_other_tables(
    page: Page, shot: Shot, screen: Look
) -> None:
    await look(page, screen)
    await shot.scene.enter(page)
    await look(page, screen)
    [lost, *others] = await page.js(f"['#doubts', {BELOW}].map({TOP})")
    assert lost < min(others)
    assert lost < screen.height


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_dialog_is_accessible(dashboard: Dashboard, scheme: str) -> None:
    await look(dashboard.page, PHONE._replace(scheme=scheme))
    await dashboard.page.click("#halt")
    await dashboard.page.until("document.getElementById('dialog').open")
    assert await violations(dashboard.page) == []


async def test_axe_core_and_the_layout_find_what_is_planted(dashboard: Dashboard) -> None:
    """Show that the checks above can fail."""
    page = dashboard.page
    await look(page, PHONE)
    assert await violations(page) == []
    assert await misplaced(page, PHONE) == []
    await page.js(
        "document.querySelector('main').append("
        "Object.assign(document.createElement('button'), {id: 'planted'}),"
        "Object.assign(document.createElement('pre'), {id: 'wide', textContent: 'x'.repeat(90)}))"
    )
    await page.js("document.getElementById('wide').style.whiteSpace = 'pre'")
    found = await violations(page)
    assert any(each.startswith("button-name: #planted") for each in found), found
    assert any("px wide" in each for each in await misplaced(page, PHONE))
    await page.js("scrollTo(0, 400)")
    await page.js("document.querySelector('header').style.position = 'static'")
    assert any("not in view" in each for each in await misplaced(page, PHONE))
