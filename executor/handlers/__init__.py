"""What the executor does when it hears of approvals, its own submissions, and closed candles.

Exactly once, whichever commit a `kill -9` falls on. An approval becomes an order in the transaction
that deletes its delivery, and nothing is asked of the venue before that commit: the executor hears
its own `order.submitted`, and the venue is asked while handling that. The simulated venue's answer
is a rule of ours, so it is booked in the very transaction that deletes the delivery: an order is
either still to be asked about, with its delivery waiting, or answered. There is no third state, so
no resolver; and because the delivery waits until then, a feed that publishes the next candle only
when nothing waits can never overtake an order. (A candle that arrives first, where the feed does
not wait, finds the claimed orders and has them answered before it is matched.)

Everything one batch of candles does - fills, bracket exits, cancels, and the statement that the
venue has been heard up to that candle - is one transaction too.
"""
