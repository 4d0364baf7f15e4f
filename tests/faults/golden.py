"""Which fault must be taken for what: the table every run is held against.

The word for an order is what the executor wrote down first, and how its search ended:
    not_sent   no byte left for the venue
    refused    the venue said no, and nothing of the order exists
    accepted   the venue said yes
    found      no usable answer; asked for by our id, it is there
    absent     no usable answer; asked for until its request could no longer arrive, it is not there
"""

from venues.port import VenueName

NOT_SENT, REFUSED, ACCEPTED, FOUND, ABSENT = "not_sent", "refused", "accepted", "found", "absent"
VENUES = (VenueName.COINBASE, VenueName.BINANCE_US, VenueName.KUCOIN)
COINBASE, BINANCE_US, KUCOIN = VENUES
OPERATIONS = ("create", "cancel", "query", "fills")
ORDERS = ("limit", "market", "stop")

# fault: its variants; each what is done, and what an order whose *creation* it hits is taken for
FAULTS = {
    "connect_refused": [({"seconds": 1.0}, NOT_SENT)],
    "tls_cut": [({"seconds": 1.0}, NOT_SENT)],
    "reset_before_request": [({}, ABSENT)],
    "reset_mid_request": [({}, ABSENT)],
    "reset_after_accept": [({}, FOUND)],
    "timeout_then_accepted": [
        ({"seconds": 3.0, "accepted": "at_once"}, FOUND),
        ({"seconds": 2.0, "accepted": "at_end"}, FOUND),
    ],
    "accepted_late": [
        ({"seconds": 2.0}, FOUND),
        ({"seconds": 6.0}, ABSENT),  # later than its window: the venue itself refuses it
        ({"seconds": 1.0, "answer": "reset"}, FOUND),
        ({"seconds": 40.0, "answer": "reset"}, ABSENT),
    ],
    "error_before": [({"status": 500}, ABSENT), ({"status": 503}, ABSENT)],
    "error_after": [
        ({"status": 500}, FOUND),
        ({"status": 502}, FOUND),
        ({"status": 504}, FOUND),
    ],
    "rate_limited": [
        ({"retry_after_seconds": None}, REFUSED),
        ({"retry_after_seconds": 1}, REFUSED),
    ],
    "banned": [({"retry_after_seconds": 2}, REFUSED)],
    "duplicate_id": [({"is_processed": True}, FOUND), ({"is_processed": False}, ABSENT)],
    "garbage": [({"is_processed": True}, FOUND), ({"is_processed": False}, ABSENT)],
    "truncated_json": [({}, FOUND)],
    "renamed_field": [({}, FOUND)],
    "slow_drip": [({"byte_seconds": 0.05}, FOUND)],
    "stale_reads": [
        ({"seconds": 2.0}, ACCEPTED),
        ({"seconds": 0.5}, ACCEPTED),
        ({"seconds": 5.0}, ACCEPTED),
    ],
    # the venue's clock minus ours, from the instant the request leaves
    "clock_skew": [
        ({"seconds": 2.0}, ACCEPTED),
        (
            {"seconds": -2.0},  # dated 2 s in the venue's future: only KuCoin takes that
            {COINBASE: REFUSED, BINANCE_US: REFUSED, KUCOIN: ACCEPTED},
        ),
        ({"seconds": 0.5}, ACCEPTED),
        ({"seconds": -0.5}, ACCEPTED),
        ({"seconds": 10.0}, REFUSED),
        ({"seconds": -10.0}, REFUSED),
    ],
}

# how an order must stand at the end, by what its creation was taken for
STANDS = {
    NOT_SENT: "not_sent",
    REFUSED: "rejected",
    ABSENT: "absent",
    "limit": "filled",
    "market": "filled",
    "stop": "open",
}

# cells of 18 faults x 3 venues x 4 operations x 3 orders (648) that cannot be, and why:
#   stop   x KuCoin                72  it has withdrawn its stop orders: they are kept on our side,
#                                      and leave by an order of the two other kinds
#   market x cancel  (2 venues)    36  a market order never rests: there is nothing to cancel
#   market x cancel  x KuCoin      18  the same
# A limit order that is canceled is one until canceled (GTC, GTD): an immediate one never rests.
NOT_APPLICABLE = {(KUCOIN, operation, "stop") for operation in OPERATIONS} | {
    (venue, "cancel", "market") for venue in VENUES
}


def classes(fault, variant, venue):
    """Return what is done, and the word for an order whose creation is hit by it."""
    done, word = FAULTS[fault][variant % len(FAULTS[fault])]
    return done, word[venue] if isinstance(word, dict) else word


def kinds(venue):
    """Return the operations on orders that there are at a venue."""
    return [
        (operation, order)
        for operation in OPERATIONS
        for order in ORDERS
        if (venue, operation, order) not in NOT_APPLICABLE
    ]


def chosen(fault):
    """Return two cells of each venue for every change; all faults together go through all."""
    number = list(FAULTS).index(fault)
    cells = []
    for place, venue in enumerate(VENUES):
        creations = [one for one in kinds(venue) if one[0] == "create"]
        others = [one for one in kinds(venue) if one[0] != "create"]
        turn = number + place
        for operation, order in (creations[turn % len(creations)], others[turn % len(others)]):
            cells.append((venue, operation, order, turn))
    return cells


def everything(fault):
    """Return all cells of a fault, and of creations all variants."""
    cells = []
    for venue in VENUES:
        for turn, (operation, order) in enumerate(kinds(venue)):
            variants = range(len(FAULTS[fault])) if operation == "create" else (turn,)
            cells += [(venue, operation, order, variant) for variant in variants]
    return cells
