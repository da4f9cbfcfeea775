namespace Holon.Jvm.Tests;

/// <summary>Programs that people use, here and on HotSpot: output, exit code and the files they make have to be the same.</summary>
public sealed class RealProgramTests : IDisposable
{
    private const string Jars = "/usr/share/java/";

    private readonly string _folder = Directory.CreateTempSubdirectory("holon-java").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private static readonly string[] Sources = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Programs"), "*.java").Order(StringComparer.Ordinal)];

    private static void RequireAll()
    {
        if (Environment.GetEnvironmentVariable("HOLON_TEST_ALL") != "1") Assert.Skip("Takes long; HOLON_TEST_ALL=1 runs it.");
        if (!Commands.Have("java", "javac")) Assert.Skip("java and javac, which tell what is right, are not installed (openjdk-17-jdk-headless).");
    }

    private static void RequireAll(string package, params string[] jars)
    {
        RequireAll();
        foreach (var jar in jars) Packages.Require(package, Jars + jar);
    }

    private static string ClassPath(params string[] jars) => string.Join(':', jars.Select(j => Jars + j));

    private static void Same(params string[] arguments)
    {
        var (expectedCode, expected, _) = Commands.Run("java", arguments);
        var (code, actual, error) = Commands.Run(Commands.HolonJava, arguments);
        Assert.True(expected == actual, $"{actual}\n{error}");
        Assert.Equal(expectedCode, code);
    }

    private void SameFiles(Func<string, string[]> arguments)
    {
        var there = Directory.CreateDirectory(Path.Combine(_folder, "there")).FullName;
        var here = Directory.CreateDirectory(Path.Combine(_folder, "here")).FullName;
        Assert.Equal("", Commands.Run("java", arguments(there)).Error);
        Assert.Equal("", Commands.Run(Commands.HolonJava, arguments(here)).Error);
        string[] Names(string folder) => [.. Directory.GetFiles(folder, "*.class", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal)];
        Assert.Equal(Names(there), Names(here));
        Assert.NotEmpty(Names(here));
        foreach (var name in Names(here)) Assert.Equal(File.ReadAllBytes(Path.Combine(there, name)), File.ReadAllBytes(Path.Combine(here, name)));
    }

    [Fact]
    public void Javac_makes_the_same_class_files()
    {
        if (!Commands.Have("java", "javac")) Assert.Skip("javac and java, which tell what is right, are not installed (openjdk-17-jdk-headless).");
        SameFiles(target => ["com.sun.tools.javac.Main", "-d", target, .. Sources]);
    }

