"""Where Redis is, and who asks it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    host: str
    port: int = 6379
    user: str = "default"
    password: str = field(default="", repr=False)

    @property
    def username(self) -> str | None:
        """Who a client says it is: nobody where it has no password."""
        return self.user if self.password else None
