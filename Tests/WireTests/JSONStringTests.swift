import Base
import Testing
import Wire

@Suite struct JSONStringTests {
    private func unescape(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return JSONString.unescape(bytes.span, ByteRange(0, bytes.count))
    }

    @Test func `a backslash is found wherever it stands`() {
        for count in 0...40 {
            let plain = [UInt8](repeating: 0x61, count: count + 2)
            let range = ByteRange(1, count + 1)
            let isFoundInNone = JSONString.hasEscapes(plain.span, range)
            #expect(!isFoundInNone)
            for place in plain.indices {
                var text = plain
                text[place] = 0x5C
                let isFound = JSONString.hasEscapes(text.span, range)
                #expect(isFound == range.range.contains(place), "byte \(place) of \(count)")
            }
        }
    }

    @Test(arguments: [
        ("\"\"", ""), ("\"abc\"", "abc"), ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{C}\n\r\t"),
        ("\"\\u0041\\u00e9\\u20AC\"", "Aé€"),
        ("\"\\ud83d\\ude39!\"", "😹!"), ("\"x\\uDBFF\\uDFFFy\"", "x\u{10FFFF}y"), ("\"\\ud800\\udc00\"", "\u{10000}"),
        ("\"\\u0000\"", "\0"),
        ("\"é\\n€\"", "é\n€"), ("\"\\\\u0041\"", "\\u0041"), ("\"\\uFFFF\\uD7FF\\uE000\"", "\u{FFFF}\u{D7FF}\u{E000}"),
    ])
    func `an escape reads as what it stands for`(text: String, expected: String) {
        #expect(self.unescape(text) == Array(expected.utf8))
        let bytes = Array("..\(text)..".utf8)
        let range = ByteRange(2, bytes.count - 2)
        #expect(JSONString.unescape(bytes.span, range) == Array(expected.utf8))
        #expect(JSONString.string(bytes.span, range) == expected)
        #expect(JSONString.hasEscapes(bytes.span, range) == text.contains("\\"))
    }

    @Test(arguments: [
        ("\"\\x\"", "\u{FFFD}"), ("\"\\u12\"", "\u{FFFD}12"), ("\"\\u12G4\"", "\u{FFFD}12G4"), ("\"\\ud800\"", "\u{FFFD}"),
        ("\"\\udc00\"", "\u{FFFD}"),
        ("\"\\ud800\\u0041\"", "\u{FFFD}A"), ("\"\\ud800\\ud8\"", "\u{FFFD}\u{FFFD}d8"), ("\"\\\"", "\u{FFFD}"), ("\"a", ""),
        ("\"", ""),
    ])
    func `what the scanner would have refused reads as a replacement`(text: String, expected: String) {
        #expect(String(decoding: self.unescape(text), as: UTF8.self) == expected)
    }

    @Test func `no bytes at all make reading trap`() {
        let alphabet = Array("\\ud8cA0\"n".utf8) + [0xE2, 0x80, 0xA8]
        var random = PRNG(seed: 1)
        for _ in 0..<20_000 {
            let bytes = (0..<random.below(16)).map { _ in alphabet[random.below(alphabet.count)] }
            let range = ByteRange(0, bytes.count)
            _ = JSONString.unescape(bytes.span, range)
            _ = JSONString.string(bytes.span, range)
            _ = JSONString.equals(bytes.span, range, "tools/call")
            _ = JSONNumber.int64(bytes.span, range)
            _ = JSONNumber.double(bytes.span, range)
            _ = jsonKind(bytes.span, range)
            var output: [UInt8] = []
            output.appendLine(bytes.span, range)
            output.removeAll()
            output.appendJSON(string: bytes.span)
            #expect(JSONScanner.failure(output) == nil)
        }
    }

    @Test(arguments: [
        ("\"tools/call\"", true), ("\"tools\\/call\"", true), ("\"\\u0074ools/call\"", true), ("\"tools/cal\\u006C\"", true),
        ("\"Tools/call\"", false), ("\"tools/call \"", false), ("\"tools/cal\"", false), ("\"\"", false), ("tools/call", false),
        ("\"tools/call\\u0000\"", false),
        ("\"tools\\\\call\"", false),
    ])
    func `equality is that of the text`(text: String, expected: Bool) {
        let bytes = Array(text.utf8)
        #expect(JSONString.equals(bytes.span, ByteRange(0, bytes.count), "tools/call") == expected)
    }

    @Test func `a backslash in the expected text is not an escape`() {
        func equals(_ text: String, _ expected: StaticString) -> Bool {
            let bytes = Array(text.utf8)
            return JSONString.equals(bytes.span, ByteRange(0, bytes.count), expected)
        }
        #expect(!equals("\"\\n\"", "\\n"))
        #expect(equals("\"\\n\"", "\n"))
        #expect(equals("\"\\\\n\"", "\\n"))
    }

    @Test func `the contents lie between the quotes`() {
        #expect(JSONString.contents(ByteRange(3, 8)) == ByteRange(4, 7))
        #expect(JSONString.contents(ByteRange(3, 5)) == ByteRange(4, 4))
        #expect(JSONString.contents(ByteRange(3, 4)).isEmpty)
    }

    @Test(
        arguments: [
            ("{}", .object), ("[]", .array), ("\"\"", .string), ("1", .number), ("-1", .number), ("true", .true),
            ("false", .false), ("null", .null),
        ] as [(String, JSONKind)])
    func `the first byte tells the kind`(text: String, kind: JSONKind) {
        let bytes = Array(" \(text)".utf8)
        #expect(jsonKind(bytes.span, ByteRange(1, bytes.count)) == kind)
    }
}

@Suite struct JSONNumberTests {
    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-7", -7), ("9007199254740991", 9_007_199_254_740_991),
            ("9223372036854775807", Int64.max),
            ("-9223372036854775808", Int64.min), ("9223372036854775808", nil), ("-9223372036854775809", nil),
            ("18446744073709551616", nil),
            ("1.0", nil), ("1e2", nil), ("-", nil), ("", nil), ("+1", nil), ("1a", nil), ("null", nil), ("\"1\"", nil),
            ("99999999999999999999999999999999", nil), ("１", nil),
        ] as [(String, Int64?)])
    func `an integer is exact or not there`(text: String, expected: Int64?) {
        let bytes = Array("[\(text)]".utf8)
        #expect(JSONNumber.int64(bytes.span, ByteRange(1, bytes.count - 1)) == expected)
    }

    @Test(
        arguments: [
            ("0", 0), ("1.5", 1.5), ("-2e3", -2000), ("1E-2", 0.01), ("1e400", nil), ("-1e400", nil), ("1e-400", 0), ("nan", nil),
            ("inf", nil),
            ("0x1p3", nil), ("", nil), ("e", nil), ("--1", nil), ("1 ", nil),
        ] as [(String, Double?)])
    func `a double is finite or not there`(text: String, expected: Double?) {
        let bytes = Array(text.utf8)
        #expect(JSONNumber.double(bytes.span, ByteRange(0, bytes.count)) == expected)
    }
}
