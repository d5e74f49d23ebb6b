import Base
import Testing
import Wire

/// Bytes with a readable name in test output.
struct JSONCase: CustomTestStringConvertible, Sendable {
    let bytes: [UInt8]

    init(_ text: String) { self.bytes = Array(text.utf8) }
    /// A string literal around raw bytes, for what no Swift literal can hold.
    init(string bytes: [UInt8]) { self.bytes = [0x22] + bytes + [0x22] }
    init(raw bytes: [UInt8]) { self.bytes = bytes }

    var testDescription: String {
        self.bytes.prefix(60).map { $0 < 0x7F && $0 > 0x1F ? String(UnicodeScalar($0)) : "<\($0)>" }.joined()
    }
}

extension JSONScanner {
    /// The error of a text, or nil when it is accepted.
    static func failure(_ bytes: [UInt8], limits: JSONLimits = .standard) -> JSONError? {
        var scanner = JSONScanner(limits: limits)
        do throws(JSONError) {
            _ = try scanner.scanText(bytes.span)
            return nil
        } catch {
            return error
        }
    }

    static func failure(_ text: String, limits: JSONLimits = .standard) -> JSONError? {
        self.failure(Array(text.utf8), limits: limits)
    }
}

@Suite struct JSONScannerTests {
    private static let accepted: [JSONCase] = [
        JSONCase("null"), JSONCase("true"), JSONCase("false"), JSONCase("0"), JSONCase("-0"), JSONCase("\"\""), JSONCase("[]"),
        JSONCase("{}"),
        JSONCase(" [] "), JSONCase("\t\r\n [ \t\r\n ] \t\r\n "), JSONCase("{ }"), JSONCase("[null , 1,\"1\",{ }]"),
        JSONCase("[[[[]]],[]]"),
        JSONCase("{\"a\":{\"b\":[{\"c\":{}}]}}"), JSONCase("{\"\":0}"), JSONCase("{\"a\" : 1 , \"b\" : 2}"),
        JSONCase("{\"\\u0000\":1}"),
        JSONCase("123"), JSONCase("-123"), JSONCase("1.5"), JSONCase("0.0"), JSONCase("-0.0"), JSONCase("0e1"), JSONCase("0e+1"),
        JSONCase("1E22"), JSONCase("1E-2"), JSONCase("1e400"), JSONCase("-1e-400"), JSONCase("123.456e78"),
        JSONCase("0.00000000000001"),
        JSONCase("-237462374673276894279832749832423479823246327846"), JSONCase("[4]"), JSONCase("[-1]"), JSONCase("[1e1]"),
        JSONCase("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), JSONCase("\"\\u0060\\u012a\\u12AB\""), JSONCase("\"\\uD801\\udc37\""),
        JSONCase("\"\\ud83d\\ude39\\ud83d\\udc8d\""), JSONCase("\"\\uDBFF\\uDFFE\""), JSONCase("\"\\uFFFF\""),
        JSONCase("\"\\u0000\""),
        JSONCase("\"\\\\u0000\""), JSONCase("\"\\\\a\""), JSONCase("\"/*not a comment*/\""), JSONCase("\"\u{7F}\""),
        JSONCase("\" \""),
        JSONCase("\"€𝄞é\u{10FFFF}\u{FFFE}\u{FEFF}\""), JSONCase("\"\u{2028}\u{2029}\""), JSONCase("\"12345678\""),
        JSONCase("\"1234567\""),
        JSONCase("\"1234567é\""), JSONCase("\"123456789012345\\n\""), JSONCase("\"abcdefg\\\\\""), JSONCase("\"a\\\"b\\\"c\""),
        JSONCase(string: [0xF4, 0x8F, 0xBF, 0xBF]), JSONCase(string: [0xC2, 0x80]), JSONCase(string: [0xE0, 0xA0, 0x80]),
        JSONCase(string: [0xED, 0x9F, 0xBF]), JSONCase(string: [0xEE, 0x80, 0x80]), JSONCase(string: [0xF0, 0x90, 0x80, 0x80]),
    ]

    @Test(arguments: accepted) func `a text of RFC 8259 is accepted`(example: JSONCase) {
        #expect(JSONScanner.failure(example.bytes) == nil)
    }

