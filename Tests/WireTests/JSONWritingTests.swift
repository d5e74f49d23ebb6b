import Base
import Testing
import Wire

@Suite struct JSONWritingTests {
    private func json(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        output.appendJSON(string: bytes.span)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(arguments: [
        ("", "\"\""), ("abc", "\"abc\""), ("a\"b\\c", "\"a\\\"b\\\\c\""), ("/", "\"/\""),
        ("\u{8}\u{9}\n\u{C}\r", "\"\\b\\t\\n\\f\\r\""),
        ("\0\u{1}\u{B}\u{1F}\u{7F}", "\"\\u0000\\u0001\\u000b\\u001f\u{7F}\""), ("é€😹", "\"é€😹\""),
        ("a\u{2028}b\u{2029}c", "\"a\\u2028b\\u2029c\""),
        ("\u{2027}\u{202A}", "\"\u{2027}\u{202A}\""), ("\r\n", "\"\\r\\n\""),
    ])
    func `a string is quoted and escaped`(text: String, expected: String) {
        #expect(self.json(Array(text.utf8)) == expected)
        var output: [UInt8] = [0x3E]
        output.appendJSON(string: text)
        #expect(output == [0x3E] + Array(expected.utf8))
    }

    @Test func `a literal is quoted and escaped`() {
        var output: [UInt8] = []
        output.appendJSON(string: "a\"\n" as StaticString)
        #expect(output == Array("\"a\\\"\\n\"".utf8))
    }

    @Test(
        arguments: [
            ([0xFF], "\"\u{FFFD}\""), ([0x61, 0xC3, 0x62], "\"a\u{FFFD}b\""), ([0xE2, 0x80], "\"\u{FFFD}\u{FFFD}\""),
            ([0xED, 0xA0, 0x80], "\"\u{FFFD}\u{FFFD}\u{FFFD}\""),
            ([0xC3, 0xA9, 0x80], "\"é\u{FFFD}\""), ([0xE2, 0x80, 0xA8, 0xE2, 0x80], "\"\\u2028\u{FFFD}\u{FFFD}\""),
        ] as [([UInt8], String)])
    func `bytes that are no UTF-8 become replacement characters`(bytes: [UInt8], expected: String) {
        #expect(self.json(bytes) == expected)
    }

    @Test func `any bytes give an acceptable string, and UTF-8 comes back as it was`() throws {
        var random = PRNG(seed: 2)
        for _ in 0..<5_000 {
            let bytes = (0..<random.below(24)).map { _ in
                random.chance(1, in: 2)
                    ? UInt8(random.below(256)) : [0x22, 0x5C, 0x0A, 0x61, 0xE2, 0x80, 0xA8, 0xA9][random.below(8)] as UInt8
            }
            let quoted = Array(self.json(bytes).utf8)
            #expect(JSONScanner.failure(quoted) == nil)
            #expect(!quoted.contains(0x0A) && !quoted.contains(0x0D))
            if String(validating: bytes, as: UTF8.self) != nil {
                #expect(JSONString.unescape(quoted.span, ByteRange(0, quoted.count)) == bytes)
            }
        }
    }

    @Test(arguments: [
        ("{}", "{}"), ("{\n}", "{ }"), ("[1,\r\n2]", "[1,  2]"), ("\"\u{2028}\u{2029}\"", "\"\\u2028\\u2029\""),
        ("\"€\u{2027}\"", "\"€\u{2027}\""),
        ("{\n  \"a\": 1,\n  \"b\": [\n    \"\u{2028}\"\n  ]\n}", "{   \"a\": 1,   \"b\": [     \"\\u2028\"   ] }"),
        ("\"\\n\"", "\"\\n\""), ("", ""),
        ("\"12345678€12345678\u{2029}\"", "\"12345678€12345678\\u2029\""),
    ])
    func `a value is copied onto one line`(text: String, expected: String) {
        let bytes = Array("\n\(text)\n".utf8)
        var output: [UInt8] = [0x3E]
        output.appendLine(bytes.span, ByteRange(1, bytes.count - 1))
        #expect(String(decoding: output, as: UTF8.self) == ">" + expected)
    }

    @Test func `a line has the same value wherever its line ends were`() throws {
        let tokens = [
            "{", "\"a\u{2028}key\"", ":", "[", "1.5e3", ",", "\"\u{2029}\u{2029}\"", ",", "null", "]", ",", "\"b\"", ":", "{",
            "}", "}",
        ]
        let spaces = ["", "\n", "\r\n", " ", "\n\n\t", "\r"]
        let plain = try JSONValue.parse(Array(tokens.joined().utf8))
        var random = PRNG(seed: 3)
        for _ in 0..<500 {
            let text = Array(tokens.map { $0 + spaces[random.below(spaces.count)] }.joined().utf8)
            var output: [UInt8] = []
            output.appendLine(text.span, ByteRange(0, text.count))
            var scanner = JSONScanner()
            _ = try scanner.scanText(output.span)
            #expect(!scanner.needsLineRewrite)
            #expect(!output.contains(0x0A) && !output.contains(0x0D))
            #expect(try JSONValue.parse(output) == plain)
        }
    }
}

@Suite struct JSONObjectSpliceTests {
    private func splice(_ text: String, removing: [StaticString], adding: String) throws -> String {
        let bytes = Array(text.utf8)
        var scanner = JSONScanner()
        var members = JSONMembers()
        let object = ByteRange(0, bytes.count)
        try scanner.scanObject(bytes.span, at: object, into: &members)
        var output: [UInt8] = []
        let raw = Array(adding.utf8)
        JSONObjectSplice.append(bytes.span, members, of: object, removing: removing, adding: raw.span, to: &output)
        var second: [UInt8] = []
        JSONObjectSplice.append(bytes.span, members, of: object, removing: removing, to: &second) { $0.append(contentsOf: raw) }
        #expect(output == second)
        #expect(JSONScanner.failure(output) == nil)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(
        arguments: [
            ("{}", [], "", "{}"), ("{ \n }", [], "", "{}"), ("{}", [], "\"x\":1", "{\"x\":1}"),
            ("{\"a\":1}", [], "", "{\"a\":1}"),
            ("{\"a\":1}", [], "\"x\":1", "{\"x\":1,\"a\":1}"), ("{\"a\":1}", ["a"], "", "{}"),
            ("{\"a\":1}", ["a"], "\"a\":2", "{\"a\":2}"),
            ("{\"a\":1,\"b\":2,\"c\":3}", ["a"], "", "{\"b\":2,\"c\":3}"),
            ("{\"a\":1,\"b\":2,\"c\":3}", ["b"], "", "{\"a\":1,\"c\":3}"),
            ("{\"a\":1,\"b\":2,\"c\":3}", ["c"], "", "{\"a\":1,\"b\":2}"),
            ("{\"a\":1,\"b\":2,\"c\":3}", ["a", "c"], "\"x\":{}", "{\"x\":{},\"b\":2}"),
            ("{\"a\":1,\"b\":2,\"c\":3}", ["c", "b", "a", "d"], "", "{}"), ("{\"a\":1,\"b\":2}", ["d"], "", "{\"a\":1,\"b\":2}"),
            ("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", ["b", "c"], "\"x\":1,\"y\":2", "{\"x\":1,\"y\":2,\"a\":1,\"d\":4}"),
            ("{ \"a\" : 1 , \"b\" : 2 }", ["a"], "", "{\"b\" : 2}"),
            ("{\n\"a\":[\n1],\n\"b\":\"\u{2028}\"\n}", [], "", "{\"a\":[ 1], \"b\":\"\\u2028\"}"),
            ("{\"\\u005fmeta\":1,\"b\":2}", ["_meta"], "\"_meta\":3", "{\"_meta\":3,\"b\":2}"),
            ("{\"a\":{\"a\":1}}", ["b"], "", "{\"a\":{\"a\":1}}"),
            ("{\"\":1,\"a\":2}", [""], "", "{\"a\":2}"),
        ] as [(String, [StaticString], String, String)])
    func `members are left out and put in front`(text: String, removing: [StaticString], adding: String, expected: String) throws
    {
        #expect(try self.splice(text, removing: removing, adding: adding) == expected)
    }

    @Test func `the object may lie inside a larger buffer`() throws {
        let bytes = Array("{\"params\":{\"a\":1,\"b\":2}}".utf8)
        var scanner = JSONScanner()
        var members = JSONMembers()
        let object = ByteRange(10, bytes.count - 1)
        try scanner.scanObject(bytes.span, at: object, into: &members)
        var output: [UInt8] = []
        JSONObjectSplice.append(bytes.span, members, of: object, removing: ["a"], adding: [UInt8]().span, to: &output)
        #expect(output == Array("{\"b\":2}".utf8))
    }

    @Test func `a table of another object is our bug`() async {
        await #expect(processExitsWith: .failure) {
            let bytes = Array("{\"a\":1}{}".utf8)
            var scanner = JSONScanner()
            var members = JSONMembers()
            try scanner.scanObject(bytes.span, at: ByteRange(0, 7), into: &members)
            var output: [UInt8] = []
            JSONObjectSplice.append(bytes.span, members, of: ByteRange(7, 9), removing: [], adding: [UInt8]().span, to: &output)
        }
    }
}
