import Base
import CSQLite
import WorkerCore

/// A private database in memory that holds the allowed objects, and nothing else, as empty tables with the same columns. Text
/// that does not compile here is refused before the real connection sees it. It catches what an authorizer cannot: a common table
/// expression that carries the name of an allowed view and reads something else.
///
/// Its error messages speak only of what the caller may see, so they may be passed on.
final class ShadowSchema {
    private let connection: SQLiteConnection
    /// It has an authorizer, switches and limits of its own, whatever the real connection has.
    private static let layers: Confinement = [.switches, .limits, .authorizer, .statementChecks]

    init(_ catalogue: Catalogue, modules: Set<[UInt8]>) throws(SQLiteError) {
        self.connection = try SQLiteConnection(inMemory: Self.layers)
        let guardian = self.connection.guardian
        self.connection.setLimits(forForeignText: false, columnsMax: catalogue.columnsMax)
        for object in catalogue.objects where !object.columns.isEmpty {
            // Expected: a name that the engine does not accept again is left out, and is then not available.
            try? self.connection.run(Self.creation(of: object))
        }
        try self.connection.connectTableFunctions()
        guardian.modules = modules
        guardian.readable = Set(catalogue.names)
        self.connection.setLimits(forForeignText: true, columnsMax: catalogue.columnsMax)
    }

    private static func creation(of object: ViewDescription) -> [UInt8] {
        var text = [UInt8]("CREATE TABLE ")
        text.append(identifier: object.name)
        for (index, column) in object.columns.enumerated() {
            text.append(index == 0 ? "(" : ",")
            text.append(identifier: column.name)
        }
        text.append(")")
        return text
    }

    /// Compiles `text` and judges it. Nothing is ever run here.
    func check(_ text: [UInt8], _ catalogue: Catalogue) throws(ToolFailure) {
        let guardian = self.connection.guardian
        guardian.mode = .foreign
        defer { guardian.mode = .own }
        let compiled: SQLiteConnection.Compiled
        do throws(SQLiteError) {
            compiled = try self.connection.prepare(text)
        } catch {
            throw FailureMapping.shadow(error, guardian, text, catalogue)
        }
        _ = try StatementShape.check(compiled, of: text, on: self.connection)
    }
}

extension [UInt8] {
    /// Appends `name` as a quoted identifier.
    mutating func append(identifier name: [UInt8]) {
        self.append(0x22)
        for byte in name {
            if byte == 0x22 { self.append(0x22) }
            self.append(byte)
        }
        self.append(0x22)
    }
}
