using System.Globalization;
using System.Runtime.InteropServices;
using Holon.Jvm.Diagnostics;

namespace Holon.Jvm.Natives;

/// <summary>Properties, signals, CDS and other small parts of jdk.internal and java.util.</summary>
internal static class MiscNatives
{
    /// <summary>Names of the platform's properties in the order of SystemProps.Raw.</summary>
    private static readonly string[] PlatformNames =
    [
        "display_country", "display_language", "display_script", "display_variant", "file_encoding", "file_separator", "format_country", "format_language", "format_script", "format_variant",
        "ftp_nonProxyHosts", "ftp_proxyHost", "ftp_proxyPort", "http_nonProxyHosts", "http_proxyHost", "http_proxyPort", "https_proxyHost", "https_proxyPort", "java_io_tmpdir",
        "line_separator", "os_arch", "os_name", "os_version", "path_separator", "socksNonProxyHosts", "socksProxyHost", "socksProxyPort", "sun_arch_abi", "sun_arch_data_model",
        "sun_cpu_endian", "sun_cpu_isalist", "sun_io_unicode_encoding", "sun_jnu_encoding", "sun_os_patch_level", "sun_stderr_encoding", "sun_stdout_encoding", "user_dir", "user_home", "user_name",
    ];

    public static void Register(Func<string, NativeClass> of)
    {
        of("jdk/internal/util/SystemProps$Raw")
            .Ref("vmProperties()[Ljava/lang/String;", VMProperties)
            .Ref("platformProperties()[Ljava/lang/String;", PlatformProperties);
        of("jdk/internal/misc/VM")
            .Void("initialize()V", _ => { })
            .Void("initializeFromArchive(Ljava/lang/Class;)V", _ => { })
            .Long("getuid()J", _ => Libc.GetUid())
            .Long("geteuid()J", _ => Libc.GetEUid())
            .Long("getgid()J", _ => Libc.GetGid())
            .Long("getegid()J", _ => Libc.GetEGid())
            .Long("getNanoTimeAdjustment(J)J", a =>
            {
                var ticks = DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks;
                var seconds = ticks / TimeSpan.TicksPerSecond;
                var difference = seconds - a.Long(0);
                return Math.Abs(difference) > 0x100000000 ? -1 : difference * 1_000_000_000 + ticks % TimeSpan.TicksPerSecond * 100;
            })
            .Ref("getRuntimeArguments()[Ljava/lang/String;", a => a.Machine.NewStringArray([.. a.Machine.Options.Arguments]));
        // What a control group allows is .NET's to know: Runtime's figures heed it.
        of("jdk/internal/platform/CgroupMetrics").Bool("isUseContainerSupport()Z", _ => false);
        of("jdk/internal/vm/VMSupport").Ref("getVMTemporaryDirectory()Ljava/lang/String;", a => a.Machine.NewString("/tmp"));
        of("jdk/internal/misc/PreviewFeatures").Bool("isPreviewEnabled()Z", a => a.Machine.Options.EnablePreview);
        of("jdk/internal/misc/CDS")
            .Bool("isDumpingClassList0()Z", _ => false)
            .Bool("isDumpingArchive0()Z", _ => false)
            .Bool("isSharingEnabled0()Z", _ => false)
            .Void("logLambdaFormInvoker(Ljava/lang/String;)V", _ => { })
            .Void("initializeFromArchive(Ljava/lang/Class;)V", _ => { })
            .Void("defineArchivedModules(Ljava/lang/ClassLoader;Ljava/lang/ClassLoader;)V", _ => { })
            .Long("getRandomSeedForDumping()J", _ => 0);
        of("jdk/internal/misc/Signal")
            .Int("findSignal0(Ljava/lang/String;)I", a => a.String(0) switch
            {
                "HUP" => 1,
                "INT" => 2,
                "QUIT" => 3,
                "ABRT" => 6,
                "USR1" => 10,
                "USR2" => 12,
                "PIPE" => 13,
                "ALRM" => 14,
                "TERM" => 15,
                "CHLD" => 17,
                "CONT" => 18,
                "TSTP" => 20,
                "WINCH" => 28,
                _ => -1,
            })
            .Long("handle0(IJ)J", a => a.Machine.Signals?.Handle(a.Int(0), a.Long(1)) ?? 0)
            .Void("raise0(I)V", a => a.Machine.Signals?.Raise(a.Int(0)));
        of("java/util/TimeZone")
            .Ref("getSystemTimeZoneID(Ljava/lang/String;)Ljava/lang/String;", a => a.Machine.NewString(HostTimeZone()))
            .Ref("getSystemGMTOffsetID()Ljava/lang/String;", a => a.Machine.NewString("GMT"));
        of("java/util/concurrent/atomic/AtomicLong").Bool("VMSupportsCS8()Z", _ => true);
        of("java/io/ObjectStreamClass").Bool("hasStaticInitializer(Ljava/lang/Class;)Z", a => a.Class(0).DeclaredMethod("<clinit>", "()V") != null);
        of("java/lang/ProcessHandleImpl")
            .Long("getCurrentPid0()J", _ => Environment.ProcessId);
        of("jdk/internal/perf/Perf")
            .Ref("createLong(Ljava/lang/String;IIJ)Ljava/nio/ByteBuffer;", a =>
            {
                // Counters that no tool looks at: memory of their own.
                var buffers = a.Machine.BootLoader.Load(a.Thread, "java/nio/ByteBuffer");
                return a.Thread.Call(buffers.DeclaredMethod("allocateDirect", "(I)Ljava/nio/ByteBuffer;")!, Runtime.Value.Of(8)).Ref;
            })
            .Long("highResCounter()J", _ => System.Diagnostics.Stopwatch.GetTimestamp())
            .Long("highResFrequency()J", _ => System.Diagnostics.Stopwatch.Frequency);
        of("jdk/internal/jimage/NativeImageBuffer").Ref("getNativeMap(Ljava/lang/String;)Ljava/nio/ByteBuffer;", _ => null);
        of("jdk/internal/misc/ScopedMemoryAccess").Bool("closeScope0(Ljdk/internal/misc/ScopedMemoryAccess$Scope;Ljdk/internal/misc/ScopedMemoryAccess$Scope$ScopedAccessError;)Z", _ => true);
        of("jdk/internal/invoke/NativeEntryPoint");
        of("java/io/Console")
            .Ref("encoding()Ljava/lang/String;", _ => null)
            .Int("ttyStatus()I", _ => 0);
        of("java/util/zip/CRC32")
            .Int("update(II)I", a => Checksums.Crc32(a.Int(0), [(byte)a.Int(1)]))
            .Int("updateBytes0(I[BII)I", a => Checksums.Crc32(a.Int(0), a.Bytes(1).AsSpan(a.Int(2), a.Int(3))))
            .Int("updateByteBuffer0(IJII)I", a => Checksums.Crc32(a.Int(0), Memory(a.Long(1) + a.Int(3), a.Int(4))));
        of("java/util/zip/Adler32")
            .Int("update(II)I", a => Checksums.Adler32(a.Int(0), [(byte)a.Int(1)]))
            .Int("updateBytes(I[BII)I", a => Checksums.Adler32(a.Int(0), a.Bytes(1).AsSpan(a.Int(2), a.Int(3))))
            .Int("updateByteBuffer(IJII)I", a => Checksums.Adler32(a.Int(0), Memory(a.Long(1) + a.Int(3), a.Int(4))));
    }

