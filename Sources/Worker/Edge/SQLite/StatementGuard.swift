import Base
import CSQLite
import Linux

/// What one connection lets a statement do. The engine asks it while it compiles (the authorizer) and while it runs (the progress
/// handler). It stays installed for the whole life of the connection, because a change of the schema makes the engine compile
/// again in the middle of a step.
final class StatementGuard {
    enum Mode: Equatable {
        /// Our own fixed statements: catalogue, anchor, shadow tables.
        case own
        /// Text from outside.
        case foreign
    }

    /// The first name that was refused since `mode` was set.
    struct Denial: Equatable {
        let action: Int32
        let name: [UInt8]
    }

    var mode: Mode = .own { didSet { self.denial = nil } }
    private(set) var denial: Denial?

    /// Tables and views whose columns may be read, exactly as the schema spells them.
    var readable: Set<[UInt8]> = []
    /// Registered virtual-table modules, lower case. A name among them is never taken for a common table expression.
    var modules: Set<[UInt8]> = []
    let control: LaneControl

    init(control: LaneControl) { self.control = control }

    /// SQLITE_OK or SQLITE_DENY. Default deny: an action of a later engine that this list does not know is refused.
    func decide(_ action: Int32, _ first: [UInt8], _ second: [UInt8], _ database: [UInt8]) -> Int32 {
        if self.mode == .own { return SQLITE_OK }
        let isAllowed =
            switch action {
            case SQLITE_SELECT, SQLITE_RECURSIVE: true
            case SQLITE_READ: self.mayRead(first, column: second, database: database)
            case SQLITE_FUNCTION: AllowedFunctions.names.contains(Self.folded(second))
            default: false
            }
        if !isAllowed, self.denial == nil {
            self.denial = Denial(action: action, name: action == SQLITE_FUNCTION ? second : first)
        }
        return isAllowed ? SQLITE_OK : SQLITE_DENY
    }

    private func mayRead(_ table: [UInt8], column: [UInt8], database: [UInt8]) -> Bool {
        guard database.isEmpty || Self.folded(database) == [UInt8]("main") else { return false }
        if self.readable.contains(table) || AllowedFunctions.tables.contains(table) { return true }
        // A table of which no column is used, as in count(*), is named as the query spells it: it may also be a common table
        // expression, whose own reads are asked for separately.
        guard column.isEmpty else { return false }
        let name = Self.folded(table)
        if AllowedFunctions.tables.contains(name) { return true }
        return !Self.begins(name, with: "sqlite_") && !self.isTableFunction(name)
    }

    /// Whether `name` is a virtual table of the engine that queries may not use.
    func isTableFunction(_ name: [UInt8]) -> Bool {
        let name = Self.folded(name)
        return Self.begins(name, with: "pragma_") || self.modules.contains(name)
    }

    private static func folded(_ name: [UInt8]) -> [UInt8] { name.map { ASCII.lowercased($0) } }

    private static func begins(_ name: [UInt8], with prefix: StaticString) -> Bool {
        name.count >= prefix.utf8CodeUnitCount && name.span.extracting(0..<prefix.utf8CodeUnitCount).equals(prefix)
    }

    /// Whether the running statement must stop now.
    func mustStop(at now: Instant) -> Bool {
        self.mode == .foreign && (self.control.isCancelled || now >= self.control.deadline)
    }
}

extension StatementGuard {
    /// Installs this guard. The connection must keep it alive.
    func install(on handle: OpaquePointer, _ layers: Confinement) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        if layers.contains(.authorizer) {
            unsafe sqlite3_set_authorizer(
                handle,
                { context, action, first, second, database, _ in
                    // The last argument names the view or trigger that asks. A common table expression can forge it: never used.
                    guard let context = unsafe context else { return SQLITE_DENY }
                    let guardian = unsafe Unmanaged<StatementGuard>.fromOpaque(context).takeUnretainedValue()
                    return unsafe guardian.decide(
                        action, first.map { unsafe [UInt8](cString: $0) } ?? [], second.map { unsafe [UInt8](cString: $0) } ?? [],
                        database.map { unsafe [UInt8](cString: $0) } ?? [])
                }, context)
        }
        if layers.contains(.interruption) {
            unsafe sqlite3_progress_handler(
                handle, Confinement.opcodesPerCheck,
                { context in
                    guard let context = unsafe context else { return 1 }
                    let guardian = unsafe Unmanaged<StatementGuard>.fromOpaque(context).takeUnretainedValue()
                    return guardian.mustStop(at: SystemClock.now()) ? 1 : 0
                }, context)
        }
    }
}
