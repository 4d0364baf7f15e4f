"""The checks of how trading has gone lately: a pause after losses, and one after failures."""

from datetime import timedelta

from risk.core.book import Book
from risk.core.breach import breach
from risk.core.limits import RiskLimits
from risk.core.proposal import Proposal
from shared.domain.verdict import Breach


def loss_streak(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    """Pause after so many losses in a row; each further one begins the pause anew."""
    known = book.conduct
    if known.lost_at is None or known.losses_in_row < limits.max_losses_in_row:
        return None
    until = known.lost_at + timedelta(seconds=limits.loss_pause_seconds)
    if proposal.now >= until:
        return None
    remedy = f"wait until {until.isoformat()}; a person may raise max_losses_in_row"
    limit = f"{limits.max_losses_in_row} in a row, then {limits.loss_pause_seconds} s without"
    value = f"{known.losses_in_row} in a row, the last at {known.lost_at.isoformat()}"
    return breach("loss_streak", limit, value, remedy=remedy)


def failure_ratio(_proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    """Stop sending more while the venue refuses, or does not tell what became of, so many."""
    known = book.conduct
    if known.ended < limits.min_failure_orders:
        return None
    if known.failed < limits.max_failure_ratio * known.ended:
        return None
    remedy = f"find out why they fail; in {limits.failure_window_seconds} s they count no more"
    value = f"{known.failed} of {known.ended} in {limits.failure_window_seconds} s"
    limit = f"below {limits.max_failure_ratio:g} of {limits.min_failure_orders} or more"
    return breach("failure_ratio", limit, value, remedy=remedy)
