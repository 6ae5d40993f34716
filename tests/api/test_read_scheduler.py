"""Long reads run one at a time, with pauses between them."""

from itertools import pairwise

import anyio
import anyio.lowlevel
import looptime
import pytest

from daemon.api.read_scheduler import AGAIN_S, LONGEST_REST_S, PIECE, REST, ReadScheduler, SharedRead, in_pieces

pytestmark = pytest.mark.anyio
TOOK_S = 0.05


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on virtual time."""
    return "asyncio", {"loop_factory": looptime.new_event_loop}


async def test_one_read_runs_at_a_time_and_the_pause_after_it_grows_with_its_time() -> None:
    scheduler, spans = ReadScheduler(), []

    async def read() -> None:
        async with scheduler.slot():
            began_s = anyio.current_time()
            await anyio.sleep(TOOK_S)
            spans.append((began_s, anyio.current_time()))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(read)
    assert len(spans) == 4
    for (_, ended_s), (began_s, _) in pairwise(spans):
        assert began_s - ended_s == pytest.approx(REST * TOOK_S)


async def test_the_pause_after_a_long_read_is_bounded() -> None:
    scheduler = ReadScheduler()
    async with scheduler.slot():
        await anyio.sleep(60)
    ended_s = anyio.current_time()
    async with scheduler.slot():
        assert anyio.current_time() - ended_s == pytest.approx(LONGEST_REST_S)


async def test_reads_are_served_in_the_order_in_which_they_were_asked_for() -> None:
    """Eight readers that ask again as soon as they are answered take turns: none waits for more than one round."""
    scheduler, served = ReadScheduler(), []

    async def read(number: int) -> None:
        for _ in range(3):
            async with scheduler.slot():
                served.append(number)
                await anyio.sleep(TOOK_S)

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(read, number)
    assert served == [*range(8)] * 3


async def test_a_shared_answer_is_not_made_again_at_once_however_quick_it_is() -> None:
    made_s: list[float] = []

    async def make() -> bytes:
        made_s.append(anyio.current_time())
        return b""

    async def ask_again_and_again() -> None:
        for _ in range(4):
            await shared.get()

    shared = SharedRead(ReadScheduler(), make)
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(ask_again_and_again)
    assert len(made_s) == 4
    assert [later_s - earlier_s for earlier_s, later_s in pairwise(made_s)] == pytest.approx([AGAIN_S] * 3)


async def test_a_failed_or_cancelled_read_frees_the_slot() -> None:
    scheduler = ReadScheduler()
    with pytest.raises(ValueError, match="odd"):
        async with scheduler.slot():
            raise ValueError("odd")
    with anyio.move_on_after(1):
        async with scheduler.slot():
            await anyio.sleep_forever()
    async with scheduler.slot():
        pass


class Counting:
    """A read that takes some time and returns its number."""

    def __init__(self) -> None:
        self.made = 0

    async def make(self) -> bytes:
        self.made += 1
        number = self.made
        await anyio.sleep(TOOK_S)
        return b"%d" % number


async def test_requests_before_a_read_begins_share_its_answer() -> None:
    counting, answers = Counting(), []
    shared = SharedRead(ReadScheduler(), counting.make)

    async def ask(after_s: float) -> None:
        await anyio.sleep(after_s)
        answers.append(await shared.get())

    async with anyio.create_task_group() as tasks:
        for after_s in (0, 0, 0, TOOK_S / 2, TOOK_S / 2, TOOK_S * 2):
            tasks.start_soon(ask, after_s)
    assert answers == [b"1"] * 3 + [b"2"] * 3
    assert counting.made == 2


async def test_a_cancelled_caller_leaves_the_others_their_answer() -> None:
    shared, answers = SharedRead(ReadScheduler(), Counting().make), []

    async def stay() -> None:
        answers.append(await shared.get())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stay)
        with anyio.move_on_after(TOOK_S / 2):
            await shared.get()
    assert answers == [b"1"]


async def test_other_tasks_run_between_the_pieces_of_a_read() -> None:
    steps_of_others = 0

    async def others() -> None:
        nonlocal steps_of_others
        while True:
            await anyio.lowlevel.checkpoint()
            steps_of_others += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(others)
        await anyio.lowlevel.checkpoint()
        assert await in_pieces(range(PIECE * 5), str) == [str(number) for number in range(PIECE * 5)]
        tasks.cancel_scope.cancel()
    assert steps_of_others >= 5
