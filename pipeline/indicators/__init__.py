"""Technical indicators: `compute` is pure, `stage.derive` keeps the table `technical_analysis`."""

from pipeline.indicators.compute import compute

__all__ = ["compute"]
