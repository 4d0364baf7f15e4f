"""The one metadata every table of the platform is declared on, and the two databases it spans."""

from sqlalchemy import MetaData

PRICES = "crypto_prices"
TRANSACTIONS = "crypto_transactions"

SCHEMA_REVISION = "0001"  # what this release reads and writes; the head of `migrations`

metadata = MetaData()
