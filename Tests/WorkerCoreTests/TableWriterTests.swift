import Base
import Testing
import Wire

@testable import WorkerCore

@Suite struct TableWriterTests {
    static let modern = ResultStyle(isStructured: true, isModern: true)
    static let legacy = ResultStyle(isStructured: true, isModern: false)
    static let old = ResultStyle(isStructured: false, isModern: false)

    /// One row with one column.
    private func single(_ style: ResultStyle = Self.legacy, _ write: (inout TableWriter) -> Void) throws -> JSONValue {
        let header = TableHeader([.init(name: bytes("c"), type: [])])
        var writer = TableWriter(bytesMax: 1 << 20)
        writer.begin(header, style)
        write(&writer)
        let isWhole = writer.endRow()
        #expect(isWhole)
        var output: [UInt8] = []
        writer.finish(header, .complete, to: &output)
        #expect(!output.contains(0x0A))
        return try json(text(output))
    }

    private func cell(_ result: JSONValue) -> String {
        let lines = result["content"]?[0]?["text"]?.stringValue?.split(separator: "\n", omittingEmptySubsequences: false) ?? []
        return lines.count > 2 ? String(lines[2]) : ""
    }

    static let integers: [(Int64, JSONValue)] = [
        (0, .number(lexeme: "0")), (-1, .number(lexeme: "-1")), (9_007_199_254_740_991, .number(lexeme: "9007199254740991")),
        (-9_007_199_254_740_991, .number(lexeme: "-9007199254740991")),
        (9_007_199_254_740_992, .string("9007199254740992")), (.max, .string("9223372036854775807")),
        (.min, .string("-9223372036854775808")),
    ]

    @Test(arguments: TableWriterTests.integers)
    func `an integer that readers would round is a string`(_ value: Int64, _ expected: JSONValue) throws {
        let result = try self.single { $0.integer(value) }
        #expect(result["structuredContent"]?["rows"]?[0]?[0] == expected)
        #expect(self.cell(result) == "| \(value) |")
    }

    static let reals: [(Double, JSONValue)] = [
        (1.5, .number(lexeme: "1.5")), (-0.1, .number(lexeme: "-0.1")), (100, .number(lexeme: "100.0")),
        (1e300, .number(lexeme: "1e+300")), (.leastNonzeroMagnitude, .number(lexeme: "5e-324")), (.infinity, .string("Infinity")),
        (-.infinity, .string("-Infinity")), (.nan, .null),
    ]

    @Test(arguments: TableWriterTests.reals)
    func `a real is its shortest text and never NaN`(_ value: Double, _ expected: JSONValue) throws {
        #expect(try self.single { $0.real(value) }["structuredContent"]?["rows"]?[0]?[0] == expected)
    }

    static let texts: [(String, String)] = [
        ("plain", "| plain |"), ("", "|  |"), ("a|b", "| a\\|b |"), ("a\nb\r\nc\rd", "| a<br>b<br>c<br>d |"),
        ("tab\tbell\u{07}", "| tab bell  |"), ("\"quoted\\\"", "| \"quoted\\\" |"), ("Zoë 東京 🍵", "| Zoë 東京 🍵 |"),
        ("sep\u{2028}arator", "| sep\u{2028}arator |"),
    ]

    @Test(arguments: TableWriterTests.texts)
    func `a text stays one cell and comes back whole`(_ value: String, _ line: String) throws {
        let result = try self.single { $0.text(bytes(value).span) }
        #expect(result["structuredContent"]?["rows"]?[0]?[0] == .string(value))
        #expect(self.cell(result) == line)
    }

    @Test func `malformed UTF-8 becomes replacement characters`() throws {
        let result = try self.single { $0.text([0x61, 0xFF, 0x62].span) }
        #expect(result["structuredContent"]?["rows"]?[0]?[0] == .string("a\u{FFFD}b"))
    }

    @Test(arguments: [
        ([UInt8](), ""), ([1], "AQ=="), ([1, 2], "AQI="), ([1, 2, 3], "AQID"), ([0xFB, 0xFF, 0xFE, 0x00], "+//+AA=="),
    ])
    func `a blob is base64`(_ value: [UInt8], _ base64: String) throws {
        let result = try self.single { $0.blob(value.span) }
        #expect(result["structuredContent"]?["rows"]?[0]?[0]?["base64"] == .string(base64))
        #expect(self.cell(result) == "| \(base64) |")
    }

    @Test func `null is null`() throws {
        let result = try self.single { $0.null() }
        #expect(result["structuredContent"]?["rows"]?[0]?[0] == .null)
        #expect(self.cell(result) == "| NULL |")
    }

    @Test func `each era gets the members it knows`() throws {
        let members: (ResultStyle) throws -> [String] = { try self.single($0) { $0.integer(1) }.keys }
        #expect(try members(Self.old) == ["content", "isError"])
        #expect(try members(Self.legacy) == ["content", "structuredContent", "isError"])
        #expect(try members(Self.modern) == ["content", "structuredContent", "isError", "resultType", "_meta"])
    }

    @Test func `an old client gets the same text`() throws {
        let write: (inout TableWriter) -> Void = { $0.text(bytes("a|\"b").span) }
        #expect(try self.single(Self.old, write)["content"] == self.single(Self.modern, write)["content"])
    }

    @Test func `a row that passes the limit is left out whole`() throws {
        let header = TableHeader([.init(name: bytes("a"), type: []), .init(name: bytes("b"), type: [])])
        var writer = TableWriter(bytesMax: 400)
        writer.begin(header, Self.legacy)
        for _ in 0..<2 {
            writer.integer(1)
            writer.text(bytes("short").span)
            let isWhole = writer.endRow()
            #expect(isWhole)
        }
        writer.integer(2)
        writer.text([UInt8](repeating: 0x61, count: 500).span)
        writer.integer(3)
        let isWhole = writer.endRow()
        #expect(!isWhole)
        var output: [UInt8] = []
        writer.finish(header, .size, to: &output)
        let content = try #require(try json(text(output))["structuredContent"])
        #expect(content["rows"]?.elements.count == 2)
        #expect(content["rowCount"] == 2)
        #expect(content["truncated"] == true)
        #expect(content["truncatedBy"] == "size")
    }

    @Test func `a writer forgets the result before`() throws {
        let header = TableHeader([.init(name: bytes("a"), type: [])])
        var writer = TableWriter(bytesMax: 1 << 20)
        var outputs: [[UInt8]] = []
        for _ in 0..<2 {
            writer.begin(header, Self.modern)
            writer.text(bytes("x\ny").span)
            let isWhole = writer.endRow()
            #expect(isWhole)
            var output: [UInt8] = []
            writer.finish(header, .limit, to: &output)
            outputs.append(output)
        }
        #expect(outputs[0] == outputs[1])
    }

    @Test func `names of columns are escaped in both forms`() throws {
        let header = TableHeader([.init(name: bytes("a|\"b\n"), type: bytes("VAR\"CHAR"))])
        var writer = TableWriter(bytesMax: 1 << 20)
        writer.begin(header, Self.legacy)
        var output: [UInt8] = []
        writer.finish(header, .complete, to: &output)
        let result = try json(text(output))
        #expect(result["structuredContent"]?["columns"]?[0]?["name"] == .string("a|\"b\n"))
        #expect(result["structuredContent"]?["columns"]?[0]?["type"] == .string("VAR\"CHAR"))
        #expect(result["content"]?[0]?["text"]?.stringValue?.hasPrefix("| a\\|\"b<br> |\n| --- |\n") == true)
    }
}
