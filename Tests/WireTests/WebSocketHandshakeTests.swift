import Base
import Testing

@testable import Wire

@Suite struct WebSocketHandshakeTests {
    private static let good = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    /// What the handshake says about a request: its answer, or why not.
    private func judge(
        _ lines: [String], method: String = "GET", version: String = "1.1"
    ) throws -> Result<String, WebSocketRefusal> {
        let text = "\(method) /ws HTTP/\(version)\r\nHost: localhost\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var decoder = HTTPRequestDecoder()
        guard case .head(let head) = try decoder.decode(bytes.span) else { return .failure(.body) }
        do throws(WebSocketRefusal) {
            let handshake = try WebSocketHandshake(head, in: bytes.span)
            var output: [UInt8] = []
            handshake.append(to: &output, date: Array("now".utf8).span)
            return .success(String(decoding: output, as: UTF8.self))
        } catch {
            return .failure(error)
        }
    }

    private func line(_ name: String, of answer: Result<String, WebSocketRefusal>) throws -> String? {
        let lines = try answer.get().split(separator: "\r\n")
        return lines.first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    @Test func `the example of RFC 6455 1_3 is answered with its accept value`() throws {
        let answer = try self.judge(Self.good)
        #expect(
            try answer.get() == """
                HTTP/1.1 101 Switching Protocols\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                Date: now\r
                Cache-Control: no-store\r
                X-Content-Type-Options: nosniff\r
                Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r
                Referrer-Policy: no-referrer\r
                Cross-Origin-Resource-Policy: same-origin\r
                \r\n
                """)
    }

    @Test func `further fields and the TLS field come with the answer`() throws {
        let bytes = Array((request("GET", "/ws", Self.good[0], Self.good[1], Self.good[2], Self.good[3])).utf8)
        var decoder = HTTPRequestDecoder()
        guard case .head(let head) = try decoder.decode(bytes.span) else {
            Issue.record("no head")
            return
        }
        var extra = HTTPFields()
        extra.append("Vary", "Origin")
        var output: [UInt8] = []
        try WebSocketHandshake(head, in: bytes.span).append(to: &output, date: [UInt8]().span, extra: extra, isTLS: true)
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.contains("\r\nVary: Origin\r\nStrict-Transport-Security: max-age=63072000\r\nCache-Control"))
        #expect(!text.contains("Date"))
    }

    @Test(arguments: [
        ["Connection: keep-alive, Upgrade", "Upgrade: websocket"],
        ["Connection: keep-alive", "Connection: upgrade", "Upgrade: WebSocket"],
        ["Connection: UPGRADE", "Upgrade: h2c, websocket"], ["Connection: Upgrade", "Upgrade: h2c", "Upgrade: ,websocket,"],
    ])
    func `the upgrade is found in lists, over lines, in any case`(lines: [String]) throws {
        #expect(throws: Never.self) { try self.judge(lines + Self.good.dropFirst(2)).get() }
    }

    @Test(arguments: [
        ["Upgrade: websocket"], ["Connection: Upgrade"], ["Connection: Upgrade", "Upgrade: h2c"],
        ["Connection: close", "Upgrade: websocket"],
        ["Connection: Upgrade", "Upgrade: web-socket"], ["Connection: Upgrade", "Upgrade: websocket/13"],
        ["Connection: upgrades", "Upgrade: websocket"],
    ])
    func `without an upgrade to websocket the answer is 426`(lines: [String]) throws {
        let answer = try self.judge(lines + Self.good.dropFirst(2))
        #expect(answer == .failure(.notAnUpgrade))
    }

    @Test func `HTTP 1_0 knows no upgrade`() throws {
        #expect(try self.judge(Self.good, version: "1.0") == .failure(.notAnUpgrade))
    }

    @Test func `only GET opens a WebSocket, and without a body`() throws {
        #expect(try self.judge(Self.good, method: "POST") == .failure(.method))
        #expect(try self.judge(Self.good + ["Content-Length: 2"]) == .failure(.body))
        #expect(try self.judge(Self.good + ["Transfer-Encoding: chunked"]) == .failure(.body))
        #expect(throws: Never.self) { try self.judge(Self.good + ["Content-Length: 0"]).get() }
    }

    @Test(arguments: ["8", "12", "14", "013", "13, 8", "", "+13", nil])
    func `other versions are answered with 426 and the version`(version: String?) throws {
        let line = version.map { ["Sec-WebSocket-Version: \($0)"] } ?? []
        #expect(try self.judge([Self.good[0], Self.good[1], Self.good[3]] + line) == .failure(.version))
        #expect(WebSocketRefusal.version.status == 426)
        let fields = String(decoding: WebSocketRefusal.version.fields.bytes, as: UTF8.self)
        #expect(fields == "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n")
    }

    @Test(arguments: [
        "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQ==A", "",
        "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZQ=A", "dGhlIHNhbX sZSBub25jZQ==", "dGhlIHNhbX-sZSBub25jZQ==",
        "SGVsbG8sIHdvcmxkIQ==",
        "dGhlIHNhbXBsZSBub25jZWE=", "========================",
    ])
    func `a key that is not 16 bytes in base64 is refused`(key: String) throws {
        #expect(try self.judge(Self.good.dropLast() + ["Sec-WebSocket-Key: \(key)"]) == .failure(.malformedKey))
    }

    @Test(arguments: ["AAAAAAAAAAAAAAAAAAAAAA==", "////////////////////+w==", "09azAZ+/09azAZ+/09azAQ=="])
    func `every digit of base64 may occur in a key`(key: String) throws {
        #expect(throws: Never.self) { try self.judge(Self.good.dropLast() + ["Sec-WebSocket-Key: \(key)"]).get() }
    }

    @Test func `a missing key is refused, and a second one by the request decoder`() throws {
        #expect(try self.judge(Self.good.dropLast()) == .failure(.missingKey))
        #expect(throws: HTTPRefusal.repeatedField) { try self.judge(Self.good + Self.good.suffix(1)) }
        #expect(throws: HTTPRefusal.repeatedField) { try self.judge(Self.good + ["Sec-WebSocket-Version: 8"]) }
    }

    @Test(arguments: [
        (["mcp"], "mcp"), (["chat, mcp"], "mcp"), (["chat", "mcp"], "mcp"), ([" mcp ,"], "mcp"), ([], nil), (["chat"], nil),
        (["MCP"], nil),
        (["mcp2, xmcp"], nil), ([""], nil),
    ])
    func `the sub-protocol mcp is chosen if it is offered`(offers: [String], chosen: String?) throws {
        let answer = try self.judge(Self.good + offers.map { "Sec-WebSocket-Protocol: \($0)" })
        #expect(try self.line("Sec-WebSocket-Protocol", of: answer) == chosen)
    }

    @Test func `a sub-protocol that is no token is refused, extensions are passed over`() throws {
        #expect(try self.judge(Self.good + ["Sec-WebSocket-Protocol: mcp, a b"]) == .failure(.malformedProtocol))
        let answer = try self.judge(Self.good + ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"])
        #expect(try self.line("Sec-WebSocket-Extensions", of: answer) == nil)
    }

    @Test(arguments: WebSocketRefusal.allCases)
    func `each refusal has a status that is known and a reason`(refusal: WebSocketRefusal) {
        #expect([400, 405, 426].contains(refusal.status))
        #expect(refusal.reason.utf8CodeUnitCount > 10)
        #expect(refusal.fields.isEmpty == (refusal.status == 400))
    }
}
