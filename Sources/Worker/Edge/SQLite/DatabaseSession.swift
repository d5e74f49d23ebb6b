import Base
import CSQLite
import WorkerCore

/// One lane's access to one database: the confined connection, what its schema holds, and statements that are compiled already.
///
/// Reading goes on inside a read transaction that `beginRead` opens and `endRead` closes. One transaction may serve many calls
/// that arrive together, which saves the file locks between them; its owner must end it before it waits for anything.
final class DatabaseSession {
    /// Compiled texts kept per session.
    private static let statementsMax = 32

    private let connection: SQLiteConnection
    private let configuration: SQLConfiguration
    private let layers: Confinement
    /// Gives the version of the schema and, while it stands on its row, holds the read transaction open.
    private let anchor: SQLiteStatement
    private(set) var isReading = false
    private var schemaVersion: Int64
    private(set) var catalogue: Catalogue
    private var modules: Set<[UInt8]> = []
    private var shadow: ShadowSchema?

    /// By index of the catalogue's objects.
    private var viewQueries: [PreparedQuery?] = []
    private var textQueries: [[UInt8]: PreparedQuery] = [:]
    /// Keys of `textQueries`, oldest first.
    private var textOrder = Queue<[UInt8]>()

    init(
        _ database: DatabaseConfiguration, _ configuration: SQLConfiguration, _ layers: Confinement, _ control: LaneControl
    ) throws(SQLiteError) {
        self.connection = try SQLiteConnection(path: database.path, layers: layers, control: control)
        self.configuration = configuration
        self.layers = layers
        self.anchor = try self.connection.prepareOwn([UInt8]("PRAGMA schema_version"))
        guard try self.anchor.step() == .row else { throw SQLiteError(code: SQLITE_ERROR) }
        self.schemaVersion = self.anchor.integer(0)
        self.isReading = true
        self.catalogue = try Catalogue(self.connection, configuration.access)
        self.modules = try Self.modules(self.connection)
        self.installCatalogue()
    }

    private static func modules(_ connection: SQLiteConnection) throws(SQLiteError) -> Set<[UInt8]> {
        let statement = try connection.prepareOwn([UInt8]("SELECT lower(name) FROM pragma_module_list"))
        var modules: Set<[UInt8]> = []
        while try statement.step() == .row { modules.insert(statement.text(0)) }  // Bound: compiled-in modules.
        return modules.subtracting(AllowedFunctions.tables)
    }

    private func installCatalogue() {
        self.connection.guardian.readable = self.catalogue.readable
        self.connection.guardian.modules = self.modules
        self.shadow = nil
        self.viewQueries = Array(repeating: nil, count: self.catalogue.objects.count)
        self.textQueries = [:]
        self.textOrder = Queue()
        self.connection.setLimits(forForeignText: true, columnsMax: self.catalogue.columnsMax)
    }

    // MARK: Transactions

    /// Opens a read transaction unless one is open, and follows a schema that somebody changed in between.
    func beginRead() throws(ToolFailure) {
        if self.isReading { return }
        do throws(SQLiteError) {
            guard try self.anchor.step() == .row else { throw SQLiteError(code: SQLITE_ERROR) }
            self.isReading = true
            let version = self.anchor.integer(0)
            if version != self.schemaVersion { try self.refresh(version) }
        } catch {
            self.anchor.reset()
            self.isReading = false
            throw FailureMapping.real(error, self.connection.guardian, limit: self.configuration.limits.queryTime)
        }
    }

    func endRead() {
        guard self.isReading else { return }
        self.anchor.reset()
        self.isReading = false
    }

    private func refresh(_ version: Int64) throws(SQLiteError) {
        // Unknown until all of it is read again: a failure in between must not leave the old catalogue with the new version.
        self.schemaVersion = -1
        self.connection.setLimits(forForeignText: false, columnsMax: self.catalogue.columnsMax)
        self.catalogue = try Catalogue(self.connection, self.configuration.access)
        self.installCatalogue()
        self.schemaVersion = version
    }

    // MARK: Queries

