"""Coinbase Advanced Trade: JSON over HTTP signed by a token per request, and one WebSocket."""

from simulator.wire.coinbase.application import coinbase_wire
from simulator.wire.coinbase.house import HOUSE

__all__ = ["HOUSE", "coinbase_wire"]
