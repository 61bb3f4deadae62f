"""The one error a person sees: what is wrong and what to do, in Vietnamese for people and English for logs.

It lives at the bottom of the house because every room may meet bad input. It knows nothing of how it is shown.
"""


class Problem(Exception):
    """Bad input or a missing thing that a person can put right.

    `vi` and `en` are whole sentences that each name the thing and the cure. Raised at the edges only;
    the command line prints both and leaves with status 1 or the code given.
    """

    def __init__(self, vi: str, en: str, *, exit_code: int = 1) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en
        self.exit_code = exit_code
