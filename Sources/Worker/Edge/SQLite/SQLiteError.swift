import Base
import CSQLite

/// A result code of the engine with its own words. The words may name files, hidden tables or attached databases, so they stay
/// in the worker unless they come from a shadow connection, which knows nothing that the caller may not see.
struct SQLiteError: Error, Equatable {
    /// The extended result code.
    let code: Int32
    let message: [UInt8]

    var primaryCode: Int32 { self.code & 0xFF }

    init(code: Int32, message: [UInt8] = []) {
        self.code = code
        self.message = message
    }

    /// The latest error of a connection. Read directly after the failing call.
    init(code: Int32, of handle: OpaquePointer) {
        self.code = code
        var message: [UInt8] = []
        if let text = unsafe sqlite3_errmsg(handle) { message = unsafe [UInt8](cString: text) }
        self.message = message
    }
}

extension [UInt8] {
    /// A copy of a NUL-terminated string without its terminator.
    init(cString text: UnsafePointer<CChar>) {
        self.init()
        var position = 0
        while unsafe text[position] != 0 {  // Bound: the engine's own strings; at most SQLITE_LIMIT_LENGTH bytes.
            self.append(UInt8(bitPattern: unsafe text[position]))
            position += 1
        }
    }

    /// Runs `body` on a NUL-terminated copy of these bytes.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        var copy = self
        copy.append(0)
        return unsafe copy.withUnsafeBufferPointer { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { characters in
                // A copy always holds at least its terminator.
                guard let base = characters.baseAddress else { preconditionFailure("an array with elements has an address") }
                return unsafe body(base)
            }
        }
    }
}
