import Base
import Testing
import Wire

/// Field lines: security table "headers" and "TE obfuscation".
@Suite struct HTTPFieldTests {
    @Test(arguments: [
        ("X-Test:a", "X-Test", "a"), ("X-Test: a", "X-Test", "a"), ("X-Test: \t a b \t ", "X-Test", "a b"),
        ("X-Test:", "X-Test", ""),
        ("X-Test: \t", "X-Test", ""), ("X-Test: a:b", "X-Test", "a:b"), ("X-Test: a\tb", "X-Test", "a\tb"),
        ("!#$%&'*+-.^_`|~09azAZ: 1", "!#$%&'*+-.^_`|~09azAZ", "1"), ("X: b\u{FC}cher", "X", "b\u{FC}cher"),
        ("Mcp-Param-Region: eu", "Mcp-Param-Region", "eu"),
    ])
    func `an unrecognised field has only to be well formed`(line: String, name: String, value: String) throws {
        let head = try #require(HTTPTranscript.of(request("GET", "/", line)).heads.first)
        #expect(head.fields == [.init(name: "Host", value: "localhost"), .init(name: name, value: value)])
    }

    @Test(arguments: [
        "X : a", "X\t: a", ": a", ":", "X", "X a", "X\u{E9}: a", "X(: a", "X@Y: a", "X/Y: a", "{X}: a", "\"X\": a", "[X]: a",
        "X;: a", "X,Y: a",
        "Transfer-Encoding : chunked", "Host : a", "Content-Length\t: 3", "Transfer-Encoding", "X=Y: a", "X\\: a", "X<: a",
        "X?: a",
    ])
    func `a name is a token directly before its colon`(line: String) {
        #expect(HTTPTranscript.of(request("GET", "/", line)).events == [.refused(.malformedFieldName)])
        #expect(HTTPTranscript.of("GET / HTTP/1.1\r\n\(line)\r\n").events == [.refused(.malformedFieldName)])
    }

    @Test(arguments: [" folded", "\tfolded", " Host: a", " ", "\t: a"])
    func `a folded line is refused`(line: String) {
        #expect(HTTPTranscript.of(request("GET", "/", line)).events == [.refused(.foldedField)])
        #expect(HTTPTranscript.of("GET / HTTP/1.1\r\n\(line)\r\n").events == [.refused(.foldedField)])
    }

    @Test func `each byte is allowed in a name exactly if the grammar says so`() {
        let tokens = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min...UInt8.max {
            let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX".utf8) + [byte] + Array("Y: b\r\n\r\n".utf8)
            let isField = tokens.contains(byte) || byte == UInt8(ascii: ":")
            #expect((HTTPTranscript(bytes, ends: [bytes.count]).refusal == nil) == isField, "\(byte)")
        }
    }

