import Base
import Testing
import Wire

@Suite struct JSONMembersTests {
    private func members(_ text: String) throws -> (JSONMembers, [UInt8]) {
        let bytes = Array(text.utf8)
        var scanner = JSONScanner()
        var members = JSONMembers()
        try scanner.scanObject(bytes.span, at: ByteRange(0, bytes.count), into: &members)
        return (members, bytes)
    }

    private func text(_ range: ByteRange?, _ bytes: [UInt8]) -> String? {
        range.map { String(decoding: bytes[$0.range], as: UTF8.self) }
    }

    @Test func `members keep their order and their lexemes`() throws {
        let (members, bytes) = try self.members(" {\"b\" : 1.50 ,\"a\":[1, 2],\"\":{\"x\":{}}, \"s\":\"\\u0041\"}\n")
        #expect(members.members.map { self.text($0.key, bytes) } == ["b", "a", "", "s"])
        #expect(members.members.map { self.text($0.value, bytes) } == ["1.50", "[1, 2]", "{\"x\":{}}", "\"\\u0041\""])
        #expect(members.members.map { self.text($0.whole, bytes) }[0] == "\"b\" : 1.50")
        #expect(self.text(members.value("a", in: bytes.span), bytes) == "[1, 2]")
        #expect(self.text(members.value("", in: bytes.span), bytes) == "{\"x\":{}}")
        #expect(members.value("x", in: bytes.span) == nil)
        #expect(members.value("A", in: bytes.span) == nil)
    }

    @Test func `an empty object has no members`() throws {
        #expect(try self.members("{}").0.count == 0)
        #expect(try self.members(" { \n } ").0.count == 0)
    }

    @Test func `an escaped key is found by its text`() throws {
        let (members, bytes) = try self.members("{\"m\\u0065thod\":1,\"\\ud83d\\ude39\":2,\"a\\/b\":3}")
        #expect(members.members.map(\.keyHasEscapes) == [true, true, true])
        #expect(self.text(members.value("method", in: bytes.span), bytes) == "1")
        #expect(self.text(members.value("😹", in: bytes.span), bytes) == "2")
        #expect(self.text(members.value("a/b", in: bytes.span), bytes) == "3")
        #expect(members.value("m\\u0065thod", in: bytes.span) == nil)
        for (key, value) in [("method", "1"), ("😹", "2"), ("a/b", "3")] {
            #expect(self.text(members.value(Array(key.utf8).span, in: bytes.span), bytes) == value)
        }
        #expect(members.value(Array("Method".utf8).span, in: bytes.span) == nil)
    }

    @Test(arguments: [
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":2,\"\\u0061\":3}", "{\"\\u0061\":1,\"a\":2}", "{\"\\u0061\":1,\"\\u0061\":2}",
        "{\"\":1,\"\":2}",
        "{\"m\\u0065thod\":1,\"method\":2}", "{\"\\u004a\":1,\"\\u004A\":2}", "{\"😹\":1,\"\\ud83d\\ude39\":2}",
        "{\"/\":1,\"\\/\":2}",
        "{\"abcdefgh\":1,\"abcdefgh\":2}", "{\"abcdefghij\":1,\"abcdefgh\\u0069j\":2}", "{\"\\n\":1,\"\\u000a\":2}",
    ])
    func `two keys with the same text are refused`(text: String) {
        #expect { try self.members(text) } throws: { ($0 as? JSONError)?.reason == .duplicateKey }
    }

    @Test(arguments: [
        "{\"a\":1,\"A\":2}", "{\"é\":1,\"e\u{301}\":2}", "{\"a\":1,\"a\\u0000\":2}", "{\"K\":1,\"\u{212A}\":2}",
        "{\"a\":1,\" a\":2}",
        "{\"a\":{\"a\":1},\"b\":{\"a\":1,\"a\":2}}", "{\"\\\\u0061\":1,\"a\":2}", "{\"abcdefgh\":1,\"abcdefgh\\u0000\":2}",
        "{\"\":1,\"\\u0000\":2}",
    ])
    func `keys that only look alike are different, and inner objects are not judged`(text: String) throws {
        #expect(try self.members(text).0.count == 2)
    }