    /// <summary>Memory of a direct buffer. SAFETY: the class library checked the range against the buffer and keeps it alive.</summary>
    private static unsafe ReadOnlySpan<byte> Memory(long address, int length) => new((void*)address, length);

    private static string HostTimeZone()
    {
        if (Environment.GetEnvironmentVariable("TZ") is { Length: > 0 } name) return name.TrimStart(':');
        try
        {
            if (File.ReadAllText("/etc/timezone").Trim() is { Length: > 0 } zone) return zone;
        }
        catch (IOException)
        {
            // The link tells as well.
        }
        var target = File.Exists("/etc/localtime") ? File.ResolveLinkTarget("/etc/localtime", true)?.FullName : null;
        var at = target?.IndexOf("zoneinfo/", StringComparison.Ordinal) ?? -1;
        return at >= 0 ? target![(at + 9)..] : "UTC";
    }

    private static object VMProperties(Args a)
    {
        var options = a.Machine.Options;
        var list = new Dictionary<string, string?>
        {
            ["java.home"] = options.JavaHome,
            ["java.vm.specification.name"] = "Java Virtual Machine Specification",
            ["java.vm.specification.vendor"] = "Oracle Corporation",
            ["java.vm.specification.version"] = "17",
            ["java.vm.name"] = VersionText.Name,
            ["java.vm.vendor"] = VersionText.Vendor,
            ["java.vm.version"] = VersionText.Number,
            ["java.vm.info"] = VersionText.Mode(options),
            ["jdk.debug"] = "release",
            ["java.class.path"] = string.Join(':', options.ClassPath),
            ["java.library.path"] = "/usr/java/packages/lib:/usr/lib/x86_64-linux-gnu/jni:/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/usr/lib/jni:/lib:/usr/lib",
            ["sun.boot.library.path"] = Path.Combine(options.JavaHome, "lib"),
            ["sun.java.launcher"] = "SUN_STANDARD",
            ["sun.management.compiler"] = "Holon",
            ["java.vm.compressedOopsMode"] = null,
        };
        foreach (var (name, value) in options.Properties)
        {
            // Module options may open the class library, which is as good as Unsafe.
            if (options.Grants.Unsafe || !name.StartsWith("jdk.module.", StringComparison.Ordinal)) list[name] = value;
        }
        var flat = new List<string?>();
        foreach (var (name, value) in list)
        {
            if (value == null) continue;
            flat.Add(name);
            flat.Add(value);
        }
        flat.Add(null);
        flat.Add(null);
        return a.Machine.NewStringArray(flat);
    }

