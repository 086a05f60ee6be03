"""A run's report: what a person reads in the morning, one Markdown file a run under `reports/` of the home."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.outcome import Outcome
from pipeline.store.file import translated


def path(home: Path, outcome: Outcome) -> Path:
    """Where the report of a run stands."""
    return home / "reports" / f"{outcome.run_id}.md"


def write(home: Path, outcome: Outcome) -> Path:
    """Write `reports/<run_id>.md` and return its path; another attempt of the run replaces it whole."""
    place = path(home, outcome)
    draft = place.with_suffix(".draft")
    with translated(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text(outcome), encoding="utf-8")
        os.replace(draft, place)
    return place


def text(outcome: Outcome) -> str:
    """The report of one run as Markdown."""
    requests = ", ".join(f"{provider} {count:,}" for provider, count in sorted(outcome.requests.items())) or "none"
    rows = [
        ("status", outcome.status),
        ("sessions", f"{outcome.first_session} to {outcome.target_session} ({outcome.sessions:,})"),
        ("tickers", f"{outcome.tickers:,}"),
        ("rows received", f"{outcome.received:,}"),
        ("bars stored", f"{outcome.rows:,} (of them {outcome.revised:,} restated)"),
        ("bars confirmed", f"{outcome.confirmed:,}"),
        ("rows explained as untraded", f"{outcome.explained:,}"),
        ("rows refused", f"{outcome.refused:,}"),
        ("rows repeated", f"{outcome.repeated:,}"),
        ("gaps", f"{outcome.gaps:,}"),
        ("coverage", f"{outcome.coverage:.2%}"),
        ("requests", requests),
        ("seconds", f"{outcome.seconds:.1f}"),
        ("as of", f"{outcome.as_of:%Y-%m-%d %H:%M} UTC"),
    ]
    lines = [f"# {outcome.region}: {outcome.kind} {outcome.run_id}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows]
    notes = [*([outcome.error] if outcome.error else []), *outcome.notes]
    if notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"
