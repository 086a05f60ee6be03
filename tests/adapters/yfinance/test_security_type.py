"""The table of security types, read back by its own examples."""

from __future__ import annotations

import pytest

from adapters.yfinance.security_type import Rule, deciding, rules
from pipeline import settings

#: A line of which no rule but the last says anything, in any region.
PLAIN = {"quote_type": "EQUITY", "name": "ASHDOWN", "code": "ABC0", "symbol": "ABC0"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: f"{rule.region}-{rule.example}")
def test_every_rule_decides_its_own_example_in_all_its_regions_and_has_a_source(rule: Rule) -> None:
    field, _, value = rule.example.partition("=")
    line = {**PLAIN, field: value.upper()}
    regions = settings.available_regions() if rule.region == "*" else (rule.region,)
    assert {region: deciding(region, line) for region in regions} == dict.fromkeys(regions, rule)
    assert set(regions) <= set(settings.available_regions())
    assert rule.source
