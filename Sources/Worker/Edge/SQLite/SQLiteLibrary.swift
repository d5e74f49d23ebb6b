import CSQLite
import Linux

/// What SQLite shares over a whole process. Debian's library is built with features that a confined reader must not have
/// (`USE_URI`, `ENABLE_LOAD_EXTENSION`, `ENABLE_FTS3_TOKENIZER`, double-quoted strings); each is closed at run time, the
/// process-wide ones here and the others in `Confinement`.
enum SQLiteLibrary {
    /// Configures and initialises the engine once. `memoryMax` bounds everything it allocates, over all connections; an
    /// allocation beyond it fails with SQLITE_NOMEM. Returns false when some option was refused: the caller must not serve then.
    static func start(memoryMax: Int64) -> Bool {
        let isConfigured = Self.isConfigured
        // May be lowered later, never lifted by a statement: PRAGMA hard_heap_limit can only lower it and is denied anyway.
        sqlite3_hard_heap_limit64(memoryMax)
        return isConfigured
    }

    /// A sort or a grouping that took at least this much and gave it back leaves a hole worth returning.
    private static let holeBytesMin: Int64 = 256 << 10

    /// Returns what the calls since the last time took beyond what is still in use, when that was much.
    static func releasePeak() {
        let peak = sqlite3_memory_highwater(1)
        if peak - sqlite3_memory_used() >= Self.holeBytesMin { ProcessMemory.releaseFree() }
    }

    private static let isConfigured: Bool = {
        // One thread at a time uses a connection, so connections need no mutex of their own.
        guard csqlite_config(SQLITE_CONFIG_MULTITHREAD) == SQLITE_OK else { return false }
        // No path is ever read as a URI, also not by ATTACH or VACUUM INTO.
        guard csqlite_config_int(SQLITE_CONFIG_URI, 0) == SQLITE_OK else { return false }
        // The heap limit needs the accounting.
        guard csqlite_config_int(SQLITE_CONFIG_MEMSTATUS, 1) == SQLITE_OK else { return false }
        // A file that shrinks under a mapping would kill the process with SIGBUS.
        guard csqlite_config_mmap(0, 0) == SQLITE_OK else { return false }
        guard sqlite3_initialize() == SQLITE_OK else { return false }
        // Seeds the engine's generator while its source can still be opened.
        var seed: UInt8 = 0
        unsafe sqlite3_randomness(1, &seed)
        return true
    }()
}
