"""From target shares to the trades that would reach them, and what those would cost.

Amounts of a trade are in the quote of its instrument, totals in the currency of the account. Every
purchase of a quote together costs at most what there is of it once the sales are made; what does
not fit is cut alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby

from portfolio.core.flow import times
from portfolio.core.targets import Account, Plan, PlannedTrade, Price, Targets, Terms
from shared.domain.enums import Side
from shared.domain.errors import BadInput, Refused
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.values import MONEY, ZERO, exact, to_text

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """One instrument with everything its trade is worked out of."""

    instrument: Instrument
    held: Decimal
    price: Decimal
    rate: Decimal
    equity: Decimal
    target: Decimal
    worth: Decimal = field(init=False)
    current: Decimal = field(init=False)

    def __post_init__(self) -> None:
        worth = exact(MONEY.multiply(self.price, self.rate))
        object.__setattr__(self, "worth", worth)
        object.__setattr__(self, "current", self.ratio(self.held))

    def ratio(self, quantity: Decimal) -> Decimal:
        return exact(MONEY.divide(times(quantity, self.worth), self.equity))


def plan(account: Account, targets: Targets, terms: Terms) -> Plan:
    """Return the trades from what is held to the targets: sales first, then purchases, by symbol.

    Raises:
        BadInput: an unknown instrument, a ratio outside 0..1, or above 1 in sum.
        Refused: an instrument without a price, with an old one, or whose quote has no value; an
            account that is worth nothing.
    """
    _validate(targets, terms)
    if account.equity <= ZERO:
        raise Refused("the account is worth nothing; deposit something to share out")
    wishes = [_wish(symbol, account, targets, terms) for symbol in sorted(targets.ratios)]
    trades = [trade for one in wishes if (trade := _trade(one, targets, terms)) is not None]
    sales = [one for one in trades if one.side is Side.SELL]
    buys = [one for one in trades if one.side is Side.BUY]
    affordable = _afford(buys, _spendable(account, sales, terms), wishes, terms)
    done = (*sales, *affordable)
    sent = [one for one in done if not one.skipped]
    return Plan(
        trades=done,
        warnings=tuple(_warnings(account, targets, terms)),
        traded_notional=_sum([one.notional for one in sent], sent, account),
        fees=_sum([one.fee for one in sent], sent, account),
        slippage=_sum([one.slippage for one in sent], sent, account),
    )


def _validate(targets: Targets, terms: Terms) -> None:
    for symbol, ratio in targets.ratios.items():
        if symbol not in terms.instruments:
            known = ", ".join(sorted(terms.instruments))
            raise BadInput("targets", f"{symbol} is not traded here", f"use one of {known}")
        if not 0 <= ratio <= 1:
            raise BadInput("targets", f"{symbol}: {ratio} is no share", "give a ratio from 0 to 1")
    if sum(targets.ratios.values(), ZERO) > 1:
        raise BadInput("targets", "the ratios sum to more than 1", "spot has no leverage")


def _wish(symbol: Symbol, account: Account, targets: Targets, terms: Terms) -> _Wish:
    instrument = terms.instruments[symbol]
    known = account.prices.get(symbol)
    if known is None:
        raise Refused(f"{symbol} has no price yet; try again after its next candle")
    if _is_old(known, account, terms):
        raise Refused(
            f"{symbol}: its last price is of {known.at.isoformat()}; wait for a newer one"
        )
    rate = account.rates.get(instrument.quote)
    if rate is None:
        raise Refused(
            f"{symbol}: nobody knows what {instrument.quote} is worth; trade a pair of it"
        )
    return _Wish(
        instrument=instrument,
        held=account.held.get(symbol, ZERO),
        price=known.price,
        rate=rate,
        equity=account.equity,
        target=targets.ratios[symbol],
    )


def _is_old(known: Price, account: Account, terms: Terms) -> bool:
    return account.now - known.at > terms.max_price_age


def _trade(wish: _Wish, targets: Targets, terms: Terms) -> PlannedTrade | None:
    band = targets.tolerance_ratio
    if abs(wish.target - wish.current) <= band:
        return None
    goal = wish.target
    if targets.to_edge:
        goal = max(goal - band, ZERO) if wish.current < goal else min(goal + band, _ONE)
    wanted = exact(MONEY.divide(MONEY.multiply(wish.equity, goal), wish.worth))
    change = MONEY.subtract(wanted, wish.held)
    side = Side.BUY if change > 0 else Side.SELL
    quantity = wish.instrument.quantity(abs(change))
    return _priced(wish, side, quantity, terms)


def _priced(wish: _Wish, side: Side, quantity: Decimal, terms: Terms) -> PlannedTrade:
    notional = times(quantity, wish.price)
    after = MONEY.add(wish.held, MONEY.multiply(quantity, Decimal(side.sign)))
    return PlannedTrade(
        symbol=wish.instrument.symbol,
        quote=wish.instrument.quote,
        side=side,
        quantity=quantity,
        price=wish.price,
        notional=notional,
        fee=times(notional, terms.fee_ratio),
        slippage=times(notional, terms.slippage_ratio),
        current_ratio=wish.current,
        target_ratio=wish.target,
        planned_ratio=wish.ratio(exact(after)),
        skipped=_obstacle(quantity, notional, wish.instrument),
    )


def _obstacle(quantity: Decimal, notional: Decimal, instrument: Instrument) -> str:
    if not quantity:
        return f"less than one lot of {to_text(instrument.lot_size)}"
    if notional < instrument.min_notional:
        return f"below the venue's minimum of {to_text(instrument.min_notional)}"
    return ""


def _spendable(account: Account, sales: Sequence[PlannedTrade], terms: Terms) -> dict[str, Decimal]:
    """Return what there is of each quote once the sales are made, their costs taken off."""
    found = dict(account.cash)
    kept = MONEY.multiply(_ONE - terms.slippage_ratio, _ONE - terms.fee_ratio)
    for sale in sales:
        if not sale.skipped:
            got = MONEY.multiply(sale.notional, kept)
            found[sale.quote] = MONEY.add(found.get(sale.quote, ZERO), got)
    return found


def _afford(
    buys: Sequence[PlannedTrade],
    spendable: Mapping[str, Decimal],
    wishes: Sequence[_Wish],
    terms: Terms,
) -> tuple[PlannedTrade, ...]:
    """Return the purchases, cut alike where their quote would not pay for them."""
    by_symbol = {one.instrument.symbol: one for one in wishes}
    unit = MONEY.multiply(_ONE + terms.slippage_ratio, _ONE + terms.fee_ratio)
    done: list[PlannedTrade] = []
    ordered = sorted(buys, key=lambda one: (one.quote, one.symbol))
    for quote, group in groupby(ordered, key=lambda one: one.quote):
        some = list(group)
        left = max(spendable.get(quote, ZERO), ZERO)
        needed = [MONEY.multiply(one.notional, unit) for one in some if not one.skipped]
        cost = sum(needed, ZERO)
        share = _ONE if cost <= left else MONEY.divide(left, cost)
        done.extend(
            one
            if one.skipped or share == _ONE
            else _cut(one, share, by_symbol[one.symbol], (left, cost), terms)
            for one in some
        )
    return tuple(sorted(done, key=lambda one: one.symbol))


def _cut(
    trade: PlannedTrade,
    share: Decimal,
    wish: _Wish,
    funds: tuple[Decimal, Decimal],
    terms: Terms,
) -> PlannedTrade:
    left, cost = (to_text(round(amount, 8)) for amount in funds)
    quantity = wish.instrument.quantity(MONEY.multiply(trade.quantity, share))
    smaller = _priced(wish, Side.BUY, quantity, terms)
    return replace(smaller, cut=f"{cost} {trade.quote} would be needed, there is {left}")


def _sum(amounts: Sequence[Decimal], trades: Sequence[PlannedTrade], account: Account) -> Decimal:
    result = ZERO
    for amount, trade in zip(amounts, trades, strict=True):
        result = MONEY.add(result, MONEY.multiply(amount, account.rates[trade.quote]))
    return exact(result)


def _warnings(account: Account, targets: Targets, terms: Terms) -> list[str]:
    found: list[str] = []
    others = ZERO
    for symbol, quantity in sorted(account.held.items()):
        if symbol in targets.ratios or not quantity:
            continue
        known, traded = account.prices.get(symbol), terms.instruments.get(symbol)
        rate = account.rates.get(traded.quote) if traded else None
        if known is None or rate is None:
            found.append(f"{symbol} is held and has no value here: it counts for nothing")
            continue
        if _is_old(known, account, terms):
            found.append(f"{symbol} is held, and its last price is of {known.at.isoformat()}")
        worth = MONEY.multiply(times(quantity, known.price), rate)
        others = MONEY.add(others, worth)
    kept = MONEY.divide(others, account.equity)
    wanted = MONEY.add(sum(targets.ratios.values(), ZERO), kept)
    if wanted > terms.warn_ratio:
        shown, cap = to_text(round(wanted, 4)), to_text(terms.warn_ratio)
        text = f"{shown} of the equity would be invested, more than {cap}: risk will cut the rest"
        found.append(text)
    return found
