"""Says how many questions all engines have answered."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name == "truth":
                        counts.update(value)
    if counts:
        questions, differences = counts.pop("questions"), counts.pop("differences")
        terminalreporter.write_line(f"truth: {questions} questions, {differences} differences")
        told = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
        terminalreporter.write_line(f"truth: of these {told}")
