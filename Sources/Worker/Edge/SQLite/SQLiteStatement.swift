import Base
import CSQLite

/// One compiled statement. Finalised when the last reference goes; the connection must still be there then.
@safe final class SQLiteStatement {
    private let handle: OpaquePointer

    init(taking handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe sqlite3_finalize(self.handle) }

    enum Step: Equatable { case row, done }

    /// Advances the statement. The caller resets it after `done` or an error.
    func step() throws(SQLiteError) -> Step {
        let result = unsafe sqlite3_step(self.handle)
        switch result {
        case SQLITE_ROW: return .row
        case SQLITE_DONE: return .done
        default:
            guard let connection = unsafe sqlite3_db_handle(self.handle) else { throw SQLiteError(code: result) }
            throw unsafe SQLiteError(code: result, of: connection)
        }
    }

    /// Ends the execution and with it the statement's part in a read transaction. The code of a failed step comes again; it is
    /// known already.
    func reset() { unsafe sqlite3_reset(self.handle) }

    var columnCount: Int { Int(unsafe sqlite3_column_count(self.handle)) }
    var parameterCount: Int { Int(unsafe sqlite3_bind_parameter_count(self.handle)) }
    var isReadOnly: Bool { unsafe sqlite3_stmt_readonly(self.handle) != 0 }
    var isExplain: Bool { unsafe sqlite3_stmt_isexplain(self.handle) != 0 }

    func bind(_ value: Int64, at index: Int32) { unsafe sqlite3_bind_int64(self.handle, index, value) }

    func bind(_ text: [UInt8], at index: Int32) {
        _ = unsafe text.withCString { unsafe csqlite_bind_text(self.handle, index, $0, Int32(clamping: text.count)) }
    }

    func bind(_ value: Double, at index: Int32) { unsafe sqlite3_bind_double(self.handle, index, value) }

    /// A value that the engine lends to one of our functions.
    func bind(_ value: OpaquePointer, at index: Int32) { unsafe sqlite3_bind_value(self.handle, index, value) }

    /// Copies a column into the result of one of our functions.
    func giveValue(_ column: Int32, to context: OpaquePointer) {
        guard let value = unsafe sqlite3_column_value(self.handle, column) else { return }
        unsafe sqlite3_result_value(context, value)
    }

    func name(ofColumn column: Int) -> [UInt8] {
        guard let name = unsafe sqlite3_column_name(self.handle, Int32(column)) else { return [] }
        return unsafe [UInt8](cString: name)
    }

    /// The type that the column's table declares, or nothing for an expression.
    func declaredType(ofColumn column: Int) -> [UInt8] {
        guard let type = unsafe sqlite3_column_decltype(self.handle, Int32(column)) else { return [] }
        return unsafe [UInt8](cString: type)
    }

    enum Kind { case integer, real, text, blob, null }

    func kind(_ column: Int) -> Kind {
        switch unsafe sqlite3_column_type(self.handle, Int32(truncatingIfNeeded: column)) {
        case SQLITE_INTEGER: .integer
        case SQLITE_FLOAT: .real
        case SQLITE_TEXT: .text
        case SQLITE_BLOB: .blob
        default: .null
        }
    }

    func integer(_ column: Int) -> Int64 { unsafe sqlite3_column_int64(self.handle, Int32(truncatingIfNeeded: column)) }
    func real(_ column: Int) -> Double { unsafe sqlite3_column_double(self.handle, Int32(truncatingIfNeeded: column)) }

    /// Lends the bytes of a text or blob column; they are gone at the next step.
    func withBytes<Result>(_ column: Int, _ body: (Span<UInt8>) -> Result) -> Result {
        let index = Int32(truncatingIfNeeded: column)
        let start = unsafe sqlite3_column_blob(self.handle, index)
        let count = Int(unsafe sqlite3_column_bytes(self.handle, index))
        let buffer = unsafe UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count)
        return unsafe buffer.withMemoryRebound(to: UInt8.self) { unsafe body($0.span) }
    }

    func text(_ column: Int) -> [UInt8] { self.withBytes(column) { [UInt8]($0) } }
}
