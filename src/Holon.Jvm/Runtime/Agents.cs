using System.IO.Compression;
using System.Text;
using Holon.Jvm.Heap;
using Holon.Jvm.Natives;
using Holon.Machines;

namespace Holon.Jvm.Runtime;

/// <summary>A Java agent of the command line: <c>-javaagent:jar=options</c>.</summary>
public sealed record JavaAgent(string Jar, string? Options);

/// <summary>
/// Java agents (package java.lang.instrument): each has a premain that may register transformers, which see the class files of all
/// classes loaded from then on. Loaded classes cannot be redefined or retransformed, and agents are told so.
/// </summary>
internal sealed class Agents(JavaMachine machine)
{
    private sealed class Agent
    {
        public required JObject Instrumentation;
        public bool Transforms, Retransforms;
    }

    private readonly List<Agent> _agents = [];

    [ThreadStatic]
    private static bool _transforming;

    /// <summary>Runs the agents' premain methods, in the order of the command line.</summary>
    public void Start(JThread t)
    {
        foreach (var agent in machine.Options.Agents) Start(t, agent);
    }

    private void Start(JThread t, JavaAgent agent)
    {
        var manifest = ReadManifest(agent.Jar);
        if (!manifest.TryGetValue("Premain-Class", out var premain)) throw new HolonException($"{agent.Jar} is no Java agent: its manifest has no Premain-Class.");
        if (manifest.TryGetValue("Boot-Class-Path", out var path))
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(agent.Jar))!;
            foreach (var entry in path.Split(' ', StringSplitOptions.RemoveEmptyEntries)) machine.BootPath.Append(Path.Combine(folder, entry));
        }
        if (machine.Options.ClassPath.Count == 0) InstrumentNatives.AppendToClassPath(t, agent.Jar);
        var c = machine.BootLoader.Load(t, "sun/instrument/InstrumentationImpl");
        Initialization.Initialize(t, c);
        var o = c.Allocate();
        _agents.Add(new Agent { Instrumentation = o });
        t.Call(c.DeclaredMethod("<init>", "(JZZ)V")!, Value.Of(o), Value.Of((long)_agents.Count), Value.Of(false), Value.Of(false));
        t.Call(c.DeclaredMethod("loadClassAndCallPremain", "(Ljava/lang/String;Ljava/lang/String;)V")!, Value.Of(o), Value.Of(machine.NewString(premain)), Value.Of(machine.NewStringOrNull(agent.Options)));
    }

    /// <summary>Says which of an agent's two lists of transformers has any.</summary>
    public void SetTransforms(long agent, bool retransformers, bool has)
    {
        if (agent <= 0 || agent > _agents.Count) return;
        if (retransformers) _agents[(int)agent - 1].Retransforms = has;
        else _agents[(int)agent - 1].Transforms = has;
    }

    /// <summary>The class file that the transformers make of one. What a transformer itself loads is not transformed.</summary>
    public ReadOnlySpan<byte> Transform(JThread t, LoaderData loader, string? name, JObject? domain, ReadOnlySpan<byte> bytes)
    {
        if (_agents.Count == 0 || _transforming || name == null) return bytes;
        _transforming = true;
        try
        {
            foreach (var retransformers in (ReadOnlySpan<bool>)[false, true])
            {
                foreach (var agent in _agents)
                {
                    if (retransformers ? !agent.Retransforms : !agent.Transforms) continue;
                    var method = agent.Instrumentation.Class().DeclaredMethod("transform", "(Ljava/lang/Module;Ljava/lang/ClassLoader;Ljava/lang/String;Ljava/lang/Class;Ljava/security/ProtectionDomain;[BZ)[B")!;
                    var result = t.Call(method, Value.Of(agent.Instrumentation), Value.Of(machine.ModuleOf(loader, name)), Value.Of(loader.Loader), Value.Of(machine.NewString(name)), Value.Of(null), Value.Of(domain), Value.Of(bytes.ToArray()), Value.Of(retransformers)).Ref;
                    if (result is byte[] changed) bytes = changed;
                }
            }
        }
        catch (JavaThrow)
        {
            // A failing transformer leaves the class file as it is.
        }
        finally
        {
            _transforming = false;
        }
        return bytes;
    }

    /// <summary>The main attributes of a jar's manifest; names without regard to case.</summary>
    private static Dictionary<string, string> ReadManifest(string jar)
    {
        try
        {
            using var archive = ZipFile.OpenRead(jar);
            if (archive.Entries.FirstOrDefault(e => e.FullName.Equals("META-INF/MANIFEST.MF", StringComparison.OrdinalIgnoreCase)) is not { } entry)
                throw new HolonException($"The agent {jar} has no manifest.");
            using var reader = new StreamReader(entry.Open(), Encoding.UTF8);
            var attributes = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            string? last = null;
            while (reader.ReadLine() is { Length: > 0 } line)
            {
                if (line[0] == ' ' && last != null)
                {
                    attributes[last] += line[1..];
                    continue;
                }
                var colon = line.IndexOf(':');
                if (colon <= 0) continue;
                last = line[..colon];
                attributes[last] = line[(colon + 1)..].Trim();
            }
            return attributes;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new HolonException($"The agent {jar} cannot be opened; name a jar file after -javaagent:.", e);
        }
    }
}
