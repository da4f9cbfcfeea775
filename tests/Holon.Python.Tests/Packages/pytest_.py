"""pytest: fixtures, parameters, marks and rewritten assertions, with the report of what fails."""
import os
import re
import subprocess
import sys
import tempfile

TESTS = '''
import os

import pytest


@pytest.fixture
def box():
    yield [1]


@pytest.mark.parametrize("n,square", [(2, 4), (3, 9), (4, 15)])
def test_square(n, square):
    assert n * n == square


def test_box(box, tmp_path, capsys):
    box.append(2)
    print("x")
    assert capsys.readouterr().out == "x\\n"
    (tmp_path / "f").write_text("a")
    assert box == [1, 2]


def test_raises():
    with pytest.raises(ZeroDivisionError, match="division"):
        1 / 0


@pytest.mark.skip(reason="no")
def test_skipped():
    pass


@pytest.mark.xfail
def test_expected():
    assert {"a": 1, "b": [1, 2]} == {"a": 1, "b": [1, 3]}


class TestTexts:
    def test_difference(self):
        assert "abc\\ndef" == "abc\\ndeg"

    def test_environment(self, monkeypatch):
        monkeypatch.setenv("A", "b")
        assert os.environ["A"] == "b"
'''

with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "test_sample.py"), "w") as file:
        file.write(TESTS)
    for options in (["-v"], ["-q", "-k", "square or box", "-x"], ["--collect-only", "-q"]):
        result = subprocess.run([sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-rA", *options, "test_sample.py"], cwd=folder, capture_output=True, text=True)
        text = re.sub(r"in \d+\.\d+s|0x[0-9a-f]+|-- \S+python\S*", "...", result.stdout).replace(folder, "FOLDER")
        print(result.returncode, re.sub(r"=+", "=", text))
