"""pylint on a file with all kinds of faults."""
import io, os, sys, tempfile
from pylint.lint import Run
from pylint.reporters.text import TextReporter

folder = tempfile.mkdtemp()
os.environ["PYLINTHOME"] = folder
path = os.path.join(folder, "program.py")
with open(path, "w") as file:
    file.write('''
import os, re
from collections import *
import json as j
class thing(object):
    def __init__(self, a=[]):
        self.a = a
    def f(self, x, y):
        global Z
        Z = 1
        if x == None: return 1
        elif x:
            return undefined_name
        else:
            print("a" % (1, 2))
        try:
            pass
        except:
            raise ValueError("x")
    def f(self):
        for i in range(len(self.a)):
            print(self.a[i])
        lambda: 0
        assert (1, "x")
        self.b.c()
def g(a, b, c, d, e, f, h):
    unused = 1
    return open("x").read()
    print("never")
class Child(thing):
    def __init__(self):
        pass
    def f(self, x): return super(Child, self).f()
"abc".foo()
[1, 2].push(3)
x = 5 if True == False else 6
while True:
    break
''')
output = io.StringIO()
run = Run(["--disable=spelling", "--score=y", path], reporter=TextReporter(output), exit=False)
print(output.getvalue().replace(folder, "FOLDER"))
