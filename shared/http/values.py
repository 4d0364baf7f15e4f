"""Money in JSON: text in both directions, never a number."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from shared.domain.errors import BadInput
from shared.domain.values import ZERO, exact, to_text

PRICE_CEILING = Decimal(10**12)


def _read(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError('write money as text, for example "12.50"')
    try:
        return exact(Decimal(value))
    except (InvalidOperation, BadInput) as error:
        raise ValueError('write a plain decimal number, for example "12.50"') from error


MoneyText = Annotated[
    Decimal,
    BeforeValidator(_read),
    PlainSerializer(to_text, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": r"^-?\d{1,20}(\.\d{1,18})?$", "examples": ["12.5"]}
    ),
]

PriceText = Annotated[MoneyText, Field(gt=ZERO, lt=PRICE_CEILING)]