    @Test func `keys of every length up to 40 are told apart by their last byte`() throws {
        for length in 1...40 {
            let stem = String(repeating: "k", count: length - 1)
            #expect(try self.members("{\"\(stem)x\":1,\"\(stem)y\":2}").0.count == 2)
            #expect(throws: JSONError.self) { try self.members("{\"\(stem)x\":1,\"\(stem)x\":2}") }
            // The same with many bytes after the object, where keys are read by words up to their end.
            #expect(throws: JSONError.self) {
                try self.members("{\"\(stem)x\":\"                \",\"\(stem)x\":\"                \"}")
            }
        }
    }

    @Test(
        arguments: [
            ("[]", .unexpectedByte, 0), ("1", .unexpectedByte, 0), ("", .unexpectedEnd, 0), ("{} {}", .trailingBytes, 3),
            ("{\"a\":1", .unexpectedEnd, 6),
            ("{\"a\":1,}", .unexpectedByte, 7), ("{\"a\" 1}", .unexpectedByte, 5), ("{\"a\":}", .unexpectedByte, 5),
            ("{\"a\":1 \"b\":2}", .unexpectedByte, 7),
            ("{\"a\":[1}}", .unexpectedByte, 7), ("{\"a\":1]", .unexpectedByte, 6), ("{1:1}", .unexpectedByte, 1),
            ("\u{FEFF}{}", .byteOrderMark, 0),
            ("{\"a\":1,\"a\":2}", .duplicateKey, 8),
        ] as [(String, JSONError.Reason, Int)])
    func `what is no object is refused and leaves an empty table`(text: String, reason: JSONError.Reason, offset: Int) throws {
        let bytes = Array(text.utf8)
        var scanner = JSONScanner()
        var members = JSONMembers()
        try scanner.scanObject(Array("{\"old\":1}".utf8).span, at: ByteRange(0, 9), into: &members)
        #expect(throws: JSONError(reason, at: offset)) {
            try scanner.scanObject(bytes.span, at: ByteRange(0, bytes.count), into: &members)
        }
        #expect(members.members.isEmpty)
    }

    @Test func `an object inside a larger buffer is recorded with offsets of the buffer`() throws {
        let bytes = Array("[7,{\"a\":[1],\"b\":\"x\"},8]".utf8)
        var scanner = JSONScanner()
        var members = JSONMembers()
        try scanner.scanObject(bytes.span, at: ByteRange(3, 20), into: &members)
        #expect(self.text(members.value("a", in: bytes.span), bytes) == "[1]")
        #expect(self.text(members.value("b", in: bytes.span), bytes) == "\"x\"")
        // Nothing after the range is looked at.
        #expect(throws: JSONError(.unexpectedEnd, at: 19)) {
            try scanner.scanObject(bytes.span, at: ByteRange(3, 19), into: &members)
        }
        #expect(throws: JSONError(.unexpectedEnd, at: 18)) {
            try scanner.scanObject(bytes.span, at: ByteRange(3, 18), into: &members)
        }
    }

    @Test(arguments: [31, 32, 33, 34, 63, 64, 65, 200, 20_000]) func `equal keys are found among many`(count: Int) throws {
        var scanner = JSONScanner(limits: JSONLimits(membersMax: count + 1))
        var members = JSONMembers()
        func object(_ last: String) -> [UInt8] {
            Array(("{" + (0..<count).map { "\"key \($0)\":\($0)," }.joined() + "\"\(last)\":0}").utf8)
        }
        let distinct = object("other")
        try scanner.scanObject(distinct.span, at: ByteRange(0, distinct.count), into: &members)
        #expect(members.count == count + 1)
        let lastKey = Array("key \(count - 1)".utf8)
        let lastValue = members.value(lastKey.span, in: distinct.span)
        #expect(self.text(lastValue, distinct) == "\(count - 1)")
        for repeated in [0, 1, 30, count / 2, count - 1] where repeated < count {
            for spelling in ["key \(repeated)", "k\\u0065y \(repeated)"] {
                let bytes = object(spelling)
                #expect { try scanner.scanObject(bytes.span, at: ByteRange(0, bytes.count), into: &members) } throws: {
                    ($0 as? JSONError)?.reason == .duplicateKey
                }
            }
        }
        // The table is as good as new afterwards.
        let few = Array("{\"key 0\":1,\"key 1\":2}".utf8)
        try scanner.scanObject(few.span, at: ByteRange(0, few.count), into: &members)
        #expect(members.count == 2)
        try scanner.scanObject(distinct.span, at: ByteRange(0, distinct.count), into: &members)
        #expect(members.count == count + 1)
    }

    @Test func `tables are values`() throws {
        var scanner = JSONRPCScanner()
        let first = Array("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":1}}".utf8)
        _ = try scanner.scan(first.span)
        let kept = scanner.members
        _ = try scanner.scan(Array("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"b\":1,\"c\":2}}".utf8).span)
        #expect(kept.count == 1)
        #expect(scanner.members.count == 2)
    }
}