    /// Every row of a view, with the catalogue's own spelling of its name.
    func query(view index: Int) throws(ToolFailure) -> PreparedQuery {
        if let known = self.viewQueries[index] { return known }
        let object = self.catalogue.objects[index]
        guard !object.columns.isEmpty else { throw .brokenView(name: object.name) }
        var text = [UInt8]("SELECT * FROM main.")
        text.append(identifier: object.name)
        do throws(ToolFailure) {
            let query = try self.compile(text)
            self.viewQueries[index] = query
            return query
        } catch {
            if case .engine = error { throw .brokenView(name: object.name) }
            throw error
        }
    }

    /// A text from outside, through every layer.
    func query(text: [UInt8]) throws(ToolFailure) -> PreparedQuery {
        if let known = self.textQueries[text] { return known }
        guard !text.contains(0) else { throw .zeroByte }
        if self.layers.contains(.shadow) { try self.shadowSchema().check(text, self.catalogue) }
        let query = try self.compile(text)
        if self.textQueries.count >= Self.statementsMax, let oldest = self.textOrder.popFirst() { self.textQueries[oldest] = nil }
        self.textQueries[text] = query
        self.textOrder.append(text)
        return query
    }

    private func shadowSchema() throws(ToolFailure) -> ShadowSchema {
        if let shadow = self.shadow { return shadow }
        do throws(SQLiteError) {
            let shadow = try ShadowSchema(self.catalogue, modules: self.modules)
            try self.connection.connectTableFunctions()
            self.shadow = shadow
            return shadow
        } catch {
            throw FailureMapping.real(error, self.connection.guardian, limit: self.configuration.limits.queryTime)
        }
    }

    private func compile(_ text: [UInt8]) throws(ToolFailure) -> PreparedQuery {
        let guardian = self.connection.guardian
        guardian.mode = .foreign
        defer { guardian.mode = .own }
        let compiled: SQLiteConnection.Compiled
        do throws(SQLiteError) {
            compiled = try self.connection.prepare(text, isKept: true)
        } catch {
            throw FailureMapping.real(error, guardian, limit: self.configuration.limits.queryTime)
        }
        return PreparedQuery(try StatementShape.check(compiled, of: text, on: self.connection))
    }

    /// Reads at most `limit` rows of `query` into `writer`.
    func run(_ query: PreparedQuery, limit: Int, into writer: inout TableWriter) throws(ToolFailure) -> TableWriter.End {
        let guardian = self.connection.guardian
        guardian.mode = .foreign
        defer {
            query.statement.reset()
            guardian.mode = .own
            // The anchor must not carry an interrupt into the next call.
            if guardian.control.takeInterrupted() { self.endRead() }
        }
        do throws(SQLiteError) {
            return try self.connection.interruptible { () throws(SQLiteError) in
                try query.read(limit: limit, control: guardian.control, into: &writer)
            }
        } catch {
            self.endRead()
            throw FailureMapping.real(error, guardian, limit: self.configuration.limits.queryTime)
        }
    }
}

/// A compiled query with the part of its answer that is always the same.
final class PreparedQuery {
    let statement: SQLiteStatement
    let header: TableHeader
    private let columnCount: Int

    init(_ statement: SQLiteStatement) {
        self.statement = statement
        self.columnCount = statement.columnCount
        self.header = TableHeader(
            (0..<statement.columnCount).map {
                .init(name: statement.name(ofColumn: $0), type: statement.declaredType(ofColumn: $0))
            })
    }

    func read(limit: Int, control: LaneControl, into writer: inout TableWriter) throws(SQLiteError) -> TableWriter.End {
        while try self.statement.step() == .row {  // Bound: `limit` rows, and the deadline in between.
            guard writer.rowCount < limit else { return .limit }
            for column in 0..<self.columnCount {
                switch self.statement.kind(column) {
                case .integer: writer.integer(self.statement.integer(column))
                case .real: writer.real(self.statement.real(column))
                case .text: self.statement.withBytes(column) { writer.text($0) }
                case .blob: self.statement.withBytes(column) { writer.blob($0) }
                case .null: writer.null()
                }
            }
            control.rowRead()
            guard writer.endRow() else { return .size }
        }
        return .complete
    }
}
