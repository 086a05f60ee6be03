"""Bars and index levels as KIS prints them overseas: prices with the exchange's decimals, the change without its sign."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from adapters.sandbox.market import Bar, Level, Number


@dataclass(frozen=True)
class Index:
    """An index of FHKST03030100: `times` our index `code` of `region`, under the `label` KIS prints."""

    region: str
    code: str
    times: int
    label: str


#: By KIS's index code. The Dow, the Nikkei and the Shanghai composite are multiples of the indices we follow: other indices
#: of the same country, so that an answer can be about the wrong one. CSI 300, TOPIX and VN-Index have no code here.
INDICES = {
    "SPX": Index("US", "SPX", 1, "S&P500"),
    ".DJI": Index("US", "SPX", 7, "다우존스 산업지수"),
    "HK#HS": Index("HK", "HSI", 1, "항셍 지수"),
    "JP#NI225": Index("JP", "TOPIX", 15, "니케이 225"),
    "SHANG": Index("CN", "CSI300", 2, "상해 종합지수"),
}


def daily_row(bar: Bar, factor: float, scale: int, decimals: int) -> dict[str, str]:
    """One output2 row of HHDFS76240000: prices (currency × `scale`) × `factor`, volume in shares ÷ it."""
    day, opening, high, low, close, volume, amount, base = bar[:8]
    if factor != 1.0:
        exact = Decimal(str(factor))
        opening, high, low, close, base = (round(price * exact) for price in (opening, high, low, close, base))
        volume = round(volume / exact)
    # Written out instead of calling `money` and its like: a chart page has a hundred of these rows.
    shape = f".{decimals}f"
    closing, change = format(close / scale, shape), close - base
    row = {
        "xymd": f"{day.year:04d}{day.month:02d}{day.day:02d}",
        "clos": closing,
        "sign": "2" if change > 0 else "5" if change else "3",
        "diff": unsigned(change, scale, decimals),
        "rate": rate(close, base),
        "open": format(opening / scale, shape),
        "high": format(high / scale, shape),
        "low": format(low / scale, shape),
        "tvol": str(volume),
        "tamt": str(amount),
    }
    if volume:  # KIS leaves the quotes of a session without a trade out; there is no spread here
        row["pbid"] = closing
        row["vbid"] = "100"
        row["pask"] = closing
        row["vask"] = "100"
    return row


def index_row(level: Level, times: int) -> dict[str, str]:
    """One output2 row of FHKST03030100: levels × `times`, volume in shares."""
    day, opening, high, low, close, volume, _ = level
    return {
        "stck_bsop_date": f"{day:%Y%m%d}",
        "ovrs_nmix_prpr": points(close * times),
        "ovrs_nmix_oprc": points(opening * times),
        "ovrs_nmix_hgpr": points(high * times),
        "ovrs_nmix_lwpr": points(low * times),
        "acml_vol": str(volume),
        "mod_yn": "N",
    }


def money(price: Number, scale: int, decimals: int) -> str:
    """A price of currency × `scale` with so many decimals."""
    return f"{price / scale:.{decimals}f}"


def unsigned(change: Number, scale: int, decimals: int) -> str:
    """A change of price without its sign."""
    return money(change if change > 0 else -change, scale, decimals)


def points(hundredths: int) -> str:
    """An index level."""
    return f"{hundredths / 100:.2f}"


def rate(value: Number, base: Number) -> str:
    """The change from `base` to `value` in per cent with its sign; " 0.00" where there is none."""
    if not base or value == base:
        return " 0.00"
    text = f"{(value - base) * 100 / base:+.2f}"
    return " 0.00" if text in ("+0.00", "-0.00") else text


def direction(value: Number, base: Number) -> str:
    """The sign field: 2 up, 3 flat, 5 down. Whether KIS prints 1 and 4 (price limits) abroad is not documented."""
    return "3" if value == base else "2" if value > base else "5"
