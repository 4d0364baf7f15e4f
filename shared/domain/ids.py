"""Derived identifiers: one business fact has one id, today, after a crash, and in a replay."""

from hashlib import sha256
from typing import NewType

AccountId = NewType("AccountId", str)
Symbol = NewType("Symbol", str)
SignalId = NewType("SignalId", str)
RecommendationId = NewType("RecommendationId", str)
DecisionId = NewType("DecisionId", str)
ClientOrderId = NewType("ClientOrderId", str)
VenueOrderId = NewType("VenueOrderId", str)
TradeId = NewType("TradeId", str)
EventId = NewType("EventId", str)

_PLATFORM_TAG = 0xF1
_ENVIRONMENT_BYTE = {"live": 0x01, "paper": 0x02, "mock": 0x03}


_ID_LENGTH = 36
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


def _as_uuid8(text: str) -> str:
    """Return 32 hexadecimal digits in groups, with the bits of version 8 and its variant set."""
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def derive(kind: str, *parts: str) -> str:
    """Return the UUIDv8 (36 lower-case characters) of one business key."""
    return _as_uuid8(sha256("\x1f".join((kind, *parts)).encode()).hexdigest())


def client_order_id(mode: str, account: AccountId, decision: DecisionId) -> ClientOrderId:
    """Return the order id that a venue will see.

    Byte 0 is the platform's tag, byte 1 the environment, bytes 2-3 the account, the rest the
    decision: our orders can be recognised after a restored backup, and a live account never adopts
    a test order.

    Raises:
        KeyError: the mode is not one of live, paper, mock.
    """
    account_hash = sha256(account.encode()).hexdigest()[:4]
    decision_hash = sha256(f"{account}|{decision}".encode()).hexdigest()[:24]
    head = bytes((_PLATFORM_TAG, _ENVIRONMENT_BYTE[mode])).hex()
    return ClientOrderId(_as_uuid8(head + account_hash + decision_hash))


def is_client_order_id_of(mode: str, account: AccountId, text: str) -> bool:
    """Tell whether a venue's order carries our tag, for this environment and this account.

    Raises:
        KeyError: the mode is not one of live, paper, mock.
    """
    account_hash = sha256(account.encode()).hexdigest()[:4]
    head = bytes((_PLATFORM_TAG, _ENVIRONMENT_BYTE[mode])).hex() + account_hash
    return len(text) == _ID_LENGTH and text[23] == "-" and text.startswith(f"{head}-")
