"""The frames that adapters return and stages take: columns and dtypes, declared once. A leaf: imports nothing of ours."""

from __future__ import annotations

import polars as pl

#: One bar a row. Prices in `currency` (major unit), volume in shares, amount in `currency`; a row the provider gave for an
#: untraded session (zero open, high, low with a close) is a row too: quality explains it.
BARS = pl.Schema(
    {
        "region": pl.String,
        "ticker": pl.String,
        "date": pl.Date,
        "open": pl.Float64,
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "volume": pl.Int64,
        "amount": pl.Float64,
        "currency": pl.String,
        "provider": pl.String,
        "basis": pl.String,
        "adjusted_through": pl.Date,
    }
)

#: One index level a row. `index_code` is ours (`KOSPI`), never a ticker.
INDEX_BARS = pl.Schema(
    {
        "region": pl.String,
        "index_code": pl.String,
        "date": pl.Date,
        "open": pl.Float64,
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "volume": pl.Int64,
        "amount": pl.Float64,
        "currency": pl.String,
        "provider": pl.String,
    }
)

#: Rows an adapter could not parse: what stood there (`raw`, JSON text) and why it was refused.
REFUSED = pl.Schema(
    {
        "region": pl.String,
        "ticker": pl.String,
        "date": pl.Date,
        "rule": pl.String,
        "reason": pl.String,
        "raw": pl.String,
        "provider": pl.String,
    }
)

#: One listing a row, as a provider's list shows it today. `value` is the market value in `currency` (major unit).
INSTRUMENTS = pl.Schema(
    {
        "region": pl.String,
        "ticker": pl.String,
        "venue": pl.String,
        "name": pl.String,
        "local_name": pl.String,
        "security_type": pl.String,
        "currency": pl.String,
        "isin": pl.String,
        "lot": pl.Int64,
        "listed_from": pl.Date,
        "shares": pl.Int64,
        "value": pl.Float64,
        "halted": pl.Boolean,
        "sector_code": pl.String,
        "provider": pl.String,
    }
)

#: One corporate action a row, as one provider tells it. `ratio` is new shares for one old share. Adjusted price before
#: `ex_date` (the venue's session date) = price × `price_factor`, adjusted volume = volume × `volume_factor`. `cash` is gross in
#: `currency` (major unit) per share held at the close before `ex_date`, as announced; both null for other kinds. `source` names
#: the list or rule it was read from. The words of kind and status are those of the table `corporate_actions`.
ACTIONS = pl.Schema(
    {
        "region": pl.String,
        "ticker": pl.String,
        "ex_date": pl.Date,
        "kind": pl.String,
        "ratio": pl.Float64,
        "price_factor": pl.Float64,
        "volume_factor": pl.Float64,
        "in_split_adjusted": pl.Boolean,
        "cash": pl.Float64,
        "currency": pl.String,
        "status": pl.String,
        "source": pl.String,
        "provider": pl.String,
    }
)

#: Kinds of corporate actions that pay money; every other one changes the number of shares or what a share is.
CASH_KINDS = ("cash", "special")

#: Indicators of a bar, in the price's currency (`rsi_14`: 0 to 100), in the order of the table `technical_analysis`.
INDICATORS = pl.Schema(
    dict.fromkeys(
        (
            *("ma5", "ma20", "ma60", "ma120", "ma200", "rsi_14", "macd", "macd_signal", "macd_hist"),
            *("bb_upper", "bb_middle", "bb_lower", "atr_14"),
        ),
        pl.Float64(),
    )
)
