import WorkerCore

/// What a foreign text must be, whatever it reads: one statement, read-only, not EXPLAIN, with columns, without parameters.
enum StatementShape {
    static func check(
        _ compiled: SQLiteConnection.Compiled, of text: [UInt8], on connection: SQLiteConnection
    ) throws(ToolFailure) -> SQLiteStatement {
        guard let statement = compiled.statement else { throw .emptyQuery }
        guard connection.layers.contains(.statementChecks) else { return statement }
        guard Self.isTailEmpty(text, from: compiled.end, on: connection) else { throw .severalStatements }
        // True also for ATTACH, BEGIN and some pragmas: one check among others, never the check.
        guard statement.isReadOnly else { throw .notReadOnly }
        guard !statement.isExplain else { throw .explain }
        guard statement.columnCount > 0 else { throw .noColumns }
        guard statement.parameterCount == 0 else { throw .parameters }
        return statement
    }

    /// The engine itself decides what white space and comments are: preparing them gives no statement.
    private static func isTailEmpty(_ text: [UInt8], from start: Int, on connection: SQLiteConnection) -> Bool {
        var position = start
        while position < text.count {  // Bound: each round passes at least one byte.
            guard let compiled = try? connection.prepare(text, from: position), compiled.statement == nil else { return false }
            guard compiled.end > position else { return false }
            position = compiled.end
        }
        return true
    }
}
