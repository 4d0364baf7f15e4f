"""The mistakes that reliability depends on not being made, each as one changed line."""

from tests.mutants.mutant import Mutant

_PROTOCOL = "tests/unit/executor/test_submit_protocol.py::"
_RACES = "tests/unit/risk/test_exposure_races.py::"
_PLUMBING = "tests/mutants/test_what_mutants_break.py::"

MUTANTS = [
    Mutant(
        name="send before commit",
        file="executor/tasks/sending.py",
        old='        self.line.reach("executor.claim_before_commit")\n',
        new="        if claimed is not None:\n            self.line.venue.submit(claimed.request)\n",
        test=_PROTOCOL + "test_an_order_is_committed_as_sent_before_a_byte_leaves[sqlite]",
        is_quick=False,
    ),
    Mutant(
        name="send again on a timeout",
        file="executor/tasks/sending.py",
        old="        answer = line.venue.submit(claimed.request)\n",
        new=(
            "        answer = line.venue.submit(claimed.request)\n"
            "        if isinstance(answer, Ambiguous):\n"
            "            answer = line.venue.submit(claimed.request)\n"
        ),
        test=_PROTOCOL + "test_an_order_without_an_answer_is_in_doubt_and_never_sent_again",
    ),
    Mutant(
        name="failed on an exception",
        file="executor/core/answering.py",
        old="return doubt(state, reason, now)",
        new="return reject(state, reason, now)",
        test=_PROTOCOL + "test_each_answer_leads_to_its_status",
        is_quick=False,
    ),
    Mutant(
        name="absent without a horizon",
        file="executor/core/absence.py",
        old="if search.final_after is None or now <= search.final_after:",
        new="if search.final_after is None:",
        test=_PROTOCOL + "test_an_order_that_is_not_found_is_absent_only_after_its_horizon[sqlite]",
    ),
    Mutant(
        name="an error counts as a miss",
        file="executor/tasks/looking.py",
        old="        report = self.line.venue.find_order(standing.ref)\n",
        new=(
            "        try:\n"
            "            report = self.line.venue.find_order(standing.ref)\n"
            "        except Exception:\n"
            "            report = None\n"
        ),
        test=_PROTOCOL + "test_a_venue_that_does_not_answer_says_nothing_about_an_order",
        is_quick=False,
    ),
    Mutant(
        name="one endpoint is enough",
        file="executor/tasks/looking.py",
        old="if report is not None or not would_count:",
        new="if True:",
        test=_PROTOCOL + "test_an_order_that_one_endpoint_shows_is_found",
        is_quick=False,
    ),
    Mutant(
        name="no signature window",
        file="executor/tasks/sending.py",
        old="WINDOW = timedelta(seconds=5)",
        new="WINDOW = timedelta(hours=5)",
        test=_PROTOCOL + "test_a_request_carries_the_date_that_was_committed_and_its_window",
    ),
    Mutant(
        name="no longest window of a token",
        file="venues/coinbase/adapter.py",
        old="window = min(request.window, LONGEST_WINDOW)",
        new="window = request.window",
        test="tests/unit/venues/test_coinbase_requests.py"
        "::test_no_window_is_longer_than_what_finality_reckons_with",
        is_quick=False,
    ),
    Mutant(
        name="a new timestamp at the send",
        file="venues/coinbase/adapter.py",
        old="span=Span(signed_at=request.signed_at, window=window)",
        new="span=Span(signed_at=self._asker.now(), window=window)",
        test="tests/unit/venues/test_coinbase_requests.py"
        "::test_an_order_is_dated_by_its_claim_and_not_by_any_clock",
    ),
    Mutant(
        name="plain read of control",
        file="shared/db/control.py",
        old="for_update(select(control.c.state).where(given(control.c.account)), read=True)",
        new="select(control.c.state).where(given(control.c.account))",
        test="tests/unit/risk/test_risk_service.py"
        "::test_a_halt_waits_for_claims_in_flight_and_none_commits_after_it",
        is_quick=False,
    ),
    Mutant(
        name="repeatable read",
        file="shared/db/engine.py",
        old='isolation_level="READ COMMITTED"',
        new='isolation_level="REPEATABLE READ"',
        test="tests/integration/test_types.py::test_every_connection_reads_committed",
        is_quick=False,
    ),
    Mutant(
        name="read before the lock",
        file="risk/handlers/review.py",
        old="        account.lock_account(connection, owner)\n        new = ",
        new="        new = ",
        test=_RACES + "test_whoever_reviews_holds_the_account_until_the_commit",
        is_quick=False,
    ),
    Mutant(
        name="an order read without its lock",
        file="executor/repository/orders.py",
        old="    return Prepared(for_update(found.order_by(orders.c.decided_at, orders.c.client_order_id)))\n",
        new="    return Prepared(found.order_by(orders.c.decided_at, orders.c.client_order_id))\n",
        test=_PROTOCOL + "test_of_two_that_claim_at_once_one_sends",
        is_quick=False,
    ),
    Mutant(
        name="a counter moved whatever its version",
        file="risk/repository/counters.py",
        old='            _table.version == bindparam(f"m{place}_version", type_=BigInteger()),\n',
        new="",
        test=_RACES + "test_what_was_seen_before_somebody_elses_commit_is_written_by_nobody",
        is_quick=False,
    ),
    Mutant(
        name="an approval moves a counter beyond its cap",
        file="risk/repository/counters.py",
        old="true() if is_text else used +",
        new="true() if True else used +",
        test=_RACES + "test_an_approval_whose_counter_is_fuller_than_it_was_read_is_rolled_back",
        is_quick=False,
    ),
    Mutant(
        name="counters outside the approval's transaction",
        file="risk/handlers/review.py",
        old="            counters.add_approved(connection, owner, moved, known)\n",
        new=(
            "            uow.after_commit(\n"
            "                lambda: counters.add_approved(connection, owner, moved, known)\n"
            "            )\n"
        ),
        test="tests/unit/risk/test_risk_service.py"
        "::test_an_approval_its_reservation_and_its_fact_are_one",
        is_quick=False,
    ),
    Mutant(
        name="polling by the last id",
        file="shared/bus/consumer.py",
        old=(
            "        after = 0\n        while rows := self._oldest.rows(connection, after=after):\n"
        ),
        new=(
            '        after = getattr(self, "_seen", 0)\n'
            "        while rows := self._oldest.rows(connection, after=after):\n"
            "            self._seen = rows[-1].seq\n"
        ),
        test=_PLUMBING + "test_a_fact_committed_after_a_later_one_is_heard_all_the_same",
        is_quick=False,
    ),
    Mutant(
        name="a lock wait that is swallowed",
        file="shared/bus/unit_of_work.py",
        old="                yield uow\n",
        new=(
            "                try:\n"
            "                    yield uow\n"
            "                except Exception as error:\n"
            '                    if "1205" not in str(error):\n'
            "                        raise\n"
        ),
        test="tests/integration/test_bus_hardships.py"
        "::test_a_lock_wait_that_times_out_stores_no_half_and_is_tried_again",
        is_quick=False,
    ),
    Mutant(
        name="a lost connection is used again",
        file="shared/db/statements.py",
        old="        if is_lost:\n            connection.invalidate(error)\n",
        new="",
        test="tests/integration/test_statements.py::test_a_lost_connection_is_given_up",
        is_quick=False,
    ),
    Mutant(
        name="an end while a fill is missing",
        file="executor/core/order.py",
        old="if facts.final is OrderStatus.FILLED or filled < facts.reported_quantity:",
        new="if facts.final is OrderStatus.FILLED:",
        test=_PROTOCOL + "test_a_canceled_order_has_not_ended_while_a_fill_is_missing",
    ),
    Mutant(
        name="too much filled is dropped",
        file="executor/handlers/journal.py",
        old="            step = _filled(state, told, reference, now)\n",
        new=(
            "            if state.facts.filled_quantity + told.quantity > state.order.quantity:\n"
            "                continue\n"
            "            step = _filled(state, told, reference, now)\n"
        ),
        test=_PROTOCOL + "test_more_than_was_asked_for_is_kept_and_freezes_the_instrument",
    ),
    Mutant(
        name="the trade's id is not in the key",
        file="executor/handlers/journal.py",
        old='TradeId(f"{symbol}:{told.side}:{told.trade_id}")',
        new='TradeId(f"{symbol}:{told.side}:{told.quantity}:{told.price}")',
        test=_PROTOCOL + "test_two_trades_alike_are_two[sqlite]",
    ),
    Mutant(
        name="a lease by the local clock",
        file="executor/tasks/leading.py",
        old="next_lease(lease, self.leadership.holder, db_now(uow.connection))",
        new="next_lease(lease, self.leadership.holder, uow.now)",
        test=_PROTOCOL + "test_a_lease_ends_by_the_databases_clock_whatever_ours_says[sqlite]",
        is_quick=False,
    ),
    Mutant(
        name="a time to live by the local clock",
        file="executor/tasks/sending.py",
        old="        now = db_now(uow.connection)\n",
        new="        now = uow.now\n",
        test=_PROTOCOL + "test_an_approval_ends_by_the_databases_clock_whatever_ours_says[sqlite]",
        is_quick=False,
    ),
    Mutant(
        name="the venue's time by the local clock",
        file="executor/tasks/board.py",
        old="return self._was + timedelta(seconds=time.monotonic() - self._read_at)",
        new="return self.clock.now() + self._reading.offset",
        test="tests/unit/executor/test_board.py"
        "::test_setting_the_machines_time_does_not_move_the_venues_clock",
        is_quick=False,
    ),
    Mutant(
        name="the environment is ignored",
        file="shared/domain/ids.py",
        old=(
            "    head = bytes((_PLATFORM_TAG, _ENVIRONMENT_BYTE[mode])).hex() + account_hash\n"
            '    return len(text) == _ID_LENGTH and text[23] == "-" and text.startswith(f"{head}-")\n'
        ),
        new='    return text[:2] == "f1" and text[4:8] == account_hash\n',
        test=_PLUMBING + "test_an_order_belongs_to_one_environment_and_one_account",
    ),
    Mutant(
        name="an overfill ends before its fills are known",
        file="executor/core/order.py",
        old="if filled >= quantity < max(filled, facts.reported_quantity):",
        new="if max(filled, facts.reported_quantity) > quantity:",
        test=_PROTOCOL + "test_told_of_too_much_an_instrument_is_frozen_before_the_fills_are_known",
        is_quick=False,
    ),
    Mutant(
        name="a message is data",
        file="shared/bus/consumer.py",
        old="handled = self._handle_batch() if rung else self.handle_waiting()",
        new="handled = self._handle_batch() if rung else 0",
        test=_PLUMBING + "test_facts_arrive_though_no_bell_ever_rings",
    ),
]
