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
            AbortVMOnCompilationFailure AdaptiveSizePolicyWeight AllocatePrefetchStyle AlwaysPreTouch AutoCreateSharedArchive BackgroundCompilation BytecodeVerificationLocal
            BytecodeVerificationRemote CICompilerCount CheckIntrinsics CompactStrings CompileCommand CompileThreshold CompileThresholdScaling CompressedClassSpaceSize
            ConcGCThreads CreateCoredumpOnCrash DebugNonSafepoints DisableAttachMechanism DisableExplicitGC DoEscapeAnalysis DumpLoadedClassList
            EliminateAllocations EliminateLocks EnableDynamicAgentLoading ErrorFile ErrorFileToStderr ExplicitGCInvokesConcurrent FlightRecorder
            GCHeapFreeLimit GCTimeRatio HeapBaseMinAddress HeapDumpOnOutOfMemoryError HeapDumpPath InitialBootClassLoaderMetaspaceSize InitialCodeCacheSize
            InitialHeapSize InitialRAMPercentage InitiatingHeapOccupancyPercent Inline InlineSmallCode LogFile LogVMOutput LoopUnrollLimit
            MallocMaxTestWords MaxDirectMemorySize MaxGCPauseMillis MaxHeapFreeRatio MaxInlineLevel MaxInlineSize MaxMetaspaceFreeRatio MaxMetaspaceSize
            MaxNewSize MaxTenuringThreshold MetaspaceSize MinHeapFreeRatio MinHeapSize MinMetaspaceFreeRatio MinRAMPercentage NativeMemoryTracking NewRatio
            NewSize NonNMethodCodeHeapSize NonProfiledCodeHeapSize OmitStackTraceInFastThrow OptimizeStringConcat ParallelGCThreads ParallelRefProcEnabled
            PerfDisableSharedMem PreserveFramePointer PrintWarnings ProfiledCodeHeapSize RangeCheckElimination ReservedCodeCacheSize SegmentedCodeCache
            SharedArchiveFile SoftRefLRUPolicyMSPerMB SplitIfBlocks StackShadowPages StartFlightRecording StressReflectiveCode
            StringDeduplicationAgeThreshold StringTableSize SurvivorRatio SymbolTableSize TLABSize TargetSurvivorRatio Tier0InvokeNotifyFreqLog
            Tier3DelayOn Tier3InvocationThreshold Tier4InvocationThreshold TieredCompilation TieredStopAtLevel TrimNativeHeapInterval
            UnlockDiagnosticVMOptions UnlockExperimentalVMOptions UseAES UseAESIntrinsics UseAVX UseAdaptiveSizePolicy UseBiasedLocking UseBootstrapCallInfo
            UseCMoveUnconditionally UseCodeCacheFlushing UseCompressedClassPointers UseCompressedOops UseContainerSupport UseCounterDecay UseFMA UseGCOverheadLimit UseFastJNIAccessors
            UseLargePages UseNUMA UseOnStackReplacement UsePerfData UseSHA UseSHA1Intrinsics UseSHA256Intrinsics UseSSE UseSignalChaining UseSpinning
            UseStringDeduplication UseSuperWord UseTLAB UseThreadPriorities UseTransparentHugePages UseTypeProfile UseTypeSpeculation
            UseVectorizedMismatchIntrinsic UseVtableBasedCHA VerifyAfterGC VerifyBeforeExit VerifyBeforeGC VerifyDependencies VerifyMethodHandles ZAllocationSpikeTolerance
            ZCollectionInterval ZUncommitDelay
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
