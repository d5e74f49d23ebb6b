import Base
import CSQLite

/// Puts a bound before the few built-in functions whose time grows with the product of their arguments. A function runs inside
/// one instruction of the virtual machine, where neither the deadline nor an interrupt reaches: `trim` with two values of a
/// million bytes would run for hours, and `printf('%.*c', …)` counts to any number (a build of our own would have
/// SQLITE_PRINTF_PRECISION_LIMIT).
///
/// Each is replaced on the confined connection by one that looks at its arguments first and then asks the engine's own function,
/// on a private connection that holds nothing.
@safe final class BoundedFunctions {
    /// Bytes compared by one call at most: a few milliseconds, or a few hundred for byte-wise work.
    private static let workMax = 100_000_000

    private enum Bound {
        /// The lengths of the first two arguments, multiplied.
        case product
        /// No precision on `%c`.
        case format
    }

    /// The private connection, opened when a function is called for the first time.
    private final class Engine {
        private var connection: SQLiteConnection?

        func get() throws(SQLiteError) -> SQLiteConnection {
            if let connection = self.connection { return connection }
            let connection = try SQLiteConnection(inMemory: [.switches, .limits])
            connection.setLimits(forForeignText: true, columnsMax: 0)
            self.connection = connection
            return connection
        }
    }

    /// One function of one number of arguments; -1 is any number.
    @safe private final class Function {
        let name: StaticString
        let bound: Bound
        private let engine: Engine
        /// By number of arguments.
        private var calls: [Int: SQLiteStatement] = [:]

        init(_ name: StaticString, _ bound: Bound, _ engine: Engine) {
            self.name = name
            self.bound = bound
            self.engine = engine
        }

        func call(_ context: OpaquePointer, _ arguments: UnsafeMutableBufferPointer<OpaquePointer?>) {
            guard unsafe self.isBounded(arguments) else { return unsafe sqlite3_result_error_toobig(context) }
            do throws(SQLiteError) {
                let statement = try self.statement(arguments.count)
                defer { statement.reset() }
                for index in 0..<arguments.count {
                    guard let value = unsafe arguments[index] else { continue }
                    unsafe statement.bind(value, at: Int32(index + 1))
                }
                guard try statement.step() == .row else { return unsafe sqlite3_result_null(context) }
                // The engine gives NULL for a formatted text that is too long: better an error than a wrong answer.
                if self.bound == .format, statement.kind(0) == .null, unsafe !Self.isNull(arguments) {
                    return unsafe sqlite3_result_error_toobig(context)
                }
                unsafe statement.giveValue(0, to: context)
            } catch {
                unsafe sqlite3_result_error_code(context, error.code)
            }
        }

        private func statement(_ count: Int) throws(SQLiteError) -> SQLiteStatement {
            if let known = self.calls[count] { return known }
            var text = [UInt8]("SELECT ")
            text.append(self.name)
            text.append("(")
            for index in 0..<count { text.append(index == 0 ? "?" : ",?") }
            text.append(")")
            let statement = try self.engine.get().prepareOwn(text)
            self.calls[count] = statement
            return statement
        }

        private static func isNull(_ arguments: UnsafeMutableBufferPointer<OpaquePointer?>) -> Bool {
            guard let format = unsafe arguments.first else { return true }
            return unsafe sqlite3_value_type(format) == SQLITE_NULL
        }

        private func isBounded(_ arguments: UnsafeMutableBufferPointer<OpaquePointer?>) -> Bool {
            switch self.bound {
            case .product:
                guard arguments.count >= 2 else { return true }
                let first = Int(unsafe sqlite3_value_bytes(arguments[0]))
                let second = Int(unsafe sqlite3_value_bytes(arguments[1]))
                return first.multipliedReportingOverflow(by: second).partialValue <= BoundedFunctions.workMax
            case .format:
                guard let format = unsafe arguments.first, let text = unsafe sqlite3_value_text(format) else { return true }
                let count = Int(unsafe sqlite3_value_bytes(format))
                return unsafe BoundedFunctions.isFormatBounded(UnsafeBufferPointer(start: text, count: count).span)
            }
        }
    }

    private let functions: [Function]

    /// Installs all of them. The connection must keep this object alive.
    init(on handle: OpaquePointer) throws(SQLiteError) {
        let engine = Engine()
        let list: [(StaticString, Int32, Bound)] = [
            ("printf", -1, .format), ("format", -1, .format), ("trim", 2, .product), ("ltrim", 2, .product),
            ("rtrim", 2, .product),
            ("replace", 3, .product), ("instr", 2, .product), ("json_patch", 2, .product),
        ]
        self.functions = list.map { Function($0.0, $0.2, engine) }
        for (function, entry) in zip(self.functions, list) {
            let result = unsafe Self.install(function, arguments: entry.1, on: handle)
            guard result == SQLITE_OK else { throw SQLiteError(code: result) }
        }
    }

    private static func install(_ function: Function, arguments: Int32, on handle: OpaquePointer) -> Int32 {
        let flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS
        let context = unsafe Unmanaged.passUnretained(function).toOpaque()
        return unsafe [UInt8](function.name).withCString { name in
            unsafe sqlite3_create_function_v2(
                handle, name, arguments, flags, context,
                { context, count, values in
                    guard let context = unsafe context, let data = unsafe sqlite3_user_data(context) else { return }
                    let function = unsafe Unmanaged<Function>.fromOpaque(data).takeUnretainedValue()
                    unsafe function.call(context, UnsafeMutableBufferPointer(start: values, count: Int(count)))
                }, nil, nil, nil)
        }
    }

    /// False when a conversion `%c` has a precision, which is a number of repetitions.
    static func isFormatBounded(_ format: Span<UInt8>) -> Bool {
        var position = 0
        while position < format.count {  // Bound: each round passes at least one byte.
            guard format[position] == 0x25 else {
                position += 1
                continue
            }
            position += 1
            var hasPrecision = false
            while position < format.count, Self.isModifier(format[position]) {
                if format[position] == 0x2E { hasPrecision = true }
                position += 1
            }
            if position < format.count, format[position] == 0x63, hasPrecision { return false }
            position += 1
        }
        return true
    }

    /// What may stand between `%` and the letter of the conversion: flags, digits, `*`, `.`, `l`.
    private static func isModifier(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x2A, 0x2B, 0x2C, 0x2D, 0x2E, 0x20, 0x21, 0x23, 0x6C: true
        default: false
        }
    }
}
