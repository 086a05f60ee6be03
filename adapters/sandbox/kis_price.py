"""The current price of one name as KIS prints it (FHKST01010100), from its bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from adapters.sandbox import ticks
from adapters.sandbox.kis_bars import percent
from adapters.sandbox.market import Bar, Name, Number

_BOARDS = {"XKRX": "KOSPI", "XKOS": "KOSDAQ", "XKON": "KONEX"}
#: What output1 of the daily chart says under the same name.
_FROM_HEAD = (
    *("stck_prpr", "prdy_vrss", "prdy_vrss_sign", "prdy_ctrt", "acml_tr_pbmn", "acml_vol", "stck_oprc", "stck_hgpr"),
    *("stck_lwpr", "stck_mxpr", "stck_llam", "stck_fcam", "lstn_stcn", "cpfn", "hts_avls", "per", "pbr", "eps"),
    *("vol_tnrt", "stck_shrn_iscd"),
)
#: Highest, lowest, date and distance: the field names of three spans.
_D250 = ("d250_hgpr", "d250_lwpr", "d250_{}_date", "d250_{}_vrss_prpr_rate")
_W52 = ("w52_hgpr", "w52_lwpr", "w52_{}_date", "w52_{}_vrss_prpr_ctrt")
_THIS_YEAR = ("stck_dryy_hgpr", "stck_dryy_lwpr", "dryy_{}_date", "dryy_{}_vrss_prpr_rate")
#: Fields this market has nothing to say about.
_NOTHING = {
    **dict.fromkeys(("frgn_ntby_qty", "pgtr_ntby_qty", "frgn_hldn_qty", "last_ssts_cntg_qty", "stck_sspr"), "0"),
    **dict.fromkeys(("hts_frgn_ehrt", "whol_loan_rmnd_rate", "bps"), "0.00"),
    **dict.fromkeys(("oprc_rang_cont_yn", "clpr_rang_cont_yn", "elw_pblc_yn", "vi_cls_code", "ovtm_vi_cls_code"), "N"),
    **dict.fromkeys(("short_over_yn", "invt_caful_yn", "sltr_yn", "mang_issu_cls_code"), "N"),
    **{"marg_rate": "40.00", "crdt_able_yn": "Y", "grmn_rate_cls_code": "40", "ssts_yn": "Y", "stac_month": "12"},
    **{"mrkt_warn_cls_code": "00", "bstp_kor_isnm": ""},
}


def price_fields(name: Name, head: Mapping[str, str], year: Sequence[Bar], *, halted: bool) -> dict[str, str]:
    """The output object; `head` is output1 of the daily chart, `year` the bars of 52 weeks, newest first, not empty."""
    bar = year[0]
    before = year[1] if len(year) > 1 else bar
    traded = [row for row in year if row.open] or [bar._replace(high=bar.close, low=bar.close)]
    this_year = [row for row in traded if row.date.year == bar.date.year] or traded[:1]
    grid = ticks.grid("XKRX" if name.venue == "XKRX" else "XKOS", bar.date)
    return {
        **_NOTHING,
        **{field: head[field] for field in _FROM_HEAD},
        "iscd_stat_cls_code": "58" if halted else "55",
        "temp_stop_yn": "Y" if halted else "N",
        "rprs_mrkt_kor_name": _BOARDS[name.venue],
        "prdy_vrss_vol_rate": f"{bar.volume * 100 / before.volume:.2f}" if before.volume else "0.00",
        "stck_sdpr": str(bar.base),
        "wghn_avrg_stck_prc": f"{bar.amount / bar.volume:.2f}" if bar.volume else "0.00",
        "rstc_wdth_prc": str(int(head["stck_mxpr"]) - int(bar.base)),
        "aspr_unit": str(grid.tick(int(bar.close))),
        "hts_deal_qty_unit_val": str(name.lot),
        "fcam_cnnm": f"{name.face:,}",
        "cpfn_cnnm": f"{int(head['cpfn']):,} 억",
        **_pivots(before),
        **_extremes(bar.close, traded, _D250),
        **_extremes(bar.close, traded, _W52),
        **_extremes(bar.close, this_year, _THIS_YEAR),
    }


def _pivots(before: Bar) -> dict[str, str]:
    """Pivot point, resistances and supports from the session before."""
    high, low, close = int(before.high), int(before.low), int(before.close)
    pivot = (high + low + close) // 3
    levels = {
        "pvt_pont_val": pivot,
        "pvt_frst_dmrs_prc": 2 * pivot - low,
        "pvt_scnd_dmrs_prc": pivot + high - low,
        "pvt_frst_dmsp_prc": 2 * pivot - high,
        "pvt_scnd_dmsp_prc": pivot - high + low,
        "dmrs_val": (3 * pivot - low) // 2,
        "dmsp_val": (3 * pivot - high) // 2,
    }
    return {field: str(level) for field, level in levels.items()}


def _extremes(close: Number, rows: Sequence[Bar], names: tuple[str, str, str, str]) -> dict[str, str]:
    """The highest and the lowest price of `rows`, their dates, and how far the close stands from them in per cent."""
    high, low, day, rate = names
    top, bottom = max(rows, key=lambda row: row.high), min(rows, key=lambda row: row.low)
    found: list[tuple[str, str, Number, date]] = [
        (high, "hgpr", top.high, top.date),
        (low, "lwpr", bottom.low, bottom.date),
    ]
    fields = {}
    for field, side, price, at in found:
        fields[field] = str(price)
        fields[day.format(side)] = f"{at:%Y%m%d}"
        fields[rate.format(side)] = percent(close, price)
    return fields
