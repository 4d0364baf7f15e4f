"""What every answer tells a browser: run nothing, frame nothing, keep nothing, tell nobody."""

from starlette.types import Message

_DAY_SECONDS = 86_400
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
_POLICY = b"content-security-policy"
_NOTHING = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_FOR_DOCS = (  # the page of FastAPI loads its code from there; it is off in live
    b"default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    b"style-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    b"img-src data: https://fastapi.tiangolo.com; connect-src 'self'; frame-ancestors 'none'"
)
_OVER_TLS = (b"strict-transport-security", b"max-age=%d" % (365 * _DAY_SECONDS))


def add_headers(message: Message, path: str, scheme: str) -> None:
    """Add the security headers to the start of an answer; what a route said itself stands.

    HSTS is said only over TLS: over plain HTTP browsers must ignore it, and a platform on a laptop
    has none to promise.
    """
    said = {name.lower() for name, _ in message["headers"]}
    policy = _FOR_DOCS if path == "/docs" else _NOTHING
    wanted = [*_ALWAYS, (_POLICY, policy), *([_OVER_TLS] if scheme == "https" else [])]
    message["headers"] = [
        *message["headers"],
        *((name, value) for name, value in wanted if name not in said),
    ]
