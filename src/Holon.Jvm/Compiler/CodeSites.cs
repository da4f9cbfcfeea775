using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>A place in compiled code where a stack trace may be taken: a method, a bytecode index, and the place that it was inlined at (0: none).</summary>
internal readonly record struct CodeSite(JMethod Method, int Bci, int Outer);

/// <summary>All places of a machine's compiled code, by the number that compiled code writes into its frame.</summary>
internal sealed class CodeSites
{
    private CodeSite[] _sites = new CodeSite[1024];
    private int _count = 1;

    public CodeSite this[int number] => Volatile.Read(ref _sites)[number];

    public int Add(CodeSite site)
    {
        lock (this)
        {
            if (_count == _sites.Length)
            {
                var grown = new CodeSite[_count * 2];
                _sites.CopyTo(grown, 0);
                Volatile.Write(ref _sites, grown);
            }
            _sites[_count] = site;
            return _count++;
        }
    }
}