    private static object PlatformProperties(Args a)
    {
        var (language, country, encoding) = Locale();
        var values = new Dictionary<string, string>
        {
            ["display_language"] = language,
            ["format_language"] = language,
            ["file_encoding"] = encoding,
            ["sun_jnu_encoding"] = encoding,
            ["file_separator"] = "/",
            ["path_separator"] = ":",
            ["line_separator"] = "\n",
            ["java_io_tmpdir"] = "/tmp",
            ["os_name"] = "Linux",
            ["os_arch"] = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "aarch64" : "amd64",
            ["os_version"] = KernelVersion(),
            ["sun_arch_data_model"] = "64",
            ["sun_cpu_endian"] = "little",
            ["sun_io_unicode_encoding"] = "UnicodeLittle",
            ["user_dir"] = Environment.CurrentDirectory,
            ["user_home"] = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home ? home : "/",
            ["user_name"] = Environment.UserName,
        };
        if (country.Length > 0) values["format_country"] = values["display_country"] = country;
        return a.Machine.NewStringArray([.. PlatformNames.Select(n => values.GetValueOrDefault(n))]);
    }

    private static string KernelVersion()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        }
        catch (IOException)
        {
            return Environment.OSVersion.Version.ToString();
        }
    }

    /// <summary>Language, country and encoding of the host's locale, as setlocale would find them.</summary>
    private static (string Language, string Country, string Encoding) Locale()
    {
        var name = "";
        foreach (var variable in (ReadOnlySpan<string>)["LC_ALL", "LC_CTYPE", "LANG"])
        {
            name = Environment.GetEnvironmentVariable(variable) ?? "";
            if (name.Length > 0) break;
        }
        var dot = name.IndexOf('.');
        var encoding = dot < 0 ? "ANSI_X3.4-1968" : name[(dot + 1)..].Split('@')[0];
        if (encoding.Equals("utf8", StringComparison.OrdinalIgnoreCase)) encoding = "UTF-8";
        var locale = dot < 0 ? name : name[..dot];
        if (locale is "" or "C" or "POSIX") return ("en", "", encoding);
        var parts = locale.Split('_');
        return (parts[0].ToLower(CultureInfo.InvariantCulture), parts.Length > 1 ? parts[1] : "", encoding);
    }
}