    @Test(arguments: accepted) func `an accepted text is accepted inside an array, after other bytes and before others`(
        example: JSONCase
    ) throws {
        let bytes = Array("xyz[".utf8) + example.bytes + Array(",1]!".utf8)
        var scanner = JSONScanner()
        var position = 3
        let range = try scanner.scanValue(bytes.span, at: &position)
        #expect(range == ByteRange(3, bytes.count - 1))
        #expect(position == bytes.count - 1)
    }

    @Test(arguments: accepted) func `every text cut short is refused unless it is a number`(example: JSONCase) {
        for count in 0..<example.bytes.count {
            let cut = Array(example.bytes[..<count])
            let trimmed = cut.filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
            if example.bytes[count...].allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) { continue }
            if let last = trimmed.last, ASCII.isDigit(last), trimmed.first != 0x5B, trimmed.first != 0x7B, trimmed.first != 0x22 {
                continue
            }
            #expect(JSONScanner.failure(cut) != nil)
        }
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd, 0), (" ", .unexpectedEnd, 1), ("[", .unexpectedEnd, 1), ("[1", .unexpectedEnd, 2),
            ("[1,", .unexpectedEnd, 3),
            ("{", .unexpectedEnd, 1), ("{\"a\"", .unexpectedEnd, 4), ("{\"a\":", .unexpectedEnd, 5),
            ("{\"a\":1", .unexpectedEnd, 6),
            ("{\"a\":1,", .unexpectedEnd, 7), ("\"", .unexpectedEnd, 1), ("\"abc", .unexpectedEnd, 4),
            ("\"abc\\", .unexpectedEnd, 5),
            ("]", .unexpectedByte, 0), ("}", .unexpectedByte, 0), (",", .unexpectedByte, 0), (":", .unexpectedByte, 0),
            ("[1}", .unexpectedByte, 2),
            ("{\"a\":1]", .unexpectedByte, 6), ("[,1]", .unexpectedByte, 1), ("[1,]", .unexpectedByte, 3),
            ("[1,,2]", .unexpectedByte, 3),
            ("[1 2]", .unexpectedByte, 3), ("[\"a\":1]", .unexpectedByte, 4), ("{1:1}", .unexpectedByte, 1),
            ("{\"a\",1}", .unexpectedByte, 4),
            ("{\"a\"::1}", .unexpectedByte, 5), ("{\"a\":1,}", .unexpectedByte, 7), ("{,\"a\":1}", .unexpectedByte, 1),
            ("{'a':1}", .unexpectedByte, 1),
            ("{a:1}", .unexpectedByte, 1), ("{null:1}", .unexpectedByte, 1), ("[1/*c*/]", .unexpectedByte, 2),
            ("//c\n1", .unexpectedByte, 0),
            ("'a'", .unexpectedByte, 0), ("[\u{B}1]", .unexpectedByte, 1), ("[\u{C}]", .unexpectedByte, 1),
            ("[\u{A0}1]", .unexpectedByte, 1),
            ("[\u{2060}]", .unexpectedByte, 1), ("\u{0}", .unexpectedByte, 0), ("[\\u000A\"\"]", .unexpectedByte, 1),
            ("[+1]", .unexpectedByte, 1),
            ("[.5]", .unexpectedByte, 1), ("NaN", .unexpectedByte, 0), ("Infinity", .unexpectedByte, 0),
            ("[\u{FF11}]", .unexpectedByte, 1),
            ("nul", .badLiteral, 0), ("tru", .badLiteral, 0), ("fals", .badLiteral, 0), ("[nulL]", .badLiteral, 1),
            ("True", .unexpectedByte, 0),
            ("truefalse", .trailingBytes, 4), ("nullx", .trailingBytes, 4),
            ("-", .badNumber, 1), ("[-]", .badNumber, 2), ("-a", .badNumber, 1), ("--1", .badNumber, 1),
            ("-Infinity", .badNumber, 1),
            ("01", .badNumber, 0), ("-01", .badNumber, 0), ("00", .badNumber, 0), ("[-012]", .badNumber, 1),
            ("1.", .badNumber, 2),
            ("[1.]", .badNumber, 3), ("1.e1", .badNumber, 2), ("1e", .badNumber, 2), ("1e+", .badNumber, 3),
            ("1eE2", .badNumber, 2),
            ("1.0e-", .badNumber, 5), ("-.5", .badNumber, 1), ("0x1", .trailingBytes, 1), ("1_000", .trailingBytes, 1),
            ("1+2", .trailingBytes, 1),
            ("1.2.3", .trailingBytes, 3), ("0.1.2", .trailingBytes, 3),
            ("\"\\x00\"", .badEscape, 1), ("\"\\a\"", .badEscape, 1), ("\"\\u\"", .badEscape, 1), ("\"\\u00A\"", .badEscape, 1),
            ("\"\\u00G0\"", .badEscape, 1), ("\"\\U0041\"", .badEscape, 1), ("\"\\'\"", .badEscape, 1),
            ("\"\\é\"", .badEscape, 1),
            ("\"\\u+041\"", .badEscape, 1), ("\"\\ud83d\\u12\"", .badEscape, 7),
            ("\"\\ud800\"", .loneSurrogate, 1), ("\"\\udc00\"", .loneSurrogate, 1), ("\"\\ud800\\ud800\"", .loneSurrogate, 1),
            ("\"\\ud800x\"", .loneSurrogate, 1), ("\"\\ud800\\n\"", .loneSurrogate, 1), ("\"\\uDBFF\\u0041\"", .loneSurrogate, 1),
            ("\"\\udfff\\ud800\"", .loneSurrogate, 1), ("\"abcdefgh\\ud800 abcdef\"", .loneSurrogate, 9),
            ("\"a\nb\"", .controlCharacter, 2), ("\"\t\"", .controlCharacter, 1), ("\"\u{0}\"", .controlCharacter, 1),
            ("\"abcdefgh\u{1F}\"", .controlCharacter, 9), ("{\"a\r\":1}", .controlCharacter, 3),
            ("\u{FEFF}{}", .byteOrderMark, 0), (" \u{FEFF}{}", .byteOrderMark, 1), ("{}\u{FEFF}", .trailingBytes, 2),
            ("{}{}", .trailingBytes, 2), ("{} {}", .trailingBytes, 3), ("1 2", .trailingBytes, 2), ("[]]", .trailingBytes, 2),
            ("{}}", .trailingBytes, 2), ("\"\"x", .trailingBytes, 2), ("{}\u{0}", .trailingBytes, 2), ("[1],", .trailingBytes, 3),
            ("{}#", .trailingBytes, 2),
        ] as [(String, JSONError.Reason, Int)])
    func `a text outside RFC 8259 is refused with reason and place`(text: String, reason: JSONError.Reason, offset: Int) {
        #expect(JSONScanner.failure(text) == JSONError(reason, at: offset))
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xFF], [0xFE], [0xC0, 0xAF], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0xAF],
            [0xE0, 0x9F, 0xBF], [0xE2, 0x82],
            [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF0, 0x9F, 0x98], [0xF0, 0x9F, 0x98, 0x28], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], [0xE9], [0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x80], [0xC3, 0xA9, 0xC3],
        ] as [[UInt8]])
    func `a string that is not UTF-8 is refused`(content: [UInt8]) throws {
        let error = try #require(JSONScanner.failure([0x22] + content + [0x22]))
        #expect(error.reason == .badUTF8)
        #expect(JSONScanner.failure(Array("{\"".utf8) + content + Array("\":1}".utf8))?.reason == .badUTF8)
    }

    @Test func `a sequence that the end of the text cuts is refused`() {
        for sequence in [[0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98]] as [[UInt8]] {
            #expect(JSONScanner.failure([0x22] + sequence)?.reason == .badUTF8)
        }
    }

    @Test func `UTF-16 and UTF-32 are refused in both byte orders`() {
        let texts: [[UInt8]] = [
            [0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00], [0xFE, 0xFF, 0x00, 0x7B, 0x00, 0x7D], [0x7B, 0x00, 0x7D, 0x00],
            [0x00, 0x7B, 0x00, 0x7D],
            [0x5B, 0, 0, 0, 0x5D, 0, 0, 0], [0, 0, 0, 0x31],
        ]
        for text in texts { #expect(JSONScanner.failure(text) != nil) }
    }

    @Test func `every single byte is judged as a text`() {
        for byte in UInt8.min...UInt8.max {
            #expect((JSONScanner.failure([byte]) == nil) == ASCII.isDigit(byte))
        }
    }

    @Test func `every byte is judged at every place of a string`() {
        for length in 0..<20 {
            for place in 0...length {
                for byte in UInt8.min...UInt8.max {
                    var content = [UInt8](repeating: 0x61, count: length)
                    content.insert(byte, at: place)
                    let isPlain = byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5C
                    #expect(
                        (JSONScanner.failure([0x22] + content + [0x22]) == nil) == isPlain, "\(byte) at \(place) of \(length)")
                }
            }
        }
    }

    @Test func `every UTF-8 scalar boundary is accepted at every alignment`() {
        for scalar in [0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF] as [UInt32] {
            guard let character = UnicodeScalar(scalar) else { continue }
            for padding in 0..<17 {
                let text =
                    "\"" + String(repeating: "a", count: padding) + String(character) + String(repeating: "b", count: padding)
                    + "\""
                #expect(JSONScanner.failure(text) == nil)
            }
        }
    }

    @Test func `whitespace around the value is not part of its range`() throws {
        var scanner = JSONScanner()
        let bytes = Array("\r\n  {\"a\":1} \n".utf8)
        #expect(try scanner.scanText(bytes.span) == ByteRange(4, 11))
        #expect(!scanner.needsLineRewrite)
    }

    @Test(arguments: [
        ("{\"a\":1}\n", false), ("\r\n{}", false), ("{\n}", true), ("[1,\r2]", true), ("{\"a\"\n:1}", true),
        ("{\"a\":\n1}", true), ("{\"a\":1\n}", true),
        ("[1 ,\t2]", false), ("\"\u{2028}\"", true), ("\"\u{2029}\"", true), ("{\"\u{2028}\":1}", true),
        ("\"\u{2027}\u{202A}\"", false),
        ("\"\\u2028\\n\"", false), ("[\"abcdefghijkl\u{2029}\"]", true), ("[[[[[[\n]]]]]]", true),
    ])
    func `what would break a line is noticed`(text: String, expected: Bool) throws {
        var scanner = JSONScanner()
        let bytes = Array(text.utf8)
        _ = try scanner.scanText(bytes.span)
        #expect(scanner.needsLineRewrite == expected)
        _ = try scanner.scanText(Array("[]".utf8).span)
        #expect(!scanner.needsLineRewrite)
    }

    @Test func `values are scanned one after the other`() throws {
        let bytes = Array("1 \"a\"\n[2] x".utf8)
        var scanner = JSONScanner()
        var position = 0
        #expect(try scanner.scanValue(bytes.span, at: &position) == ByteRange(0, 1))
        #expect(try scanner.scanValue(bytes.span, at: &position) == ByteRange(2, 5))
        #expect(try scanner.scanValue(bytes.span, at: &position) == ByteRange(6, 9))
        #expect(position == 9)
        #expect(throws: JSONError(.unexpectedByte, at: 10)) { try scanner.scanValue(bytes.span, at: &position) }
        #expect(position == 9)
    }

    @Test func `a position outside of the bytes is refused`() {
        let bytes = Array("1".utf8)
        var scanner = JSONScanner()
        for outside in [-1, 2, Int.max, Int.min] {
            var position = outside
            #expect(throws: JSONError(.unexpectedEnd, at: 1)) { try scanner.scanValue(bytes.span, at: &position) }
        }
    }

    @Test func `an array gives the ranges of its elements`() throws {
        let bytes = Array("  [ 1, \"a,b\" ,[2,3],{}] ".utf8)
        var scanner = JSONScanner()
        var elements: [ByteRange] = []
        try scanner.scanArray(bytes.span, at: ByteRange(0, bytes.count), elementsMax: 4, into: &elements)
        #expect(elements.map { String(decoding: bytes[$0.range], as: UTF8.self) } == ["1", "\"a,b\"", "[2,3]", "{}"])
        #expect(throws: JSONError.self) {
            try scanner.scanArray(bytes.span, at: ByteRange(0, bytes.count), elementsMax: 3, into: &elements)
        }
        #expect(elements.isEmpty)
        #expect(throws: JSONError(.unexpectedByte, at: 0)) {
            try scanner.scanArray(Array("{}".utf8).span, at: ByteRange(0, 2), elementsMax: 3, into: &elements)
        }
    }

    @Test func `every reason has a text`() {
        for reason in JSONError.Reason.allCases { #expect(reason.text.utf8CodeUnitCount > 0) }
    }
}
