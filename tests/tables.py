"""A story of calls as people would tell it -> events. A pasted table is a test.

    0.0  A  calls
    4.2  A  joins tong-hop
    5.0  A  rings 101

Times are seconds from `START`; A, B … are callers, numbers are agents' extensions.
"""

from pbx import events as e

START = 1_795_400_000_000


def events_of(table: str) -> list[e.AnyEvent]:
    rows = [line.split(None, 2) for line in table.strip().splitlines() if line.strip()]
    return [_event(START + round(float(at) * 1000), caller, words.split()) for at, caller, words in rows]


def _event(at: int, who: str, words: list[str]) -> e.AnyEvent:
    call = f"pbx-1.{who}"
    channel, number = f"PJSIP/citizens-{who}", f"09000000{ord(who[0]):02d}"
    match words:
        case ["calls"]:
            return e.ChannelOpened(at, call, call, channel, number, "", "smartpbx-hotline", "1022")
        case ["arrives"]:
            return e.CallArrived(at, call, call, channel, number, "", "1022")
        case ["menu"]:
            return e.ControlStarted(at, call, call, channel, number, "", "1022", "smartpbx-hotline")
        case ["back", reason]:
            return e.ControlStarted(at, call, call, channel, number, "", reason, "smartpbx-return", reason=reason)
        case ["adopted"]:
            return e.ControlStarted(at, call, call, channel, number, "", "s", "smartpbx-resume", resumed=True)
        case ["pressed", step, keys]:
            return e.CommandFinished(at, call, f"{call}/{step}", keys)
        case ["silent", step]:
            return e.CommandFinished(at, call, f"{call}/{step}")
        case ["failed", step]:
            return e.CommandFinished(at, call, f"{call}/{step}", failed=True)
        case ["joins", queue]:
            return e.QueueJoined(at, call, call, channel, number, "", queue, 1)
        case ["rings", agent]:
            return e.AgentRang(at, call, "q", f"PJSIP/{agent}", agent, f"a.{agent}")
        case ["misses", agent, seconds]:
            return e.AgentMissed(at, call, "q", f"PJSIP/{agent}", agent, round(float(seconds) * 1000))
        case ["gets", agent, queue]:
            return e.AgentAnswered(at, call, call, channel, number, "", queue, f"PJSIP/{agent}", agent, f"a.{agent}")
        case ["loses", agent, reason]:
            return e.AgentFinished(at, call, "q", f"PJSIP/{agent}", agent, reason)
        case ["hold"]:
            return e.HoldStarted(at, "a.101", call)
        case ["unhold"]:
            return e.HoldEnded(at, "a.101", call)
        case ["sent", target]:
            return e.CallTransferred(at, call, call, "blind", target)
        case ["abandons"]:
            return e.QueueAbandoned(at, call, "q")
        case ["leaves"]:
            return e.QueueLeft(at, call, "q")
        case ["returned", queue, status]:
            return e.QueueReturned(at, call, queue, status)
        case ["asks-out"]:
            return e.HangupAsked(at, call)
        case ["hangs-up"]:
            return e.ChannelClosed(at, call, call, 16)
    raise ValueError(f"no such row: {words}")
