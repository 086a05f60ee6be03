"""Rows of a file as they stand there into rows that can be judged; what can't be read is refused with its place.

Nothing is guessed: a date is YYYY-MM-DD, a number has a point for its decimals and nothing between its thousands.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from pipeline import settings
from pipeline.errors import UsageError
from pipeline.frames import REFUSED
from pipeline.importing.kinds import BASES
from pipeline.importing.origin import ORIGINS, require_ours
from pipeline.importing.wanted import Wanted

#: Rows of a file that could be read. `place` is where the row stands: its line, or its number. `finality` null: by the clock.
ROWS = pl.Schema(
    {
        "place": pl.Int64(),
        "region": pl.String(),
        "ticker": pl.String(),
        "date": pl.Date(),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Int64(),
        "amount": pl.Float64(),
        "currency": pl.String(),
        "provider": pl.String(),
        "basis": pl.String(),
        "adjusted_through": pl.Date(),
        "finality": pl.String(),
    }
)

#: Rows that could not be read: their place and REFUSED.
UNREAD = pl.Schema({"place": pl.Int64(), **REFUSED})

#: What a row that names no region stands under in quarantine, and one that names no ticker.
UNKNOWN = "?"

#: No share of the nine regions trades near this price, in any of their currencies; nor so many shares in a session.
MOST_PRICE = 1e10
MOST_VOLUME = 1e15
MOST_AMOUNT = 1e18

PRICES = ("open", "high", "low", "close")
_NUMBERS = (*PRICES, "volume", "amount")
_TEXTS = ("region", "ticker", "timeframe", "currency", "provider", "basis", "finality", "origin")
_DATE = r"^\d{4}-\d{2}-\d{2}([ T]00:00:00(\.0+)?)?$"
_MOMENT = r"^\d{4}-\d{2}-\d{2}[ T]\d"
_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
_NOT_FINITE = r"^[+-]?(?i:nan|inf|infinity)$"
_DERIVED = ("W", "M")

#: Rules of rows that can't be read: no rule of a night is called so.
UNREADABLE = (
    *("no_region", "unknown_region", "bad_ticker", "unknown_timeframe", "bad_origin", "bad_date", "not_a_number"),
    *("out_of_range", "fractional_volume", "bad_currency", "bad_basis", "bad_finality", "wrong_fields"),
)


@dataclass
class Chunk:
    """Some rows of a file: read (ROWS), unread (UNREAD), and how many were left out because they are derived here."""

    rows: pl.DataFrame
    unread: pl.DataFrame
    derived: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """Reads raw frames of the file at `path`. `noun` is what its places count (line, row); `ticker` where its name says it."""

    path: Path
    wanted: Wanted
    noun: str
    ticker: str | None = None

    def chunk(self, raw: pl.DataFrame) -> Chunk:
        """`raw`: column `place`, and the file's columns as text or numbers, all under their lower-case names.

        `OriginMismatch` where a row says that it belongs into a store of the other origin.
        """
        names = [name for name in raw.columns if name != "place"]
        table = self._texts(raw).with_columns(self._ticker(raw), self._region(raw))
        self._require_ours(table)
        table = _known_regions(table)
        derived = table.filter(pl.col("timeframe").is_in(_DERIVED))
        counted = derived.group_by("code", "timeframe").len().rows()
        table = table.filter(~pl.col("timeframe").is_in(_DERIVED).fill_null(False))
        table = self._dates(self._numbers(table)).with_columns(_first_fault(self.noun))
        broken = table.filter(pl.col("rule").is_not_null())
        return Chunk(
            self._rows(table.filter(pl.col("rule").is_null())),
            self._unread(broken, names),
            {(code or UNKNOWN, timeframe): count for code, timeframe, count in counted},
        )

    def _texts(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Text columns without the blanks around them, empty ones null; the file's own values stay beside as `raw_…`."""
        kept = [pl.col(name).alias(f"raw_{name}") for name in raw.columns if name != "place"]
        columns = []
        for name in _TEXTS:
            value = pl.col(name).cast(pl.String).str.strip_chars() if name in raw.columns else pl.lit(None, dtype=pl.String)
            columns.append(pl.when(value != "").then(value.str.to_lowercase() if name == "origin" else value).alias(name))
        return raw.with_columns(*kept).with_columns(columns)

    def _ticker(self, raw: pl.DataFrame) -> pl.Expr:
        return pl.col("ticker") if "ticker" in raw.columns else pl.lit(self.ticker, dtype=pl.String).alias("ticker")

    def _region(self, raw: pl.DataFrame) -> pl.Expr:
        return pl.col("region") if "region" in raw.columns else pl.lit(self.wanted.region, dtype=pl.String).alias("region")

    def _require_ours(self, table: pl.DataFrame) -> None:
        """The first row of each origin that the rows say."""
        said = table.filter(pl.col("origin").is_in(ORIGINS)).unique("origin", keep="first", maintain_order=True)
        for origin, place in said.select("origin", "place").rows():
            require_ours(self.path, origin, f"{self.noun} {place:,}")

    def _numbers(self, table: pl.DataFrame) -> pl.DataFrame:
        """`number_…` of each number, and `odd_…` where a text is none."""
        columns = [
            (pl.col(name).cast(pl.String) if name in table.columns else pl.lit(None, dtype=pl.String)).alias(f"text_{name}")
            for name in _NUMBERS
        ]
        for name in _NUMBERS:
            if name not in table.columns:
                columns += [pl.lit(None, dtype=pl.Float64).alias(f"number_{name}"), pl.lit(False).alias(f"odd_{name}")]
            elif table.schema[name] == pl.String:
                text = pl.col(name).str.strip_chars()
                reads = text.str.contains(_NUMBER) | text.str.contains(_NOT_FINITE)
                value = pl.when(reads).then(text.str.to_lowercase()).cast(pl.Float64, strict=False)
                columns += [value.alias(f"number_{name}"), (value.is_null() & (text != "")).alias(f"odd_{name}")]
            elif table.schema[name].is_numeric() or table.schema[name] == pl.Null:
                columns += [pl.col(name).cast(pl.Float64).alias(f"number_{name}"), pl.lit(False).alias(f"odd_{name}")]
            else:
                odd = pl.col(name).is_not_null().alias(f"odd_{name}")
                columns += [pl.lit(None, dtype=pl.Float64).alias(f"number_{name}"), odd]
        table = table.with_columns(columns)
        # A volume or an amount that is NaN is one that is missing; a price that is NaN is refused by its own rule.
        missing = ("number_volume", "number_amount")
        return table.with_columns(pl.when(pl.col(name).is_nan().not_()).then(pl.col(name)).alias(name) for name in missing)

    def _dates(self, table: pl.DataFrame) -> pl.DataFrame:
        table = table.with_columns(_day(table, "date").alias("day"), _day(table, "adjusted_through").alias("through"))
        if "raw_basis" not in table.columns:
            return table.with_columns(
                basis=pl.lit(self.wanted.basis), through=pl.lit(self.wanted.adjusted_through, dtype=pl.Date)
            )
        # A row of the file's own basis has its own day; one without a basis takes the options'.
        without = pl.col("basis").is_null()
        return table.with_columns(
            basis=pl.coalesce("basis", pl.lit(self.wanted.basis)),
            through=pl.when(without).then(pl.lit(self.wanted.adjusted_through, dtype=pl.Date)).otherwise(pl.col("through")),
        )

    def _rows(self, sound: pl.DataFrame) -> pl.DataFrame:
        regions = sound["code"].unique().to_list()
        own = {region: self.wanted.currency or settings.get_config(region).currency for region in regions}
        default = pl.col("code").replace_strict(own, return_dtype=pl.String) if own else pl.lit(None, dtype=pl.String)
        return sound.select(
            "place",
            pl.col("code").alias("region"),
            "ticker",
            pl.col("day").alias("date"),
            *(pl.col(f"number_{name}").alias(name) for name in PRICES),
            pl.col("number_volume").cast(pl.Int64).alias("volume"),
            pl.col("number_amount").alias("amount"),
            pl.coalesce("currency", default).alias("currency"),
            pl.coalesce("provider", pl.lit(self.wanted.provider)).alias("provider"),
            "basis",
            pl.col("through").alias("adjusted_through"),
            "finality",
        ).cast(ROWS)

    def _unread(self, broken: pl.DataFrame, names: list[str]) -> pl.DataFrame:
        raws = [
            as_json({self.noun: row["place"], **{name: row[f"raw_{name}"] for name in names}})
            for row in broken.iter_rows(named=True)
        ]
        return broken.select(
            "place",
            pl.col("code").fill_null(UNKNOWN).alias("region"),
            pl.col("ticker").fill_null(UNKNOWN),
            pl.col("day").alias("date"),
            "rule",
            "reason",
            pl.Series("raw", raws, dtype=pl.String),
            pl.coalesce("provider", pl.lit(self.wanted.provider)).alias("provider"),
        ).cast(UNREAD)


