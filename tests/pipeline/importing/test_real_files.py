"""Real bars of Korea and the US as CSV files: every row is stored as it stands, explained, or refused with its reason."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"
CELL = ["ticker", "date"]
VALUES = [*CELL, "open", "high", "low", "close", "volume"]

pytestmark = pytest.mark.skipif(not (REAL / "ohlcv").is_dir(), reason="the folder of real bars is not beside the checkout")


def rows_of(files: list[Path]) -> pl.DataFrame:
    """Every row of the files, as they write them."""
    frames = [
        pl.read_csv(path, schema_overrides={"date": pl.Date}).with_columns(
            pl.col("open", "high", "low", "close").cast(pl.Float64), ticker=pl.lit(path.stem)
        )
        for path in files
    ]
    return pl.concat(frames).select(VALUES).sort(CELL)


@pytest.mark.parametrize("region", ["KR", "US"])
def test_every_row_is_stored_explained_or_refused(home: Any, make: SimpleNamespace, region: str) -> None:
    files = sorted((REAL / "ohlcv" / region).glob("*.csv"))
    wanted = rows_of(files)
    untraded = wanted.filter((pl.col("open") == 0) | ((pl.col("volume") == 0) & (pl.col("high") == pl.col("low"))))

    done = home.inside("import", "csv", *map(str, files), "--region", region, "--now", make.now)

    assert done.code in (0, 3), done.err
    (results,) = done.rows
    for result, path in zip(results, files, strict=True):
        told = ("stored", "same", "explained", "conflicts", "refused", "repeated")
        assert result["read"] == wanted.filter(pl.col("ticker") == path.stem).height == sum(result[name] for name in told)
        assert (result["same"], result["conflicts"], result["repeated"]) == (0, 0, 0)
    stored = home.table("ohlcv_data").select(VALUES).sort(CELL)
    states, refused = home.table("session_states").select(CELL), home.table("quarantine").select(CELL)
    assert stored.equals(wanted.join(stored, on=CELL, how="semi"))
    assert sorted(states.rows()) == sorted(untraded.select(CELL).rows())
    assert stored.height + states.height + refused.height == wanted.height
    assert refused.height <= wanted.height // 500


def test_the_korean_files_come_in_whole(home: Any, make: SimpleNamespace) -> None:
    files = sorted((REAL / "ohlcv" / "KR").glob("*.csv"))
    wanted = rows_of(files)

    results = make.imported(home, "csv", *files, "--region", "KR")

    assert sum(row["stored"] for row in results) == wanted.filter(pl.col("open") > 0).height
    assert sum(row["explained"] for row in results) == wanted.filter(pl.col("open") == 0).height
    assert {row["first"] for row in results} == {str(wanted["date"].min())}
    assert {row["last"] for row in results} == {str(wanted["date"].max())}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("EU_SAF_french_locale_investingcom", "lacks 'open', 'high', 'low', 'close', 'volume'"),
        ("US_AAPL_corrupt_header", "lacks 'date'"),
        ("EU_RHM.DE_last_bar_nan_ohlc_with_volume", "has unknown '# ticker: rhm'"),
        ("KR_012450_halt_days_zero_OHL", "lacks 'date'"),
        ("VN_VHM_prelisting_phantom_rows", "unknown 'time', 'symbol'"),
    ],
)
def test_files_of_other_shapes_are_refused_in_words(home: Any, make: SimpleNamespace, name: str, words: str) -> None:
    said = make.refused(home, "csv", REAL / "bad_examples" / f"{name}.csv", "--region", "KR")
    assert words in said
    assert "Columns that belong" in said
