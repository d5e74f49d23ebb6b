import Base
import Testing
import Wire

@Suite struct JSONRPCScannerTests {
    private struct Read {
        let envelope: JSONRPCEnvelope
        let members: JSONMembers
        let bytes: [UInt8]

        func text(_ range: ByteRange?) -> String? { range.map { String(decoding: self.bytes[$0.range], as: UTF8.self) } }
        var keys: [String] { self.members.members.map { self.text($0.key) ?? "" } }
    }

    private func scan(_ text: String) throws(JSONRPCError) -> Read {
        let bytes = Array(text.utf8)
        var scanner = JSONRPCScanner()
        let envelope = try scanner.scan(bytes.span)
        return Read(envelope: envelope, members: scanner.members, bytes: bytes)
    }

    @Test func `a request is read with its params`() throws {
        let read = try self.scan(
            " {\"jsonrpc\":\"2.0\",\"id\":\"a1\",\"method\":\"tools/call\","
                + "\"params\":{\"name\":\"echo\",\"arguments\":{\"x\":[1]},\"_meta\":{}}}\n"
        )
        #expect(read.envelope.kind == .request)
        #expect(read.text(read.envelope.id) == "\"a1\"")
        #expect(read.text(read.envelope.method) == "\"tools/call\"")
        #expect(read.text(read.envelope.params)?.first == "{")
        #expect(read.envelope.result == nil && read.envelope.error == nil)
        #expect(read.keys == ["name", "arguments", "_meta"])
        #expect(read.text(read.members.value("arguments", in: read.bytes.span)) == "{\"x\":[1]}")
        #expect(read.envelope.whole == ByteRange(1, read.bytes.count - 1))
        #expect(!read.envelope.needsLineRewrite)
    }

    private func metaKeys(_ text: String, readsMeta: Bool = true) throws(JSONRPCError) -> [String] {
        let bytes = Array(text.utf8)
        var scanner = JSONRPCScanner(readsMeta: readsMeta)
        _ = try scanner.scan(bytes.span)
        return scanner.metaMembers.members.map { String(decoding: bytes[$0.key.range], as: UTF8.self) }
    }

