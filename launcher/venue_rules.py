"""The venue's rules for what is traded, as the configuration wants them."""

import sys

import yaml

from launcher.console import err, print_json
from launcher.options import AsJson
from market_data.app import open_market
from market_data.settings import MarketDataSettings
from shared.domain.errors import BadInput
from shared.domain.instrument import Instrument, split_symbol
from shared.domain.values import to_text
from shared.runtime.service import new_metrics
from shared.runtime.settings import MarketSettings, PlatformSettings, load


def rules(as_json: AsJson = False) -> None:
    """Ask MARKET__VENUE for its rules and print them as a section of the configuration file."""
    market = load(PlatformSettings).market
    listed = _listed(market)
    section = {symbol: _as_written(one) for symbol, one in listed.items()}
    if as_json:
        print_json(section)
        return
    document = {"market": {"rules": section}}
    sys.stdout.write(yaml.safe_dump(document, sort_keys=True, allow_unicode=True))
    err.print("Put this into the file that TRADING_CONFIG names; all services read it there.")


def _listed(market: MarketSettings) -> dict[str, Instrument]:
    venue = open_market(load(MarketDataSettings), market, new_metrics())
    try:
        everything = {one.instrument.symbol: one.instrument for one in venue.rules()}
    finally:
        venue.close()
    unknown = [symbol for symbol in market.symbols if symbol not in everything]
    if unknown:
        bases = {split_symbol(symbol)[0] for symbol in unknown}
        near = sorted(symbol for symbol, one in everything.items() if one.base in bases)
        raise BadInput(
            "MARKET__INSTRUMENTS",
            f"{venue.name} does not list {', '.join(unknown)}",
            f"it has {', '.join(near[:10])}" if near else "see the venue for what it lists",
        )
    return {symbol: everything[symbol] for symbol in market.symbols}


def _as_written(one: Instrument) -> dict[str, str]:
    return {
        "tick_size": to_text(one.tick_size),
        "lot_size": to_text(one.lot_size),
        "min_notional": to_text(one.min_notional),
    }
