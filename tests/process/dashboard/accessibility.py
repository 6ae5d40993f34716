"""axe-core on the page: what a program can find of the faults that keep people from using it.

https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
"""

from importlib.metadata import distribution
from pathlib import Path

from tests.process.dashboard.browser import Page

AXE_CORE = "axe_playwright_python/axe.min.js"
"""The script in the package that brings it; nothing else of that package is used."""

_RUN = """axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}}).then((found) =>
  found.violations.flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`
  ))
)"""
"""Runs the rules of WCAG 2.2 AA and of good practice, of which axe-core leaves out the size of targets by default."""


async def violations(page: Page) -> list[str]:
    """Return every element of the page that violates a rule, with the rule."""
    if await page.js("typeof axe") == "undefined":
        script = Path(str(distribution("axe-playwright-python").locate_file(AXE_CORE)))
        await page.js(f"{script.read_text(encoding='utf-8')}\n;null")
    found: list[str] = await page.js(_RUN)
    return found
