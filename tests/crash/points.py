"""Where an executor is killed: each point, the threads it counts in, and what must come of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`is_placed`: whether the order in hand ends up at the venue (by whoever sends it).

    `is_beside`: the process dies in another thread than the sender's, which may be sending just
    then: that order may end up there or not.
    """

    at: str
    thread: str = ""
    is_placed: bool = True
    is_beside: bool = False

    def absent(self):
        """Return how many orders may have been lost on the way."""
        if self.is_beside:
            return (0, 1)
        return (0,) if self.is_placed else (1,)

    def rig(self, **more):
        return {"thread": self.thread, **more}


# on the way of every order, in the order of its life
SENDING = {
    "claim_before_commit": Point(at="executor.claim_before_commit"),
    "claim_after_commit": Point(at="executor.claim_after_commit", is_placed=False),
    "signed": Point(at="executor.signed", is_placed=False),
    "mid_send": Point(at="venue.mid_send", is_placed=False),
    "venue_answered": Point(at="venue.answered", thread="-sending"),
    "answered": Point(at="executor.answered"),
    "facts_before_commit": Point(at="executor.facts_before_commit", thread="sender"),
    "facts_committing": Point(at="executor:before", thread="sender"),
    "facts_after_commit": Point(at="executor.facts_after_commit"),
    "looked": Point(at="executor.looked", is_beside=True),
    "look_before_commit": Point(
        at="executor.facts_before_commit", thread="looker|resolver", is_beside=True
    ),
    "look_after_commit": Point(at="executor:after", thread="looker|resolver", is_beside=True),
}
# how an approval, or a bracket, becomes an order
TAKING_IN = {
    "intake_before_commit": Point(at="executor:before", thread="consumer", is_beside=True),
    "intake_after_commit": Point(at="executor:after", thread="consumer", is_beside=True),
}
PROTECTING = {
    "protecting_before_commit": Point(at="executor:before", thread="protector", is_beside=True),
    "protecting_after_commit": Point(at="executor:after", thread="protector", is_beside=True),
}
APPROVED = {**TAKING_IN, **SENDING}
BRACKET = {**PROTECTING, **SENDING}
