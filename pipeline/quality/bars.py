"""The rules of bars. A row that says why there is no bar (zero open, high and low beside a close; a flat price without volume)
becomes a session state; a row that breaks a rule goes to quarantine under the first rule it breaks; exact repeats of a row
are counted once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from pipeline.frames import BARS
from pipeline.quality.frames import OTHER_UNITS
from pipeline.quality.quarantine import first_broken, given_up, quarantined
from pipeline.store.schemas import SESSION_STATES, STORED_BARS

#: Relative slack of the order of open, high, low and close: providers round each of them on its own.
ORDER_TOLERANCE = 1e-5

#: How far the traded value per share may lie outside of low and high (market_semantics.md, "Quality rules").
VALUE_TOLERANCE = 0.005

#: Days of fewer shares repeat honestly, and so do days of one price: of 155,592 traded rows of KRX in 2023 and 2024, 37
#: equal the session before, all of KONEX; one of them alone is of ten shares or more, and that one is of one price.
REPEATED_SHARES = 10


@dataclass(frozen=True)
class Checked:
    """Outcome of a check: received rows = bars + explained + quarantine + repeated.

    `bars` STORED_BARS, `explained` SESSION_STATES (one a row), `quarantine` QUARANTINE; `open_cells` SESSION_STATES for
    cells whose only rows were refused.
    """

    bars: pl.DataFrame
    explained: pl.DataFrame
    quarantine: pl.DataFrame
    open_cells: pl.DataFrame
    repeated: int


def check(
    rows: pl.DataFrame,
    refused: pl.DataFrame,
    *,
    region: str,
    run_id: str,
    now: dt.datetime,
    listed: pl.DataFrame,
    sessions: pl.DataFrame,
    beside: pl.DataFrame | None = None,
    other_units: pl.DataFrame | None = None,
) -> Checked:
    """Hold `rows` (BARS) and what the adapters already `refused` (REFUSED) against the rules.

    `listed` LISTED and `sessions` SESSIONS say which tickers were asked for and which sessions are closed at `now`.
    `beside` (BARS): rows of the same answers that are judged elsewhere; the rules only compare with them. `other_units`
    (OTHER_UNITS): sessions whose split-adjusted rows are of another unit, as the function of that name finds them.
    """
    unique = rows.unique(maintain_order=True)
    judged = (
        unique.join(listed, on="ticker", how="left", maintain_order="left")
        .join(sessions, on=["venue", "date"], how="left", maintain_order="left")
        .join(
            _echoes(rows if beside is None else pl.concat([rows, beside]), listed, sessions),
            on=["region", "ticker", "date", *_FIELDS],
            how="left",
            maintain_order="left",
        )
        .join(
            OTHER_UNITS.to_frame() if other_units is None else other_units,
            on=["ticker", "date"],
            how="left",
            maintain_order="left",
        )
        .with_columns(
            twice=pl.struct("region", "ticker", "date").is_duplicated(),
            newest_session=pl.lit(sessions["date"].max(), dtype=pl.Date),
            unfit=_UNFIT,
        )
        .with_columns(among_unfit=_AMONG_UNFIT)
        .with_columns(first_broken(*rules(region)), state=_STATE)
    )
    broken = judged.filter(pl.col("rule").is_not_null())
    sound = judged.filter(pl.col("rule").is_null())
    bars = (
        sound.filter(pl.col("state").is_null())
        .with_columns(timeframe=pl.lit("D"), run_id=pl.lit(run_id))
        .select(STORED_BARS.names())
    )
    explained = (
        sound.filter(pl.col("state").is_not_null())
        .with_columns(reason=_STATE_REASON, asked=pl.lit(1, dtype=pl.Int32), run_id=pl.lit(run_id))
        .select(SESSION_STATES.names())
    )
    quarantine = pl.concat([quarantined(broken, broken.select(BARS.names()), run_id, now), given_up(refused, run_id, now)])
    return Checked(
        bars=bars,
        explained=explained,
        quarantine=quarantine,
        open_cells=_open_cells(quarantine, bars, explained, listed, sessions),
        repeated=rows.height - unique.height,
    )


_PRICES = ("open", "high", "low", "close")
_FIELDS = (*_PRICES, "volume")

_ZERO_OPEN_HIGH_LOW = (pl.col("open") == 0) & (pl.col("high") == 0) & (pl.col("low") == 0) & (pl.col("close") > 0)
_FLAT = (pl.col("open") == pl.col("close")) & (pl.col("high") == pl.col("close")) & (pl.col("low") == pl.col("close"))

_STATE = (
    pl.when(_ZERO_OPEN_HIGH_LOW & (pl.col("volume") == 0))
    .then(pl.lit("halted"))
    .when(_FLAT & (pl.col("volume") == 0))
    .then(pl.lit("no_trade"))
)

_STATE_REASON = (
    pl.when(pl.col("state") == "halted")
    .then(pl.lit("zero open, high and low beside a close"))
    .otherwise(pl.lit("flat price without volume"))
)

#: What prices of another unit are to the traded value per share, as factor and words.
_OTHER_UNITS = tuple(
    pair
    for times in (10, 100, 1_000)
    for pair in ((float(times), f"{times} times"), (1 / times, f"1/{times} of"))
)
_VALUE_PER_SHARE = pl.col("amount") / pl.col("volume")


def _prices_are(times: float) -> pl.Expr:
    """Whether low and high, divided by `times`, hold the traded value per share."""
    low, high = pl.col("low") * (1 - VALUE_TOLERANCE), pl.col("high") * (1 + VALUE_TOLERANCE)
    return (_VALUE_PER_SHARE * times).is_between(low, high)


_OTHER_UNIT = pl.coalesce(pl.when(_prices_are(times)).then(pl.lit(words)) for times, words in _OTHER_UNITS)

#: Adjusted prices may stand beside an unadjusted volume: only raw ones have to fit what was paid.
_UNFIT = (
    (pl.col("basis") == "raw")
    & (pl.col("volume") > 0)
    & (pl.col("amount") > 0)
    & ~_prices_are(1.0)
    & _OTHER_UNIT.is_not_null()
).fill_null(False)

#: An untraded row has no traded value of its own: the traded ones of its ticker speak for it where they all agree.
_AMONG_UNFIT = (
    (pl.col("volume") == 0)
    & pl.col("unfit").any().over("region", "ticker")
    & ~((pl.col("volume") > 0) & ~pl.col("unfit")).any().over("region", "ticker")
)

#: What whole answers showed, where no traded value can: only of rows that are adjusted for splits.
_OF_OTHER_UNIT = (pl.col("basis") == "split_adjusted") & pl.col("other_unit").is_not_null()


def _echoes(rows: pl.DataFrame, listed: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """The traded rows once more, dated one session later: what a repeated row of each would look like."""
    following = sessions.sort("venue", "date").with_columns(next=pl.col("date").shift(-1).over("venue"))
    return (
        rows.filter((pl.col("volume") >= REPEATED_SHARES) & ~_FLAT)
        .join(listed, on="ticker", how="inner")
        .join(following, on=["venue", "date"], how="inner")
        .select("region", "ticker", "next", *_FIELDS)
        .drop_nulls()
        .unique()
        .with_columns(repeats=pl.lit(True))
        .rename({"next": "date"})
    )


def rules(region: str) -> list[tuple[str, pl.Expr, pl.Expr]]:
    """Name, condition and reason of each rule, in the order they are tried."""
    lowest = pl.min_horizontal("open", "close", "high")
    highest = pl.max_horizontal("open", "close", "low")
    return [
        (
            "wrong_region",
            pl.col("region") != region,
            pl.format("region {} in a batch of {}", "region", pl.lit(region)),
        ),
        (
            "unknown_ticker",
            pl.col("venue").is_null(),
            pl.format("{} was not asked for", "ticker"),
        ),
        (
            "wrong_currency",
            pl.col("currency").ne_missing(pl.col("listing_currency")),
            pl.format("currency {}, the listing's is {}", "currency", "listing_currency"),
        ),
        (
            "future_bar",
            pl.col("known_at").is_null() & (pl.col("date") > pl.col("newest_session")).fill_null(True),
            pl.format(
                "{} has not closed yet; the newest closed session is {}",
                pl.col("date").cast(pl.String).fill_null("a row without a date"),
                pl.col("newest_session").cast(pl.String).fill_null("not there yet"),
            ),
        ),
        (
            "closed_day",
            pl.col("known_at").is_null(),
            pl.format("{} was no session of {}", "date", "venue"),
        ),
        (
            "missing_field",
            pl.any_horizontal(pl.col(*_FIELDS).is_null()),
            pl.lit("open, high, low, close or volume is missing"),
        ),
        (
            "not_finite",
            pl.any_horizontal(~pl.col(*_PRICES).is_finite()),
            pl.lit("a price is not a finite number"),
        ),
        (
            "conflicting_rows",
            pl.col("twice"),
            pl.format("more than one row for {}, with different values", "date"),
        ),
        (
            "negative_volume",
            pl.col("volume") < 0,
            pl.format("volume {}", "volume"),
        ),
        (
            "zero_price_with_volume",
            _ZERO_OPEN_HIGH_LOW & (pl.col("volume") > 0),
            pl.format("zero open, high and low with volume {}", "volume"),
        ),
        (
            "non_positive_price",
            pl.any_horizontal(pl.col(*_PRICES) <= 0) & ~_ZERO_OPEN_HIGH_LOW,
            pl.format("open {} high {} low {} close {}: a price is not above zero", *_PRICES),
        ),
        (
            "ohlc_order",
            ~_ZERO_OPEN_HIGH_LOW
            & (
                (pl.col("high") < highest * (1 - ORDER_TOLERANCE)) | (pl.col("low") > lowest * (1 + ORDER_TOLERANCE))
            ),
            pl.format("open {} high {} low {} close {}: not low ≤ open, close ≤ high", *_PRICES),
        ),
        (
            "unit_error",
            pl.col("unfit") | pl.col("among_unfit") | _OF_OTHER_UNIT,
            pl.when("unfit")
            .then(
                pl.format(
                    "prices are about {} the traded value per share (low {} high {}, amount {} for volume {})",
                    _OTHER_UNIT,
                    *("low", "high", "amount", "volume"),
                )
            )
            .when(_OF_OTHER_UNIT)
            .then(pl.col("other_unit"))
            .otherwise(pl.lit("untraded, and no traded row beside it has prices that fit its traded value")),
        ),
        (
            "repeated_row",
            pl.col("repeats"),
            pl.format("open, high, low, close and volume {} are those of the session before", "volume"),
        ),
    ]


def _open_cells(
    quarantine: pl.DataFrame,
    bars: pl.DataFrame,
    explained: pl.DataFrame,
    listed: pl.DataFrame,
    sessions: pl.DataFrame,
) -> pl.DataFrame:
    """Cells of real sessions whose rows were all refused; a row of another region is no question to this one's cells."""
    cell = ["ticker", "date"]
    return (
        quarantine.drop("known_at")
        .join(listed, on="ticker", how="inner")
        .join(sessions, on=["venue", "date"], how="inner")
        .filter(pl.col("rule") != "wrong_region")
        .unique(subset=cell, keep="first", maintain_order=True)
        .join(bars, on=cell, how="anti")
        .join(explained, on=cell, how="anti")
        .with_columns(
            state=pl.lit("quarantined"),
            reason=pl.format("{}: {}", "rule", "reason"),
            close=pl.lit(None, dtype=pl.Float64),
            asked=pl.lit(1, dtype=pl.Int32),
        )
        .select(SESSION_STATES.names())
    )