def unread_line(place: int, rule: str, reason: str, fields: list[str], reader: Reader) -> tuple[object, ...]:
    """A row of UNREAD for a line that does not even have the file's columns."""
    region = settings.resolve_region(reader.wanted.region) if reader.wanted.region else UNKNOWN
    raw = as_json({reader.noun: place, "fields": fields})
    return place, region, reader.ticker or UNKNOWN, None, rule, reason, raw, reader.wanted.provider


def as_json(row: dict[str, object]) -> str:
    """A row as JSON text; JSON knows no NaN and no infinity: they stand as text."""
    odd = {name: str(value) for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)}
    return json.dumps({**row, **odd}, ensure_ascii=False, default=str)


def _day(table: pl.DataFrame, name: str) -> pl.Expr:
    """A column as dates: ISO text, dates, or moments at midnight without a timezone; anything else is null."""
    kind = table.schema.get(name)
    if kind == pl.Date:
        return pl.col(name)
    if isinstance(kind, pl.Datetime) and kind.time_zone is None:
        return pl.when(pl.col(name) == pl.col(name).dt.truncate("1d")).then(pl.col(name).dt.date())
    if kind == pl.String:
        text = pl.col(name).str.strip_chars()
        return pl.when(text.str.contains(_DATE)).then(text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False))
    return pl.lit(None, dtype=pl.Date)


