import Base
import CSQLite
import WorkerCore

/// Turns result codes of the engine into what the caller is told.
enum FailureMapping {
    /// Longest text of the engine that is passed on.
    private static let messageBytesMax = 300

    /// On the real connection, while compiling or running. The engine's words stay here, but for a few fixed ones.
    static func real(_ error: SQLiteError, _ guardian: StatementGuard, limit: Interval) -> ToolFailure {
        switch error.primaryCode {
        case SQLITE_INTERRUPT: guardian.control.isCancelled ? .cancelled : .timeout(limit)
        case SQLITE_NOMEM: .memory
        case SQLITE_TOOBIG: .valueTooLarge
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL, SQLITE_SCHEMA: .busy
        case SQLITE_AUTH: .actionDenied
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_PERM, SQLITE_FULL: .unavailable
        case SQLITE_ERROR:
            if let message = Self.runtimeMessage(error.message) { .runtime(message: message) } else { .engine(code: error.code) }
        default: .engine(code: error.code)
        }
    }

    /// While a connection is opened: its caller learns that the database is away, not where it should be.
    static func opening(_ error: SQLiteError) -> ToolFailure {
        switch error.primaryCode {
        case SQLITE_NOMEM: .memory
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        default: .unavailable
        }
    }

    /// Run-time errors that name nothing but the query's own values.
    private static func runtimeMessage(_ message: [UInt8]) -> [UInt8]? {
        let known: [StaticString] = [
            "integer overflow", "malformed JSON", "JSON cannot hold BLOB values", "JSON path error", "bad JSON path",
            "LIKE or GLOB pattern too complex", "ESCAPE expression must be a single character", "string or blob too big",
            "second argument to nth_value must be a positive integer", "argument of ntile must be a positive integer",
            "frame starting offset must be", "frame ending offset must be",
        ]
        for start in known where message.span.begins(with: start) { return Self.shown(message) }
        return nil
    }

    /// On the shadow connection, which knows only what the caller may see.
    static func shadow(
        _ error: SQLiteError, _ guardian: StatementGuard, _ text: [UInt8], _ catalogue: Catalogue
    ) -> ToolFailure {
        if error.primaryCode == SQLITE_NOMEM { return .memory }
        if error.primaryCode == SQLITE_TOOBIG { return .valueTooLarge }
        // A function is refused with SQLITE_ERROR, everything else with SQLITE_AUTH.
        if error.primaryCode == SQLITE_AUTH || error.primaryCode == SQLITE_ERROR, let denial = guardian.denial {
            switch denial.action {
            case SQLITE_FUNCTION: return .functionDenied(name: denial.name)
            case SQLITE_READ:
                if guardian.isTableFunction(denial.name) { return .tableFunctionDenied(name: denial.name) }
                return Self.unknownTable(denial.name, catalogue)
            case SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE:
                // The engine makes a table-valued function at its first use, and asks for its schema table to do so.
                if Self.isSelect(text), let name = Self.tableFunction(in: text, guardian) {
                    return .tableFunctionDenied(name: name)
                }
                return .notReadOnly
            default: return .actionDenied
            }
        }
        guard error.primaryCode == SQLITE_ERROR else { return .engine(code: error.code) }
        if let name = Self.rest(of: error.message, after: "no such table: ") { return Self.unknownTable(name, catalogue) }
        if let name = Self.rest(of: error.message, after: "no such column: ") {
            return .unknownColumn(name: name, views: Self.views(namedIn: text, catalogue))
        }
        return .rejected(message: Self.shown(error.message))
    }

    private static func isSelect(_ text: [UInt8]) -> Bool {
        guard let first = text.split(maxSplits: 1, whereSeparator: { !Self.isNameByte($0) }).first else { return false }
        let word = first.map { ASCII.lowercased($0) }
        return word.span.equals("select") || word.span.equals("with") || word.span.equals("values")
    }

    /// The first word of the text that names a table-valued function which queries may not use.
    private static func tableFunction(in text: [UInt8], _ guardian: StatementGuard) -> [UInt8]? {
        let word = text.split { !Self.isNameByte($0) }.first { guardian.isTableFunction(Array($0)) }
        return word.map { Array($0.prefix(64)) }
    }

    private static func unknownTable(_ name: [UInt8], _ catalogue: Catalogue) -> ToolFailure {
        .unknownTable(name: name, near: NearNames.find(name, among: catalogue.names))
    }

    private static func rest(of message: [UInt8], after start: StaticString) -> [UInt8]? {
        message.span.begins(with: start) ? Array(Self.shown(message).dropFirst(start.utf8CodeUnitCount)) : nil
    }

    private static func shown(_ message: [UInt8]) -> [UInt8] {
        message.prefix(self.messageBytesMax).map { $0 < 0x20 ? 0x20 : $0 }
    }

    /// The objects, at most three, whose names stand in the text as words.
    private static func views(namedIn text: [UInt8], _ catalogue: Catalogue) -> [ToolFailure.ViewColumns] {
        let words = Set(text.split { !Self.isNameByte($0) }.map { $0.map { ASCII.lowercased($0) } })
        let named = catalogue.objects.lazy.filter { words.contains($0.name.map { ASCII.lowercased($0) }) }
        return named.prefix(3).map { .init(view: $0.name, columns: $0.columns.map(\.name)) }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || byte == 0x5F || byte >= 0x80 || (0x61...0x7A).contains(ASCII.lowercased(byte))
    }
}

extension Span where Element == UInt8 {
    func begins(with text: StaticString) -> Bool {
        self.count >= text.utf8CodeUnitCount && self.extracting(0..<text.utf8CodeUnitCount).equals(text)
    }
}
