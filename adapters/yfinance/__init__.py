"""Yahoo Finance, spoken to with the yfinance package: keyless, all nine regions."""

from adapters.yfinance.adapter import YfinanceAdapter, open_adapter

__all__ = ["YfinanceAdapter", "open_adapter"]