    @Test(arguments: [
        (#"{"a":1,"_meta":{"x":{"y":2},"z":"q"},"b":2}"#, ["x", "z"]),
        (#"{"_m\u0065ta":{"x":1}}"#, ["x"]),
        (#"{"_meta":{}}"#, []),
        (#"{"_meta":[{"x":1}]}"#, []),
        (#"{"inner":{"_meta":{"x":1}}}"#, []),
        (#"{}"#, []),
    ])
    func `the members of _meta are read with the payload`(payload: String, keys: [String]) throws {
        for name in ["params", "result"] {
            let rest = name == "params" ? #""method":"m","# : ""
            let text = #"{"jsonrpc":"2.0","id":1,\#(rest)"\#(name)":\#(payload)}"#
            #expect(try self.metaKeys(text) == keys)
            #expect(try self.metaKeys(text, readsMeta: false) == [])
        }
    }

    @Test func `only the payload's _meta counts`() throws {
        let text = #"{"jsonrpc":"2.0","id":1,"params":{"_meta":{"p":1}},"result":{"r":1}}"#
        #expect(try self.metaKeys(text) == [])
    }

    @Test(arguments: [#"{"_meta":{"x":1,"x":2}}"#, #"{"_meta":{"x":1,"\u0078":2}}"#, #"{"_meta":{},"_meta":{}}"#])
    func `a key that _meta has twice is an error of the message`(params: String) {
        #expect {
            _ = try self.metaKeys(#"{"jsonrpc":"2.0","id":1,"method":"m","params":\#(params)}"#)
        } throws: { error in
            guard case .parse(let error)? = error as? JSONRPCError else { return false }
            return error.reason == .duplicateKey
        }
    }

    @Test func `a message without id is a notification`() throws {
        let read = try self.scan("{\"method\":\"notifications/initialized\",\"jsonrpc\":\"2.0\"}")
        #expect(read.envelope.kind == .notification)
        #expect(read.envelope.id == nil && read.envelope.params == nil)
        #expect(read.members.count == 0)
    }

    @Test func `a result gives the members of the result`() throws {
        let read = try self.scan("{\"result\":{\"content\":[],\"isError\":false},\"id\":7,\"jsonrpc\":\"2.0\"}")
        #expect(read.envelope.kind == .result)
        #expect(read.text(read.envelope.id) == "7")
        #expect(read.text(read.envelope.result) == "{\"content\":[],\"isError\":false}")
        #expect(read.keys == ["content", "isError"])
    }

    @Test func `a result stays the payload beside stray params`() throws {
        for text in [
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"params\":{\"p\":1},\"result\":{\"r\":1}}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"r\":1},\"params\":{\"p\":1}}",
        ] {
            let read = try self.scan(text)
            #expect(read.envelope.kind == .result)
            #expect(read.envelope.params == nil)
            #expect(read.keys == ["r"])
        }
    }

    @Test(arguments: ["\"id\":3,", "\"id\":null,", ""]) func `an error gives the members of the error, and may have no id`(
        id: String
    ) throws {
        let read = try self.scan("{\"jsonrpc\":\"2.0\",\(id)\"error\":{\"code\":-32601,\"message\":\"no\",\"data\":[]}}")
        #expect(read.envelope.kind == .error)
        #expect(read.text(read.envelope.id) == (id.contains("3") ? "3" : nil))
        #expect(read.keys == ["code", "message", "data"])
    }

    @Test(arguments: [
        "0", "-0", "1", "-1", "9007199254740991", "-9007199254740991", "1760000000000", "\"\"", "\"1\"", "\"\\u0041\"", "\"é\"",
    ])
    func `an id is a string or a safe integer and keeps its lexeme`(id: String) throws {
        let read = try self.scan("{\"jsonrpc\":\"2.0\",\"id\": \(id) ,\"method\":\"ping\"}")
        #expect(read.text(read.envelope.id) == id)
        #expect(read.envelope.kind == .request)
    }

    @Test(arguments: [
        "null", "true", "1.0", "1e2", "1.5", "9007199254740992", "-9007199254740992", "99999999999999999999", "{}", "[]", "[1]",
    ])
    func `any other id is refused`(id: String) {
        #expect(throws: JSONRPCError.invalid(.id, id: nil)) {
            try self.scan("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"ping\"}")
        }
        #expect(throws: JSONRPCError.invalid(.id, id: nil)) { try self.scan("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":{}}") }
    }

    @Test func `a string id has at most 256 bytes between its quotes`() throws {
        func message(_ length: Int) -> String {
            "{\"jsonrpc\":\"2.0\",\"id\":\"\(String(repeating: "i", count: length))\",\"method\":\"m\"}"
        }
        #expect(try self.scan(message(256)).envelope.id?.count == 258)
        #expect(throws: JSONRPCError.invalid(.id, id: nil)) { try self.scan(message(257)) }
    }

    @Test(
        arguments: [
            ("{}", .version), ("{\"id\":1,\"method\":\"m\"}", .version), ("{\"jsonrpc\":\"1.0\",\"method\":\"m\"}", .version),
            ("{\"jsonrpc\":2.0,\"method\":\"m\"}", .version),
            ("{\"jsonrpc\":\"2.0 \",\"method\":\"m\"}", .version), ("{\"JSONRPC\":\"2.0\",\"method\":\"m\"}", .version),
            ("{\"jsonrpc\":\"2.0\"}", .empty),
            ("{\"jsonrpc\":\"2.0\",\"Method\":\"m\"}", .empty), ("{\"jsonrpc\":\"2.0\",\"params\":{}}", .empty),
            ("{\"jsonrpc\":\"2.0\",\"method\":1}", .method),
            ("{\"jsonrpc\":\"2.0\",\"method\":null}", .method), ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[]}", .params),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":null}", .params),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":\"p\"}", .params),
            ("{\"jsonrpc\":\"2.0\",\"result\":{}}", .idMissing),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"result\":{}}", .ambiguous),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"error\":{}}", .ambiguous),
            ("{\"jsonrpc\":\"2.0\",\"result\":{},\"error\":{}}", .ambiguous),
            ("{\"jsonrpc\":\"2.0\",\"error\":{}}", .error), ("{\"jsonrpc\":\"2.0\",\"error\":null}", .error),
            ("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1}}", .error),
            ("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":\"1\",\"message\":\"m\"}}", .error),
            ("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":null}}", .error),
            ("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1.5,\"message\":\"m\"}}", .error), ("1", .notObject),
            ("\"x\"", .notObject), ("null", .notObject),
        ] as [(String, JSONRPCInvalid)])
    func `valid JSON of another shape is an invalid request`(text: String, reason: JSONRPCInvalid) {
        #expect { try self.scan(text) } throws: {
            if case .invalid(reason, _)? = $0 as? JSONRPCError { true } else { false }
        }
    }

