namespace Holon.Jvm.Diagnostics;

/// <summary>The tags that HotSpot 17 knows: a selection with another one is a mistake.</summary>
internal static class LogTags
{
    public static readonly HashSet<string> All =
    [
        .. """
            add age alloc annotation arguments attach barrier biasedlocking blocks bot breakpoint bytecode cds census class classhisto cleanup codecache compaction compilation
            condy constantpool constraints container coops cpu cset data datacreation dcmd decoder defaultmethods director dump dynamic ergo event exceptions exit fingerprint
            free freelist gc handshake hashtables heap heapsampling humongous ihop iklass indy init inlining install interpreter itables jfr jit jni jvmci jvmti lambda library
            liveness load loader logging malloc map mark marking membername memops metadata metaspace metagc methodcomparator methodhandles mirror mmu module monitorinflation
            monitormismatch nestmates nmethod nmt normalize numa objecttagging obsolete oom oopmap oops oopstorage os owner page pagesize parser patch path perf periodic phases
            plab placeholders preorder preview promotion protectiondomain ptrqueue purge record redefine ref refine region reloc remset resolve safepoint sampling scavenge
            sealed setting smr stackbarrier stackmap stacktrace stackwalk start startup startuptime state stats streaming stringdedup stringtable subclass survivor suspend
            sweep symboltable system table task thread throttle time timer tlab tracking unload unshareable update valuebasedclasses verification verify vmmutex vmoperation
            vmthread vtables vtablestubs workgang
            """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
    ];
}
