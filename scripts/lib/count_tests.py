"""Prints "N passed, M failed, K skipped" from ctest's JUnit report; fails when a test failed or none ran."""
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    if case.find("failure") is not None or case.get("status") == "fail":
        return "failed"
    if case.get("status") == "run":
        return "passed"
    # ctest calls a test that could not be started "notrun", as it calls one that skipped itself.
    skipped = case.find("skipped")
    message = skipped.get("message", "") if skipped is not None else ""
    return "skipped" if message.startswith("SKIP_") or case.get("status") == "disabled" else "failed"


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    failures = []
    try:
        cases = list(ElementTree.parse(sys.argv[1]).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        cases = []
        print(f"no test report: {error}", file=sys.stderr)
    for case in cases:
        kind = outcome(case)
        counts[kind] += 1
        if kind == "failed":
            failures.append(case.get("name"))
    for name in failures:
        print(f"failed: {name}")
    if not counts["passed"] and not counts["failed"]:
        print("no test ran")
    sys.stdout.write("{passed} passed, {failed} failed, {skipped} skipped\n".format(**counts))
    return 1 if counts["failed"] or not counts["passed"] else 0


sys.exit(main())
