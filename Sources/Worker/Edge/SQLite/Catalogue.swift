import Base
import CSQLite
import WorkerCore

/// What one database holds, as of one version of its schema.
struct Catalogue {
    /// Most tables and views that are looked at. The rest is not available.
    private static let objectsMax: Int64 = 10_000

    /// What a caller may name: in the order of their names. A view whose definition does not compile has no columns.
    let objects: [ViewDescription]
    private let indexes: [[UInt8]: Int]
    /// Every name in the schema whose columns a statement on the real connection reads, base tables below a view included.
    let readable: Set<[UInt8]>
    /// The most columns of any of them, for SQLITE_LIMIT_COLUMN.
    let columnsMax: Int

    func find(_ name: [UInt8]) -> Int? { self.indexes[name] }

    var names: [[UInt8]] { self.objects.map(\.name) }

    /// Reads the schema with our own statements. The connection's guard must be in its own mode and its limits lifted.
    init(_ connection: SQLiteConnection, _ access: Access) throws(SQLiteError) {
        let list = try connection.prepareOwn(
            [UInt8](
                """
                SELECT name, type FROM pragma_table_list
                WHERE schema = 'main' AND substr(name, 1, 7) COLLATE NOCASE <> 'sqlite_' ORDER BY name LIMIT ?1
                """))
        let columns = try connection.prepareOwn(
            [UInt8]("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid"))
        list.bind(Self.objectsMax, at: 1)
        var objects: [ViewDescription] = []
        var readable: Set<[UInt8]> = []
        var columnsMax = 0
        while try list.step() == .row {  // Bound: the LIMIT of the statement.
            let name = list.text(0)
            readable.insert(name)
            let kind = list.text(1)
            let isView = kind.span.equals("view")
            // Virtual tables and their storage are not offered. A view over one does not work either: the engine calls that an
            // unsafe use when the schema is not trusted.
            guard isView || kind.span.equals("table") else { continue }
            let description = ViewDescription(
                name: name, kind: isView ? .view : .table, columns: Self.columns(of: name, columns))
            columnsMax = max(columnsMax, description.columns.count)
            if isView || access == .all { objects.append(description) }
        }
        self.objects = objects
        self.readable = readable
        self.columnsMax = columnsMax
        self.indexes = Dictionary(
            objects.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    /// Empty when the definition of a view does not compile.
    private static func columns(of name: [UInt8], _ statement: SQLiteStatement) -> [ViewDescription.Column] {
        statement.bind(name, at: 1)
        defer { statement.reset() }
        var columns: [ViewDescription.Column] = []
        do throws(SQLiteError) {
            while try statement.step() == .row {  // Bound: SQLITE_MAX_COLUMN.
                // 1 is a hidden column of a virtual table; 2 and 3 are generated columns, which are as readable as any.
                guard statement.integer(4) != 1 else { continue }
                columns.append(
                    .init(
                        name: statement.text(0), type: statement.text(1), isNotNull: statement.integer(2) != 0,
                        isPrimaryKey: statement.integer(3) != 0))
            }
        } catch {
            return []
        }
        return columns
    }
}