    @Test func `an invalid message names its id when that is valid`() {
        let start = "{\"jsonrpc\":\"2.0\",\"id\":".utf8.count
        #expect(throws: JSONRPCError.invalid(.params, id: ByteRange(start, start + 2))) {
            try self.scan("{\"jsonrpc\":\"2.0\",\"id\":42,\"method\":\"m\",\"params\":[]}")
        }
        #expect(throws: JSONRPCError.invalid(.result, id: ByteRange(start, start + 3))) {
            try self.scan("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":[]}")
        }
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd), ("{", .unexpectedEnd), ("{\"jsonrpc\":\"2.0\",\"method\":\"m\"", .unexpectedEnd),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}}", .trailingBytes),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", .trailingBytes),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",}", .unexpectedByte),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"method\":\"n\"}", .duplicateKey),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"m\\u0065thod\":\"n\"}", .duplicateKey),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":1,\"method\":\"m\"}", .duplicateKey),
            ("{\"jsonrpc\":\"2.0\",\"x\":1,\"x\":1,\"method\":\"m\"}", .duplicateKey),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":1,\"a\":2}}", .duplicateKey),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1,\"\\u0061\":2}}", .duplicateKey),
            ("\u{FEFF}{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", .byteOrderMark), ("[", .unexpectedEnd), ("[1,]", .unexpectedByte),
            ("junk", .unexpectedByte),
            ("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1,}", .unexpectedByte),
            ("{\"jsonrpc\":\"1.0\",\"x\":\"\\ud800\"}", .loneSurrogate),
        ] as [(String, JSONError.Reason)])
    func `bad JSON is a parse error before anything else`(text: String, reason: JSONError.Reason) {
        #expect { try self.scan(text) } throws: {
            if case .parse(let error)? = $0 as? JSONRPCError { error.reason == reason } else { false }
        }
    }

    @Test func `an escaped key is the key, a key of another case is not`() throws {
        let read = try self.scan(
            "{\"jsonrpc\":\"2.0\",\"m\\u0065thod\":\"m\",\"Params\":[],\"p\\u0061rams\":{\"a\":1},\"\\u0069d\":5,\"ID\":{}}")
        #expect(read.envelope.kind == .request)
        #expect(read.text(read.envelope.method) == "\"m\"")
        #expect(read.text(read.envelope.id) == "5")
        #expect(read.keys == ["a"])
    }

    @Test func `the version may be escaped`() throws {
        #expect(try self.scan("{\"jsonrpc\":\"2\\u002e0\",\"method\":\"m\"}").envelope.kind == .notification)
    }

    @Test func `a batch is told with its range, and its elements are messages`() throws {
        let bytes = Array(
            " [{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":{\"x\":1}} , {\"jsonrpc\":\"2.0\",\"method\":\"b\"}, 7]"
                .utf8)
        var scanner = JSONRPCScanner()
        let range = ByteRange(1, bytes.count)
        #expect(throws: JSONRPCError.batch(range)) { try scanner.scan(bytes.span) }
        var elements: [ByteRange] = []
        var array = JSONScanner()
        try array.scanArray(bytes.span, at: range, elementsMax: 100, into: &elements)
        #expect(elements.count == 3)
        let first = try scanner.scan(bytes.span, at: elements[0])
        #expect(first.kind == .request)
        #expect(first.whole == elements[0])
        #expect(first.method.map { JSONString.equals(bytes.span, $0, "a") } == true)
        #expect(scanner.members.value("x", in: bytes.span) != nil)
        #expect(try scanner.scan(bytes.span, at: elements[1]).kind == .notification)
        #expect(scanner.members.count == 0)
        #expect(throws: JSONRPCError.invalid(.notObject, id: nil)) { try scanner.scan(bytes.span, at: elements[2]) }
    }

    @Test func `the table is empty after an error`() throws {
        var scanner = JSONRPCScanner()
        _ = try scanner.scan(Array("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":1}}".utf8).span)
        #expect(scanner.members.count == 1)
        #expect(throws: JSONRPCError.self) {
            try scanner.scan(Array("{\"jsonrpc\":\"1.0\",\"method\":\"m\",\"params\":{\"a\":1}}".utf8).span)
        }
        #expect(scanner.members.count == 0)
    }

    @Test(arguments: [
        ("{\n\"jsonrpc\":\"2.0\",\"method\":\"m\"}", true), ("\n{\"jsonrpc\":\"2.0\",\"method\":\"m\"}\r\n", false),
        ("{\"jsonrpc\":\"2.0\",\"method\":\"\u{2028}\"}", true),
    ])
    func `an envelope tells whether it fits one line as it is`(text: String, expected: Bool) throws {
        #expect(try self.scan(text).envelope.needsLineRewrite == expected)
    }

    @Test func `every message cut short is a parse error`() throws {
        let text = Array(
            ("{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"tools/call\","
                + "\"params\":{\"name\":\"é\\u00e9\",\"arguments\":{\"x\":[1.5e3,true,null]}}}").utf8)
        var scanner = JSONRPCScanner()
        for count in 0..<text.count {
            #expect { try scanner.scan(Array(text[..<count]).span) } throws: {
                if case .parse? = $0 as? JSONRPCError { true } else { false }
            }
        }
    }

    @Test func `any one byte changed never traps`() {
        let text = Array(
            "{\"jsonrpc\":\"2.0\",\"id\":12,\"m\\u0065thod\":\"a\",\"params\":{\"n\":\"é\",\"_meta\":{}},\"x\":[1.5,null]}".utf8)
        var scanner = JSONRPCScanner()
        for place in text.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[place] = byte
                _ = try? scanner.scan(changed.span)
            }
        }
    }

    @Test func `every reason has a text`() {
        for reason in JSONRPCInvalid.allCases { #expect(reason.text.utf8CodeUnitCount > 0) }
    }
}

