import Base
import Testing
import Wire

@Suite struct JSONValueTests {
    private func parse(_ text: String, relaxed: Bool = false) throws(JSONTextError) -> JSONValue {
        try JSONValue.parse(Array(text.utf8), allowingCommentsAndTrailingCommas: relaxed)
    }

    @Test func `a text becomes a tree and a tree becomes a compact text`() throws {
        let value = try self.parse(" { \"b\" : [ 1 , -2.50e1, true, false, null ] , \"a\" : { \"\\u0041\" : \"x\\ny\" } } ")
        let expected: JSONValue = [
            "b": [1, .number(lexeme: "-2.50e1"), true, false, nil], "a": ["A": "x\ny"],
        ]
        #expect(value == expected)
        #expect(value.description == "{\"b\":[1,-2.50e1,true,false,null],\"a\":{\"A\":\"x\\ny\"}}")
        #expect(try JSONValue.parse(value.serialized) == value)
    }

    @Test(arguments: ["1", "\"\"", "[]", "{}", "null", "[[]]", "{\"a\":{}}", "[{},[],\"\",0]", "1e400", "\"\u{2028}\""])
    func `an accepted text is accepted again after serialisation`(text: String) throws {
        let value = try self.parse(text)
        #expect(try JSONValue.parse(value.serialized) == value)
        #expect(!value.serialized.contains(0x0A))
    }

    @Test func `values are asked for by kind`() throws {
        let value = try self.parse(
            "{\"s\":\"t\",\"i\":-5,\"d\":1.5,\"big\":9223372036854775808,\"b\":true,\"n\":null,\"a\":[1,2],\"e\":1e400}")
        #expect(value["s"]?.stringValue == "t")
        #expect(value["i"]?.int64Value == -5)
        #expect(value["d"]?.int64Value == nil)
        #expect(value["d"]?.doubleValue == 1.5)
        #expect(value["e"]?.doubleValue == nil)
        #expect(value["big"]?.int64Value == nil)
        #expect(value["b"]?.boolValue == true)
        #expect(value["n"]?.isNull == true)
        #expect(value["a"]?[1] == 2)
        #expect(value["a"]?[2] == nil)
        #expect(value["a"]?[-1] == nil)
        #expect(value["a"]?.arrayValue?.count == 2)
        #expect(value.objectValue?.map(\.key) == ["s", "i", "d", "big", "b", "n", "a", "e"])
        #expect(value["S"] == nil)
        #expect(value["s"]?["s"] == nil)
        #expect(value[0] == nil)
        for other: JSONValue in [nil, true, 1, "x", [], [:]] {
            #expect(
                [other.stringValue != nil, other.boolValue != nil, other.int64Value != nil, other.doubleValue != nil].filter(
                    \.self
                ).count <= 2)
            #expect(other.isNull == (other == nil as JSONValue))
        }
    }

    @Test func `strings are equal by bytes and not by looks`() throws {
        #expect(JSONValue.string("é") != JSONValue.string("e\u{301}"))
        #expect(JSONValue.object([.init("é", 1)]) != JSONValue.object([.init("e\u{301}", 1)]))
        let both = try self.parse("{\"é\":1,\"e\u{301}\":2}")
        #expect(both["é"] == 1)
        #expect(both["e\u{301}"] == 2)
        #expect(JSONValue.number(lexeme: "1") != JSONValue.number(lexeme: "1.0"))
        #expect((nil as JSONValue) != (false as JSONValue))
        #expect((["a": 1, "b": 2] as JSONValue) != (["b": 2, "a": 1] as JSONValue))
    }

    @Test func `duplicate keys are refused at every level`() {
        #expect(throws: JSONTextError.self) { try self.parse("{\"a\":1,\"a\":2}") }
        #expect(throws: JSONTextError.self) { try self.parse("[{\"b\":{\"a\":1,\"\\u0061\":2}}]") }
    }

    @Test(arguments: [
        ("", "line 1, column 1: the text ends inside a value"),
        ("{\n  \"a\": 1,\n  \"b\": nul\n}", "line 3, column 8: unknown literal"),
        ("{\"é€\": x}", "line 1, column 8: unexpected byte"), ("[1,\n", "line 2, column 1: the text ends inside a value"),
        ("{\"a\":1,\n\"a\":2}", "line 2, column 2: duplicate key"), ("{} {}", "line 1, column 4: more bytes after the value"),
        ("[01]", "line 1, column 2: malformed number"),
    ])
    func `an error names its line and column`(text: String, expected: String) throws {
        let error = try #require(throws: JSONTextError.self) { try self.parse(text) }
        #expect(error.description == expected)
    }

    @Test func `a value inside a larger buffer is parsed`() throws {
        let bytes = Array("xx[1]yy".utf8)
        #expect(try JSONValue.parse(bytes.span, ByteRange(2, 5)) == [1])
        #expect(throws: JSONTextError.self) { try JSONValue.parse(bytes.span, ByteRange(2, 6)) }
    }

    @Test func `the limits hold for trees`() throws {
        let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
        #expect(throws: JSONTextError.self) { try self.parse(deep) }
        let objects = String(repeating: "{\"a\":", count: 65) + "1" + String(repeating: "}", count: 65)
        #expect(throws: JSONTextError.self) { try self.parse(objects) }
        #expect(throws: JSONTextError.self) {
            try JSONValue.parse(Array("[1,2,3]".utf8), limits: JSONLimits(nodesMax: 3))
        }
        #expect(try JSONValue.parse(Array("[1,2,3]".utf8), limits: JSONLimits(nodesMax: 4)) == [1, 2, 3])
    }
}