def _known_regions(table: pl.DataFrame) -> pl.DataFrame:
    """The columns `code`, our code of the row's region (null where none is called so), and `fits`: it can be a ticker there."""
    pairs = table.select("region", "ticker").unique()
    codes = {region: _code(region) for region in pairs["region"].unique()}
    known = {code for code in codes.values() if code is not None}
    patterns: dict[str | None, tuple[str, ...]] = {code: settings.get_config(code).ticker_patterns for code in known}
    found = [
        (region, ticker, codes[region], any(re.fullmatch(one, ticker or "") for one in patterns.get(codes[region], ())))
        for region, ticker in pairs.rows()
    ]
    schema = {"region": pl.String, "ticker": pl.String, "code": pl.String, "fits": pl.Boolean}
    looked = pl.DataFrame(found, schema=schema, orient="row")
    return table.join(looked, on=["region", "ticker"], how="left", nulls_equal=True, maintain_order="left")


def _code(region: str | None) -> str | None:
    try:
        return None if region is None else settings.resolve_region(region)
    except UsageError:
        return None


def _first_fault(noun: str) -> list[pl.Expr]:
    """The columns `rule` and `reason` of the first fault of a row, null where it can be read."""
    place = pl.format(f"{noun} {{}}: ", "place")
    rule: Any = pl.when(False).then(pl.lit(None, dtype=pl.String))
    reason: Any = pl.when(False).then(pl.lit(None, dtype=pl.String))
    for name, broken, why in _faults():
        rule = rule.when(broken.fill_null(False)).then(pl.lit(name))
        reason = reason.when(broken.fill_null(False)).then(pl.coalesce(place + why, place + name))
    return [rule.alias("rule"), reason.alias("reason")]


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).fill_null("")


