"""What hypothesis thinks of: the JSON, the fields and the envelopes that the parsers of this folder are given."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from hypothesis import HealthCheck
from hypothesis import strategies as st

from adapters.base import Instrument
from pipeline.errors import NotYet, Unavailable, Unsupported

QUICK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
CONTRACT = (Unsupported, Unavailable, NotYet)
START, END = dt.date(2024, 6, 3), dt.date(2024, 6, 28)
SAMSUNG = Instrument("KR", "005930", "XKRX", "KRW")
APPLE = Instrument("US", "AAPL", "XNAS", "USD")

WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
ODD_TEXTS = st.sampled_from(
    [
        *("", " ", "-", "+1", "-1", "-0", "0", "00000000", "1.5", "1.", ".5", "1e5", "1_000", "1,000", "0x10", " 1000 "),
        *("NaN", "nan", "inf", "-inf", "Infinity", "None", "null", "１０００", "١٢٣", "1000\x00", "1000\n", "½"),
        *("9" * 19, "9" * 20, "9" * 305, "9" * 309, "9" * 400, "0." + "0" * 400 + "1"),
        *("20240230", "99999999", "２０２４０６２８"),
    ]
)
ODD = ODD_TEXTS | ANY_JSON | st.sampled_from([10**30, -1, 1.5, -0.0, 1e300, True, 2**63])


def envelope(**outputs: Any) -> bytes:
    """A successful answer around anything; lone surrogates travel as escapes, as JSON allows."""
    return json.dumps({"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다.", **outputs}).encode()
