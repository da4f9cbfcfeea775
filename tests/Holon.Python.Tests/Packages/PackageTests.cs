using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holon.Python.Tests.Packages;

/// <summary>Debian's packages of Python programs and libraries do on <c>holon-python</c> what they do on CPython. They are unpacked, not installed.</summary>
public sealed class PackageTests(PackageTests.Unpacked packages) : IClassFixture<PackageTests.Unpacked>
{
    private const string CPython = "/usr/bin/python3.11";

    private const string Names = "python3-requests python3-urllib3 python3-idna python3-chardet python3-charset-normalizer python3-certifi python3-flask python3-werkzeug python3-jinja2 python3-markupsafe python3-itsdangerous python3-click python3-colorama python3-yaml python3-pygments "
        + "python3-sympy python3-mpmath python3-django python3-asgiref python3-sqlparse python3-tz black python3-packaging python3-mypy-extensions python3-pathspec python3-platformdirs python3-typing-extensions python3-mypy python3-docutils docutils-common python3-roman "
        + "pylint python3-astroid python3-isort python3-mccabe python3-tomlkit python3-dill python3-wrapt python3-lazy-object-proxy "
        + "python3-attr python3-rich python3-dateutil python3-six python3-bs4 python3-soupsieve python3-html5lib python3-webencodings python3-markdown python3-markdown-it python3-mdurl python3-jsonschema python3-pyrsistent "
        + "python3-networkx python3-pyparsing python3-sqlalchemy python3-tornado python3-pytest python3-iniconfig python3-pluggy python3-py";

    public static TheoryData<string> Programs => [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Packages"), "*_.py").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_package_does_what_it_does_on_CPython(string name)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("HOLON_TEST_ALL") == "1", "takes minutes: ./holon test --all");
        Assert.SkipUnless(packages.Folder is not null, packages.Why);
        var file = Path.Combine(AppContext.BaseDirectory, "Packages", name);
        var (expected, _, expectedCode) = Run(CPython, ["-B", "-X", "utf8", file]);
        var (output, errors, code) = Run("dotnet", [Path.Combine(AppContext.BaseDirectory, "holon-python.dll"), "-B", file]);
        Assert.True((expected, expectedCode) == (output, code), $"exit code {code} for {expectedCode}\n{errors}\nfirst difference: {Difference(expected, output)}");
    }

    private static string Difference(string expected, string output)
    {
        var (one, two) = (expected.Split('\n'), output.Split('\n'));
        var at = Enumerable.Range(0, Math.Max(one.Length, two.Length)).FirstOrDefault(i => one.ElementAtOrDefault(i) != two.ElementAtOrDefault(i));
        return $"line {at + 1}\nCPython: {one.ElementAtOrDefault(at)}\nHolon:   {two.ElementAtOrDefault(at)}";
    }

    private (string Output, string Errors, int Code) Run(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PYTHONPATH"] = packages.Folder + "/usr/lib/python3/dist-packages";
        start.Environment["HOLON_TEST_CERTIFICATE"] = packages.Folder + "/certificate.pem";
        start.Environment["PYTHONHASHSEED"] = "0";
        // As in what is published: code that is not optimized keeps views alive that nobody refers to any more, which tornado's streams feel.
        start.Environment["DOTNET_TC_QuickJitForLoops"] = "0";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (output, errors.Result, process.ExitCode);
    }

    /// <summary>The packages in a temporary folder, and a certificate for a server on this host.</summary>
    public sealed class Unpacked : IDisposable
    {
        public Unpacked()
        {
            if (Environment.GetEnvironmentVariable("HOLON_TEST_ALL") != "1")
                return;
            if (!File.Exists(CPython) || !File.Exists("/usr/bin/apt-get"))
            {
                Why = $"there is no {CPython} or no apt-get";
                return;
            }
            var folder = Directory.CreateTempSubdirectory("holon-packages").FullName;
            if (!Shell(folder, $"apt-get download -q {Names} && for each in *.deb; do dpkg -x $each . && rm $each; done"))
            {
                Why = "apt-get could not fetch the packages";
                Directory.Delete(folder, true);
                return;
            }
            // Debian's docutils has its templates elsewhere, by absolute names.
            _ = Shell(folder, $"grep -rl /usr/share/docutils usr/lib/python3/dist-packages/docutils --include=*.py | xargs sed -i 's#/usr/share/docutils#{folder}/usr/share/docutils#'");
            using var key = RSA.Create(2048);
            var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("localhost");
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            using var certificate = request.CreateSelfSigned(DateTimeOffset.Now.AddDays(-1), DateTimeOffset.Now.AddDays(30));
            File.WriteAllText(folder + "/certificate.pem", key.ExportPkcs8PrivateKeyPem() + "\n" + certificate.ExportCertificatePem() + "\n");
            Folder = folder;
        }

        public string? Folder { get; }

        public string Why { get; } = "";

        public void Dispose()
        {
            if (Folder is not null)
                Directory.Delete(Folder, true);
        }

        private static bool Shell(string folder, string command)
        {
            using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", command]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
    }
}