    @Test(arguments: [8, 11, 16, 19])
    func `each byte is judged alike at every offset of a long name`(length: Int) {
        let tokens = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for offset in 1..<length {
            for byte in UInt8(0x21)...UInt8.max where byte != 0x3A {
                var name = [UInt8](repeating: UInt8(ascii: "n"), count: length)
                name[offset] = byte
                let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + name + Array(": b\r\n\r\n".utf8)
                #expect(
                    (HTTPTranscript(bytes, ends: [bytes.count]).refusal == nil) == tokens.contains(byte), "\(byte) at \(offset)")
            }
        }
    }

    @Test(arguments: HTTPFieldName.allCases)
    func `a recognised field is found in any case and in no other spelling`(name: HTTPFieldName) throws {
        let lower = "\(name.name)"
        let value = Self.value(of: name)
        for spelling in [lower, lower.uppercased(), lower.prefix(1).uppercased() + lower.dropFirst()] {
            let head = try #require(
                HTTPTranscript.of(Self.wholeRequest(with: "\(spelling): \(value)", name)).heads.first, "\(spelling)")
            #expect(head.recognised[name] == value)
        }
        let near = [
            lower + "x", "x" + lower, String(lower.dropLast()), lower.replacing("-", with: "_"), lower.replacing("-", with: ""),
        ]
        for spelling in near where spelling != lower {
            let head = try #require(HTTPTranscript.of(Self.wholeRequest(with: "\(spelling): 1", nil)).heads.first, "\(spelling)")
            #expect(head.recognised[name] == (name == .host ? "localhost" : nil), "\(spelling)")
        }
    }

    @Test(arguments: HTTPFieldName.allCases)
    func `a recognised field is refused twice unless it is a list`(name: HTTPFieldName) {
        let line = "\(name.name): \(Self.value(of: name))\r\n"
        let text = "GET / HTTP/1.1\r\n" + (name == .host ? "" : "Host: a\r\n") + line + "X: y\r\n" + line + "\r\n"
        let transcript = HTTPTranscript.of(text)
        #expect(transcript.refusal == (name.mayRepeat || name.isRouting ? nil : .repeatedField))
        #expect(transcript.heads.first?.misread ?? [] == (name.isRouting ? HTTPFieldNames(name) : []))
    }

    @Test(arguments: HTTPFieldName.allCases)
    func `a recognised field holds ASCII only`(name: HTTPFieldName) {
        for value in ["caf\u{E9}", "\u{212A}", "a\u{301}"] {
            let text = "GET / HTTP/1.1\r\n" + (name == .host ? "" : "Host: a\r\n") + "\(name.name): \(value)\r\n\r\n"
            let transcript = HTTPTranscript.of(text)
            #expect(transcript.refusal == (name.isRouting ? nil : .malformedFieldValue))
            #expect(transcript.heads.first?.misread ?? [] == (name.isRouting ? HTTPFieldNames(name) : []))
        }
    }

    @Test func `what was misread in one request is forgotten in the next`() {
        let first = request("GET", "/", "Mcp-Method: a", "Mcp-Method: a", "Mcp-Name: \u{E9}")
        let heads = HTTPTranscript.of(first + request("GET", "/", "Mcp-Method: a")).heads
        #expect(heads.map(\.misread) == [[HTTPFieldNames(.mcpMethod), HTTPFieldNames(.mcpName)], []])
    }

    @Test func `a tab inside a value passes only in lists`() throws {
        #expect(HTTPTranscript.of(request("GET", "/", "Origin: http://a\tb")).refusal == .malformedFieldValue)
        #expect(HTTPTranscript.of(request("GET", "/", "Authorization: Bearer\tx")).refusal == .malformedFieldValue)
        let head = try #require(
            HTTPTranscript.of(request("GET", "/", "Accept:\tapplication/json\t,\ttext/event-stream\t")).heads.first)
        #expect(head.accepts == [.json, .eventStream])
    }

    @Test func `an empty value is present`() throws {
        let head = try #require(HTTPTranscript.of(request("GET", "/", "Origin:", "Mcp-Session-Id:  ")).heads.first)
        #expect(head.recognised[.origin] == "")
        #expect(head.recognised[.mcpSessionID] == "")
    }

    @Test func `the first line of a list is the one found`() throws {
        let head = try #require(HTTPTranscript.of(request("GET", "/", "X-Forwarded-For: 1", "X-Forwarded-For: 2")).heads.first)
        #expect(head.recognised[.xForwardedFor] == "1")
    }

    @Test(arguments: ["close@", "keep alive", "a;b", "(x)", "close, \"x\""])
    func `connection options are tokens`(value: String) {
        #expect(HTTPTranscript.of(request("GET", "/", "Connection: \(value)")).refusal == .malformedConnection)
    }

    @Test(arguments: ["gzip", "br", "identity, gzip", "gzip, identity", "", "x", "deflate"])
    func `a content coding is refused`(value: String) {
        #expect(HTTPTranscript.of(request("POST", "/", "Content-Encoding: \(value)")).refusal == .encodedContent)
    }

    @Test func `the identity coding passes`() {
        #expect(HTTPTranscript.of(request("POST", "/", "Content-Encoding: Identity")).refusal == nil)
    }

    @Test(arguments: ["100-continue, x", "", "200-ok", "100-continued", "100"])
    func `an unknown expectation is refused`(value: String) {
        #expect(HTTPTranscript.of(request("POST", "/", "Expect: \(value)")).refusal == .unknownExpectation)
    }

    /// A value that the decoder accepts for a field on its own.
    private static func value(of name: HTTPFieldName) -> String {
        switch name {
        case .contentLength: "7"
        case .contentEncoding: "identity"
        case .transferEncoding: "chunked"
        case .expect: "100-continue"
        default: "value"
        }
    }

    private static func wholeRequest(with line: String, _ name: HTTPFieldName?) -> String {
        "GET / HTTP/1.1\r\n" + (name == .host ? "" : "Host: localhost\r\n") + line + "\r\n\r\n"
    }
}
