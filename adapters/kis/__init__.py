"""Korea Investment & Securities (KIS) Open API: tokens, daily bars of KRX and overseas, indices, listings, master files."""

from adapters.kis.adapter import KisAdapter, open_adapter
from adapters.kis.wire import Credentials, PriceBasis

__all__ = ["Credentials", "KisAdapter", "PriceBasis", "open_adapter"]
