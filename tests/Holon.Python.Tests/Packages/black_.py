"""black, as a library and as its command."""
import os, sys, tempfile
import black
from click.testing import CliRunner

ugly = '''
import os,sys
from a import (b,
c)
class  A( B,metaclass = C ):
  x:int=1
  def f(self,a,*args,b=2,**kw)->Dict[str,int]:
      """Doc.   """
      if a==1 and b!=2 or not (c  in d): return {'a':1,"b":[1,2,3],'c':lambda x:x+1}
      else:
          with open( 'x' ) as f, open("y") as g: print( f"{a!r:>10}" 'x', file = sys.stderr )
      return very_long_function_name(argument_number_one, argument_number_two)[index_expression].attribute(argument_number_three)
async def g():
    async for i in aiter( x ):
        yield await  y( i )[ 1 : 2 ]
    match command.split( ):
        case [ "go",direction ] : pass
        case {"a":1,**rest} if rest : pass
    try: pass
    except* ( E1,E2 ) as e: raise  X from e
    del ( a ),( b )
    assert some_type_of_boolean_expression, "followed by a really long string that is used to explain the assertion error message"
    x = a if b else c; y = not(z)
# fmt: off
m = [1,0,
     0,1]
# fmt: on
if x:
    pass
elif  y : # comment
    pass
for  ( x,y ) in z : print( x ,y , sep = '' )
print("hello" , end = "" ) # trailing
t=(1,)
u = 0XFF + 1E5 + 10L if False else 0o17
'''.replace("10L", "10")
print(black.format_str(ugly, mode=black.Mode()))
print(black.format_str(ugly, mode=black.Mode(line_length=60, string_normalization=False, target_versions={black.TargetVersion.PY311})))
for bad in ("x = (", "def f(:\n pass", "a b"):
    try:
        black.format_str(bad, mode=black.Mode())
    except black.InvalidInput as error:
        print(error)
folder = tempfile.mkdtemp()
path = os.path.join(folder, "f.py")
with open(path, "w") as file:
    file.write(ugly)
for options in (["--check"], ["--diff", "-q"], [], ["--check"]):
    result = CliRunner().invoke(black.main, ["--workers", "1", *options, path])
    print(result.exit_code, result.output.replace(folder, "FOLDER").split("\t")[0][:3000] if "--diff" not in options else result.output.count("\n+"))
