import Base
import Wire

/// Writes the rows of a result twice at once: as a Markdown table for `content` and as JSON arrays for `structuredContent`.
///
/// A value is a JSON number, string or null. Integers outside ±(2^53-1) are decimal strings, because readers of JSON lose their
/// last digits; infinities are the strings `Infinity` and `-Infinity`; a blob is `{"base64": "…"}`.
///
///     begin ─▶ (integer | real | text | blob | null)* endRow ─▶ … ─▶ finish
public struct TableWriter: Sendable {
    /// Why a result ends before the data does.
    public enum End: Equatable, Sendable {
        case complete
        /// `limit` rows were read and there is another.
        case limit
        /// The next row would pass the result's limit of bytes.
        case size
    }

    private static let exactIntegerMax: UInt64 = 1 << 53 - 1

    private let bytesMax: Int
    private var text: [UInt8] = []
    private var rows: [UInt8] = []
    private var cell = CellText()
    private var style = ResultStyle(isStructured: true, isModern: false)
    private var isFirstValue = true
    private var isRowTooLarge = false
    /// Lengths of both buffers after the last whole row.
    private var textMark = 0
    private var rowsMark = 0
    public private(set) var rowCount = 0

    /// `bytesMax` bounds both forms together.
    public init(bytesMax: Int) { self.bytesMax = bytesMax }

    public mutating func begin(_ header: TableHeader, _ style: ResultStyle) {
        self.style = style
        self.text.removeAll(keepingCapacity: self.text.capacity <= 1 << 16)
        self.rows.removeAll(keepingCapacity: self.rows.capacity <= 1 << 16)
        self.text.append(contentsOf: header.markdown)
        self.rowCount = 0
        self.startRow()
    }

    private mutating func startRow() {
        self.textMark = self.text.count
        self.rowsMark = self.rows.count
        self.isFirstValue = true
        self.isRowTooLarge = false
    }

    /// Whether a value of `count` bytes still fits; afterwards the row is only counted, not written.
    private mutating func startValue(_ count: Int) -> Bool {
        if self.isRowTooLarge { return false }
        guard self.text.count + self.rows.count + count <= self.bytesMax else {
            self.isRowTooLarge = true
            return false
        }
        if self.isFirstValue {
            self.text.append("| ")
            if self.style.isStructured { self.rows.append(self.rowCount == 0 ? "[" : ",[") }
            self.isFirstValue = false
        } else {
            self.text.append(" | ")
            if self.style.isStructured { self.rows.append(0x2C) }
        }
        return true
    }

    public mutating func integer(_ value: Int64) {
        guard self.startValue(40) else { return }
        self.text.append(decimal: value)
        guard self.style.isStructured else { return }
        let isExact = value.magnitude <= Self.exactIntegerMax
        if !isExact { self.rows.append(0x22) }
        self.rows.append(decimal: value)
        if !isExact { self.rows.append(0x22) }
    }

    public mutating func real(_ value: Double) {
        guard self.startValue(64) else { return }
        guard value.isFinite else {
            let name: StaticString = value.isNaN ? "null" : value < 0 ? "-Infinity" : "Infinity"
            self.text.append(value.isNaN ? "NULL" : name)
            guard self.style.isStructured else { return }
            if value.isNaN { self.rows.append(name) } else { self.rows.appendJSON(string: name) }
            return
        }
        let start = self.text.count
        Self.append(value, to: &self.text)
        if self.style.isStructured { self.rows.append(contentsOf: self.text[start...]) }
    }

    /// The shortest text that reads back as the same number: digits, sign, point and exponent as JSON has them.
    private static func append(_ value: Double, to output: inout [UInt8]) {
        var text = value.description
        text.withUTF8 { unsafe output.append(contentsOf: $0) }
    }

    /// `value` may be malformed UTF-8: each such byte becomes U+FFFD.
    public mutating func text(_ value: Span<UInt8>) {
        guard self.startValue(value.count * 2) else { return }
        if CellText.isPlain(value) {
            self.text.append(value)
            guard self.style.isStructured else { return }
            self.rows.append(0x22)
            self.rows.append(value)
            self.rows.append(0x22)
        } else {
            self.cell.appendEscaped(value, to: &self.text)
            if self.style.isStructured { self.rows.appendJSON(string: value) }
        }
    }

    public mutating func blob(_ value: Span<UInt8>) {
        guard self.startValue(value.count * 3 + 32) else { return }
        let start = self.text.count
        self.text.append(base64: value)
        guard self.style.isStructured else { return }
        self.rows.append("{\"base64\":\"")
        self.rows.append(contentsOf: self.text[start...])
        self.rows.append("\"}")
    }

    public mutating func null() {
        guard self.startValue(16) else { return }
        self.text.append("NULL")
        if self.style.isStructured { self.rows.append("null") }
    }

    /// Returns false when the row passed the limit: it is removed again, and the result must be finished with `.size`.
    public mutating func endRow() -> Bool {
        if !self.isRowTooLarge {
            self.text.append(" |\\n")
            if self.style.isStructured { self.rows.append(0x5D) }
        }
        guard !self.isRowTooLarge, self.text.count + self.rows.count <= self.bytesMax else {
            self.text.removeLast(self.text.count - self.textMark)
            self.rows.removeLast(self.rows.count - self.rowsMark)
            return false
        }
        self.rowCount += 1
        self.startRow()
        return true
    }

    /// Appends the whole result object.
    public mutating func finish(_ header: TableHeader, _ end: End, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + self.text.count + self.rows.count + header.json.count + 512)
        ResultObject.begin(to: &output)
        output.append(contentsOf: self.text)
        self.appendSummary(end, to: &output)
        ResultObject.endText(to: &output)
        if self.style.isStructured {
            output.append(",\"structuredContent\":{\"columns\":")
            output.append(contentsOf: header.json)
            output.append(",\"rows\":[")
            output.append(contentsOf: self.rows)
            output.append("],\"rowCount\":")
            output.append(decimal: UInt64(self.rowCount))
            switch end {
            case .complete: output.append(",\"truncated\":false}")
            case .limit: output.append(",\"truncated\":true,\"truncatedBy\":\"limit\"}")
            case .size: output.append(",\"truncated\":true,\"truncatedBy\":\"size\"}")
            }
        }
        ResultObject.end(isError: false, self.style, to: &output)
    }

    private func appendSummary(_ end: End, to output: inout [UInt8]) {
        output.append("\\n")
        output.append(decimal: UInt64(self.rowCount))
        output.append(self.rowCount == 1 ? " row" : " rows")
        switch end {
        case .complete: output.append(".")
        case .limit: output.append("; more exist. Raise `limit`, or narrow the query.")
        case .size: output.append("; the rest did not fit. Select fewer or shorter columns.")
        }
    }
}
