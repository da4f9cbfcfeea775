"""pygments: lexers, formatters, styles."""
import hashlib
from pygments import highlight, lex
from pygments.formatters import HtmlFormatter, LatexFormatter, NullFormatter, SvgFormatter, Terminal256Formatter, TerminalFormatter
from pygments.lexers import get_all_lexers, get_lexer_by_name, guess_lexer, guess_lexer_for_filename
from pygments.styles import get_all_styles

samples = {
    "python": 'def f(x: int = 0x1F) -> str:\n    """doc"""\n    return f"{x!r:>{10}}" + r"\\d"  # note\n@d\nclass C(B): async def g(self): yield 1_000j\n',
    "c": '#include <stdio.h>\nint main(void) { /* c */ char *s = "a\\n"; return 0x1f & ~1; }\n',
    "html": '<!DOCTYPE html><p class="x">a &amp; b<script>var x = `t${1}`;</script><style>p { color: red }</style></p>',
    "json": '{"a": [1.5e3, true, null, "\\u00e4"]}',
    "bash": 'for f in *.txt; do echo "${f%.txt}" | sed -e \'s/a/b/\' > $HOME/x; done # end\n',
    "sql": "SELECT a, count(*) FROM t WHERE b LIKE '%x' GROUP BY a; -- c\n",
    "rust": 'fn main() -> Result<(), Box<dyn E>> { let x: u8 = b\'a\'; println!("{}", x); Ok(()) }\n',
    "java": "@Override public <T extends A> int f(List<? super T> l) throws E { return l.size() >> 1; }\n",
    "yaml": "a: &x [1, 'two']\nb: *x # c\n",
    "diff": "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n",
    "haskell": "f :: Int -> [a]\nf x = case x of { 0 -> []; _ -> let y = x in f (y-1) }\n",
    "pycon": ">>> 1/0\nTraceback (most recent call last):\n  File \"<stdin>\", line 1, in <module>\nZeroDivisionError: x\n",
}
for name, code in samples.items():
    lexer = get_lexer_by_name(name)
    tokens = list(lex(code, lexer))
    print(name, len(tokens), tokens[:6])
    for formatter in (HtmlFormatter(linenos="table", full=True), LatexFormatter(), TerminalFormatter(), Terminal256Formatter(style="monokai"), SvgFormatter(), NullFormatter()):
        print("  ", type(formatter).__name__, hashlib.sha1(highlight(code, lexer, formatter).encode()).hexdigest())
print(HtmlFormatter(style="friendly").get_style_defs(".h")[:300])
print(len(list(get_all_lexers())), sorted(get_all_styles())[:5])
print(guess_lexer("#!/usr/bin/perl\nprint 1;").name, guess_lexer_for_filename("x.py", "import os").name)
