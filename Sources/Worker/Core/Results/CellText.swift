import Base
import Wire

/// Writes text into a cell of a Markdown table that itself stands inside a JSON string. Most text needs no change at all.
struct CellText {
    private var cell: [UInt8] = []
    private var quoted: [UInt8] = []

    /// True when neither JSON nor Markdown gives any byte of `text` a meaning.
    static func isPlain(_ text: Span<UInt8>) -> Bool {
        for offset in text.indices {
            let byte = text[offset]
            // Double quote, backslash, bar, and everything outside printable ASCII.
            if byte < 0x20 || byte > 0x7E || byte == 0x22 || byte == 0x5C || byte == 0x7C { return false }
        }
        return true
    }

    mutating func append(_ text: Span<UInt8>, to output: inout [UInt8]) {
        if Self.isPlain(text) { output.append(text) } else { self.appendEscaped(text, to: &output) }
    }

    /// A bar would end the cell and a line break the row.
    mutating func appendEscaped(_ text: Span<UInt8>, to output: inout [UInt8]) {
        self.cell.removeAll(keepingCapacity: true)
        for offset in text.indices {
            switch text[offset] {
            case 0x7C: self.cell.append("\\|")
            case 0x0A: self.cell.append("<br>")
            case 0x0D where offset + 1 < text.count && text[offset + 1] == 0x0A: break
            case 0x0D: self.cell.append("<br>")
            case let byte where byte < 0x20 || byte == 0x7F: self.cell.append(0x20)
            case let byte: self.cell.append(byte)
            }
        }
        // Swapped out: the compiler takes a span of `cell` for an access to all of `self`.
        var quoted: [UInt8] = []
        swap(&quoted, &self.quoted)
        quoted.removeAll(keepingCapacity: true)
        quoted.appendJSON(string: self.cell.span)
        output.append(contentsOf: quoted[1..<(quoted.count - 1)])
        swap(&quoted, &self.quoted)
        // Bound: what a large value took is given back.
        if self.cell.capacity > 1 << 16 { self.cell = [] }
        if self.quoted.capacity > 1 << 16 { self.quoted = [] }
    }
}
