"""Where the real venues are, and which addresses certainly are theirs."""

from urllib.parse import urlsplit

from venues.port import VenueAddress, VenueName

REAL: dict[VenueName, VenueAddress] = {
    VenueName.COINBASE: VenueAddress(
        rest="https://api.coinbase.com", stream="wss://advanced-trade-ws-user.coinbase.com"
    ),
    VenueName.BINANCE_US: VenueAddress(
        rest="https://api.binance.us", stream="wss://stream.binance.us:9443"
    ),
    VenueName.KUCOIN: VenueAddress(rest="https://api.kucoin.com", stream=""),
}
_REAL_DOMAINS = ("coinbase.com", "binance.us", "binance.com", "binance.vision", "kucoin.com")


def is_real(address: VenueAddress) -> bool:
    """Tell whether an address may reach real money: any host of a venue does."""
    hosts = (urlsplit(address.rest).hostname or "", urlsplit(address.stream).hostname or "")
    return any(
        host == domain or host.endswith(f".{domain}") for host in hosts for domain in _REAL_DOMAINS
    )
