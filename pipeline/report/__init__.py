"""What a person reads in the morning: one self-contained HTML page a day, and the same in short on the terminal.

`facts.gather` reads the newest replica (and the spool, for the slowest tickers), `page.write` and `summary.show` tell them.
"""

from pipeline.report import summary
from pipeline.report.facts import Facts, gather
from pipeline.report.page import path, write

__all__ = ["Facts", "gather", "path", "summary", "write"]
