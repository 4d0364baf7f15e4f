"""The checks of what may be spent, lost and ordered: scope by scope, each against its cap."""

from decimal import Decimal

from risk.core import rooms
from risk.core.book import Book
from risk.core.breach import breach
from risk.core.limits import RiskLimits
from risk.core.proposal import Proposal
from risk.core.rooms import Room
from risk.core.usage import asset_of
from shared.domain.values import ZERO, to_text
from shared.domain.verdict import Breach


def external_orders(_proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    unpriced = book.external.unpriced
    if not unpriced:
        return None
    named = f"none for {unpriced[0].venue_order_id} ({unpriced[0].symbol})"
    value = named if len(unpriced) == 1 else f"{named} and {len(unpriced) - 1} more"
    remedy = "cancel it at the venue: what an order that is not ours may still buy is unknown"
    return breach("external_orders", "a known price", value, remedy=remedy)


def trades_per_day(_proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    if book.trades_today < limits.max_trades_per_day:
        return None
    remedy = "wait for the next day (UTC), or raise max_trades_per_day"
    return breach("trades_per_day", limits.max_trades_per_day, book.trades_today, remedy=remedy)


def orders_per_minute(_proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    if book.orders_this_minute < limits.max_orders_per_minute:
        return None
    remedy = "wait for the next minute, or raise max_orders_per_minute"
    limit, value = limits.max_orders_per_minute, book.orders_this_minute
    return breach("orders_per_minute", limit, value, remedy=remedy)


def position_ratio(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    """Cap the base asset over all its quotes: BTC-USD and BTC-USDT are one bet on bitcoin."""
    room = rooms.asset_room(proposal.symbol, book, limits)
    asset = asset_of(proposal.symbol)
    remedy = f"leave part of what is held of {asset}, or raise max_position_ratio"
    return _over("position_ratio", room, proposal.cost, remedy)


def symbol_ratio(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    room = rooms.symbol_room(proposal.symbol, book, limits)
    remedy = "leave part of the position, or raise max_symbol_ratio"
    return _over("symbol_ratio", room, proposal.cost, remedy)


def exposure_ratio(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    room = rooms.total_room(book, limits)
    remedy = "leave a position first, or raise max_exposure_ratio"
    return _over("exposure_ratio", room, proposal.cost, remedy)


def source_ratio(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    source = proposal.recommendation.source
    room = rooms.source_room(source, book, limits)
    remedy = f"leave a position that {source} asked for, or raise max_source_ratio"
    return _over("source_ratio", room, proposal.cost, remedy)


def cluster_ratio(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    room = rooms.cluster_room(proposal.symbol, book, limits)
    if room is None:
        return None
    others = rooms.cluster_of_entry(proposal.symbol, book, limits) - {proposal.symbol}
    remedy = f"it moves as one with {_named(sorted(others))}: leave one, or raise max_cluster_ratio"
    return _over("cluster_ratio", room, proposal.cost, remedy)


def _named(symbols: list[str]) -> str:
    if len(symbols) <= 3:
        return ", ".join(symbols)
    return f"{', '.join(symbols[:3])} and {len(symbols) - 3} more"


def venue_ratio(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    if proposal.instrument is None:
        return None  # and that has its own reason
    venue = proposal.instrument.venue
    room = rooms.venue_room(venue, book, limits)
    remedy = f"leave a position at {venue} first, or raise max_venue_ratio"
    return _over("venue_ratio", room, proposal.cost, remedy)


def day_loss(proposal: Proposal, book: Book, limits: RiskLimits) -> Breach | None:
    """Cap what was lost since midnight, together with what promised entries lose at their stops."""
    room = rooms.day_loss_room(book, limits)
    remedy = "wait for the next day (UTC); a person may raise max_day_loss_ratio"
    return _over("day_loss", room, proposal.loss, remedy)


def cash_available(proposal: Proposal, book: Book, _limits: RiskLimits) -> Breach | None:
    room = rooms.cash_room(proposal.symbol, book)
    remedy = "leave a position first, or fund the account"
    return _over("cash_available", room, proposal.cost, remedy)


def _over(check: str, room: Room, cost: Decimal, remedy: str) -> Breach | None:
    value = room.use.total + cost
    if value <= room.cap:
        return None
    return breach(
        check,
        room.cap,
        value,
        headroom=max(room.left, ZERO),
        remedy=remedy + _not_ours(room.use.external),
    )


def _not_ours(amount: Decimal) -> str:
    if amount == ZERO:
        return ""
    return f", or cancel orders at the venue that are not ours: {to_text(amount)} of it are theirs"
