"""The dashboard of a member that stands by: every page says so, and what is changed there goes to the owner."""

from collections.abc import AsyncIterator

import pytest

from tests.process.dashboard.browser import Page, chromium, tab
from tests.process.dashboard.dashboard import Dashboard
from tests.support.fleet_stage import Fleet, Member
from tests.support.signals import resting_buy
from tests.support.stage import Stage

pytestmark = pytest.mark.needs("postgresql", "chromium")

BANNERS = "document.getElementById('banners').innerText"


@pytest.fixture
async def page(own_stage: Stage) -> AsyncIterator[Page]:
    """A tab. After the test there were no errors in it."""
    async with tab(chromium(own_stage)) as found:
        yield found
        assert found.alarms == []


@pytest.fixture
def member(fleet: Fleet) -> Member:
    """A third member, which serves the page."""
    found = fleet.add({"http": {"listen": "127.0.0.1:0"}}, name="kyoto")
    found.start()
    return found


class StandbyPage(Dashboard):
    """The page of a member that stands by."""

    @property
    def address(self) -> str:
        """The address of the page, from what the member says."""
        return str(self.daemon.get("/v1/status")["http"])


async def test_every_page_of_a_standby_says_that_it_is_one(fleet: Fleet, member: Member, page: Page) -> None:
    owner = fleet.owner()
    order_id = owner.daemon.accept(resting_buy())
    owner.daemon.until(order_id, "open")
    dashboard = StandbyPage(page, member.daemon)
    await dashboard.open()
    name = owner.daemon.config["fleet"]["name"]
    await page.until(f"{BANNERS}.includes('Standing by: this is kyoto. {name} owns the account and trades')")
    await page.until("document.getElementById('standing').innerText.toLowerCase() === 'kyoto: standby'")
    rows = await page.until(
        "document.querySelectorAll('#fleet tbody tr').length === 3 && document.getElementById('fleet').innerText"
    )
    assert all(each in rows for each in ("kyoto", name, "owner", "standby", "PostgreSQL 15"))
    assert rows.count("another configuration than the owner's") == 2, "each has an exchange's address of its own"
    await dashboard.row("orders", order_id)
    for scheme in ("light", "dark"):
        await page.look_like(scheme=scheme)
        await page.picture(f"standby-{scheme}")
    await page.js(f"location.hash = '#/orders/{order_id}'")
    await page.until("document.getElementById('explain').innerText.includes('Exchange order id')")
    assert "Standing by" in await page.js(BANNERS)
    await page.look_like(width=390, height=844)
    await page.picture("standby-narrow")


async def test_a_change_on_the_page_of_a_standby_goes_to_the_owner(fleet: Fleet, member: Member, page: Page) -> None:
    owner = fleet.owner()
    dashboard = StandbyPage(page, member.daemon)
    await dashboard.open()
    await page.click("#halt")
    await page.until("document.getElementById('dialog').open")
    await dashboard.give("seen at a standby")
    await dashboard.done()
    assert owner.daemon.get("/v1/status")["halted"] == "seen at a standby"


async def test_the_page_changes_when_the_member_takes_over(fleet: Fleet, member: Member, page: Page) -> None:
    dashboard = StandbyPage(page, member.daemon)
    await dashboard.open()
    await page.until(f"{BANNERS}.includes('Standing by')")
    for each in fleet.others(member):
        each.daemon.kill()
    await page.until("document.getElementById('standing').innerText.toLowerCase() === 'kyoto: owner'")
    await page.until(f"!{BANNERS}.includes('Standing by')")
    await page.picture("took-over")
