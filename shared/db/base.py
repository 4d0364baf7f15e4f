"""The one metadata every table of the platform is declared on, and the two databases it spans."""

from sqlalchemy import MetaData

PRICES = "crypto_prices"
TRANSACTIONS = "crypto_transactions"

metadata = MetaData()