@Suite struct JSONLexemeTests {
    private func lexeme(_ text: String) -> JSONLexeme {
        let bytes = Array("<\(text)>".utf8)
        return JSONLexeme(bytes.span, ByteRange(1, bytes.count - 1))
    }

    private func text(_ lexeme: JSONLexeme) -> String {
        var output: [UInt8] = []
        lexeme.append(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func `a lexeme of every length up to 300 comes back`() {
        for length in 0...300 {
            let text = String((0..<length).map { Character(UnicodeScalar(UInt8(0x21 + $0 % 90))) })
            #expect(self.text(self.lexeme(text)) == text)
            #expect(self.lexeme(text).count == length)
            #expect(self.lexeme(text) == self.lexeme(text))
            #expect(self.lexeme(text) != self.lexeme(text + "x"))
            #expect(self.lexeme(text).hashValue == self.lexeme(text).hashValue)
        }
    }

    @Test func `one and the string one are two ids`() {
        #expect(self.lexeme("1") != self.lexeme("\"1\""))
        #expect(self.lexeme("1") != self.lexeme("1\0"))
        #expect(self.lexeme("") != self.lexeme("\0"))
        #expect(Set([self.lexeme("1"), self.lexeme("\"1\""), self.lexeme("1")]).count == 2)
    }

    @Test func `a difference in any byte is a difference`() {
        for length in [1, 8, 9, 16, 17, 23, 24, 40] {
            let bytes = [UInt8](repeating: 0x61, count: length)
            for place in 0..<length {
                var other = bytes
                other[place] = 0x62
                let range = ByteRange(0, length)
                #expect(JSONLexeme(bytes.span, range) != JSONLexeme(other.span, range))
            }
        }
    }

    @Test(arguments: [0, 7, -7, 1_234_567_890, Int64.max, Int64.min]) func `an integer is written in decimal and read back`(
        value: Int64
    ) {
        #expect(self.text(.integer(value)) == String(value))
        #expect(JSONLexeme.integer(value) == self.lexeme(String(value)))
        #expect(JSONLexeme.integer(value).int64 == value)
        #expect(self.lexeme("\"\(value)\"").int64 == nil)
    }

    @Test func `an integer lexeme needs no memory`() {
        #expect(MemoryLayout<JSONLexeme>.size == 32)
    }
}
