import Base
import Wire

/// The columns of a result, written once for every answer with these columns.
public struct TableHeader: Equatable, Sendable {
    public struct Column: Equatable, Sendable {
        public let name: [UInt8]
        /// As declared in the database; empty for an expression.
        public let type: [UInt8]

        public init(name: [UInt8], type: [UInt8]) {
            self.name = name
            self.type = type
        }
    }

    public let columns: [Column]
    /// The first two lines of the Markdown table, escaped for a JSON string.
    let markdown: [UInt8]
    /// The JSON array of the columns.
    let json: [UInt8]

    public init(_ columns: [Column]) {
        self.columns = columns
        var markdown: [UInt8] = []
        var json: [UInt8] = [0x5B]
        var cell = CellText()
        for (index, column) in columns.enumerated() {
            markdown.append(index == 0 ? "| " : " | ")
            cell.append(column.name.span, to: &markdown)
            if index > 0 { json.append(0x2C) }
            json.append("{\"name\":")
            json.appendJSON(string: column.name.span)
            if !column.type.isEmpty {
                json.append(",\"type\":")
                json.appendJSON(string: column.type.span)
            }
            json.append(0x7D)
        }
        markdown.append(" |\\n|")
        for _ in columns { markdown.append(" --- |") }
        markdown.append("\\n")
        json.append(0x5D)
        self.markdown = markdown
        self.json = json
    }
}
