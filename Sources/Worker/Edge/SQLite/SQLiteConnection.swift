import Base
import CSQLite

/// One connection to one file, used by one thread at a time, with every layer of `Confinement` in force from the start.
@safe final class SQLiteConnection {
    private let handle: OpaquePointer
    let guardian: StatementGuard
    let layers: Confinement
    private var boundedFunctions: BoundedFunctions?

    /// Opens `path`, which is a plain absolute path: URI processing is off for the whole process.
    /// `busyTimeout` is how long a statement waits for a writer that holds the file.
    init(path: [UInt8], layers: Confinement, control: LaneControl, busyTimeout: Interval = .seconds(1)) throws(SQLiteError) {
        let mode = layers.contains(.readOnlyOpen) ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
        unsafe self.handle = try Self.open(path, flags: mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE)
        self.guardian = StatementGuard(control: control)
        self.layers = layers
        _ = unsafe sqlite3_busy_timeout(self.handle, Int32(clamping: busyTimeout.wholeMilliseconds))
        try self.applySwitches()
        try self.run("PRAGMA temp_store=MEMORY")
        try self.run("PRAGMA cell_size_check=ON")
        if layers.contains(.queryOnly) { try self.run("PRAGMA query_only=ON") }
        if layers.contains(.limits) { self.boundedFunctions = unsafe try BoundedFunctions(on: self.handle) }
        unsafe self.guardian.install(on: self.handle, layers)
    }

    /// Opens a private database in memory, which holds nothing yet and may be written.
    init(inMemory layers: Confinement, control: LaneControl = LaneControl()) throws(SQLiteError) {
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        unsafe self.handle = try Self.open([UInt8](":memory:"), flags: flags)
        self.guardian = StatementGuard(control: control)
        self.layers = layers
        try self.applySwitches()
        // An empty table costs one page.
        try self.run("PRAGMA page_size=512")
        unsafe self.guardian.install(on: self.handle, layers)
    }

    /// Creates a database file, unconfined: for data of our own only. Durable when the connection is closed.
    init(creating path: [UInt8]) throws(SQLiteError) {
        unsafe self.handle = try Self.open(
            path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE)
        self.guardian = StatementGuard(control: LaneControl())
        self.layers = []
    }

    deinit { unsafe sqlite3_close_v2(self.handle) }

    private static func open(_ path: [UInt8], flags: Int32) throws(SQLiteError) -> OpaquePointer {
        var opened: OpaquePointer?
        let result = unsafe path.withCString { unsafe sqlite3_open_v2($0, &opened, flags, nil) }
        guard let handle = unsafe opened else { throw SQLiteError(code: SQLITE_NOMEM) }
        guard result == SQLITE_OK else {
            let error = unsafe SQLiteError(code: result, of: handle)
            unsafe sqlite3_close_v2(handle)
            throw error
        }
        return unsafe handle
    }

    private func applySwitches() throws(SQLiteError) {
        guard self.layers.contains(.switches) else { return }
        for (option, value) in Confinement.switchTable {
            let result = unsafe csqlite_db_config(self.handle, option, value)
            guard result == SQLITE_OK else { throw SQLiteError(code: result) }
        }
    }

    /// Limits are lifted while we read the schema: a wide table or a long view of the owner must not make the file unreadable.
    /// `columnsMax` is the widest object of the schema; the engine would refuse its whole schema below that.
    func setLimits(forForeignText: Bool, columnsMax: Int) {
        guard self.layers.contains(.limits) else { return }
        for (limit, value) in Confinement.limitTable {
            let strict = limit == SQLITE_LIMIT_COLUMN ? max(value, Int32(clamping: columnsMax)) : value
            // The engine cuts a value above its compiled maximum down to that maximum.
            _ = unsafe sqlite3_limit(self.handle, limit, forForeignText ? strict : Self.lifted(limit, strict))
        }
    }

    /// Attaching and threads stay off even for ourselves.
    private static func lifted(_ limit: Int32, _ strict: Int32) -> Int32 {
        limit == SQLITE_LIMIT_ATTACHED || limit == SQLITE_LIMIT_WORKER_THREADS ? strict : .max
    }

    struct Compiled {
        /// Nil when the text holds nothing but white space and comments.
        let statement: SQLiteStatement?
        /// Offset of the first byte behind the statement.
        let end: Int
    }

    /// Compiles the first statement of `text` from `start` on.
    func prepare(_ text: [UInt8], from start: Int = 0, isKept: Bool = false) throws(SQLiteError) -> Compiled {
        var statement: OpaquePointer?
        var end = start
        let flags = UInt32(isKept ? SQLITE_PREPARE_PERSISTENT : 0)
        let count = Int32(clamping: text.count - start)
        let result = unsafe text.withCString { characters in
            var tail: UnsafePointer<CChar>?
            let begin = unsafe characters + start
            let result = unsafe sqlite3_prepare_v3(self.handle, begin, count + 1, flags, &statement, &tail)
            if let tail = unsafe tail { end = unsafe start + (tail - begin) }
            return result
        }
        guard result == SQLITE_OK else { throw unsafe SQLiteError(code: result, of: self.handle) }
        return Compiled(statement: unsafe statement.map { unsafe SQLiteStatement(taking: $0) }, end: end)
    }

    /// Compiles one of our own statements.
    func prepareOwn(_ text: [UInt8]) throws(SQLiteError) -> SQLiteStatement {
        guard let statement = try self.prepare(text, isKept: true).statement else { throw SQLiteError(code: SQLITE_MISUSE) }
        return statement
    }

    /// Runs one of our own statements to its end.
    func run(_ text: StaticString) throws(SQLiteError) { try self.run([UInt8](text)) }

    func run(_ text: [UInt8]) throws(SQLiteError) {
        let statement = try self.prepareOwn(text)
        while try statement.step() == .row {}  // Bound: our own statements give few rows.
    }

    /// Makes the table-valued functions that queries may use. The engine does it at their first use, by way of its schema table:
    /// the authorizer refuses that to a foreign text.
    func connectTableFunctions() throws(SQLiteError) {
        _ = try self.prepareOwn([UInt8]("SELECT 1 FROM json_each('[]'), json_tree('[]')"))
    }

    /// Makes this connection the one that `LaneControl.interrupt` reaches, while `body` runs.
    func interruptible<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        unsafe self.guardian.control.enter(self.handle)
        defer { self.guardian.control.leave() }
        return try body()
    }
}
