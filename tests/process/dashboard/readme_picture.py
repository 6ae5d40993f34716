"""Take the picture of the dashboard that README and handbook show.

``python -m tests.process.dashboard.readme_picture``
"""

from pathlib import Path

import anyio

import daemon as package
from tests.process.dashboard.browser import chromium, tab
from tests.process.dashboard.scenes import Lost, Scene
from tests.support.stage import stage

PICTURE = Path(package.__file__).parent.parent / ".ci" / "dashboard.png"
WIDTH, HEIGHT = 1200, 820


def main() -> None:
    """Make a busy daemon with a lost order, and take the picture of its page."""
    with stage() as place:
        anyio.run(take, chromium(place), Lost(place))


async def take(browser: str, scene: Scene) -> None:
    """Take the picture."""
    async with tab(browser) as page:
        await page.look_like(width=WIDTH, height=HEIGHT)
        await page.command("Emulation.setScrollbarsHidden", hidden=True)
        await scene.enter(page)
        PICTURE.write_bytes(await page.screenshot(whole=False))


if __name__ == "__main__":
    main()
