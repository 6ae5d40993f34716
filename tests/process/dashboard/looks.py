"""The screens on which the page is looked at, and what must be so on each of them."""

from typing import NamedTuple

from tests.process.dashboard.browser import Page


class Look(NamedTuple):
    """A screen with a colour scheme; sizes in CSS pixels."""

    name: str
    width: int
    height: int
    scheme: str = "light"


DESKTOP = Look("desktop", 1280, 800)
PHONE = Look("phone", 390, 844)
LOOKS = [
    look._replace(name=f"{look.name}-{scheme}", scheme=scheme)
    for look in (DESKTOP, PHONE)
    for scheme in ("light", "dark")
]

_TOO_WIDE = """(width) => {
  const wide = [];
  const note = (node, what) => wide.push(`${node.tagName} ${node.id} ${node.textContent.slice(0, 40)}: ${what}`);
  for (const node of document.querySelectorAll('body, body *')) {
    if (!node.checkVisibility() || node.closest('.skip, thead')) continue;
    const {left, right, width: own} = node.getBoundingClientRect();
    if (own && (left < -1 || right > width + 1)) note(node, `from ${left} to ${right} px`);
    const hidden = node.scrollWidth - node.clientWidth;
    if (hidden > 1 && ['auto', 'scroll'].includes(getComputedStyle(node).overflowX)) note(node, `hides ${hidden} px`);
  }
  const whole = document.documentElement.scrollWidth;
  if (whole > width) note(document.documentElement, `is ${whole} px wide`);
  return wide;
}"""
"""Returns what is beyond the left or right edge of the screen, or hidden in a container that scrolls sideways.

The head of a table is left out: on a phone it is there for screen readers only.
"""

_OUT_OF_VIEW = """(selector) => {
  const isInView = (node) => {
    const box = node.getBoundingClientRect();
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return scrollY === 0 && box.top >= 0 && box.bottom <= innerHeight && top !== null && node.contains(top);
  };
  const hidden = [...document.querySelectorAll(selector)].filter((node) => node.checkVisibility() && !isInView(node));
  return hidden.map((node) => `not in view: ${node.tagName} ${node.textContent}`);
}"""
"""Returns the elements of a selector that the screen does not show whole and uncovered, without scrolling."""

FIRST_LINE = "header, header #summary, header #connection"


async def look(page: Page, screen: Look) -> None:
    """Emulate a screen, and scroll to the top."""
    await page.look_like(width=screen.width, height=screen.height, scheme=screen.scheme)
    await page.js("scrollTo(0, 0)")


async def misplaced(page: Page, screen: Look) -> list[str]:
    """Return what is beyond the edges of the screen, and what of the first line is not in view."""
    wide: list[str] = await page.js(f"({_TOO_WIDE})({screen.width})")
    assert await page.js(f"document.querySelectorAll('{FIRST_LINE}').length") >= len(FIRST_LINE.split(","))
    covered: list[str] = await page.js(f"({_OUT_OF_VIEW})('{FIRST_LINE}')")
    return wide + covered