def _why_no_day() -> pl.Expr:
    text = _text("raw_date").str.strip_chars()
    return (
        pl.when(text.str.contains(_DATE))
        .then(pl.lit("there is no such day"))
        .when(text.str.contains(_MOMENT))
        .then(pl.lit("a time where only a day belongs: write it as YYYY-MM-DD"))
        .otherwise(pl.lit("write it as YYYY-MM-DD"))
    )


def _either(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _faults() -> list[tuple[str, pl.Expr, pl.Expr]]:
    """Name, condition and reason of each fault, in the order they are tried."""
    prices = pl.col(*(f"number_{name}" for name in PRICES))
    volume, amount = pl.col("number_volume"), pl.col("number_amount")
    return [
        ("no_region", pl.col("region").is_null(), pl.lit("names no region")),
        ("unknown_region", pl.col("code").is_null(), pl.format("no region is called {}", _text("region"))),
        (
            "bad_ticker",
            ~pl.col("fits"),
            pl.format("{} is no ticker of {}", _text("ticker"), _text("code"))
            + pl.when(_text("ticker").str.contains("[a-z]")).then(pl.lit(": write it in capitals")).otherwise(pl.lit("")),
        ),
        (
            "unknown_timeframe",
            pl.col("timeframe") != "D",
            pl.format("timeframe {}: D, W and M are known", _text("timeframe")),
        ),
        (
            "bad_origin",
            ~pl.col("origin").is_in(ORIGINS),
            pl.format(f"origin {{}}: {_either(ORIGINS)}", _text("origin")),
        ),
        ("bad_date", pl.col("day").is_null(), pl.format("date {}: {}", _text("raw_date"), _why_no_day())),
        *(
            (
                "not_a_number",
                pl.col(f"odd_{name}"),
                pl.format(f"{name} {{}} is no number such as 1234.5", _text(f"text_{name}")),
            )
            for name in _NUMBERS
        ),
        (
            "out_of_range",
            pl.any_horizontal(prices.is_finite() & (prices.abs() >= MOST_PRICE)),
            pl.lit(f"a price of {MOST_PRICE:g} or more"),
        ),
        ("out_of_range", volume.abs() > MOST_VOLUME, pl.lit(f"more than {MOST_VOLUME:g} shares")),
        ("fractional_volume", volume != volume.round(), pl.format("volume {} is no whole number", volume)),
        (
            "out_of_range",
            (amount < 0) | (amount > MOST_AMOUNT),
            pl.format(f"amount {{}} is not between 0 and {MOST_AMOUNT:g}", amount),
        ),
        (
            "bad_currency",
            ~pl.col("currency").str.contains("^[A-Z]{3}$"),
            pl.format("currency {} is no code such as USD", _text("currency")),
        ),
        (
            "bad_basis",
            ~pl.col("basis").is_in(BASES),
            pl.format(f"basis {{}}: {_either(BASES)}; derived bars are not imported", _text("basis")),
        ),
        (
            "bad_basis",
            (pl.col("basis") == "split_adjusted") != pl.col("through").is_not_null(),
            pl.format("basis {} beside adjusted_through {}: the two go together", _text("basis"), _text("through")),
        ),
        (
            "bad_finality",
            ~pl.col("finality").is_in(["final", "provisional"]),
            pl.format("finality {}: final or provisional", _text("finality")),
        ),
    ]
