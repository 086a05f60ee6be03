"""What the ledger counts, refuses and reports."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox import control
from adapters.sandbox.ledger import Ledger, Limits
from adapters.sandbox.server import Sandbox
from pipeline.errors import UsageError

TOO_FAST = {"rt_cd": "1", "msg_cd": "EGW00201", "msg1": "초당 거래건수를 초과하였습니다."}


def test_the_nineteenth_request_of_a_second_is_refused(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    answers = [client.daily("005930", "20261120", "20261120") for _ in range(20)]
    assert [status for status, _ in answers] == [200] * 18 + [500] * 2
    assert answers[-1][1] == TOO_FAST
    report = control.report(sandbox.url)
    assert (report["largest_1s"], report["violations"]["per_second"], report["refused"]) == (20, 2, 2)


def test_the_paper_host_takes_one_a_second(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    client = connect(start(paper_port=0).paper_url)
    assert [client.daily("005930", "20261120", "20261120")[0] for _ in range(2)] == [200, 500]


def test_each_app_key_has_its_own_limit(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start()
    for key in ("A", "B"):
        client = connect(sandbox.url, app_key=key * 36)
        assert [client.daily("005930", "20261120", "20261120")[0] for _ in range(18)] == [200] * 18
    assert control.report(sandbox.url)["largest_1s"] == 18


def test_without_limits_everything_is_counted_and_nothing_refused(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start(enforce_limits=False)
    client = connect(sandbox.url)
    assert {client.daily("005930", "20261120", "20261120")[0] for _ in range(40)} == {200}
    report = control.report(sandbox.url)
    assert (report["requests"], report["refused"]) == (40, 0)
    control.set_limits(sandbox.url, enforce=True)
    assert control.fetch_info(sandbox.url).enforce is True


def test_a_refused_burst_does_not_lock_its_sender_out() -> None:
    ledger = Ledger(Limits(per_second=2))
    start = 1000.0
    refused = [ledger.arrive("k", "T", "/", start + at, paper=False)[1] for at in (0.0, 0.1, 0.2, 0.9, 1.0, 1.05, 1.1)]
    assert refused == [False, False, True, True, False, True, False]


def test_a_window_holds_what_is_less_than_a_second_old() -> None:
    ledger = Ledger(Limits(per_second=2, per_minute=3))
    for at in (0.0, 0.5, 1.0, 1.5, 30.0):
        ledger.arrive("k", "T", "/", 1000.0 + at, paper=False)
    report = ledger.report()
    assert (report["largest_1s"], report["largest_60s"]) == (2, 5)
    assert report["violations"] == {"per_second": 0, "per_minute": 2, "token": 0}


def test_an_arrival_told_late_counts_in_its_place() -> None:
    ledger = Ledger(Limits(enforce=False, per_second=2))
    for at in (0.0, 0.1, 2.0, 0.2):
        ledger.arrive("k", "T", "/", 1000.0 + at, paper=False)
    report = ledger.report()
    assert (report["largest_1s"], report["largest_60s"]) == (3, 4)
    assert report["violations"] == {"per_second": 1, "per_minute": 0, "token": 0}


def test_the_windows_after_a_late_arrival_are_counted_again() -> None:
    ledger = Ledger(Limits(enforce=False, per_second=2))
    for at in (0.0, 0.9, 1.2):
        ledger.arrive("k", "T", "/", 1000.0 + at, paper=False)
    assert ledger.report()["violations"]["per_second"] == 0
    ledger.arrive("k", "T", "/", 1000.5, paper=False)
    report = ledger.report()
    assert (report["largest_1s"], report["violations"]["per_second"]) == (3, 2)


def test_a_late_arrival_is_refused_where_a_second_after_it_was_served_in_full() -> None:
    ledger = Ledger(Limits(per_second=2))
    told = (0.0, 1.05, 1.9, 0.95, 3.0)
    assert [ledger.arrive("k", "T", "/", 1000.0 + at, paper=False)[1] for at in told] == [False, False, False, True, False]


#: Arrivals on an eighth of a second, so that sums and differences of them are exact, told at most 30 seconds late.
MOMENTS = st.lists(st.integers(0, 240).map(lambda eighths: 1000.0 + eighths / 8), max_size=60)


@given(moments=MOMENTS)
def test_what_is_counted_does_not_depend_on_the_order_it_is_told_in(moments: list[float]) -> None:
    in_order, as_told = Ledger(Limits(False, 3, 1, 20)), Ledger(Limits(False, 3, 1, 20))
    for at in sorted(moments):
        in_order.arrive("k", "T", "/", at, paper=False)
    for at in moments:
        as_told.arrive("k", "T", "/", at, paper=False)
    seconds = [sum(end - 1 < at <= end for at in moments) for end in set(moments)]
    assert as_told.report() == in_order.report()
    assert as_told.report()["largest_1s"] == max(seconds, default=0)


@given(moments=MOMENTS)
def test_no_second_of_what_was_served_holds_more_than_the_limit(moments: list[float]) -> None:
    ledger = Ledger(Limits(per_second=3))
    served = [at for at in moments if not ledger.arrive("k", "T", "/", at, paper=False)[1]]
    assert [end for end in served if sum(end - 1 < at <= end for at in served) > 3] == []
    assert ledger.report()["refused"] == len(moments) - len(served)


def test_the_per_minute_limit_is_reported_but_not_enforced(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start()
    control.set_limits(sandbox.url, enforce=True, per_second=100, per_minute=5)
    client = connect(sandbox.url)
    assert {client.daily("005930", "20261120", "20261120")[0] for _ in range(8)} == {200}
    assert control.report(sandbox.url)["violations"] == {"per_second": 0, "per_minute": 3, "token": 0}


def test_the_detail_lists_every_data_request_with_its_range_and_rows(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    client.daily("005930", "20261102", "20261120")
    client.daily("999999", "20261102", "20261120")
    rows = control.report(sandbox.url, detail=True)["detail"]
    facts = [{name: row[name] for name in ("tr", "code", "from", "until", "served_rows", "status")} for row in rows]
    common = {"tr": "FHKST03010100", "from": "20261102", "until": "20261120", "status": 200}
    assert facts == [{**common, "code": "005930", "served_rows": 15}, {**common, "code": "999999", "served_rows": 0}]
    assert 0 < rows[0]["at"] < rows[1]["at"]


def test_tokens_and_master_files_are_no_data_requests(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    client.login()
    client.login()
    client.raw("GET", "/common/master/kospi_code.mst.zip")
    report = control.report(sandbox.url)
    assert report["requests"] == 0
    assert report["by_path"] == {"/oauth2/tokenP": 2, "/common/master/kospi_code.mst.zip": 1}
    assert report["tokens"] == {"issued": 1, "repeated": 0, "refused": 1}
    assert report["violations"]["token"] == 1


def test_clearing_the_report_begins_anew(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start()
    connect(sandbox.url).daily("005930", "20261120", "20261120")
    control.clear_report(sandbox.url)
    report = control.report(sandbox.url, detail=True)
    assert (report["requests"], report["largest_1s"], report["detail"]) == (0, 0, [])


def test_requests_of_many_connections_are_all_counted(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start(enforce_limits=False)
    clients = [connect(sandbox.url) for _ in range(6)]

    def work(client: Any) -> None:
        for _ in range(25):
            client.daily("005930", "20261120", "20261120")

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = control.report(sandbox.url)
    assert (report["requests"], report["by_tr"], report["by_status"]) == (150, {"FHKST03010100": 150}, {"200": 150})


@pytest.mark.parametrize("wanted", [{"per_hour": 3}, {"per_second": 0}, {"enforce": 1}, {"per_second": True}])
def test_limits_that_make_no_sense_are_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="limits"):
        Limits().changed(**wanted)
