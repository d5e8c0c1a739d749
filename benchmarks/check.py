"""`ostiary check` as a whole process: 300 environments x 20 policies x 8 goals, first and again."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from _machine import Run, disagree, report, run, table, verdict
from _workspaces import write_workspace

LIMIT = 60.0
POLICIES = 20
OSTIARY = Path(sys.executable).with_name("ostiary")
FLOW = """\
says: No device code sign-in gets in, except from office {n}, by staff {n} or on a compliant device.
given: {{authenticationFlow: deviceCodeFlow}}
except: [{{location: office-{n}}}, {{group: [staff-{n}, emergency-access]}}, {{device: compliant}}]
then: blocked
"""
GOALS = {
    **{f"device-code-{n}": FLOW.format(n=n) for n in range(3)},
    "emergency-access": """\
says: Emergency access accounts get in, and are asked for nothing.
given: {group: emergency-access}
then: allowed
""",
    "service-principals": """\
says: No service principal is blocked.
given: {servicePrincipal: All}
then: never blocked
""",
    "staff": """\
says: Staff need a second factor.
given: {group: staff-0, clientAppType: [browser, mobileAppsAndDesktopClients]}
except: [{application: payroll-0}, {group: emergency-access}]
then: {requires: [mfa]}
""",
    "risk": """\
says: Nobody at high risk signs in without a second factor.
given: {signInRiskLevel: high}
except: [{user: clerk-0}, {group: emergency-access}]
then: {requires: [mfa]}
""",
    "abroad": """\
says: Legacy clients do not get in from abroad.
given: {clientAppType: other, location: countries-0}
except: [{group: emergency-access}]
then: blocked
""",
}


def main() -> None:
    """Measure the first check, one with nothing changed, and one with one file changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one run of 30 environments")
    options = parser.parse_args()
    count, runs = (30, 1) if options.quick else (options.environments, options.runs)
    names = [f"tenant-{number:03}" for number in range(count)]
    measured: dict[str, list[Run]] = {"first": [], "nothing changed": [], "one file changed": []}
    with report(f"ostiary check: {count} environments x {POLICIES} policies x {len(GOALS)} goals"):
        for _ in range(runs):
            with tempfile.TemporaryDirectory(prefix="ostiary-bench-") as folder:
                root = Path(folder)
                write_workspace(root, POLICIES, names, GOALS)
                for key, text in GOALS.items():
                    (root / "policies" / "goals").mkdir(exist_ok=True)
                    (root / "policies" / "goals" / f"{key}.yaml").write_text(text)
                measured["first"].append(_check(root, count))
                measured["nothing changed"].append(_check(root, count))
                one = root / "environments" / f"{names[0]}.yaml"
                one.write_text(one.read_text().replace("20.", "21."))
                measured["one file changed"].append(_check(root, count))
        rows = [
            [
                what,
                f"{median(each.wall for each in done):.1f} s",
                f"{median(each.cpu for each in done):.1f} s",
                f"{median(each.peak for each in done):.0f} MiB",
                verdict(median(each.wall for each in done), LIMIT, " s") if what == "first" else "",
            ]
            for what, done in measured.items()
        ]
        table(["", "wall", "CPU", "peak", "target"], *rows)


def _check(root: Path, environments: int) -> Run:
    done = run([str(OSTIARY), "check"], cwd=root)
    goals = environments * len(GOALS)
    if done.status or f"{goals} goals in {environments} environments: {goals} proven" not in (
        done.output
    ):
        disagree(f"check of {environments} environments", done.output[-2000:])
    return done


if __name__ == "__main__":
    main()
