namespace Holon.Jvm;

/// <summary>
/// Options of HotSpot that scripts give to tune its collectors, compilers and archives. Holon has others, so they mean nothing here and
/// programs do the same without them. What would change what a program does or shows is not among them.
/// </summary>
internal static class TuningOptions
{
    private static readonly HashSet<string> Known =
    [
        .. """
            AdaptiveSizePolicyWeight AlwaysPreTouch AutoCreateSharedArchive BackgroundCompilation BytecodeVerificationLocal BytecodeVerificationRemote CICompilerCount
            CompactStrings CompileCommand CompileThreshold CompressedClassSpaceSize ConcGCThreads DisableExplicitGC DoEscapeAnalysis EliminateLocks ErrorFile
            ExplicitGCInvokesConcurrent FlightRecorder GCTimeRatio HeapDumpOnOutOfMemoryError HeapDumpPath InitialCodeCacheSize InitialHeapSize InitialRAMPercentage
            InitiatingHeapOccupancyPercent Inline InlineSmallCode InitialBootClassLoaderMetaspaceSize MaxDirectMemorySize MaxGCPauseMillis MaxHeapFreeRatio MaxInlineLevel
            MaxInlineSize MaxMetaspaceSize MaxNewSize MaxTenuringThreshold MetaspaceSize MinHeapFreeRatio MinHeapSize MinRAMPercentage NewRatio NewSize NonNMethodCodeHeapSize
            NonProfiledCodeHeapSize OmitStackTraceInFastThrow OptimizeStringConcat ParallelGCThreads ParallelRefProcEnabled PerfDisableSharedMem PreserveFramePointer
            ProfiledCodeHeapSize ReservedCodeCacheSize SegmentedCodeCache SharedArchiveFile SoftRefLRUPolicyMSPerMB StartFlightRecording StringDeduplicationAgeThreshold
            StringTableSize SurvivorRatio TargetSurvivorRatio TieredCompilation TieredStopAtLevel TLABSize TrimNativeHeapInterval UnlockDiagnosticVMOptions
            UnlockExperimentalVMOptions UseAESIntrinsics UseAVX UseAdaptiveSizePolicy UseBiasedLocking UseCodeCacheFlushing UseCompressedClassPointers UseCompressedOops
            UseContainerSupport UseLargePages UseNUMA UseOnStackReplacement UsePerfData UseSSE UseStringDeduplication UseTLAB UseThreadPriorities UseTransparentHugePages
            VerifyBeforeGC ZAllocationSpikeTolerance ZCollectionInterval ZUncommitDelay
            """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
    ];

    /// <summary>Whether the text behind <c>-XX:</c> is one of them.</summary>
    public static bool IsKnown(string text)
    {
        var name = text.TrimStart('+', '-');
        if (name.IndexOf('=') is >= 0 and var equals) name = name[..equals];
        return Known.Contains(name) || name.StartsWith("G1", StringComparison.Ordinal) || name.StartsWith("Use", StringComparison.Ordinal) && name.EndsWith("GC", StringComparison.Ordinal) || name.StartsWith("Shenandoah", StringComparison.Ordinal);
    }
}
