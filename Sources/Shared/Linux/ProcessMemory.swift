import CLinux

/// How much memory this process may take.
public enum ProcessMemory {
    /// All threads allocate from one arena: for a process of few threads that should stay small. Call before the first thread
    /// starts.
    public static func useOneArena() { clinux_use_one_arena() }

    /// Gives free pages of the heap back to the kernel. Takes 10 to 100 µs, and taking them again costs a page fault each.
    public static func releaseFree() { clinux_release_free_memory() }

    /// Allocations and mappings beyond this many bytes of address space fail from now on. Never raises a lower limit.
    public static func limitAddressSpace(_ bytes: UInt64) throws(SystemError) {
        try SystemCall.check(clinux_limit_address_space(bytes), "setrlimit")
    }
}
