"""What is traded, where, by which rules, and what trading costs."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from shared.domain.enums import Interval
from shared.domain.errors import TradingError
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument, split_symbol
from shared.runtime.configuration import SectionSettings, section


class InstrumentRules(BaseModel):
    """The venue's rules for one instrument."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tick_size: Decimal = Field(Decimal("0.0001"), gt=0, description="price step, quote per base")
    lot_size: Decimal = Field(Decimal("0.01"), gt=0, description="quantity step, base")
    min_notional: Decimal = Field(Decimal(5), ge=0, description="smallest order, quote")


_USUAL_RULES: Mapping[str, tuple[str, str]] = {
    "BTC": ("0.01", "0.00001"),
    "ETH": ("0.01", "0.0001"),
    "BNB": ("0.01", "0.001"),
    "SOL": ("0.01", "0.001"),
    "XRP": ("0.0001", "0.1"),
}


def _usual(base: str) -> InstrumentRules:
    tick, lot = _USUAL_RULES.get(base, ("0.0001", "0.01"))
    return InstrumentRules(tick_size=Decimal(tick), lot_size=Decimal(lot), min_notional=Decimal(5))


def split_list(value: Any) -> Any:
    """Return the parts of a text that names several, separated by commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class MarketSettings(SectionSettings):
    """What is traded, where, and what trading costs."""

    model_config = section("market")

    venue: str = Field("synthetic", pattern=r"^[a-z0-9_]{1,32}$", description="name of the venue")
    instruments: Annotated[tuple[str, ...], NoDecode] = Field(
        ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"),
        description="instruments as BASE-QUOTE, separated by commas",
    )
    reporting_currency: str = Field(
        "",
        pattern=r"^[A-Z0-9]{0,16}$",
        description="what the account is reckoned in; needed where instruments are paid in several "
        "quotes, otherwise it is their quote",
    )
    interval: Interval = Field(Interval.H1, description="length of one candle")
    fee_ratio: float = Field(0.001, ge=0, le=0.05, description="fee per side, ratio of notional")
    slippage_ratio: float = Field(
        0.0005, ge=0, le=0.05, description="assumed adverse slippage per side, ratio of price"
    )
    rules: dict[str, InstrumentRules] = Field(
        default_factory=dict[str, InstrumentRules],
        description="tick_size, lot_size, min_notional by instrument, where not the usual ones",
    )

    @field_validator("instruments", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return split_list(value)

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if not self.instruments:
            raise ValueError("name at least one instrument")
        if len(set(self.instruments)) != len(self.instruments):
            raise ValueError("an instrument is named twice")
        try:
            quotes = {split_symbol(symbol)[1] for symbol in self.instruments}
        except TradingError as error:
            raise ValueError(error.detail) from error
        if len(quotes) > 1 and not self.reporting_currency:
            paid_in = ", ".join(sorted(quotes))
            raise ValueError(f"instruments are paid in {paid_in}: set MARKET__REPORTING_CURRENCY")
        return self

    @property
    def quote(self) -> str:
        """What the account is reckoned in."""
        return self.reporting_currency or split_symbol(self.instruments[0])[1]

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        return tuple(Symbol(symbol) for symbol in sorted(self.instruments))

    def catalogue(self) -> tuple[Instrument, ...]:
        return tuple(self._instrument(symbol) for symbol in self.symbols)

    def _instrument(self, symbol: Symbol) -> Instrument:
        base, quote = split_symbol(symbol)
        rules = self.rules.get(symbol) or _usual(base)
        return Instrument(
            symbol=symbol,
            venue=self.venue,
            base=base,
            quote=quote,
            tick_size=rules.tick_size,
            lot_size=rules.lot_size,
            min_notional=rules.min_notional,
        )
