"""What the names of the dialplan's contexts tell about a channel. Pure; the contexts themselves are written by `pbx.asterisk`."""

from pbx.events import LiveChannel

OURS = "smartpbx-"
"""What the names of our own dialplan's contexts begin with."""
INBOUND = frozenset((f"{OURS}hotline", "from-trunk", "from-pstn", "from-did-direct"))
"""Contexts whose every caller has reached the hotline: ours, and what FreePBX and Issabel call theirs. A caller of any other
context counts from the first menu or queue on."""
NOT_CALLERS = frozenset((f"{OURS}agent", f"{OURS}whisper"))
"""Contexts of channels that are ours but nobody's who called."""
MADE = "cb-"
"""What the ids of channels begin with that we dialled ourselves."""


def is_made_by_us(channel_id: str) -> bool:
    """Whether a channel is a call back of ours."""
    return channel_id.startswith(MADE)


def in_menu(channel: LiveChannel) -> bool:
    """Whether a caller is in the menu: AsyncAGI, or what it runs for us, whose application is the last one it ran.

    Who hears the greeting of a dialplan that was alone is on the way to a person, and is left in peace.
    """
    menu = channel.context in (f"{OURS}hotline", f"{OURS}resume", f"{OURS}return", f"{OURS}say", f"{OURS}callback")
    return menu and not (channel.context == f"{OURS}hotline" and channel.application == "Playback")
