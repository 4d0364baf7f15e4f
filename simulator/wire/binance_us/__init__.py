"""Binance.US over HTTP and WebSocket, as its documentation of 2024-06 has it."""

from simulator.wire.binance_us.house import HOUSE
from simulator.wire.binance_us.server import binance_us_wire

__all__ = ["HOUSE", "binance_us_wire"]
