import Base
import Wire

/// What a caller may know of one view or table.
public struct ViewDescription: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        case view, table

        var text: StaticString {
            switch self {
            case .view: "view"
            case .table: "table"
            }
        }
    }

    public struct Column: Equatable, Sendable {
        public let name: [UInt8]
        public let type: [UInt8]
        public let isNotNull: Bool
        public let isPrimaryKey: Bool

        public init(name: [UInt8], type: [UInt8], isNotNull: Bool, isPrimaryKey: Bool) {
            self.name = name
            self.type = type
            self.isNotNull = isNotNull
            self.isPrimaryKey = isPrimaryKey
        }
    }

    public let name: [UInt8]
    public let kind: Kind
    public let columns: [Column]

    public init(name: [UInt8], kind: Kind, columns: [Column]) {
        self.name = name
        self.kind = kind
        self.columns = columns
    }
}

/// The results of the three tools that describe databases.
public enum CatalogueResult {
    public static func appendDatabases(_ names: [[UInt8]], _ style: ResultStyle, to output: inout [UInt8]) {
        var text: [UInt8] = []
        var json: [UInt8] = []
        text.append("| database | engine | schemas |\n| --- | --- | --- |\n")
        json.append("{\"databases\":[")
        for (index, name) in names.enumerated() {
            text.append("| ")
            self.append(cell: name, to: &text)
            text.append(" | sqlite | main |\n")
            json.append(index > 0 ? ",{\"name\":" : "{\"name\":")
            json.appendJSON(string: name.span)
            json.append(",\"engine\":\"sqlite\",\"schemas\":[\"main\"]}")
        }
        if names.isEmpty { text.append("\nNo database is configured.") }
        json.append("]}")
        ResultObject.append(text: text.span, structured: json.span, style, to: &output)
    }

    /// Stops at `bytesMax`: a catalogue of many thousand views is cut, and the text says so.
    public static func appendViews(
        _ views: [ViewDescription], database: [UInt8], bytesMax: Int, _ style: ResultStyle, to output: inout [UInt8]
    ) {
        var text: [UInt8] = []
        var json: [UInt8] = []
        text.append("| schema | name | type | columns |\n| --- | --- | --- | --- |\n")
        json.append("{\"database\":")
        json.appendJSON(string: database.span)
        json.append(",\"views\":[")
        var shown = 0
        for view in views {
            guard text.count + json.count + view.name.count * 4 + 256 <= bytesMax else { break }
            text.append("| main | ")
            self.append(cell: view.name, to: &text)
            text.append(" | ")
            text.append(view.kind.text)
            text.append(" | ")
            text.append(decimal: UInt64(view.columns.count))
            text.append(" |\n")
            json.append(shown > 0 ? ",{\"schema\":\"main\",\"name\":" : "{\"schema\":\"main\",\"name\":")
            json.appendJSON(string: view.name.span)
            json.append(",\"type\":\"")
            json.append(view.kind.text)
            json.append("\",\"columns\":")
            json.append(decimal: UInt64(view.columns.count))
            json.append(0x7D)
            shown += 1
        }
        if shown < views.count { text.append("\nThe list did not fit; these are the first of it.") }
        if views.isEmpty { text.append("\nNothing in this database can be queried.") }
        json.append("]}")
        ResultObject.append(text: text.span, structured: json.span, style, to: &output)
    }

    public static func appendDescription(
        _ view: ViewDescription, database: [UInt8], _ style: ResultStyle, to output: inout [UInt8]
    ) {
        var text: [UInt8] = []
        var json: [UInt8] = []
        text.append("| column | type | not null | primary key |\n| --- | --- | --- | --- |\n")
        json.append("{\"database\":")
        json.appendJSON(string: database.span)
        json.append(",\"schema\":\"main\",\"name\":")
        json.appendJSON(string: view.name.span)
        json.append(",\"type\":\"")
        json.append(view.kind.text)
        json.append("\",\"columns\":[")
        for (index, column) in view.columns.enumerated() {
            text.append("| ")
            self.append(cell: column.name, to: &text)
            text.append(" | ")
            self.append(cell: column.type, to: &text)
            text.append(column.isNotNull ? " | yes" : " | no")
            text.append(column.isPrimaryKey ? " | yes |\n" : " | no |\n")
            json.append(index > 0 ? ",{\"name\":" : "{\"name\":")
            json.appendJSON(string: column.name.span)
            json.append(",\"type\":")
            json.appendJSON(string: column.type.span)
            json.append(column.isNotNull ? ",\"notNull\":true" : ",\"notNull\":false")
            json.append(column.isPrimaryKey ? ",\"primaryKey\":true}" : ",\"primaryKey\":false}")
        }
        json.append("]}")
        ResultObject.append(text: text.span, structured: json.span, style, to: &output)
    }

    private static func append(cell text: [UInt8], to output: inout [UInt8]) {
        for byte in text {
            switch byte {
            case 0x7C: output.append("\\|")
            case 0x00..<0x20: output.append(0x20)
            default: output.append(byte)
            }
        }
    }
}
