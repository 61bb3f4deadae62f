"""Citizens who do anything, through the shipped menu on a real Asterisk: each has one row with one outcome, and nothing is left behind.

`python -m tests.walker 2000` is the same for longer.
"""

import yaml

from pbx.centre import SHIPPED
from tests.walker import walk
from tests.world import world


async def test_whatever_citizens_key_each_call_ends_once_and_leaves_nothing_behind() -> None:
    centre = yaml.safe_load(SHIPPED.read_text("utf-8"))
    centre["limit"] = {"calls": 0, "seconds": 0}
    async with world(centre=centre) as hotline:
        await hotline.start_service()
        found = await walk(hotline, 60)
    assert (found.rows, found.channels, found.unfinished, found.strange) == (60, 0, 0, ())
    assert sum(found.outcomes.values()) == 60 and found.nodes >= 12
