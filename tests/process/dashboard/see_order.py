"""Look at a filled order on the dashboard of a running daemon, on a desktop and a phone: see :func:`main`."""

import sys
from time import perf_counter

import anyio

from tests.process.dashboard.browser import chromium, tab
from tests.process.dashboard.dashboard import LIVE, row
from tests.process.dashboard.looks import DESKTOP, PHONE, look, misplaced
from tests.support.stage import stage


def main(name: str, address: str, order_id: str) -> None:
    """Open an address, wait until the order is shown as filled, and take a picture; print how long each took.

    ``python -m tests.process.dashboard.see_order NAME ADDRESS ORDER``; `.ci/fresh` does this with the daemon that it
    has started as README says.
    """
    with stage() as place:
        browser = chromium(place)
        anyio.run(see, browser, name, address, order_id)


async def see(browser: str, name: str, address: str, order_id: str) -> None:
    """Look at the page on each screen."""
    for screen in (DESKTOP, PHONE):
        began_s = perf_counter()
        async with tab(browser) as page:
            await look(page, screen)
            await page.open(address)
            await page.until(LIVE)
            await page.until(f"{row('history', order_id)}?.innerText.includes('filled')")
            took_s = perf_counter() - began_s
            await page.picture(f"{name}-{screen.name}")
            assert page.alarms == []
            assert await misplaced(page, screen) == []
        print(f"   seen as filled on a {screen.name}: {took_s * 1_000:.0f} ms", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
