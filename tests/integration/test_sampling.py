"""The gauges of a consumer that is stuck still move."""

import time
from types import SimpleNamespace

from shared.bus.consumer import Consumer
from shared.runtime.sampling import measure
from shared.runtime.service import new_metrics
from tests.saying import TOPIC, say


def test_the_lag_of_a_consumer_that_handles_nothing_grows(transactions):
    handlers = {TOPIC: lambda _batch, _uow: None}
    service = SimpleNamespace(name="risk", metrics=new_metrics(), handlers=handlers)
    consumer = Consumer("risk", transactions, handlers, 1.0)
    consumer.subscribe()

    def value(name, **labels):
        measure([service], transactions)
        return service.metrics.registry.get_sample_value(name, labels)

    assert value("consumer_lag_seconds", consumer="risk") == 0
    say(transactions, 1)
    first = value("consumer_lag_seconds", consumer="risk")
    time.sleep(0.05)
    assert value("consumer_lag_seconds", consumer="risk") >= first + 0.05
    assert value("event_log_rows") == 1
    consumer.handle_waiting()
    assert value("consumer_lag_seconds", consumer="risk") == 0
