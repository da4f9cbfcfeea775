"""Runs one module of CPython's test suite and writes a line for each test: its outcome, its name and, when it failed, why.

Usage: driver.py MODULE OUTPUT [SKIP]. It runs on CPython and on Holon; run starts it. Tests whose names stand in the file SKIP are left out.
"""

import gc
import sys
import time
import traceback
import unittest


class Recorder(unittest.TestResult):
    """Writes at once, so that what is known survives a module that has to be ended."""

    def __init__(self, output):
        super().__init__()
        self.output = output
        self.outcome = self.reason = None

    def startTest(self, test):
        super().startTest(test)
        self.write("start", test.id())
        self.outcome, self.reason = "pass", ""

    def stopTest(self, test):
        super().stopTest(test)
        self.write(self.outcome, test.id(), self.reason)

    def write(self, *fields):
        self.output.write("\t".join(f.encode("ascii", "backslashreplace").decode() for f in fields) + "\n")
        self.output.flush()

    def fail(self, test, error):
        reason = "".join(traceback.format_exception_only(error[0], error[1])).strip().replace("\n", " | ").replace("\t", " ")[:300]
        frames = traceback.extract_tb(error[2])[-1:]
        where = "".join(f" ({f.filename.rpartition('/')[2]}:{f.lineno})" for f in frames)
        if self.outcome is None:  # of a class or module, outside any test
            self.write("fail", test.id(), reason + where)
            return
        self.outcome, self.reason = "fail", reason + where

    def addError(self, test, error):
        super().addError(test, error)
        self.fail(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.fail(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.fail(test, error)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.outcome, self.reason = "fail", "unexpected success"

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if self.outcome is None:
            self.write("skip", test.id(), reason)
        elif self.outcome == "pass":
            self.outcome, self.reason = "skip", reason


def threading_cleanup(*before):
    """For test.support.threading_helper: threads that have ended are gone after a collection only, so collect before looking for them."""
    import _thread
    import threading
    for _ in range(5):
        gc.collect()
        if (_thread._count(), threading._dangling) == before:
            break
        time.sleep(0.01)


def has_no_debug_ranges():
    """For test.support, which asks CPython's inside: whether code objects lack columns (-X no_debug_ranges)."""
    return main.__code__.co_linetable == b"" or next(main.__code__.co_positions())[2] is None


def without(suite, skipped):
    """The suite without some of its tests."""
    if not isinstance(suite, unittest.TestSuite):
        return suite
    left = (without(each, skipped) for each in suite if isinstance(each, unittest.TestSuite) or each.id() not in skipped)
    return type(suite)(left)


def main():
    module, output, *skip = sys.argv[1:]
    skipped = {line.rstrip("\n") for name in skip for line in open(name, encoding="ascii")}
    sys.argv[1:] = []
    with open(output, "w") as file:
        recorder = Recorder(file)
        try:
            from test import support
            from test.support import threading_helper
            threading_helper.threading_cleanup = threading_cleanup
            support.has_no_debug_ranges = has_no_debug_ranges
            support.use_resources = []
            suite = unittest.defaultTestLoader.loadTestsFromName("test." + module)
            recorder.write("count", str(suite.countTestCases()))
            without(suite, skipped).run(recorder)
        except BaseException:
            recorder.outcome = None
            recorder.fail(unittest.FunctionTestCase(main), sys.exc_info())
        recorder.write("end")
        file.flush()


main()