@Suite struct JSONCommentsTests {
    private func parse(_ text: String) throws -> JSONValue {
        try JSONValue.parse(Array(text.utf8), allowingCommentsAndTrailingCommas: true)
    }

    @Test(arguments: [
        ("// head\n{}", "{}"), ("{} // tail", "{}"), ("{} // tail\n", "{}"), ("/**/1/***/", "1"), ("/* a\n * b */[1]", "[1]"),
        ("[1,/*x*/2//y\n]", "[1,2]"),
        ("[1,]", "[1]"), ("{\"a\":1,}", "{\"a\":1}"), ("[1 , ]", "[1]"), ("[1,// c\n]", "[1]"), ("[1/*c*/,/*d*/]", "[1]"),
        ("[[1,],]", "[[1]]"),
        ("{\"a\":[{},],}", "{\"a\":[{}]}"), ("[\"a\",]", "[\"a\"]"), ("[true,]", "[true]"),
        ("[\"//\",\"/*\",\"*/\",\",]\"]", "[\"//\",\"/*\",\"*/\",\",]\"]"),
        ("[\"\\\"//\",1]", "[\"\\\"//\",1]"), ("[\"a\\\\\",]", "[\"a\\\\\"]"), ("{\"a\"/*k*/:/*v*/1}", "{\"a\":1}"),
        ("[1,/*,*/]", "[1]"), ("/* // */1", "1"),
        ("// /*\n1", "1"), ("/*é€*/\"é\"", "\"é\""), ("//\r\n1", "1"),
    ])
    func `comments and trailing commas are passed over`(text: String, expected: String) throws {
        #expect(try self.parse(text) == JSONValue.parse(Array(expected.utf8)))
        if text != expected { #expect(throws: JSONTextError.self) { try JSONValue.parse(Array(text.utf8)) } }
    }

    @Test(
        arguments: [
            ("[,]", .unexpectedByte, 1, 2), ("{,}", .unexpectedByte, 1, 2), ("[1,,]", .unexpectedByte, 1, 4),
            ("[,1]", .unexpectedByte, 1, 2),
            (",", .unexpectedByte, 1, 1), ("1,", .trailingBytes, 1, 2), ("[1],", .trailingBytes, 1, 4),
            ("{\"a\":,}", .unexpectedByte, 1, 6),
            ("{\"a\",}", .unexpectedByte, 1, 6), ("/*", .unterminatedComment, 1, 1), ("1 /* *", .unterminatedComment, 1, 3),
            ("[1]\n/* x", .unterminatedComment, 2, 1),
            ("/", .unexpectedByte, 1, 1), ("[1]/", .trailingBytes, 1, 4), ("1 /x", .trailingBytes, 1, 3),
            ("#c\n1", .unexpectedByte, 1, 1), ("//", .unexpectedEnd, 1, 3),
            ("/*/1", .unterminatedComment, 1, 1), ("{\"a\":1 //,\n \"b\":2}", .unexpectedByte, 2, 2),
            ("[\"a\n//\"]", .controlCharacter, 1, 4),
            ("[1\n/*\n\n*/ x]", .unexpectedByte, 4, 4), ("t/**/rue", .badLiteral, 1, 1), ("1/**/2", .trailingBytes, 1, 6),
            ("\"abc\\", .unexpectedEnd, 1, 6),
        ] as [(String, JSONError.Reason, Int, Int)])
    func `the rest of the grammar stays strict`(text: String, reason: JSONError.Reason, line: Int, column: Int) throws {
        let error = try #require(throws: JSONTextError.self) { try self.parse(text) }
        #expect(error.reason == reason)
        #expect(error.line == line)
        #expect(error.column == column)
    }

    @Test func `no bytes at all make it trap, and blanking never makes bad JSON good`() {
        let alphabet = Array("[]{}\",:/*\\1\n ".utf8)
        var random = PRNG(seed: 4)
        for _ in 0..<30_000 {
            let bytes = (0..<random.below(12)).map { _ in alphabet[random.below(alphabet.count)] }
            let relaxed = try? JSONValue.parse(bytes, allowingCommentsAndTrailingCommas: true)
            if let strict = try? JSONValue.parse(bytes) { #expect(relaxed == strict) }
        }
    }
}
