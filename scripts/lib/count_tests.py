"""Prints "N passed, M failed, K skipped", summed over ctest's JUnit reports; fails when a test failed or a report has none that ran."""
import sys
import xml.etree.ElementTree as ElementTree

KINDS = ("passed", "failed", "skipped")


def outcome(case):
    if case.find("failure") is not None or case.get("status") == "fail":
        return "failed"
    if case.get("status") == "run":
        return "passed"
    # ctest calls a test that could not be started "notrun", as it calls one that skipped itself.
    skipped = case.find("skipped")
    message = skipped.get("message", "") if skipped is not None else ""
    return "skipped" if message.startswith("SKIP_") or case.get("status") == "disabled" else "failed"


def count(report):
    """How many of each outcome; names those that failed."""
    counts = dict.fromkeys(KINDS, 0)
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        cases = []
        print(f"no test report: {error}", file=sys.stderr)
    for case in cases:
        kind = outcome(case)
        counts[kind] += 1
        if kind == "failed":
            print(f"failed: {case.get('name')}")
    if not counts["passed"] and not counts["failed"]:
        print(f"no test ran ({report})")
    return counts


def main():
    reports = [count(report) for report in sys.argv[1:]]
    totals = {kind: sum(counts[kind] for counts in reports) for kind in KINDS}
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**totals))
    return 1 if totals["failed"] or not all(counts["passed"] for counts in reports) else 0


sys.exit(main())
