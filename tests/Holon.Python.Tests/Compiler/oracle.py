"""Compares what Holon's compiler makes of sources with what this CPython makes of them.

Reads records from standard input and answers each with one line of JSON: a list of differences, empty when there is none.
A record: six big-endian lengths and their bytes: command, file name, mode, options as JSON, source, result. The result is marshalled code
('C' and bytes) or an error ('E' and JSON).
"""
import ast
import json
import marshal
import struct
import sys
import types
import warnings

out = sys.stdout.buffer
inp = sys.stdin.buffer
FIELDS = ['co_name', 'co_qualname', 'co_filename', 'co_firstlineno', 'co_flags', 'co_argcount', 'co_posonlyargcount', 'co_kwonlyargcount',
          'co_nlocals', 'co_names', 'co_varnames', 'co_cellvars', 'co_freevars', 'co_code', 'co_stacksize', 'co_exceptiontable', 'co_linetable']


def key(value):
    """What makes a constant itself: its type and its exact value."""
    if isinstance(value, types.CodeType):
        return 'code'
    if isinstance(value, tuple):
        return ('tuple',) + tuple(key(v) for v in value)
    if isinstance(value, frozenset):
        return ('frozenset',) + tuple(sorted((key(v) for v in value), key=repr))
    if isinstance(value, (float, complex)):
        return type(value).__name__ + repr(value)
    return type(value).__name__, value


def compare(theirs, ours, path, found):
    for field in FIELDS:
        a, b = getattr(theirs, field), getattr(ours, field)
        if a != b:
            found.append([field, path + '.' + theirs.co_name, repr(a)[:300], repr(b)[:300]])
    a, b = theirs.co_consts, ours.co_consts
    if tuple(map(key, a)) != tuple(map(key, b)):
        found.append(['co_consts', path + '.' + theirs.co_name, repr(a)[:300], repr(b)[:300]])
        return
    for x, y in zip(a, b):
        if isinstance(x, types.CodeType):
            compare(x, y, path + '.' + theirs.co_name, found)


def describe(error):
    if isinstance(error, SyntaxError):
        return [type(error).__name__, error.msg, error.lineno, error.offset, error.text, error.end_lineno, error.end_offset]
    return [type(error).__name__, str(error)]


def theirs_of(name, mode, options, source):
    caught = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            result = compile(source, name, mode, options['flags'], True, options['optimize'])
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, SystemError) as e:
            result = describe(e)
    return result, sorted([w.category.__name__, str(w.message), w.lineno] for w in caught)


def answer(name, mode, options, source, result):
    if options.get('text'):
        source = source.decode('utf-8')
    theirs, caught = theirs_of(name, mode, options, source)
    found = []
    if 'warnings' in options and sorted(options['warnings']) != caught:
        found.append(['warnings', name, repr(caught)[:300], repr(options['warnings'])[:300]])
    if result[:1] == b'C':
        ours = marshal.loads(result[1:])
        if isinstance(theirs, list):
            found.append(['accepted', name, repr(theirs), ''])
        else:
            compare(theirs, ours, '', found)
    else:
        ours = json.loads(result[1:])
        if not isinstance(theirs, list):
            found.append(['refused', name, '', repr(ours)])
        elif theirs != ours:
            names = ['type', 'msg', 'lineno', 'offset', 'text', 'end_lineno', 'end_offset']
            which = next((n for n, a, b in zip(names, theirs, ours) if a != b), 'length')
            found.append(['error ' + which, name, repr(theirs), repr(ours)])
    return found


def dump(node):
    """A tree as text: constructor, fields in order, place."""
    if isinstance(node, ast.AST):
        place = ''
        if hasattr(node, 'col_offset'):
            place = f'@{node.lineno}:{node.col_offset}-{node.end_lineno}:{node.end_col_offset}'
        return type(node).__name__ + '(' + ','.join(dump(getattr(node, f, None)) for f in node._fields) + place + ')'
    if isinstance(node, list):
        return '[' + ','.join(map(dump, node)) + ']'
    return ascii(node)


def compare_trees(name, options, source, result):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            theirs = dump(compile(source, name, 'exec', ast.PyCF_ONLY_AST | options['flags'], True))
    except (SyntaxError, ValueError) as e:
        theirs = repr(e)
        return [] if result[:1] == b'E' else [['accepted', name, theirs, '']]
    ours = result[1:].decode('utf-8', 'surrogatepass')
    if theirs == ours:
        return []
    at = next((i for i, (a, b) in enumerate(zip(theirs, ours)) if a != b), min(len(theirs), len(ours)))
    return [['tree', name, theirs[max(0, at - 60):at + 60], ours[max(0, at - 60):at + 60]]]


def main():
    while True:
        header = inp.read(24)
        if len(header) < 24:
            return
        parts = [inp.read(n) for n in struct.unpack('>6I', header)]
        command, name, mode, options = parts[0].decode(), parts[1].decode(), parts[2].decode(), json.loads(parts[3])
        if command == 'names':
            import unicodedata
            reply = {unicodedata.name(chr(c)): c for c in range(0x110000) if unicodedata.name(chr(c), None)}
        elif command == 'normalize':
            import unicodedata
            reply = unicodedata.normalize('NFKC', name)
        elif command == 'time':
            import time
            start = time.perf_counter()
            try:
                compile(parts[4], name, mode, 0, True, 0)
            except SyntaxError:
                pass
            reply = time.perf_counter() - start
        elif command == 'tree':
            reply = compare_trees(name, options, parts[4], parts[5])
        else:
            try:
                reply = answer(name, mode, options, parts[4], parts[5])
            except Exception as e:
                reply = [['oracle', name, repr(e), '']]
        out.write(json.dumps(reply).encode() + b'\n')
        out.flush()


main()