    [Fact]
    public void Javac_compiles_a_project_of_three_hundred_files()
    {
        RequireAll();
        var sources = Path.Combine(_folder, "sources");
        Commands.MustRun("java", Path.Combine(AppContext.BaseDirectory, "MakeProject.java"), sources, "300");
        var list = Path.Combine(_folder, "list");
        File.WriteAllLines(list, Directory.GetFiles(sources, "*.java", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        SameFiles(target => ["com.sun.tools.javac.Main", "-d", target, "@" + list]);
        Same("-cp", Path.Combine(_folder, "here"), "shop.Main");
    }

    [Fact]
    public void Ecj_makes_the_same_class_files()
    {
        RequireAll("ecj", "eclipse-jdt-core.jar");
        var sources = Path.Combine(_folder, "sources");
        Commands.MustRun("java", Path.Combine(AppContext.BaseDirectory, "MakeProject.java"), sources, "40");
        SameFiles(target => ["-cp", ClassPath("eclipse-jdt-core.jar"), "org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-nowarn", "-proc:none", "-d", target, sources]);
        Same("-cp", Path.Combine(_folder, "here"), "shop.Main");
    }

    [Fact]
    public void Kotlin_makes_the_same_class_files_and_they_run()
    {
        RequireAll("kotlin", "kotlin-stdlib.jar");
        const string Folder = "/usr/share/kotlin/kotlinc/lib/";
        Packages.Require("kotlin", Folder + "kotlin-preloader.jar");
        var source = Path.Combine(_folder, "k.kt");
        File.WriteAllText(source, """
            data class P(val x: Int, val y: String?)
            sealed class Tree { data class Leaf(val n: Int) : Tree(); data class Node(val l: Tree, val r: Tree) : Tree() }
            fun Tree.sum(): Int = when (this) { is Tree.Leaf -> n; is Tree.Node -> l.sum() + r.sum() }
            inline fun <reified T> Any.isA() = this is T
            fun main() {
                println(listOf(3, 1, 2).sortedDescending().map { it * 2 }.joinToString())
                println(P(1, null).copy(y = "z").y?.length ?: -1)
                println(Tree.Node(Tree.Leaf(1), Tree.Node(Tree.Leaf(2), Tree.Leaf(3))).sum())
                println("s".isA<String>())
                println(generateSequence(1) { it * 3 }.takeWhile { it < 1000 }.toList())
                val map = mutableMapOf<String, Int>()
                for (w in "a b a c b a".split(" ")) map.merge(w, 1, Int::plus)
                println(map)
            }
            """);
        SameFiles(target => ["-cp", Folder + "kotlin-preloader.jar", "org.jetbrains.kotlin.preloading.Preloader", "-cp", Folder + "kotlin-compiler.jar", "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-nowarn", "-d", target, source]);
        Same("-cp", $"{Path.Combine(_folder, "here")}:{ClassPath("kotlin-stdlib.jar")}", "KKt");
    }

    public static TheoryData<string> LibraryPrograms => [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Library"), "*.java").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(LibraryPrograms))]
    public void The_class_library_does_what_it_does_on_HotSpot(string name)
    {
        RequireAll();
        Commands.MustRun("javac", "-nowarn", "-Xlint:none", "-d", _folder, Path.Combine(AppContext.BaseDirectory, "Library", name + ".java"));
        string[] arguments = [];
        if (name == "Secure")
        {
            var store = Path.Combine(_folder, "keys.p12");
            Commands.MustRun("keytool", "-genkeypair", "-alias", "k", "-keyalg", "EC", "-dname", "CN=localhost", "-ext", "san=dns:localhost,ip:127.0.0.1", "-storetype", "PKCS12", "-keystore", store, "-storepass", "secret");
            arguments = [store, "secret"];
        }
        Same(["-cp", _folder, name, .. arguments]);
    }

    [Fact]
    public void Scala_makes_the_same_class_files()
    {
        string[] jars = ["scala-compiler.jar", "scala-library.jar", "scala-reflect.jar", "scala-xml_2.11.jar"];
        RequireAll("scala", jars);
        var source = Path.Combine(_folder, "H.scala");
        File.WriteAllText(source, """
            object H {
              case class P(x: Int, y: String)
              def main(a: Array[String]) {
                println(List(3, 1, 2).sorted.map(_ * 2))
                P(2, "z") match { case P(n, s) => println(n + s) }
              }
            }
            """);
        SameFiles(target => ["-cp", ClassPath(jars), "scala.tools.nsc.Main", "-usejavacp", "-nowarn", "-d", target, source]);
        Same("-cp", $"{Path.Combine(_folder, "here")}:{ClassPath("scala-library.jar")}", "H");
    }

    [Fact]
    public void Rhino_runs_JavaScript()
    {
        RequireAll("librhino-java", "js.jar");
        Same("-cp", ClassPath("js.jar"), "org.mozilla.javascript.tools.shell.Main", "-e",
            "var a=[3,1,2]; a.sort(); print(a.join('-')); print(JSON.stringify({x:[1,{y:2}]})); for (var i=0,s=0;i<10000;i++) s+=i; print(s); print(/a(b+)/.exec('xabbb')[1]);");
    }

    [Fact]
    public void Clojure_evaluates()
    {
        RequireAll("clojure", "clojure.jar");
        Same("-cp", ClassPath("clojure.jar", "core.specs.alpha.jar", "spec.alpha.jar"), "clojure.main", "-e",
            "(println (reduce + (map #(* % %) (range 1000)))) (defmacro m [x] `(println ~x)) (m \"hi\") (println (sort-by val {:a 3 :b 1})) (println (take 5 (iterate inc 1)))");
    }

    [Fact]
    public void Clojure_has_a_REPL()
    {
        RequireAll("clojure", "clojure.jar");
        string[] arguments = ["-cp", ClassPath("clojure.jar", "core.specs.alpha.jar", "spec.alpha.jar"), "clojure.main"];
        const string Typed = "(def x 20)\n(defn f [n] (if (< n 2) n (+ (f (- n 1)) (f (- n 2)))))\n(f x)\n(/ 1 0)\n(class *e)\n(->> (range 10) (filter odd?) (map str) (clojure.string/join \",\"))\n";
        var expected = Commands.RunWith(Typed, "java", arguments);
        Assert.Contains("6765", expected.Output, StringComparison.Ordinal);
        var actual = Commands.RunWith(Typed, Commands.HolonJava, arguments);
        Assert.Equal(expected.Output, actual.Output);
        Assert.Equal(expected.Code, actual.Code);
    }

    [Fact]
    public void Groovy_runs_scripts()
    {
        RequireAll("groovy", "groovy-all.jar");
        Same("-cp", ClassPath("groovy-all.jar", "groovy.jar", "antlr.jar", "asm.jar", "commons-cli.jar"), "groovy.ui.GroovyMain", "-e",
            "println([3,1,2].sort().collect{it*2}); def m=[a:1]; println \"x=${m.a}\"; println((1..10).inject(0){a,b->a+b})");
    }

    [Fact]
    public void Ant_builds_a_project()
    {
        RequireAll("ant", "ant.jar", "ant-launcher.jar");
        File.WriteAllText(Path.Combine(_folder, "build.xml"), """
            <project default="all">
              <target name="all">
                <mkdir dir="src"/><mkdir dir="out"/>
                <echo file="src/A.java">public class A { public static void main(String[] a) { System.out.println("built"); } }</echo>
                <javac srcdir="src" destdir="out" includeantruntime="false" fork="false"/>
                <jar destfile="a.jar" basedir="out"><manifest><attribute name="Main-Class" value="A"/></manifest></jar>
                <java jar="a.jar" fork="true"/>
                <delete dir="out"/>
              </target>
            </project>
            """);
        var (code, output, error) = Commands.Run(Commands.HolonJava, "-cp", ClassPath("ant.jar", "ant-launcher.jar"), "-Dant.home=/usr/share/ant", "org.apache.tools.ant.launch.Launcher", "-f", Path.Combine(_folder, "build.xml"));
        Assert.True(code == 0, output + error);
        Assert.Contains("[java] built", output, StringComparison.Ordinal);
        Same("-jar", Path.Combine(_folder, "a.jar"));
    }

    [Fact]
    public void JShell_evaluates()
    {
        RequireAll();
        var script = Path.Combine(_folder, "script");
        File.WriteAllText(script, "int x = 3\nSystem.out.println(x * 2)\nrecord P(int a) {}\nSystem.out.println(new P(4))\n/exit\n");
        Same("jdk.internal.jshell.tool.JShellToolProvider", "--execution", "local", script);
    }
}
